"""Courses: which candidates of a bracket get more of the resource."""

from __future__ import annotations

import math
from dataclasses import dataclass

from metaling_sk.meta_param._brackets import Rung, cost


@dataclass(frozen=True)
class Step:
    """Candidates that get the same amount of the resource, at the same time.

    Attributes
    ----------
    level : int
        The number of the rung, which has the amount.
    candidates : list of int
        The numbers of the candidates.
    n_kept : int
        The number of these candidates that may get more later.
    """

    level: int
    candidates: list[int]
    n_kept: int


class RungByRung:
    """The best candidates of each rung go on to the next one together.

    Parameters
    ----------
    rungs : list of Rung
        The rungs of the bracket.

    Examples
    --------
    >>> from metaling_sk.meta_param._brackets import Rung
    >>> from metaling_sk.meta_param._courses import RungByRung
    >>> course = RungByRung([Rung(3, 1), Rung(1, 3)])
    >>> step = course.begin([0, 1, 2])
    >>> course.go_on(step, {0: -0.6, 1: -0.5, 2: -0.7})
    Step(level=1, candidates=[1], n_kept=0)
    """

    def __init__(self, rungs: list[Rung]):
        self._rungs = rungs

    def begin(self, candidates: list[int]) -> Step:
        """The first step."""
        return self._new_step(0, candidates)

    def go_on(self, step: Step, scores: dict[int, float]) -> Step | None:
        """The step after one whose scores are known; None after the last one."""
        if step.level + 1 == len(self._rungs):
            return None
        return self._new_step(step.level + 1, best_of(scores, step.n_kept))

    def _new_step(self, level: int, candidates: list[int]) -> Step:
        is_last = level + 1 == len(self._rungs)
        return Step(level, candidates, 0 if is_last else self._rungs[level + 1].n_candidates)


class FreezeThaw:
    """After the first rung, the best candidate that still improves goes on alone, again and again.

    A candidate that a later rung made worse has ended, and the next best goes on. So candidates
    that learn slowly have their turn when those that learn fast have passed their best. All that
    follows the first rung costs what the later rungs cost in `RungByRung` at most.

    Parameters
    ----------
    rungs : list of Rung
        The rungs of the bracket.
    resumes : bool
        As in `cost`.

    Examples
    --------
    >>> from metaling_sk.meta_param._brackets import Rung
    >>> from metaling_sk.meta_param._courses import FreezeThaw
    >>> course = FreezeThaw([Rung(4, 1), Rung(2, 2), Rung(1, 4)], resumes=True)
    >>> step = course.begin([0, 1, 2, 3])
    >>> step = course.go_on(step, {0: -0.8, 1: -0.6, 2: -0.7, 3: -0.9})
    >>> step
    Step(level=1, candidates=[1], n_kept=1)
    >>> course.go_on(step, {1: -0.65})  # It got worse.
    Step(level=1, candidates=[2], n_kept=1)
    """

    def __init__(self, rungs: list[Rung], resumes: bool):
        self._costs = [cost(rungs, level, resumes) for level in range(len(rungs))]
        later = zip(self._costs[1:], rungs[1:], strict=True)
        self._budget = sum(each * rung.n_candidates for each, rung in later)
        self._rungs = rungs
        self._scores: dict[int, float] = {}
        self._levels: dict[int, int] = {}  # of the candidates that may go on: the next one

    def begin(self, candidates: list[int]) -> Step:
        """The first step."""
        return Step(0, candidates, self._rungs[1].n_candidates if len(self._rungs) > 1 else 0)

    def go_on(self, step: Step, scores: dict[int, float]) -> Step | None:
        """The step after one whose scores are known; None after the last one."""
        for candidate in best_of(scores, step.n_kept):
            if scores[candidate] > self._scores.get(candidate, -math.inf):
                self._levels[candidate] = step.level + 1
        self._scores |= scores
        affordable = {
            candidate: self._scores[candidate]
            for candidate, level in self._levels.items()
            if self._costs[level] <= self._budget
        }
        if not affordable:
            return None
        chosen = best_of(affordable, 1)
        level = self._levels.pop(chosen[0])
        self._budget -= self._costs[level]
        return Step(level, chosen, int(level + 1 < len(self._rungs)))


def best_of(scores: dict[int, float], n_best: int) -> list[int]:
    """The candidates with the best scores, in order of their numbers; NaN is the worst score."""
    ranked = sorted(scores, key=lambda one: math.inf if math.isnan(scores[one]) else -scores[one])
    return sorted(ranked[:n_best])
