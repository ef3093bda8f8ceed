"""Running means of languages."""

import numpy as np
import torch

from metaling_sk._network.language_norm import LanguageNorm


def test_means_that_are_moved_at_once_are_those_of_each_language():
    rng = np.random.default_rng(0)
    one_by_one, at_once = LanguageNorm(4, 8), LanguageNorm(4, 8)
    for n_samples in (1, 2, 7, 30, 30):
        features = torch.from_numpy(rng.normal(size=(n_samples, 8))).float()
        language_index = torch.from_numpy(rng.integers(4, size=n_samples))
        one_by_one._update(features, language_index)
        at_once._update_at_once(features, language_index)
        torch.testing.assert_close(at_once.mean, one_by_one.mean)
        assert torch.equal(at_once.seen, one_by_one.seen)
    assert at_once.seen.tolist() == [True, True, True, True, False]
