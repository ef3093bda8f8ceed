"""The parameters of an estimator that decide how its samples become vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class EncodingParameters:
    """The parameters of an estimator that decide its front end.

    Attributes
    ----------
    encoder, pooling, layer, prompt, max_length, max_seconds, trainable, language_norm
        As in `TransferClassifier`. A fitted estimator as `encoder` keeps its own `pooling`,
        `layer`, `prompt`, `max_length` and `max_seconds`.
    normalize : bool, default=False
        Whether vectors of texts have length 1 where the files of sentence-transformers say so.
        Heads on a trained encoder learn slowly on such vectors.
    generates_adapters : bool, default=False
        Whether the network generates the adapters of trainable="adapter".
    """

    encoder: Any
    pooling: str = "auto"
    layer: int | float = -1
    prompt: str = "auto"
    max_length: int = 128
    max_seconds: float = 30.0
    normalize: bool = False
    trainable: str | float = "head"
    language_norm: bool = False
    generates_adapters: bool = False

    @classmethod
    def of(cls, estimator, **others) -> Self:
        """Read what the parameters of an estimator say; `others` are the other attributes."""
        names = "encoder", "pooling", "layer", "prompt", "max_length", "max_seconds"
        return cls(**{name: getattr(estimator, name) for name in names}, **others)
