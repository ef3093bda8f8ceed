"""A display of the embeddings of languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from metaling_sk._utils.sklearn_compat import check_matplotlib_support
from metaling_sk._utils.wrapped import final_estimator
from metaling_sk.plotting._axes import COLORS, make_axis
from metaling_sk.plotting._scatter import name_points

NEGLIGIBLE = 1e-9
"""A share of the variance that is due to rounding."""


class LanguageEmbeddingDisplay:
    """Display of the languages that a `MetaNetClassifier` has learnt, as points with names.

    Languages that are near each other have similar models. The axes are the first two principal
    components of the embeddings.

    Parameters
    ----------
    embeddings : DataFrame of shape (n_languages, n_dimensions)
        The embedding of each language, such as `embeddings_` of a `MetaNetClassifier`.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The panel.
    points_ : matplotlib PathCollection
        The languages.
    texts_ : list of matplotlib Text
        Their names. Where languages lie too close together, only the first one is named.
    coordinates_ : DataFrame of shape (n_languages, 2)
        The principal components; the second is 0 for embeddings of one dimension.

    See Also
    --------
    EmbeddingDisplay : Display of representations of texts.

    Examples
    --------
    >>> import pandas as pd
    >>> from metaling_sk.plotting import LanguageEmbeddingDisplay
    >>> embeddings = pd.DataFrame([[0.0, 1.0], [0.1, 0.9], [2.0, 0.0]], index=["ms", "id", "zh"])
    >>> display = LanguageEmbeddingDisplay(embeddings).plot()
    >>> [text.get_text() for text in display.texts_]
    ['ms', 'id', 'zh']
    """

    def __init__(self, embeddings):
        self.embeddings = embeddings

    @classmethod
    def from_estimator(cls, estimator, *, ax=None) -> LanguageEmbeddingDisplay:
        """Draw the languages of a meta network.

        Parameters
        ----------
        estimator : MetaNetClassifier or MetaNetRegressor
            A fitted meta network, or a search or pipeline of one.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        LanguageEmbeddingDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If it has no embeddings of languages, or has learnt nothing that tells them apart.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        estimator = final_estimator(estimator)
        embeddings = getattr(estimator, "embeddings_", None)
        if embeddings is None:
            raise ValueError(
                f"A {type(estimator).__name__} has no embeddings of languages; `estimator` must be "
                "a MetaNetClassifier or a MetaNetRegressor."
            )
        return cls(embeddings).plot(ax)

    def plot(self, ax=None) -> LanguageEmbeddingDisplay:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure that grows with the number of languages.

        Returns
        -------
        LanguageEmbeddingDisplay
            The same display.

        Raises
        ------
        ValueError
            If the embeddings are the same for all languages.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        embeddings = pd.DataFrame(self.embeddings)
        values = embeddings.to_numpy(dtype=float)
        if not values.size or np.allclose(values, values[0], rtol=0, atol=1e-12):
            raise ValueError(
                "The embeddings are the same for all languages: the model has learnt nothing that "
                "tells them apart, so there is nothing to show. More languages or more labels in "
                "each of them may change that."
            )
        pca = PCA(min(2, *values.shape)).fit(values)
        shares = [*pca.explained_variance_ratio_, 0.0][:2]
        coordinates = np.zeros((len(values), 2))
        coordinates[:, : pca.n_components_] = pca.transform(values)
        self.coordinates_ = pd.DataFrame(coordinates, index=embeddings.index)
        size = 4.5 + 0.03 * min(len(values), 200)
        self.ax_ = make_axis(ax, width=size + 0.5, height=size)
        self.figure_ = self.ax_.figure
        is_line = shares[1] < NEGLIGIBLE
        if is_line:
            # Names of languages with the same value are one below the other.
            order = np.argsort(np.argsort(-coordinates[:, 0], kind="stable"))
            coordinates = np.column_stack([coordinates[:, 0], order])
        self.points_ = self.ax_.scatter(*coordinates.T, s=14, color=COLORS[0])
        self.ax_.margins(0.1)
        self.ax_.set(xlabel=_axis_name(1, shares[0]), ylabel=_axis_name(2, shares[1]))
        if is_line:
            self.ax_.set(yticks=[], ylabel="")
        names = [str(name) for name in embeddings.index]
        self.texts_ = name_points(self.ax_, coordinates, names, 9 if len(names) <= 40 else 7)
        return self


def _axis_name(number: int, share: float) -> str:
    return f"principal component {number} ({share:.0%} of the variance)"
