"""What is made of each form that `encoder=` can have, whatever the kind of the samples."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import transformers
from sklearn.base import BaseEstimator
from torch import nn

from metaling_sk._encoders.check_encoder import check_encoder
from metaling_sk._encoders.checkpoint import Checkpoint
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.recipe import Recipe
from metaling_sk._encoders.trainable import set_trainable
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._utils.frozen import is_fitted, not_fitted, unfreeze

C = TypeVar("C", bound=Checkpoint)
E = TypeVar("E", bound=TransformerEncoder)


@dataclass(frozen=True)
class EncoderForms(Generic[C, E]):
    """What becomes of each form of `encoder=`, for one kind of samples.

    Attributes
    ----------
    encoder_class : type of TransformerEncoder
    scratch : callable
        Of a config, or None: random weights.
    files : callable
        Of a name and `show_downloads`: a checkpoint.
    pair : callable
        Of a module in float32 and what belongs to it: both.
    wanted : str
        The sentence of the TypeError for any other form, up to the type that it has.
    way_out : str
        The sentence after it.
    """

    encoder_class: type[E]
    scratch: Callable[[transformers.PretrainedConfig | None], C]
    files: Callable[[Any, bool], C]
    pair: Callable[[nn.Module, Any], C]
    wanted: str
    way_out: str

    def make(
        self,
        parameters: EncodingParameters,
        build: Callable[[C], E],
        make_again: Callable[[], E],
        show_downloads: bool,
    ) -> E:
        """Make an encoder of the caller's own, and check it.

        Parameters
        ----------
        parameters : EncodingParameters
        build : callable
            Makes the encoder of a checkpoint.
        make_again : callable
            Makes the same encoder of files. It can be pickled.
        show_downloads : bool
            Whether the progress of downloads from the hub is shown.

        Raises
        ------
        TypeError
            If `encoder` is of no such form.
        NotFittedError
            If it is an estimator of this package that is not fitted.
        """
        encoder = unfreeze(parameters.encoder, "encoder")
        fitted = getattr(encoder, "_fitted_encoder", None)
        if isinstance(fitted, self.encoder_class):
            return _copy_fitted(fitted)
        checkpoint = self._find_checkpoint(encoder, show_downloads)
        made = build(checkpoint)
        check_encoder(made, checkpoint.key)
        made.pretrained = not is_scratch(encoder)
        if checkpoint.key is not None:
            made.recipe = Recipe(make_again)
        return made

    def _find_checkpoint(self, encoder, show_downloads: bool) -> C:
        """Return what an encoder is made of."""
        if is_scratch(encoder):
            return self.scratch(None if isinstance(encoder, str) else copy.deepcopy(encoder))
        if isinstance(encoder, (str, os.PathLike)):
            return self.files(encoder, show_downloads)
        if isinstance(encoder, tuple) and len(encoder) == 2 and isinstance(encoder[0], nn.Module):
            # Half precision trains badly; `dtype` says in which precision the encoder computes.
            return self.pair(copy.deepcopy(encoder[0]).float(), encoder[1])
        if isinstance(encoder, BaseEstimator) and _needs_fit(encoder):
            raise not_fitted(encoder, "encoder")
        raise TypeError(
            f"`encoder` must be {self.wanted}, got {type(encoder).__name__}. {self.way_out}"
        )


def is_scratch(encoder) -> bool:
    """Return whether `encoder` starts from random weights."""
    return (isinstance(encoder, str) and encoder == "scratch") or isinstance(
        encoder, transformers.PretrainedConfig
    )


def _needs_fit(estimator: BaseEstimator) -> bool:
    """Whether an estimator has an encoder as soon as it is fitted."""
    return hasattr(estimator, "encoder") and not is_fitted(estimator)


def _copy_fitted(encoder: E) -> E:
    """Copy the encoder of a fitted estimator as an encoder that can be trained in full."""
    # The original may be frozen, in low precision, or have low-rank updates.
    encoder = copy.deepcopy(encoder).float()
    encoder.pretrained = True
    encoder.origin = encoder.recipe = None  # It may have been trained.
    set_trainable(encoder, "all")
    return encoder


def name_checkpoints(estimator) -> str:
    """Name the checkpoints in the parameters of an estimator: " of 'owner/name'", or nothing.

    A folder is named without those above it.
    """
    names = []
    for name, value in estimator.get_params().items():
        is_name = isinstance(value, (str, os.PathLike)) and not is_scratch(value)
        if name.split("__")[-1] == "encoder" and is_name:
            path = Path(value)
            is_local = path.is_absolute() or os.path.exists(path)
            names.append(repr(path.name if is_local else os.fspath(value)))
    return f" of {', '.join(names)}" if names else ""
