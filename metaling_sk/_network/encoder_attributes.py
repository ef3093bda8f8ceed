"""The attributes in which users find the encoder of a fitted estimator."""

from __future__ import annotations

from metaling_sk._encoders.audio_encoder import AudioEncoder
from metaling_sk._encoders.image_encoder import ImageEncoder
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.transformer_encoder import TransformerEncoder


class EncoderAttributesMixin:
    """The encoder of an estimator, by the kind of the samples; a subclass has `_fitted_encoder`."""

    _fitted_encoder: TransformerEncoder | None
    """None where no Transformer encodes the samples; an AttributeError before `fit`."""

    @property
    def text_encoder_(self) -> TextEncoder | None:
        """The Transformer that encodes the texts; None for other samples."""
        encoder = self._fitted_encoder
        return encoder if isinstance(encoder, TextEncoder) else None

    @property
    def image_encoder_(self) -> ImageEncoder | None:
        """The Transformer that encodes the images; None for other samples."""
        encoder = self._fitted_encoder
        return encoder if isinstance(encoder, ImageEncoder) else None

    @property
    def audio_encoder_(self) -> AudioEncoder | None:
        """The Transformer that encodes the recordings; None for other samples."""
        encoder = self._fitted_encoder
        return encoder if isinstance(encoder, AudioEncoder) else None
