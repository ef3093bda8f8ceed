"""Where candidates come from, by ask and tell."""

from __future__ import annotations

import warnings
from itertools import islice
from math import isnan

from metaling_sk.meta_param._space import Choices, Dimension, Quantiles


class FixedCandidates:
    """Candidates that are known from the beginning."""

    def __init__(self, candidates: list[dict]):
        self._candidates = iter(candidates)

    def ask(self, n_candidates: int) -> list[dict]:
        """The next candidates."""
        return list(islice(self._candidates, n_candidates))

    def tell(self, candidate: int, score: float) -> None:
        """Nothing is learnt."""


class TpeCandidates:
    """Candidates that Optuna's sampler [1]_ suggests, by ask and tell.

    Distributions are searched in the space of their quantiles, so every scipy distribution will
    do.

    Parameters
    ----------
    spaces : list of dict
        As `dimensions` gives them.
    n_iter : int
    seed : int
    first : list of dict
        Candidates to begin with; they may lack parameters.

    References
    ----------
    .. [1] Bergstra et al. (2011). Algorithms for hyper-parameter optimization. NeurIPS.
    """

    def __init__(self, spaces: list[dict[str, Dimension]], n_iter: int, seed: int, first=()):
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
        self._dimensions = spaces[0]
        self._distributions = {}
        for name, dimension in self._dimensions.items():
            if isinstance(dimension, Quantiles):
                self._distributions[name] = optuna.distributions.FloatDistribution(0.0, 1.0)
            elif isinstance(dimension, Choices):
                codes = list(range(len(dimension.values)))
                self._distributions[name] = optuna.distributions.CategoricalDistribution(codes)
            else:
                raise ValueError(
                    f'`param_distributions`: search="tpe" needs a list or a scipy distribution '
                    f"for {name!r}, got one that can only be drawn from."
                )
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(10, n_iter // 3))
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
        finally:
            optuna.logging.set_verbosity(verbosity)
        for params in first:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._study.enqueue_trial(self._encode(params))
        self._failed = optuna.trial.TrialState.FAIL

    def ask(self, n_candidates: int) -> list[dict]:
        """New candidates."""
        trials = [self._study.ask(self._distributions) for _ in range(n_candidates)]
        return [self._decode(trial.params) for trial in trials]

    def tell(self, candidate: int, score: float) -> None:
        """How well a candidate, counted from 0, did; NaN where it failed."""
        if isnan(score):
            self._study.tell(candidate, state=self._failed)
        else:
            self._study.tell(candidate, score)

    def _encode(self, params: dict) -> dict:
        return {
            name: dimension.to_unit(params[name])
            if isinstance(dimension, Quantiles)
            else dimension.index_of(params[name])
            for name, dimension in self._dimensions.items()
            if name in params
        }

    def _decode(self, params: dict) -> dict:
        return {
            name: dimension.from_unit(params[name])
            if isinstance(dimension, Quantiles)
            else dimension.values[params[name]]
            for name, dimension in self._dimensions.items()
        }
