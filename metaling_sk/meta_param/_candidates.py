"""Sources of candidates. A search asks them for candidates and tells them the scores."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import islice
from math import ceil, inf, isnan
from typing import ClassVar

import pandas as pd

from metaling_sk.meta_param._prior_sampling import (
    FIRST_SHARE,
    good_candidates,
    sample_with_prior,
    spread_first,
)
from metaling_sk.meta_param._space import Choices, Opaque, Quantiles, Space, dimensions, places


class Candidates(ABC):
    """A source of candidates.

    Attributes
    ----------
    n_candidates : int
        The number of candidates.
    learns : bool
        Whether candidates depend on the scores of those before. Then as few are asked for at a
        time as keep all workers busy.
    """

    n_candidates: int
    learns: ClassVar[bool]

    @abstractmethod
    def ask(self, n_candidates: int) -> list[dict]:
        """Return the next candidates."""

    @abstractmethod
    def tell(self, candidate: int, score: float) -> None:
        """Take the score of a candidate, counted from 0; NaN if it failed."""


class FixedCandidates(Candidates):
    """Candidates that are drawn before the search begins.

    Parameters
    ----------
    candidates : list of dict
        The parameters of each candidate.
    """

    learns = False

    def __init__(self, candidates: list[dict]):
        self.n_candidates = len(candidates)
        self._candidates = iter(candidates)

    def ask(self, n_candidates):
        return list(islice(self._candidates, n_candidates))

    def tell(self, candidate, score):
        pass


class TpeCandidates(Candidates):
    """Candidates that Optuna's sampler [1]_ suggests from the scores of those before.

    The sampler works on quantiles, so every scipy distribution will do.

    Parameters
    ----------
    spaces : list of dict
        As `dimensions` returns them; one only.
    n_candidates : int
        The number of candidates. A third of them, 10 at most, are drawn before the sampler
        learns.
    seed : int
        The seed of the sampler.
    first : sequence of dict
        Candidates to begin with; they may lack parameters.

    References
    ----------
    .. [1] Bergstra et al. (2011). Algorithms for hyper-parameter optimization. NeurIPS.
    """

    learns = True

    def __init__(
        self, spaces: list[Space], n_candidates: int, seed: int, first: Sequence[dict] = ()
    ):
        try:
            import optuna
        except ImportError as error:
            raise ImportError(
                'search="tpe" needs Optuna: pip install "metaling_sk[optuna]"'
            ) from error
        if len(spaces) != 1:
            raise ValueError(
                'search="tpe" takes one dict of `param_distributions`, '
                f"but there are {len(spaces)}; use another `search` for a list of them."
            )
        self.n_candidates = n_candidates
        self._space = spaces[0]
        self._distributions = {
            name: _optuna_distribution(optuna, name, dimension)
            for name, dimension in self._space.items()
        }
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            n_startup = min(10, n_candidates // 3)
            sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=n_startup)
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
        finally:
            optuna.logging.set_verbosity(verbosity)
        for params in first:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._study.enqueue_trial(places(params, self._space))

    def ask(self, n_candidates):
        trials = [self._study.ask(self._distributions) for _ in range(n_candidates)]
        return [self._decode(trial.params) for trial in trials]

    def tell(self, candidate, score):
        # Of a trial that fails Optuna learns nothing, and suggests others like it.
        self._study.tell(candidate, -inf if isnan(score) else score)

    def _decode(self, encoded: dict) -> dict:
        """The parameters of a candidate for its quantiles and indices."""
        return {
            name: dimension.value_at(encoded[name])
            for name, dimension in self._space.items()
            if not isinstance(dimension, Opaque)
        }


def _optuna_distribution(optuna, name: str, dimension):
    """The distribution of Optuna for the places in a dimension."""
    if isinstance(dimension, Quantiles):
        return optuna.distributions.FloatDistribution(0.0, 1.0)
    if isinstance(dimension, Choices):
        return optuna.distributions.CategoricalDistribution(list(range(len(dimension.values))))
    raise ValueError(
        f'`param_distributions`: search="tpe" needs a list or a scipy distribution '
        f"for {name!r}, got one that can only be drawn from."
    )


def make_candidates(
    search: str, param_distributions, priors: list[pd.DataFrame], n_iter: int, seed: int
) -> Candidates:
    """Make the source of the candidates of a search.

    Parameters
    ----------
    search : {"random", "halving", "hyperband", "freeze-thaw", "tpe"}
        The kind of search.
    param_distributions : dict or list of dict
        As ParameterSampler takes it.
    priors : list of DataFrames
        The results of earlier searches, as `read_priors` returns them.
    n_iter : int
        The number of candidates; there are fewer if lists have fewer combinations.
    seed : int
        The seed of the candidates.

    Returns
    -------
    Candidates
    """
    if search == "tpe":
        spaces = dimensions(param_distributions)
        good = good_candidates(priors, spaces)
        first = spread_first(good, spaces, ceil(FIRST_SHARE * n_iter))
        return TpeCandidates(spaces, n_iter, seed, first)
    return FixedCandidates(sample_with_prior(param_distributions, priors, n_iter, seed))
