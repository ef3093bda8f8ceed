"""What is known of the mean and the variance of a language before its samples are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_SIZE = 10.0
"""The most samples that it counts as: a new language may differ more than those that are known."""


@dataclass(frozen=True)
class LanguagePrior:
    """The mean and the variance that those of each language are averaged with.

    The statistics of few samples are noisy. The less languages differ, the more samples the prior
    counts as: empirical Bayes. How much they differ is estimated by moments, from all columns
    together: of means as in random-effects models [1]_, of variances as in [2]_.

    Parameters
    ----------
    mean, variance : ndarrays of float64, shape (n_features,)
        The mean of all samples, and the variance within a language.
    mean_size, variance_size : float
        The numbers of samples that they count as, `MAX_SIZE` where languages do not differ.

    References
    ----------
    .. [1] DerSimonian & Laird (1986). Meta-analysis in clinical trials. Controlled Clinical
       Trials.
    .. [2] Smyth (2004). Linear models and empirical Bayes methods for assessing differential
       expression in microarray experiments. Statistical Applications in Genetics and Molecular
       Biology.
    """

    mean: np.ndarray
    variance: np.ndarray
    mean_size: float
    variance_size: float

    @classmethod
    def fit(cls, mean: np.ndarray, variance: np.ndarray, sizes: np.ndarray) -> LanguagePrior:
        """Estimate how much the languages differ.

        Parameters
        ----------
        mean, variance : ndarrays of shape (n_languages, n_features)
        sizes : ndarray of int, shape (n_languages,)
            The number of samples of each language.
        """
        n_languages, n_samples = len(sizes), sizes.sum()
        with np.errstate(over="ignore", invalid="ignore"):  # Then the prior is not finite.
            common_mean, within = (np.average(x, axis=0, weights=sizes) for x in (mean, variance))
            varies = within > 0
            squares = (mean - common_mean)[:, varies] ** 2 / within[varies]
            ratios = variance[:, varies] / within[varies] - 1
            mean_spread, variance_spread = (
                float(sizes @ x.mean(axis=1)) if varies.any() else 0.0 for x in (squares, ratios**2)
            )
        degrees = n_languages - 1
        return cls(
            common_mean,
            within,
            _inverse((mean_spread - degrees) / (n_samples - (sizes**2).sum() / n_samples)),
            _inverse((variance_spread - 2 * degrees) / (2 * n_samples)),
        )

    def draw(
        self, mean: np.ndarray, variance: np.ndarray, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Average the mean and the variance of so many samples with those of the prior."""
        of_mean, of_variance = size / (size + self.mean_size), size / (size + self.variance_size)
        return (
            of_mean * mean + (1 - of_mean) * self.mean,
            of_variance * variance + (1 - of_variance) * self.variance,
        )


def _inverse(value: float) -> float:
    return 1 / max(value, 1 / MAX_SIZE)
