"""Sources of candidates. A search asks them for candidates and tells them the scores."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import islice
from math import ceil, inf, isnan

import pandas as pd

from metaling_sk.meta_param._prior_sampling import (
    FIRST_SHARE,
    good_candidates,
    sample_with_prior,
    spread_first,
)
from metaling_sk.meta_param._space import Choices, Quantiles, Space, dimensions, places


class FixedCandidates:
    """Candidates that are drawn before the search begins.

    Parameters
    ----------
    candidates : list of dict
        The parameters of each candidate.

    Attributes
    ----------
    n_candidates : int
        The number of candidates.
    """

    def __init__(self, candidates: list[dict]):
        self.n_candidates = len(candidates)
        self._candidates = iter(candidates)

    def ask(self, n_candidates: int) -> list[dict]:
        """Return the next candidates."""
        return list(islice(self._candidates, n_candidates))

    def tell(self, candidate: int, score: float) -> None:
        """Learn nothing from the score of a candidate."""


class TpeCandidates:
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

    Attributes
    ----------
    n_candidates : int
        The number of candidates.

    References
    ----------
    .. [1] Bergstra et al. (2011). Algorithms for hyper-parameter optimization. NeurIPS.
    """

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

    def ask(self, n_candidates: int) -> list[dict]:
        """Let the sampler suggest candidates."""
        trials = [self._study.ask(self._distributions) for _ in range(n_candidates)]
        return [self._decode(trial.params) for trial in trials]

    def tell(self, candidate: int, score: float) -> None:
        """Let the sampler know the score of a candidate, counted from 0; NaN if it failed."""
        # Of a trial that fails Optuna learns nothing, and suggests others like it.
        self._study.tell(candidate, -inf if isnan(score) else score)

    def _decode(self, encoded: dict) -> dict:
        """The parameters of a candidate for its quantiles and indices."""
        params = {}
        for name, dimension in self._space.items():
            if isinstance(dimension, Quantiles):
                params[name] = dimension.from_unit(encoded[name])
            elif isinstance(dimension, Choices):
                params[name] = dimension.values[encoded[name]]
        return params


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
) -> FixedCandidates | TpeCandidates:
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
    FixedCandidates or TpeCandidates
    """
    if search == "tpe":
        spaces = dimensions(param_distributions)
        good = good_candidates(priors, spaces)
        first = spread_first(good, spaces, ceil(FIRST_SHARE * n_iter))
        return TpeCandidates(spaces, n_iter, seed, first)
    return FixedCandidates(sample_with_prior(param_distributions, priors, n_iter, seed))
