"""Candidates go up from rung to rung."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metaling_sk.meta_param._brackets import Rung, cost, total_cost
from metaling_sk.meta_param._fits import Fit, resumable
from metaling_sk.meta_param._folds import SearchData, nested_subset
from metaling_sk.meta_param._runner import Runner


@dataclass(frozen=True)
class Evaluation:
    """A row of `cv_results_`: a candidate in a rung."""

    candidate: int
    params: dict
    bracket: int
    iteration: int
    n_resources: int | None


def run_brackets(
    runner: Runner,
    source,
    brackets: list[list[Rung]],
    splits: list[tuple],
    data: SearchData,
    select: Callable[[list[dict]], float],
    context,
    rows: list[Evaluation],
) -> None:
    """Evaluate all candidates.

    Parameters
    ----------
    source : FixedCandidates or TpeCandidates
        Asked for the candidates of each bracket, and told how they did at its end.
    splits : list of (train, test)
    select : callable
        What a candidate's results are worth, the higher the better.
    context : CallbackContext
    rows : list
        Gets the rows of each rung before it begins.
    """
    setting = runner.setting
    resource = setting.resource
    resumes = resumable(runner.estimator, setting)
    total = len(splits) * total_cost(brackets, resumes)
    runner.progress.start("candidates", total, "fit" if resource is None else resource)
    n_asked = 0
    for bracket, rungs in enumerate(brackets):
        asked = source.ask(rungs[0].n_candidates)
        alive = dict(enumerate(asked, start=n_asked))
        n_asked += len(asked)
        for iteration, rung in enumerate(rungs):
            n_kept = rungs[iteration + 1].n_candidates if iteration + 1 < len(rungs) else 0
            runner.progress.describe(_describe(brackets, bracket, iteration, n_asked))
            new = [
                Evaluation(
                    number, _with_resource(params, resource, rung), bracket, iteration, rung[1]
                )
                for number, params in alive.items()
            ]
            rows += new
            fits = [
                Fit(
                    candidate=row.candidate,
                    params=row.params,
                    split=number,
                    n_resources=row.n_resources,
                    train=_share(train, row, resource, data, setting.seed),
                    test=test,
                    is_last=not n_kept,
                )
                for row in new
                for number, (train, test) in enumerate(splits)
            ]
            rung_context = context.subcontext(
                task_name="rung", max_subtasks=len(fits), sequential_subtasks=False
            ).call_on_fit_task_begin(estimator=runner.caller)
            runner.run(fits, cost(rungs, iteration, resumes), n_kept, select, rung_context)
            rung_context.call_on_fit_task_end(estimator=runner.caller)
            scores = {row.candidate: select(runner.found(row)) for row in new}
            if not n_kept:
                for number, score in scores.items():
                    source.tell(number, score)
            best = sorted(alive, key=lambda number: _rank(scores[number]))[:n_kept]
            alive = {number: alive[number] for number in sorted(best)}


def _describe(brackets: list[list[Rung]], bracket: int, iteration: int, n_asked: int) -> str:
    rungs = brackets[bracket]
    if rungs[0].n_resources is None:
        return f"{n_asked} of {sum(rungs[0].n_candidates for rungs in brackets)} candidates"
    text = f"rung {iteration + 1} of {len(rungs)}, {rungs[iteration].n_candidates} candidates"
    return text if len(brackets) == 1 else f"bracket {bracket + 1} of {len(brackets)}, {text}"


def _with_resource(params: dict, resource: str | None, rung: Rung) -> dict:
    if resource in (None, "n_samples"):
        return params
    return params | {resource: rung.n_resources}


def _share(train: np.ndarray, row: Evaluation, resource: str | None, data: SearchData, seed: int):
    """The training rows of a fit."""
    if resource != "n_samples":
        return train
    return nested_subset(train, data.strata, row.n_resources / data.n_samples, seed)


def _rank(score: float) -> float:
    return np.inf if np.isnan(score) else -score
