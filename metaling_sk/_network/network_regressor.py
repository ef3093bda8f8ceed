"""The base of the regressors that train a network."""

from __future__ import annotations

from numbers import Real

import numpy as np

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._network.estimator import NetworkEstimator
from metaling_sk._network.outputs.numbers import Huber, Numbers, SquaredError, statistics_table
from metaling_sk._network.prediction import Execution
from metaling_sk._utils.all_or_nothing import snapshot
from metaling_sk._utils.parameters import NETWORK_PARAMETERS, Number, common_constraints
from metaling_sk._utils.sklearn_compat import StrOptions
from metaling_sk.base import LanguageRegressorMixin


class NetworkRegressor(LanguageRegressorMixin, NetworkEstimator):
    """Base of the estimators whose network predicts one number for each sample."""

    _parameter_constraints: dict = {
        **common_constraints(*NETWORK_PARAMETERS),
        "loss": [StrOptions({"squared_error", "huber"})],
        "epsilon": [Number(Real, 0, None, closed="neither")],
        "target_norm": ["boolean"],
    }

    loss: str
    epsilon: float
    target_norm: bool

    _saved_attributes = (*NetworkEstimator._saved_attributes, "target_mean_", "target_scale_")

    @property
    def _output(self) -> Numbers:
        statistics = self.target_statistics_
        return Numbers(
            self.target_mean_,
            self.target_scale_,
            statistics,
            self._prediction_loss,
            self.target_norm,
        )

    @_output.setter
    def _output(self, output: Numbers) -> None:
        self.target_mean_, self.target_scale_ = output.mean, output.scale
        self.target_statistics_ = output.by_language

    @property
    def _prediction_loss(self) -> SquaredError:
        return Huber(self.epsilon) if self.loss == "huber" else SquaredError()

    def _numbers(self, X, language=None):
        model = snapshot(self)
        return model._compute_outputs(X, language, model._predict_numbers)

    def _predict_numbers(self, encoded: EncodedSamples, execution: Execution) -> np.ndarray:
        names = np.array([None, *self.languages_], dtype=object)[encoded.language_index]
        return self._output.restore(self._predict_logits(encoded, execution), names)

    def _get_saved_state(self, folder):
        statistics = self.target_statistics_
        table = {name: [float(value) for value in row] for name, *row in statistics.itertuples()}
        return super()._get_saved_state(folder) | {"target_statistics_": table}

    def _set_saved_state(self, state, folder):
        self.target_statistics_ = statistics_table(state["target_statistics_"])
        super()._set_saved_state(state, folder)
