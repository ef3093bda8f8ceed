"""How the encoders of one kind of samples are made and saved."""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
import transformers
from sklearn.base import BaseEstimator
from torch import nn

from metaling_sk._data.samples import Samples
from metaling_sk._encoders.check_encoder import check_encoder
from metaling_sk._encoders.checkpoint import Checkpoint
from metaling_sk._encoders.encode import freeze
from metaling_sk._encoders.encoder_forms import is_scratch
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.recipe import Recipe
from metaling_sk._encoders.saved_backbone import (
    CONFIG,
    restore_backbone,
    restore_settings,
    save_backbone,
)
from metaling_sk._encoders.trainable import set_trainable
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._saving.errors import naming_file
from metaling_sk._utils.frozen import is_fitted, not_fitted, unfreeze

C = TypeVar("C", bound=Checkpoint)
E = TypeVar("E", bound=TransformerEncoder)


class Modality(ABC, Generic[C, E]):
    """A kind of samples that Transformers encode, such as texts.

    transformers writes the configuration of an encoder and what reads samples for it.

    Attributes
    ----------
    name : str
        What `Samples.kind` calls the samples.
    encoder_class : type of TransformerEncoder
    wanted : str
        What `encoder` must be, for the TypeError of any other form.
    way_out : str
        The last sentence of this error.
    """

    name: ClassVar[str]
    encoder_class: type[E]
    wanted: ClassVar[str]
    way_out: ClassVar[str]

    def make_encoder(
        self,
        parameters: EncodingParameters,
        samples: Samples | None = None,
        show_downloads: bool = False,
    ) -> E:
        """Make an encoder of the caller's own, and check it.

        Parameters
        ----------
        parameters : EncodingParameters
        samples : Samples, optional
            The samples of `fit`, for what an encoder from scratch learns from them.
        show_downloads : bool, default=False
            Whether the progress of downloads from the hub is shown.

        Raises
        ------
        TypeError
            If `encoder` is of no accepted form.
        NotFittedError
            If it is an estimator of this package that is not fitted.
        OSError
            If there is no such folder or model, it is none of these samples, or it cannot be
            downloaded.
        ValueError
            If it is no encoder of these samples, a weight is missing, or its files say something
            that cannot be followed.
        """
        encoder = unfreeze(parameters.encoder, "encoder")
        fitted = getattr(encoder, "_fitted_encoder", None)
        if isinstance(fitted, self.encoder_class):
            return _copy_fitted(fitted)
        checkpoint = self._find_checkpoint(encoder, samples, show_downloads)
        made = self.build(checkpoint, parameters)
        check_encoder(made, checkpoint.key)
        made.pretrained = not is_scratch(encoder)
        if checkpoint.key is not None:
            made.recipe = Recipe(partial(self.make_encoder, parameters))
        return made

    def _find_checkpoint(self, encoder, samples: Samples | None, show_downloads: bool) -> C:
        """What an encoder is made of."""
        if is_scratch(encoder):
            config = None if isinstance(encoder, str) else copy.deepcopy(encoder)
            return self.from_scratch(config, samples)
        if isinstance(encoder, (str, os.PathLike)):
            return self.from_files(encoder, show_downloads)
        if isinstance(encoder, tuple) and len(encoder) == 2 and isinstance(encoder[0], nn.Module):
            # Half precision trains badly; `dtype` says in which precision the encoder computes.
            return self.from_pair(copy.deepcopy(encoder[0]).float(), encoder[1])
        if isinstance(encoder, BaseEstimator) and _needs_fit(encoder):
            raise not_fitted(encoder, "encoder")
        raise TypeError(
            f"`encoder` must be {self.wanted}, got {type(encoder).__name__}. {self.way_out}"
        )

    @abstractmethod
    def from_scratch(
        self, config: transformers.PretrainedConfig | None, samples: Samples | None
    ) -> C:
        """Make a checkpoint with random weights."""

    @abstractmethod
    def from_files(self, name, show_downloads: bool) -> C:
        """Read a checkpoint from a folder or the hub."""

    @abstractmethod
    def from_pair(self, module: nn.Module, processor) -> C:
        """Make a checkpoint of a module in float32 and the tokenizer or processor beside it."""

    @abstractmethod
    def build(self, checkpoint: C, parameters: EncodingParameters) -> E:
        """Make the encoder of a checkpoint."""

    def save(self, encoder: Any, folder: Path) -> dict[str, Any]:
        """Write the configuration and the reader of an encoder.

        Parameters
        ----------
        encoder : TransformerEncoder
            The encoder; its weights are not written.
        folder : Path
            The folder to write to.

        Returns
        -------
        dict
            The other values that `restore` needs.

        Raises
        ------
        ValueError
            If transformers does not make the module from its configuration, or does not read the
            tokenizer or processor as it was.
        """
        return save_backbone(encoder, folder) | self.save_reader(encoder, folder)

    def restore(
        self, state: dict[str, Any], weights: dict[str, torch.Tensor], folder: Path
    ) -> TransformerEncoder:
        """Make an encoder of the shape of the weights, which are not loaded.

        Parameters
        ----------
        state : dict
            The values that `save` returned.
        weights : dict of str to Tensor
            The weights that are to be loaded into the encoder.
        folder : Path
            The folder that `save` wrote to.

        Returns
        -------
        TransformerEncoder

        Raises
        ------
        ValueError
            If the files do not belong to the weights.
        """
        with naming_file(CONFIG):
            backbone = restore_backbone(state, weights, folder)
            encoder = self.assemble(backbone, self.restore_reader(state, folder), state, weights)
            restore_settings(encoder, state, weights)
            self.check_runs(encoder)
        return encoder

    def save_frozen(self, encoder: TransformerEncoder, folder: Path) -> dict[str, Any]:
        """Write the files of a frozen encoder. Return the rest of its state, with the weights."""
        return {"encoder": self.save(encoder, folder), "weights": encoder.state_dict()}

    def restore_frozen(self, state: dict[str, Any], folder: Path) -> TransformerEncoder:
        """Make the frozen encoder of what `save_frozen` has returned."""
        weights = state["weights"]
        encoder = self.restore(state["encoder"], weights, folder)
        freeze(encoder, torch.device("cpu"), next(iter(weights.values())).dtype)
        encoder.load_state_dict(weights)
        return encoder

    @abstractmethod
    def save_reader(self, encoder: Any, folder: Path) -> dict[str, Any]:
        """Write the tokenizer or processor; return what else of the state is particular to it."""

    @abstractmethod
    def restore_reader(self, state: dict[str, Any], folder: Path) -> Any:
        """Read what reads samples for a saved encoder."""

    @abstractmethod
    def assemble(
        self, backbone: nn.Module, reader: Any, state: dict[str, Any], weights
    ) -> TransformerEncoder:
        """Make the encoder of its parts."""

    @abstractmethod
    def check_runs(self, encoder: Any) -> None:
        """Raise an error if the parts of an encoder do not fit together."""


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
