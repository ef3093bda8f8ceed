"""A search in a saved folder: its results, and its best estimator in a folder inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._saving.values import is_plain
from metaling_sk.meta_param._objective import find_scorers

ATTRIBUTES = (
    "best_estimator_",
    "best_index_",
    "best_score_",
    "feature_names_in_",
    "max_resources_",
    "min_resources_",
    "multimetric_",
    "n_candidates_",
    "n_resources_",
    "n_splits_",
    "refit_time_",
)
"""Attributes that are saved as they are. Which ones there are depends on the search."""


class SavedSearchMixin(SavedMixin):
    """`save` and `push_to_hub` of a fitted search, whose best estimator can be saved."""

    best_estimator_: Any
    refit: Any
    best_index_: int
    cv_results_: dict[str, Any]

    # What earlier searches have left belongs to this machine.
    _unsaved_parameters = ("prior", "checkpoint")

    @classmethod
    def _from_saved(cls, parameters, state):
        if state is not None:
            required = {"estimator": clone(state["best_estimator_"]), "param_distributions": {}}
            parameters = required | parameters
        return super()._from_saved(parameters, state)

    def _describe_input(self) -> str:
        n_candidates = len({*self.cv_results_["candidate"]})
        best = ", ".join(f"`{name}` {value}" for name, value in self.best_params_.items())
        model = self.best_estimator_
        text = f"It is a {type(model).__name__}, the best of {n_candidates} candidates: {best}."
        is_own = isinstance(model, SavedMixin)
        return f"{text} {model._describe_input()}" if is_own else text

    def _get_saved_state(self, folder: Path) -> dict[str, Any]:
        if not hasattr(self, "best_estimator_"):
            raise ValueError(
                f"This {type(self).__name__} has no `best_estimator_` to save, since `refit` is "
                f"{self.refit}; fit it with refit=True, or keep its `cv_results_`."
            )
        state = {name: getattr(self, name) for name in ATTRIBUTES if hasattr(self, name)}
        results = {name: _column_to_json(column) for name, column in self.cv_results_.items()}
        return state | {"cv_results_": results, "has_scorer": _names_its_scorer(self)}

    def _set_saved_state(self, state: dict[str, Any], folder: Path) -> None:
        for name in ATTRIBUTES:
            if name in state:
                setattr(self, name, state[name])
        self.cv_results_ = {
            name: _column_from_json(column) for name, column in state["cv_results_"].items()
        }
        lengths = {len(column) for column in self.cv_results_.values()}
        if len(lengths) != 1 or not 0 <= self.best_index_ < lengths.pop():
            raise ValueError("the columns of `cv_results_` and `best_index_` do not fit each other")
        self.best_params_ = self.cv_results_["params"][self.best_index_]
        if state["has_scorer"]:
            scorers, _ = find_scorers(self, getattr(self.best_estimator_, "classes_", None))
            self.scorer_ = getattr(scorers, "_scorers", scorers)
        else:
            self.scorer_ = _forgotten_scorer


def _names_its_scorer(search) -> bool:
    """Whether the scorers can be found again from `scoring` and `refit`."""
    scoring, refit = search.scoring, search.refit
    if search.multimetric_:
        return isinstance(scoring, list | tuple) and isinstance(refit, str)
    return scoring is None or isinstance(scoring, str)


def _forgotten_scorer(estimator, X, y=None, **params):
    """Stand for a scorer that was not saved."""
    raise ValueError(
        "The `scoring` of this search was a function, which `save` does not keep; score the "
        "loaded search with the function itself."
    )


def _column_to_json(column) -> dict[str, Any]:
    """Turn a column of `cv_results_`, of which a list holds dicts, into values that can be saved.

    Scores may be NaN.
    """
    if isinstance(column, list):
        return {"items": [dict(zip(row, map(_plain, row.values()), strict=True)) for row in column]}
    mask = np.ma.getmaskarray(column).tolist() if np.ma.isMaskedArray(column) else None
    values = np.ma.getdata(column)
    if values.dtype.kind == "f":
        hidden = np.zeros(len(values), bool) if mask is None else np.array(mask, dtype=bool)
        floats = np.where(hidden, 0, values).tolist()
        return {"floats": floats, "dtype": values.dtype.str, "mask": mask}
    if values.dtype == object and mask is not None:
        values = np.where(mask, np.array(None), values)
    if values.dtype == object:
        values = values.copy()
        for index, value in enumerate(values):
            values[index] = _plain(value)
    return {"values": values, "mask": mask}


def _plain(value):
    """The value, or its text where it is an object such as an estimator or a function."""
    return value if is_plain(value) else repr(value)


def _column_from_json(stored: dict[str, Any]):
    """Restore the column that `_column_to_json` was given."""
    if "items" in stored:
        return stored["items"]
    if "floats" in stored:
        values = np.array(stored["floats"], dtype=np.dtype(stored["dtype"]))
    else:
        values = stored["values"]
    return values if stored["mask"] is None else np.ma.MaskedArray(values, mask=stored["mask"])
