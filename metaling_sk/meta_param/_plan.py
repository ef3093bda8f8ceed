"""The plan of a search: all that is decided before the first fit."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from numbers import Integral

import joblib
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from metaling_sk._data.input_forms import plain_column
from metaling_sk.meta_param._brackets import (
    Rung,
    find_resources,
    freeze_thaw_rungs,
    halving_rungs,
    hyperband_brackets,
    single_rungs,
)
from metaling_sk.meta_param._candidates import Candidates, make_candidates
from metaling_sk.meta_param._describe import describe, digest_of, versions
from metaling_sk.meta_param._fit_spec import FitSpec
from metaling_sk.meta_param._folder import SearchFolder
from metaling_sk.meta_param._folds import SearchData, Split, split, to_pandas
from metaling_sk.meta_param._objective import Objective, missing_metric_message
from metaling_sk.meta_param._prior_results import read_priors
from metaling_sk.meta_param._scoring import scores_unlabelled
from metaling_sk.meta_param._space import check_names, dimensions

RESOURCE_COLUMNS = {
    "random": (),
    "halving": ("iter", "n_resources"),
    "hyperband": ("iter", "n_resources", "bracket"),
    "freeze-thaw": ("iter", "n_resources"),
    "tpe": (),
}
"""The kinds of search, and the columns of `cv_results_` that tell how candidates go up."""

FACTORS = {"halving": 3, "hyperband": 3, "freeze-thaw": 2}
"""What `factor="auto"` is."""

DESCRIBED = (
    "search",
    "n_iter",
    "scoring",
    "select",
    "resource",
    "min_resources",
    "max_resources",
    "factor",
    "random_state",
    "error_score",
    "return_train_score",
)
"""Parameters whose change makes it another search."""


@dataclass(frozen=True)
class SearchPlan:
    """All that a search decides before its first fit.

    Attributes
    ----------
    splits : list of (train, test)
        The folds.
    priors : list of DataFrames
        The results of earlier searches.
    candidates : Candidates
        The source of the candidates.
    limits : (int, int) or None
        The least and the greatest amount of the resource; None if there is no resource.
    brackets : list of list of Rung
        The number of candidates that get each amount.
    is_freeze_thaw : bool
        Whether single candidates go up, see `FreezeThaw`.
    fit_spec : FitSpec
        What all fits have in common.
    objective : Objective
        The value of a candidate's results.
    """

    splits: list[Split]
    priors: list[pd.DataFrame]
    candidates: Candidates
    limits: tuple[int, int] | None
    brackets: list[list[Rung]]
    is_freeze_thaw: bool
    fit_spec: FitSpec
    objective: Objective

    @property
    def rungs(self) -> list[Rung]:
        """The rungs of all brackets."""
        return [rung for rungs in self.brackets for rung in rungs]


def make_plan(
    search,
    data: SearchData,
    routed: Bunch,
    scorer,
    metric: str | None,
    seed: int | None,
    folder: SearchFolder,
) -> SearchPlan:
    """Plan a search.

    Parameters
    ----------
    search : MetaParamSearchCV
        Its parameters are read.
    data : SearchData
    routed : Bunch
        The parameters of `fit` for the estimator, the scorer and the splitter.
    scorer : callable
        The scorer of the fits.
    metric : str or None
        The metric that selects.
    seed : int or None
        The seed of the search that goes on; None for a new one.
    folder : SearchFolder
        The folder that the workers share.

    Returns
    -------
    SearchPlan

    Raises
    ------
    ValueError
        If the parameters of the search do not fit together, or not the data.
    """
    if seed is None:
        seed = _find_seed(search.random_state)
    score_unlabelled = scores_unlabelled(scorer) or getattr(search.cv, "score_unlabelled", False)
    splits = split(
        search.estimator,
        data,
        search.cv,
        routed.splitter.split,
        seed,
        score_unlabelled=score_unlabelled,
    )
    limits = _find_limits(search, data, len(splits))
    spaces = dimensions(search.param_distributions)
    if limits is not None and any(search.resource in space for space in spaces):
        raise ValueError(
            f"`resource`: {search.resource!r} is searched for in `param_distributions` too; "
            "leave it out of one of them."
        )
    check_names(search.estimator, spaces)
    priors = read_priors(search.prior)
    candidates = make_candidates(
        search.search, search.param_distributions, priors, search.n_iter, seed
    )
    brackets = _make_brackets(search, candidates, limits, len(splits))
    fit_spec = FitSpec(
        scorer=scorer,
        fit_params=routed.estimator.fit,
        score_params=routed.scorer.score,
        language=data.language,
        language_is_metadata=data.language_is_metadata,
        scored=data.labelled | score_unlabelled,
        classes=data.classes,
        return_train_score=search.return_train_score,
        error_score=search.error_score,
        resource=None if limits is None else search.resource,
        n_planned=_greatest_amount(brackets),
        seed=seed,
        folder=folder,
    )
    objective = Objective(
        metric=metric,
        select=search.select,
        error_score=search.error_score,
        test_languages=[data.languages_of(test) for _, test in splits],
        missing_metric=missing_metric_message(search),
    )
    is_freeze_thaw = search.search == "freeze-thaw"
    return SearchPlan(
        splits, priors, candidates, limits, brackets, is_freeze_thaw, fit_spec, objective
    )


def describe_parameters(search) -> dict:
    """Describe the parameters of a search whose change makes it another one.

    Parameters
    ----------
    search : MetaParamSearchCV

    Returns
    -------
    dict
        In the form of `describe`.

    Raises
    ------
    ValueError
        If it cannot be known whether a parameter is the same in another run.
    """
    names = (*DESCRIBED, "estimator", "param_distributions")
    return {"versions": versions()} | {
        name: describe(getattr(search, name), name) for name in names
    }


def describe_samples(data: SearchData, fit_params, plan: SearchPlan) -> dict:
    """Describe the samples of a search whose change makes it another one.

    Parameters
    ----------
    data : SearchData
    fit_params : object
        The parameters of `fit`, and where they are passed to.
    plan : SearchPlan

    Returns
    -------
    dict
        In the form of `describe`.
    """
    parts = {
        "prior": [frame.to_dict("list") for frame in plan.priors],
        "X": to_pandas(data.X),
        "y": plain_column(data.y),
        "fit parameters": fit_params,
        "folds": plan.splits,
    }
    digests = {name: digest_of(value, name) for name, value in parts.items()}
    return {"n_splits": len(plan.splits)} | digests


def _find_seed(random_state) -> int:
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _find_limits(search, data: SearchData, n_splits: int) -> tuple[int, int] | None:
    """The least and the greatest amount of the resource; None if the search has none."""
    if not RESOURCE_COLUMNS[search.search]:
        return None
    return find_resources(
        search.estimator,
        search.resource,
        search.min_resources,
        search.max_resources,
        n_samples=data.n_samples,
        smallest=2 * n_splits * len(set(data.strata)),
    )


def _make_brackets(
    search, candidates: Candidates, limits: tuple[int, int] | None, n_splits: int
) -> list[list[Rung]]:
    n_candidates = candidates.n_candidates
    if limits is None:
        n_at_once = ceil(joblib.effective_n_jobs(search.n_jobs) / n_splits)
        return single_rungs(n_candidates, n_at_once if candidates.learns else n_candidates)
    factor = FACTORS[search.search] if search.factor == "auto" else search.factor
    if search.search == "hyperband":
        return hyperband_brackets(n_candidates, *limits, factor)
    if search.search == "freeze-thaw":
        return [freeze_thaw_rungs(n_candidates, *limits, factor)]
    exhaust = search.min_resources == "exhaust"
    return [halving_rungs(n_candidates, *limits, factor, exhaust=exhaust)]


def _greatest_amount(brackets: list[list[Rung]]) -> int | None:
    """The amount of the resource in the last rung; None if the search has no resource."""
    amounts = [rung.n_resources for rungs in brackets for rung in rungs]
    return max((amount for amount in amounts if amount is not None), default=None)
