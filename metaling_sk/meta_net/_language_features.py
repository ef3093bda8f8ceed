"""The parameter `language_features`: numbers that describe languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from metaling_sk.meta_net._uriel import uriel_features


def find_language_features(features, languages: list[str], estimator) -> pd.DataFrame | None:
    """Return the table that the parameter stands for.

    Parameters
    ----------
    features : DataFrame, "uriel" or None
        The parameter.
    languages : list of str
        The languages of the samples.
    estimator : estimator
        What is fitted.

    Returns
    -------
    DataFrame or None
        See `check_language_features` and `uriel_features`.
    """
    if features is None:
        return None
    if isinstance(features, str):
        return uriel_features(languages, estimator)
    return check_language_features(features)


def standardised(features: pd.DataFrame, languages: list[str]) -> torch.Tensor:
    """Standardise the columns of a table of language features.

    Parameters
    ----------
    features : DataFrame
        See `find_language_features`.
    languages : list of str
        The languages, in the order of the result.

    Returns
    -------
    Tensor of float32, shape (n_languages, n_columns)
        0 where a language or a value is missing.
    """
    scale = features.std(ddof=0).replace(0.0, 1.0)
    table = ((features - features.mean()) / scale).reindex(languages).fillna(0.0)
    return torch.tensor(table.to_numpy(), dtype=torch.float32)


def check_language_features(features: pd.DataFrame) -> pd.DataFrame:
    """Return a table of language features with an index of str and columns of float.

    Parameters
    ----------
    features : DataFrame
        A row for each language, which the index names; NaN for a missing value.

    Raises
    ------
    ValueError
        If `features` has several rows for a language, or holds anything but finite numbers and
        NaN.
    """
    table = features.set_axis(list(map(str, features.index)))
    try:
        table = table.astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`language_features` must hold numbers only: {error}.") from error
    if np.isinf(table).any(axis=None):
        raise ValueError("`language_features` holds infinity; use NaN for what is not known.")
    if not table.index.is_unique:
        repeated = sorted(set(table.index[table.index.duplicated()]))
        raise ValueError(f"`language_features` has more than one row for {repeated}.")
    return table
