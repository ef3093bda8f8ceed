"""Rungs and brackets: the number of candidates that get each amount of the resource."""

from __future__ import annotations

from math import ceil, floor, log
from numbers import Integral
from typing import NamedTuple

from metaling_sk._utils.parameters import MAX_EPOCHS


class Rung(NamedTuple):
    """A stage of a search, in which each candidate gets the same amount of the resource.

    Attributes
    ----------
    n_candidates : int
        The number of candidates.
    n_resources : int or None
        The amount for each of them; None if the search has no resource.
    """

    n_candidates: int
    n_resources: int | None


def single_rungs(n_candidates: int, at_once: int) -> list[list[Rung]]:
    """Make the brackets of a search without resources: one rung for each group of candidates.

    Parameters
    ----------
    n_candidates : int
        The number of candidates.
    at_once : int
        The number of candidates in a group.

    Returns
    -------
    list of list of Rung
    """
    starts = range(0, n_candidates, at_once)
    return [[Rung(min(at_once, n_candidates - start), None)] for start in starts]


def halving_rungs(
    n_candidates: int, min_resources: int, max_resources: int, factor: float, exhaust: bool
) -> list[Rung]:
    """Make the rungs of successive halving [1]_.

    The best 1 / `factor` of the candidates of a rung get `factor` times the resource.

    Parameters
    ----------
    n_candidates : int
        The number of candidates in the first rung.
    min_resources : int
        The least amount for a candidate.
    max_resources : int
        The greatest amount for a candidate.
    factor : float
        The ratio of the amounts in two successive rungs.
    exhaust : bool
        Whether the first rung gets more than the least amount if that lets the last rung come
        closer to the greatest.

    Returns
    -------
    list of Rung

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


def freeze_thaw_rungs(
    n_candidates: int, min_resources: int, max_resources: int, factor: float
) -> list[Rung]:
    """Make the rungs of a search that gives single candidates more of the resource.

    Those of the first rung are evaluated, and the best 1 / `factor` of them may go on. The other
    numbers of candidates are those of successive halving; they limit what the search may cost.

    Parameters
    ----------
    n_candidates : int
        The number of candidates.
    min_resources : int
        The least amount for a candidate.
    max_resources : int
        The greatest amount for a candidate, which the last rung has.
    factor : float
        The ratio of the amounts in two successive rungs, save the last two.

    Returns
    -------
    list of Rung

    Examples
    --------
    >>> from metaling_sk.meta_param._brackets import freeze_thaw_rungs
    >>> [tuple(rung) for rung in freeze_thaw_rungs(10, 1, 10, factor=2)]
    [(10, 1), (5, 2), (3, 4), (2, 10)]
    """
    amount = min_resources
    rungs = [Rung(n_candidates, amount)]
    while amount < max_resources:
        n_candidates = ceil(n_candidates / factor)
        amount = max(amount + 1, int(amount * factor))
        if amount * factor > max_resources:
            amount = max_resources
        rungs.append(Rung(n_candidates, amount))
    return rungs


def hyperband_brackets(
    n_iter: int, min_resources: int, max_resources: int, factor: float
) -> list[list[Rung]]:
    """Make the brackets of Hyperband [1]_.

    The first bracket begins with many candidates and little of the resource, the last with few
    candidates and all of it. The brackets share the candidates in the proportions of the paper.

    Parameters
    ----------
    n_iter : int
        The number of candidates in all brackets.
    min_resources : int
        The least amount for a candidate.
    max_resources : int
        The greatest amount for a candidate.
    factor : float
        The ratio of the amounts in two successive rungs.

    Returns
    -------
    list of list of Rung

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
    """The logarithm rounded down, although log(243, 3) is 4.999..."""
    return floor(log(value, base) + 1e-9)


def serial_cost(brackets: list[list[Rung]], n_splits: int, n_jobs: int, resumes: bool) -> int:
    """The cost of the fits that follow each other, in units of the resource or else in fits.

    Parameters
    ----------
    brackets : list of list of Rung
    n_splits : int
        The number of fits of a candidate in a rung.
    n_jobs : int
        The number of fits at once; 1 for the cost of all fits. A rung begins when the one before
        has ended.
    resumes : bool
        As in `cost`.

    Returns
    -------
    int

    Examples
    --------
    >>> from metaling_sk.meta_param._brackets import Rung, serial_cost
    >>> serial_cost([[Rung(9, 1), Rung(3, 3), Rung(1, 9)]], n_splits=3, n_jobs=2, resumes=True)
    36
    """
    return sum(
        ceil(rung.n_candidates * n_splits / n_jobs) * cost(rungs, number, resumes)
        for rungs in brackets
        for number, rung in enumerate(rungs)
    )


def cost(rungs: list[Rung], number: int, resumes: bool) -> int:
    """The cost of a candidate in a rung of a bracket.

    Parameters
    ----------
    rungs : list of Rung
        The rungs of the bracket.
    number : int
        The number of the rung.
    resumes : bool
        Whether a candidate goes on from the rung before, so that only the rest is trained.

    Returns
    -------
    int
    """
    n_resources = rungs[number].n_resources
    if n_resources is None:
        return 1
    n_done = rungs[number - 1].n_resources if resumes and number else 0
    return n_resources - (n_done or 0)


def find_resources(
    estimator, resource: str, min_resources, max_resources, n_samples: int, smallest: int
) -> tuple[int, int]:
    """Find the least and the greatest amount of the resource for a candidate.

    Parameters
    ----------
    estimator : estimator
        Has the resource as a parameter.
    resource : str
        The name of the parameter, or "n_samples".
    min_resources : int, "exhaust" or "smallest"
        As `MetaParamSearchCV` takes it.
    max_resources : int or "auto"
        As `MetaParamSearchCV` takes it.
    n_samples : int
        The number of samples.
    smallest : int
        The least number of samples.

    Returns
    -------
    min_resources, max_resources : int

    Raises
    ------
    ValueError
        If the estimator has no such parameter, or the least amount exceeds the greatest.
    """
    is_samples = resource == "n_samples"
    names = estimator.get_params()
    if not is_samples and resource not in names:
        of_steps = [name for name in sorted(names) if name.rpartition("__")[2] == resource]
        meant = f", such as {of_steps[0]!r}," if of_steps else ""
        raise ValueError(
            f"`resource`: {type(estimator).__name__} has no parameter {resource!r}; name one that "
            f"it has{meant} or 'n_samples'."
        )
    if max_resources == "auto":
        max_resources = n_samples if is_samples else estimator.get_params()[resource]
        if max_resources == "auto" and resource.rpartition("__")[2] == "max_epochs":
            max_resources = MAX_EPOCHS
        if isinstance(max_resources, bool) or not isinstance(max_resources, Integral):
            raise ValueError(
                f"`max_resources`='auto' takes the estimator's own {resource!r}, but that is "
                f"{max_resources!r}, not a whole number; give `max_resources` a number."
            )
    if is_samples and max_resources > n_samples:
        raise ValueError(f"`max_resources` is {max_resources}, but X has {n_samples} rows.")
    least = smallest if is_samples else 1
    if not isinstance(min_resources, str):
        least = min_resources
    if least > max_resources:
        raise ValueError(
            f"`min_resources` is {least}, more than the `max_resources` of {max_resources}."
        )
    return least, int(max_resources)
