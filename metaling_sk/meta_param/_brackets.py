"""How many candidates get how much of the resource."""

from __future__ import annotations

from math import ceil, floor, log
from numbers import Integral
from typing import NamedTuple


class Rung(NamedTuple):
    """So many candidates with so much of the resource each (None: fitted once and for all)."""

    n_candidates: int
    n_resources: int | None


def halving_rungs(
    n_candidates: int, min_resources: int, max_resources: int, factor: float, exhaust: bool
) -> list[Rung]:
    """Successive halving [1]_: the best 1 / `factor` of a rung get `factor` times the resource.

    Parameters
    ----------
    n_candidates : int
        Of the first rung.
    min_resources : int
        The least of the first rung.
    max_resources : int
    factor : float
    exhaust : bool
        Whether the first rung gets as much as lets the last one come close to `max_resources`.

    References
    ----------
    .. [1] Karnin, Koren & Somekh (2013). Almost optimal exploration in multi-armed bandits. ICML.
    """
    n_required = 1 + _whole_log(n_candidates, factor)
    first = min_resources
    if exhaust:
        first = max(first, int(max_resources // factor ** (n_required - 1)))
    n_rungs = min(n_required, 1 + _whole_log(max_resources / first, factor))
    rungs = []
    for number in range(n_rungs):
        rungs.append(Rung(n_candidates, min(max_resources, int(first * factor**number))))
        n_candidates = ceil(n_candidates / factor)
    return rungs


def hyperband_brackets(
    n_iter: int, min_resources: int, max_resources: int, factor: float
) -> list[list[Rung]]:
    """Hyperband [1]_: brackets from many candidates with little to few with all of the resource.

    The brackets share `n_iter` candidates in the proportions of the paper.

    References
    ----------
    .. [1] Li et al. (2018). Hyperband: a novel bandit-based approach to hyperparameter
       optimization. JMLR.
    """
    n_brackets = 1 + _whole_log(max_resources / min_resources, factor)
    sizes = [n_brackets / (power + 1) * factor**power for power in reversed(range(n_brackets))]
    bounds = [round(n_iter * sum(sizes[:number]) / sum(sizes)) for number in range(n_brackets + 1)]
    brackets = []
    for number in range(n_brackets):
        n_candidates = bounds[number + 1] - bounds[number]
        rungs = []
        for power in reversed(range(n_brackets - number)):
            if n_candidates:
                rungs.append(Rung(n_candidates, max(1, int(max_resources / factor**power))))
            n_candidates = ceil(n_candidates / factor)
        if rungs:
            brackets.append(rungs)
    return brackets


def _whole_log(value: float, base: float) -> int:
    # log(243, 3) is 4.999...
    return floor(log(value, base) + 1e-9)


def total_cost(brackets: list[list[Rung]], resumes: bool) -> int:
    """What all rungs cost per split, in units of the resource, or fits where there is none."""
    return sum(
        rung.n_candidates * cost(rungs, number, resumes)
        for rungs in brackets
        for number, rung in enumerate(rungs)
    )


def cost(rungs: list[Rung], number: int, resumes: bool) -> int:
    """What a candidate costs in a rung: only what it has not had before, where it resumes."""
    n_resources = rungs[number].n_resources
    if n_resources is None:
        return 1
    before = rungs[number - 1].n_resources if resumes and number else 0
    return n_resources - before


def find_resources(
    estimator, resource: str, min_resources, max_resources, n_samples: int, smallest: int
) -> tuple[int, int]:
    """The least and the most that a candidate gets.

    Parameters
    ----------
    n_samples : int
        The most, where the resource is "n_samples".
    smallest : int
        What "smallest" means there.

    Raises
    ------
    ValueError
        If the estimator has no such parameter, or the least is more than the most.
    """
    is_samples = resource == "n_samples"
    if not is_samples and resource not in estimator.get_params():
        raise ValueError(
            f"`resource`: {type(estimator).__name__} has no parameter {resource!r}; name one that "
            "it has or 'n_samples'."
        )
    if max_resources == "auto":
        max_resources = n_samples if is_samples else estimator.get_params()[resource]
        if isinstance(max_resources, bool) or not isinstance(max_resources, Integral):
            raise ValueError(
                f"`max_resources`='auto' takes the estimator's own {resource!r}, but that is "
                f"{max_resources!r}, not a whole number; give `max_resources` a number."
            )
    if is_samples and max_resources > n_samples:
        raise ValueError(f"`max_resources` is {max_resources}, but X has {n_samples} rows.")
    least = smallest if is_samples else 1
    first = least if isinstance(min_resources, str) else min_resources
    if first > max_resources:
        raise ValueError(
            f"`min_resources` is {first}, more than the `max_resources` of {max_resources}."
        )
    return first, int(max_resources)
