"""Our suite: what is particular to recordings."""

import pytest
from input_kinds import KINDS
from tiny_audio import make_classifier

KIND = KINDS["audio"]


def test_max_seconds_is_about_recordings():
    model = make_classifier(audio_column=None, max_seconds=5)
    with pytest.raises(ValueError, match="`max_seconds` is about recordings"):
        model.fit(KIND.X, KIND.y)


@pytest.mark.parametrize("max_seconds", [0.1, 0.2])
def test_max_seconds_reaches_the_reader(max_seconds):
    model = make_classifier(max_seconds=max_seconds, trainable="head").fit(KIND.X, KIND.y)
    assert model.audio_encoder_.reader.max_seconds == max_seconds
