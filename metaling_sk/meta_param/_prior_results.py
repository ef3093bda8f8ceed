"""The results of earlier searches, read from every form that `prior` may have."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError

from metaling_sk._utils.messages import shorten
from metaling_sk._utils.sklearn_compat import BaseSearchCV
from metaling_sk.meta_param._journal import read_results
from metaling_sk.meta_param._space import equal


def read_priors(prior) -> list[pd.DataFrame]:
    """Read the results of earlier searches and sort each, best first.

    Parameters
    ----------
    prior : search, dict, DataFrame, str, path, or list of them, or None
        Fitted searches, their `cv_results_`, or the folders of their checkpoints. A DataFrame may
        have been through a CSV file.

    Returns
    -------
    list of DataFrames
        With the columns `params` and `score`. If the search gave its candidates different amounts
        of a resource, a candidate counts with its largest, and comes before all that had less. A
        parameter that is itself the resource is left out. So are candidates whose score is not
        finite.

    Raises
    ------
    NotFittedError
        If a search is not fitted.
    ValueError
        If something is none of these, or there is no score in it.
    """
    if prior is None:
        return []
    return [_read(item) for item in (prior if isinstance(prior, list | tuple) else [prior])]


def _read(item) -> pd.DataFrame:
    """One of the DataFrames of `read_priors`."""
    frame = _to_frame(item)
    scores = pd.to_numeric(frame[_score_column(frame, getattr(item, "refit", None))])
    results = pd.DataFrame({"params": _read_params(frame), "score": scores.to_numpy(dtype=float)})
    if "n_resources" in frame and frame["n_resources"].notna().any():
        n_resources = pd.to_numeric(frame["n_resources"]).fillna(0).to_numpy()
        results = _keep_furthest(results.assign(n_resources=n_resources))
    results = results[np.isfinite(results["score"])]
    if results.empty:
        raise ValueError(f"`prior` has no candidate with a finite score: {shorten(repr(item))}.")
    by = [name for name in ("n_resources", "score") if name in results]
    results = results.sort_values(by, ascending=False, kind="stable", ignore_index=True)
    return results[["params", "score"]]


def _to_frame(item) -> pd.DataFrame:
    if isinstance(item, str | os.PathLike):
        return read_results(item)
    if isinstance(item, BaseSearchCV) and not hasattr(item, "cv_results_"):
        raise NotFittedError(
            f"`prior` has a {type(item).__name__} that is not fitted yet; fit it first, or leave "
            "it out."
        )
    results = getattr(item, "cv_results_", item)
    if not isinstance(results, Mapping | pd.DataFrame) or "params" not in results:
        raise ValueError(
            "`prior` must be fitted searches, their `cv_results_` or the folders of their "
            f"checkpoints, got {shorten(repr(item))}."
        )
    return pd.DataFrame(results)


def _score_column(frame: pd.DataFrame, refit) -> str:
    named = f"mean_test_{refit}" if isinstance(refit, str) else "mean_test_score"
    for column in ("mean_test_score", named):
        if column in frame:
            return column
    metrics = [column for column in frame if str(column).startswith("mean_test_")]
    raise ValueError(
        f"`prior` has no column 'mean_test_score', only {metrics}. Rename the one that counts, or "
        "pass a search whose `refit` names its metric."
    )


def _read_params(frame: pd.DataFrame) -> list[dict]:
    """The parameters of each row, of which a CSV file leaves no more than their text."""
    columns = [name for name in map(str, frame.columns) if name.startswith("param_")]
    params = []
    for row in frame[["params", *columns]].to_dict("records"):
        value = row.pop("params")
        if isinstance(value, str):
            value = _parse(value)
        if not isinstance(value, Mapping):
            value = {
                str(name).removeprefix("param_"): _parse(cell) if isinstance(cell, str) else cell
                for name, cell in row.items()
                if not pd.isna(cell)
            }
        params.append(dict(value))
    return params


def _parse(text: str):
    """The Python literal in a text or, if there is none, the text."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _keep_furthest(results: pd.DataFrame) -> pd.DataFrame:
    """Keep the last row of each candidate that had most of the resource.

    A parameter that equals the resource in every row is the resource, and is taken away.
    """
    resources = [
        name
        for name in results["params"].iloc[0]
        if all(
            isinstance(value := params.get(name), Number) and value == n_resources
            for params, n_resources in zip(results["params"], results["n_resources"], strict=True)
        )
    ]
    kept: dict[int, Any] = {}
    candidates_by_text: dict[str, list[dict]] = {}
    for row in reversed(np.argsort(results["n_resources"].to_numpy(), kind="stable")):
        params = results["params"].iloc[row]
        params = {name: value for name, value in params.items() if name not in resources}
        # Different candidates may have the same text, which can be cut short.
        candidates = candidates_by_text.setdefault(repr(params), [])
        if not any(equal(params, candidate) for candidate in candidates):
            candidates.append(params)
            kept[row] = params
    return results.iloc[list(kept)].assign(params=list(kept.values()))
