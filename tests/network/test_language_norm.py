"""Running means of languages."""

import numpy as np
import torch

from metaling_sk._network.language_norm import LanguageNorm


def test_running_means_of_each_language_and_of_all():
    rng = np.random.default_rng(0)
    one_by_one, at_once, expected = LanguageNorm(4, 8), LanguageNorm(4, 8), {}
    for n_samples in (1, 2, 7, 30, 30):
        features = torch.from_numpy(rng.normal(size=(n_samples, 8))).float()
        language_index = torch.from_numpy(rng.integers(4, size=n_samples))
        one_by_one(features, language_index)
        at_once._update_at_once(features, language_index)
        for index in range(4):
            members = features if index == 0 else features[language_index == index]
            if len(members) > 1:
                mean = members.mean(dim=0)
                expected[index] = 0.9 * expected.get(index, mean) + 0.1 * mean
        for norm in (one_by_one, at_once):
            assert norm.seen.nonzero().flatten().tolist() == sorted(expected)
            for index, mean in expected.items():
                torch.testing.assert_close(norm.mean[index], mean)
    # Language 4 has not been seen: it takes the mean of all.
    centred = one_by_one.eval()(torch.zeros(5, 8), torch.arange(5))
    torch.testing.assert_close(-centred, torch.stack([expected[i] for i in (0, 1, 2, 3, 0)]))
