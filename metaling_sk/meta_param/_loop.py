"""Candidates go up from rung to rung, in one bracket after another."""

from __future__ import annotations

import joblib
import numpy as np

from metaling_sk.meta_param._brackets import Rung, cost, serial_cost
from metaling_sk.meta_param._courses import FreezeThaw, RungByRung, Step
from metaling_sk.meta_param._fit_spec import Evaluation, Fit, FitSpec
from metaling_sk.meta_param._folds import SearchData, nested_subset
from metaling_sk.meta_param._plan import SearchPlan
from metaling_sk.meta_param._resume import can_resume
from metaling_sk.meta_param._runner import Runner


def run_brackets(
    runner: Runner,
    plan: SearchPlan,
    data: SearchData,
    context,
    evaluations: list[Evaluation],
) -> None:
    """Evaluate all candidates.

    Parameters
    ----------
    runner : Runner
    plan : SearchPlan
        Its candidates are asked for those of each bracket, and told their scores at its end.
    data : SearchData
    context : CallbackContext
        The context of the search.
    evaluations : list
        Gets the evaluations of each rung before it begins.
    """
    resource = plan.fit_spec.resource
    resumes = can_resume(runner.estimator, plan.fit_spec)
    total = serial_cost(plan.brackets, len(plan.splits), n_jobs=1, resumes=resumes)
    runner.progress.start("cross-validation", total, _unit(resource))
    runner.cost_to_go = _cost_to_go(runner, plan, data, resumes)
    n_asked = n_done = 0
    for bracket, rungs in enumerate(plan.brackets):
        asked = plan.candidates.ask(rungs[0].n_candidates)
        params = dict(enumerate(asked, start=n_asked))
        n_asked += len(asked)
        course = FreezeThaw(rungs, resumes) if plan.is_freeze_thaw else RungByRung(rungs)
        step: Step | None = course.begin(list(params))
        while step is not None:
            rung, is_last = rungs[step.level], step.level + 1 == len(rungs)
            runner.progress.describe(_describe(plan.brackets, bracket, step, n_asked))
            new = [
                Evaluation(
                    number,
                    _with_resource(params[number], resource, rung),
                    bracket,
                    step.level,
                    rung.n_resources,
                )
                for number in step.candidates
            ]
            evaluations += new
            fits = _make_fits(new, plan, data, is_last)
            runner.run(fits, cost(rungs, step.level, resumes), step.n_kept, context)
            n_done += len(fits) * cost(rungs, step.level, resumes)
            scores = {
                evaluation.candidate: plan.objective(runner.results_of(evaluation))
                for evaluation in new
            }
            if is_last:
                for number, score in scores.items():
                    plan.candidates.tell(number, score)
            step = course.go_on(step, scores)
    runner.progress.skip(total - n_done)  # what no candidate was worth


def _unit(resource: str | None) -> str:
    """The unit of the progress bar, such as "epoch" for "clf__max_epochs"."""
    if resource is None:
        return "fit"
    name = resource.rpartition("__")[2]
    return name.removeprefix("max_").removeprefix("n_").removesuffix("s")


def _cost_to_go(runner: Runner, plan: SearchPlan, data: SearchData, resumes: bool) -> float:
    """The cost of the fits that follow each other, with that of the best candidate on all rows."""
    n_splits, n_jobs = len(plan.splits), joblib.effective_n_jobs(runner.search.n_jobs)
    total = float(serial_cost(plan.brackets, n_splits, n_jobs, resumes))
    if runner.search.refit:
        n_trained = float(np.mean([len(train) for train, _ in plan.splits]))
        total += (plan.fit_spec.n_planned or 1) * data.n_samples / n_trained
    return total


def _describe(brackets: list[list[Rung]], bracket: int, step: Step, n_asked: int) -> str:
    """Say in which rung the search is, for the progress bar."""
    rungs = brackets[bracket]
    if rungs[0].n_resources is None:
        return f"{n_asked} of {sum(rungs[0].n_candidates for rungs in brackets)} candidates"
    n_candidates = len(step.candidates)
    who = "1 candidate" if n_candidates == 1 else f"{n_candidates} candidates"
    text = f"rung {step.level + 1} of {len(rungs)}, {who}"
    return text if len(brackets) == 1 else f"bracket {bracket + 1} of {len(brackets)}, {text}"


def _with_resource(params: dict, resource: str | None, rung: Rung) -> dict:
    """The parameters of a candidate in a rung."""
    if resource in (None, "n_samples"):
        return params
    return params | {resource: rung.n_resources}


def _make_fits(
    evaluations: list[Evaluation], plan: SearchPlan, data: SearchData, is_last: bool
) -> list[Fit]:
    """The fits of a rung: one for each evaluation and split."""
    return [
        Fit(
            candidate=evaluation.candidate,
            params=evaluation.params,
            split=number,
            n_resources=evaluation.n_resources,
            train=_training_part(train, evaluation, plan.fit_spec, data),
            test=test,
            is_last=is_last,
        )
        for evaluation in evaluations
        for number, (train, test) in enumerate(plan.splits)
    ]


def _training_part(
    train: np.ndarray, evaluation: Evaluation, spec: FitSpec, data: SearchData
) -> np.ndarray:
    """The training samples of a fit, fewer than those of the split if they are the resource."""
    if spec.resource != "n_samples" or evaluation.n_resources is None:
        return train
    fraction = evaluation.n_resources / data.n_samples
    return nested_subset(train, data.strata, fraction, spec.seed)
