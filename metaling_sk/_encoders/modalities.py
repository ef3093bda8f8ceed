"""The kinds of samples that Transformers encode."""

from __future__ import annotations

from metaling_sk._encoders.audio_modality import RECORDINGS
from metaling_sk._encoders.image_modality import IMAGES
from metaling_sk._encoders.modality import Modality
from metaling_sk._encoders.text_modality import TEXTS

KINDS: tuple[Modality, ...] = (TEXTS, IMAGES, RECORDINGS)

MODALITIES = {modality.name: modality for modality in KINDS}
"""How their encoders are made and saved, by what `Samples.kind` calls them."""
