"""Labels that are one number for each sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from metaling_sk._data.labels import MISSING
from metaling_sk._data.languages import positions_by_language
from metaling_sk._data.samples import Samples
from metaling_sk._network import losses
from metaling_sk._network.outputs.output_kind import OutputKind, PredictionLoss

MIN_LABELS = 10
"""A language with fewer labels takes the mean and the scale of all labels."""


class SquaredError(PredictionLoss):
    """Half the squared error; for a teacher the same.

    Attributes
    ----------
    epsilon : float
        The size of a residual from which on the loss is linear.
    """

    epsilon = np.inf

    def supervised(self, outputs, y, class_weight):
        return losses.squared_error(outputs.squeeze(1), y)

    def distillation(self, outputs, teacher, temperature):
        return losses.squared_error(outputs, teacher)


class Huber(SquaredError):
    """Half the squared error of small residuals, and linear in large ones.

    The predictions of a teacher have no outliers: their squared error counts.

    Parameters
    ----------
    epsilon : float
        The size from which on a residual is large.
    """

    def __init__(self, epsilon: float):
        self.epsilon = epsilon

    def supervised(self, outputs, y, class_weight):
        return losses.huber(outputs.squeeze(1), y, self.epsilon)


@dataclass(frozen=True)
class Numbers(OutputKind):
    """One number for each sample. The output is the number, standardised.

    Attributes
    ----------
    mean, scale : float
        Mean and standard deviation of all labels. The scale of equal labels is 1.
    by_language : DataFrame of shape (n_languages, 2)
        `mean` and `scale` of the languages that have their own.
    loss : SquaredError
        Of standardised numbers.
    standardises_languages : bool
        Whether languages with enough labels have their own.
    """

    mean: float
    scale: float
    by_language: pd.DataFrame
    loss: SquaredError
    standardises_languages: bool

    step = 0.2

    @classmethod
    def fit(cls, samples: Samples, loss: SquaredError, *, by_language: bool) -> Self:
        """Learn the mean and the scale of the labels, and of those of each language."""
        if not samples.labelled.any():
            raise ValueError(
                "y has no label in the source and target languages; label some of their rows, or "
                "name other languages."
            )
        output = cls(*_mean_and_scale(samples.labels), statistics_table({}), loss, by_language)
        for name, indices in positions_by_language(samples.language).items():
            output = output.with_language(name, samples.take(indices))
        return output

    @property
    def n_outputs(self):
        return 1

    def align(self, samples):
        return replace(samples, y=np.full(len(samples), np.nan)) if samples.y is None else samples

    def targets(self, samples):
        assert samples.y is not None
        return self.standardise(samples.y, samples.language).astype(np.float32)

    def strata(self, samples):
        return np.where(samples.labelled, 0, MISSING)

    def teaching(self, outputs):
        return outputs

    def check_fits_network(self, network):
        n_outputs = network.head.out_features
        if n_outputs != 1:
            raise ValueError(f"one number is predicted, but the network has {n_outputs} outputs")
        values = np.r_[self.mean, self.scale, self.by_language.to_numpy().ravel()]
        if not np.isfinite(values).all() or not (self.scales(self.by_language.index) > 0).all():
            raise ValueError("the statistics of the target are not finite or not positive")

    def with_language(self, language, samples):
        numbers = samples.labels
        if not self.standardises_languages or len(numbers) < MIN_LABELS:
            return self
        statistics = self._statistics() | {language: _mean_and_scale(numbers)}
        return replace(self, by_language=statistics_table(statistics))

    def without_language(self, language):
        statistics = {name: each for name, each in self._statistics().items() if name != language}
        return replace(self, by_language=statistics_table(statistics))

    def standardise(self, numbers: np.ndarray, language: np.ndarray) -> np.ndarray:
        """Standardise the numbers of samples."""
        return (numbers - self.means(language)) / self.scales(language)

    def restore(self, outputs: np.ndarray, language: np.ndarray) -> np.ndarray:
        """Turn the outputs for samples into numbers, shape (n_samples,)."""
        return outputs[:, 0] * self.scales(language) + self.means(language)

    def means(self, language) -> np.ndarray:
        """The mean that is subtracted from the labels of each sample."""
        return self._of_languages("mean", self.mean, language)

    def scales(self, language) -> np.ndarray:
        """The scale that the labels of each sample are divided by."""
        return self._of_languages("scale", self.scale, language)

    def _statistics(self) -> dict[str, tuple[float, float]]:
        """The mean and the scale of each language that has its own."""
        return {name: (mean, scale) for name, mean, scale in self.by_language.itertuples()}

    def _of_languages(self, name: str, default: float, language) -> np.ndarray:
        own = self.by_language[name].to_dict()
        return np.array([own.get(each, default) for each in language], dtype=np.float64)


def statistics_table(statistics: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """The mean and the scale of each language as a table."""
    index = pd.Index(list(statistics), dtype=object)
    return pd.DataFrame(list(statistics.values()), index, ["mean", "scale"], dtype=float)


def _mean_and_scale(numbers: np.ndarray) -> tuple[float, float]:
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = float(numbers.mean()), float(numbers.std())
    if not np.isfinite([mean, scale]).all():
        raise ValueError(
            "y holds numbers so extreme that they have no finite mean and standard deviation; "
            "divide y by a constant, or leave these rows out."
        )
    # Equal numbers can differ from their mean in the last digit.
    is_constant = scale <= 10 * np.finfo(float).eps * abs(mean) or numbers.min() == numbers.max()
    return mean, 1.0 if is_constant else scale
