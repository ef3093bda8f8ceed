"""A display of scores by training and test language."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage

from metaling_sk._utils.sklearn_compat import (
    StrOptions,
    check_matplotlib_support,
    validate_parameter_constraints,
)
from metaling_sk.inspection._transfer_matrix import transfer_matrix
from metaling_sk.plotting._axes import make_axis
from metaling_sk.plotting._fonts import show_scripts
from metaling_sk.plotting._heat_map import add_colorbar, draw_map, map_size


class TransferMatrixDisplay:
    """Display of how well models trained on each language do in each language.

    Parameters
    ----------
    matrix : DataFrame of shape (n_sources, n_targets)
        The scores: rows are languages that models were trained on, columns are languages that they
        were tested on. NaN where there is no score.
    score_name : str, default="score"
        The name of the score.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The panel.
    im_ : matplotlib AxesImage
        The colours.
    text_ : ndarray of matplotlib Text, shape (n_sources, n_targets), or None
        The numbers in the cells; None for more than 16 languages.
    colorbar_ : matplotlib Colorbar or None
        The colorbar.
    matrix_ : DataFrame of shape (n_sources, n_targets)
        The scores in the order in which they are shown.

    See Also
    --------
    LanguageReportDisplay : Display of one model's scores by language.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk.plotting import TransferMatrixDisplay
    >>> matrix = pd.DataFrame(
    ...     {"zh": [0.9, 0.6], "en": [0.7, 0.8]}, index=["zh", "en"]
    ... )
    >>> display = TransferMatrixDisplay(matrix, score_name="accuracy").plot()
    >>> display.matrix_.columns.tolist()
    ['en', 'zh']
    """

    def __init__(self, matrix, *, score_name="score"):
        self.matrix = matrix
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, scoring="accuracy", ax=None, order="alphabetical", **parameters
    ) -> TransferMatrixDisplay:
        """Train on each language, test on each, and draw the scores.

        Parameters
        ----------
        estimator : classifier
            Cloned for every fit.
        X : DataFrame or array-like of n_samples
            The samples of all languages.
        y : array-like of shape (n_samples,)
            The labels.
        scoring : str or callable, default="accuracy"
            One scorer, as in `sklearn.model_selection.cross_validate`.
        ax : matplotlib Axes, default=None
            As in `plot`.
        order : {"alphabetical", "clustered"} or None, default="alphabetical"
            As in `plot`.
        **parameters : dict
            Further parameters of `metaling_sk.inspection.transfer_matrix`, such as `language`,
            `groups` or `cv`.

        Returns
        -------
        TransferMatrixDisplay
            The drawn display.

        Raises
        ------
        ValueError
            As `metaling_sk.inspection.transfer_matrix`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        matrix = transfer_matrix(estimator, X, y, scoring=scoring, **parameters)
        name = scoring if isinstance(scoring, str) else "score"
        return cls(matrix, score_name=name).plot(ax, order=order)

    def plot(
        self,
        ax=None,
        *,
        order="alphabetical",
        colorbar=True,
        values_format=".2f",
        im_kw=None,
        text_kw=None,
    ) -> TransferMatrixDisplay:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure that grows with the number of languages.
        order : {"alphabetical", "clustered"} or None, default="alphabetical"
            The order of the languages. "clustered" puts languages side by side that have similar
            scores, by hierarchical clustering with average linkage. None leaves them as they are.
        colorbar : bool, default=True
            Whether to add a colorbar.
        values_format : str, default=".2f"
            The format of the numbers in the cells.
        im_kw : dict, default=None
            Arguments of `Axes.imshow`.
        text_kw : dict, default=None
            Arguments of `Axes.text` for the numbers.

        Returns
        -------
        TransferMatrixDisplay
            The same display.

        Raises
        ------
        ValueError
            If `matrix` is no DataFrame of numbers or is empty, or `order` is invalid.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        validate_parameter_constraints(
            {"order": [StrOptions({"alphabetical", "clustered"}), None]},
            {"order": order},
            f"{type(self).__name__}.plot",
        )
        self.matrix_ = _sorted(_check_matrix(self.matrix), order)
        width, height = map_size(self.matrix_)
        self.ax_ = make_axis(ax, width=width, height=height)
        self.figure_ = self.ax_.figure
        self.im_, self.text_ = draw_map(
            self.ax_, self.matrix_, values_format, im_kw or {}, text_kw or {}
        )
        self.ax_.set(xlabel="tested on", ylabel="trained on")
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = add_colorbar(self.im_, self.score_name)
        show_scripts(self.figure_)
        return self


def _check_matrix(matrix) -> pd.DataFrame:
    if not isinstance(matrix, pd.DataFrame) or matrix.empty:
        raise ValueError(
            "`matrix` must be a DataFrame with a row for each language trained on and a column for "
            f"each language tested on, got {type(matrix).__name__}"
            f"{' without a cell' if isinstance(matrix, pd.DataFrame) else ''}."
        )
    try:
        return matrix.astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`matrix` must hold scores: {error}.") from error


def _sorted(matrix: pd.DataFrame, order: str | None) -> pd.DataFrame:
    """The matrix with rows and columns in their order."""
    if order is None:
        return matrix
    matrix = matrix.sort_index(key=_as_text).sort_index(axis="columns", key=_as_text)
    if order == "alphabetical":
        return matrix
    values = matrix.to_numpy()
    known = values[np.isfinite(values)]
    values = np.where(np.isfinite(values), values, known.mean() if known.size else 0)
    if matrix.index.equals(matrix.columns):
        both = _cluster(np.hstack([values, values.T]))
        return matrix.iloc[both, both]
    return matrix.iloc[_cluster(values), _cluster(values.T)]


def _cluster(profiles: np.ndarray) -> np.ndarray:
    """The order of rows in which similar ones are side by side."""
    if len(profiles) < 3:
        return np.arange(len(profiles))
    return leaves_list(linkage(profiles, "average", optimal_ordering=True))


def _as_text(labels: pd.Index) -> pd.Index:
    return labels.map(str)
