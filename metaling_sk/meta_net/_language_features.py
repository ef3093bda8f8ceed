"""The parameter `language_features`: numbers that describe languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch


def standardised(features, languages: list[str]) -> torch.Tensor:
    """Standardise the columns of a table of language features.

    Parameters
    ----------
    features : DataFrame
        See `check_language_features`.
    languages : list of str
        The languages, in the order of the result.

    Returns
    -------
    Tensor of float32, shape (n_languages, n_columns)
        0 where a language or a value is missing.
    """
    table = check_language_features(features)
    scale = table.std(ddof=0).replace(0.0, 1.0)
    table = ((table - table.mean()) / scale).reindex(languages).fillna(0.0)
    return torch.tensor(table.to_numpy(), dtype=torch.float32)


def check_language_features(features) -> pd.DataFrame:
    """Return a table of language features with an index of str and columns of float.

    Parameters
    ----------
    features : DataFrame
        A row for each language, which the index names; NaN for a missing value.

    Raises
    ------
    ValueError
        If `features` is no DataFrame, has several rows for a language, or holds anything but
        finite numbers and NaN.
    """
    if not isinstance(features, pd.DataFrame):
        raise ValueError(
            "`language_features` must be a DataFrame whose index holds the languages, "
            f"got {type(features).__name__}."
        )
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
