"""A display of representations of texts in two dimensions."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils import check_array, check_random_state

from metaling_sk._data.labels import label_array
from metaling_sk._data.languages import read_language
from metaling_sk._utils.parameters import Number, common_constraints
from metaling_sk._utils.sklearn_compat import (
    HasMethods,
    StrOptions,
    check_matplotlib_support,
    validate_parameter_constraints,
)
from metaling_sk._utils.wrapped import final_estimator
from metaling_sk.metrics._inputs import call_with_language, languages_in
from metaling_sk.plotting._axes import make_axes
from metaling_sk.plotting._fonts import show_scripts
from metaling_sk.plotting._scatter import scatter_categories
from metaling_sk.preprocessing import LanguageStandardScaler

UNLABELLED = "no label"


class EmbeddingDisplay:
    """Display of representations of texts as points, coloured by language and by class.

    Parameters
    ----------
    coordinates : dict of str to ndarray of shape (n_samples, 2)
        The points, by the name of what was done to the representations. Each is a row of panels.
    language : array-like of str, shape (n_samples,)
        The language of each sample.
    y : array-like of shape (n_samples,), default=None
        The label of each sample, NaN or None where there is none. Without y there are no panels by
        class.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    axes_ : ndarray of matplotlib Axes, shape (n_rows, n_columns)
        The panels: by language and, with y, by class.
    ax_ : matplotlib Axes
        The first panel.
    points_ : ndarray of dict, shape (n_rows, n_columns)
        The PathCollection of each language or class. Up to 12 have a colour, the others are grey
        and stand under None, as do
        samples without a label.

    See Also
    --------
    LanguageEmbeddingDisplay : Display of the languages that a `MetaNetClassifier` has learnt.
    LanguageStandardScaler : The normalisation by language.

    Examples
    --------
    >>> import numpy as np
    >>> from metaling_sk.plotting import EmbeddingDisplay
    >>> X = np.random.default_rng(0).normal(size=(40, 8))
    >>> display = EmbeddingDisplay.from_representations(X, ["en", "zh"] * 20, [0, 0, 1, 1] * 10)
    >>> [axis.get_title() for axis in display.axes_.ravel()]
    ['languages', 'classes', 'languages, after language norm', 'classes, after language norm']
    """

    def __init__(self, coordinates, language, y=None):
        self.coordinates = coordinates
        self.language = language
        self.y = y

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        language=None,
        language_column="language",
        method="pca",
        language_norm="auto",
        max_samples=2000,
        random_state=0,
        ax=None,
        scatter_kw=None,
    ) -> EmbeddingDisplay:
        """Draw the representations that a fitted estimator makes of samples.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the method `transform`: a classifier or regressor of ours, an
            `EncoderVectorizer`, any transformer of texts, or a search or pipeline of these.
        X : DataFrame or array-like of n_samples
            The samples.
        y : array-like of shape (n_samples,), default=None
            The label of each sample, NaN or None where there is none.
        language : str or array-like of str, shape (n_samples,), default=None
            The language of each sample, where X has no language column.
        language_column : str, default="language"
            The column of a DataFrame X that holds the languages.
        method : {"pca", "tsne"}, default="pca"
            As in `from_representations`.
        language_norm : "auto" or bool, default="auto"
            Whether to draw them a second time after `LanguageStandardScaler`. "auto" does so unless
            the estimator has normalised them by language itself.
        max_samples : int or None, default=2000
            As in `from_representations`.
        random_state : int, RandomState instance or None, default=0
            The seed of the random draw and of "tsne".
        ax : array-like of Axes, default=None
            See `plot`.
        scatter_kw : dict, default=None
            Arguments of `Axes.scatter`.

        Returns
        -------
        EmbeddingDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If there is no language, or as in `from_representations`.
        """
        name = f"{cls.__name__}.from_estimator"
        check_matplotlib_support(name)
        constraints: dict = {
            "estimator": [HasMethods("transform")],
            "language_norm": [StrOptions({"auto"}), "boolean"],
            **common_constraints("language_column"),
        }
        given = {
            "estimator": estimator,
            "language_norm": language_norm,
            "language_column": language_column,
        }
        validate_parameter_constraints(constraints, given, name)
        languages = languages_in(estimator, X, language, language_column, name)
        vectors = call_with_language(estimator, "transform", X, language)
        if language_norm == "auto":
            last = final_estimator(estimator)
            is_scaler = isinstance(last, LanguageStandardScaler)
            language_norm = not getattr(last, "language_norm", is_scaler)
        return cls.from_representations(
            vectors,
            languages,
            y,
            method=method,
            language_norm=language_norm,
            max_samples=max_samples,
            random_state=random_state,
            ax=ax,
            scatter_kw=scatter_kw,
        )

    @classmethod
    def from_representations(
        cls,
        X,
        language,
        y=None,
        *,
        method="pca",
        language_norm=True,
        max_samples=2000,
        random_state=0,
        ax=None,
        scatter_kw=None,
    ) -> EmbeddingDisplay:
        """Draw representations of your own.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The representations.
        language : str or array-like of str, shape (n_samples,)
            The language of each sample.
        y : array-like of shape (n_samples,), default=None
            The label of each sample, NaN or None where there is none.
        method : {"pca", "tsne"}, default="pca"
            How they become two dimensions. "pca" keeps distances as far as two directions can.
            "tsne" shows who is near whom, and takes longer.
        language_norm : bool, default=True
            Whether to draw them a second time after `LanguageStandardScaler`.
        max_samples : int or None, default=2000
            If there are more samples, so many are drawn at random. None draws all. The
            normalisation is that of all samples.
        random_state : int, RandomState instance or None, default=0
            The seed of the random draw and of "tsne".
        ax : array-like of Axes, default=None
            See `plot`.
        scatter_kw : dict, default=None
            Arguments of `Axes.scatter`.

        Returns
        -------
        EmbeddingDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If X is no matrix of numbers or has less than two rows or columns, the lengths differ,
            or a parameter is invalid.
        """
        name = f"{cls.__name__}.from_representations"
        check_matplotlib_support(name)
        constraints: dict = {
            "method": [StrOptions({"pca", "tsne"})],
            "max_samples": [Number(Integral, 2, None, closed="left"), None],
            "random_state": ["random_state"],
        }
        given = {"method": method, "max_samples": max_samples, "random_state": random_state}
        validate_parameter_constraints(constraints, given, name)
        X = check_array(X, accept_sparse="csr", ensure_min_samples=2, ensure_min_features=2)
        n_samples = X.shape[0]
        language = read_language(None, language, n_samples)
        stages = {"": X}
        if language_norm:
            stages["after language norm"] = LanguageStandardScaler().fit_transform(
                X, language=language
            )
        rng = check_random_state(random_state)
        drawn = np.arange(n_samples)
        if max_samples is not None and n_samples > max_samples:
            drawn = np.sort(rng.choice(n_samples, max_samples, replace=False))
        coordinates = {
            stage: _in_two_dimensions(values[drawn], method, rng)
            for stage, values in stages.items()
        }
        y = None if y is None else _check_y(y, n_samples)[drawn]
        return cls(coordinates, language[drawn], y).plot(ax, scatter_kw=scatter_kw)

    def plot(self, ax=None, *, scatter_kw=None) -> EmbeddingDisplay:
        """Draw the display.

        Parameters
        ----------
        ax : array-like of Axes, default=None
            One Axes for each panel, row by row; None makes a figure.
        scatter_kw : dict, default=None
            Arguments of `Axes.scatter`.

        Returns
        -------
        EmbeddingDisplay
            The same display.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        columns = {"languages": np.asarray(self.language, dtype=object)}
        if self.y is not None:
            y = _check_y(self.y, len(columns["languages"]))
            columns["classes"] = y.astype(str).astype(object)
            columns["classes"][np.asarray(pd.isna(y))] = None
        shape = len(self.coordinates), len(columns)
        axes = make_axes(shape[0] * shape[1], ax, n_columns=shape[1], panel_size=(5.2, 4))
        self.axes_ = axes.reshape(shape)
        self.ax_ = self.axes_[0, 0]
        self.figure_ = self.ax_.figure
        self.points_ = np.empty(shape, dtype=object)
        for row, (stage, coordinates) in enumerate(self.coordinates.items()):
            for column, (title, categories) in enumerate(columns.items()):
                axis = self.axes_[row, column]
                self.points_[row, column] = scatter_categories(
                    axis, np.asarray(coordinates), categories, UNLABELLED, scatter_kw or {}
                )
                axis.set_title(f"{title}, {stage}" if stage else title, fontsize="medium")
                axis.set(xticks=[], yticks=[])
        show_scripts(self.figure_)
        return self


def _in_two_dimensions(X, method: str, rng) -> np.ndarray:
    X = X.toarray() if hasattr(X, "toarray") else X
    if method == "pca":
        with np.errstate(invalid="ignore"):  # the shares of the variance where there is none
            return PCA(2, random_state=rng).fit_transform(X)
    perplexity = min(30, (len(X) - 1) / 3)
    return TSNE(2, perplexity=perplexity, random_state=rng).fit_transform(X)


def _check_y(y, n_samples: int) -> np.ndarray:
    y = label_array(y)
    if len(y) != n_samples:
        raise ValueError(f"X has {n_samples} rows, but y has {len(y)} values.")
    return y
