"""Our suite: what is particular to images."""

import numpy as np
import pytest
from input_kinds import KINDS, outputs

KIND = KINDS["images"]


@pytest.fixture(params=KIND.models)
def name(request):
    return request.param


def test_images_of_any_size_are_resized(fitted):
    """They all look the same then: nothing but one grey."""
    found = outputs(fitted, KIND.odd)
    np.testing.assert_allclose(found, found[[0] * 4], rtol=1e-4)
