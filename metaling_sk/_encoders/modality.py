"""How the encoders of one kind of samples are made and saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from metaling_sk._encoders.encode import freeze
from metaling_sk._encoders.saved_backbone import (
    CONFIG,
    restore_backbone,
    restore_settings,
    save_backbone,
)
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._saving.errors import naming_file


class Modality(ABC):
    """A kind of samples that Transformers encode, such as texts.

    transformers writes the configuration of an encoder and what reads samples for it.

    Attributes
    ----------
    make_encoder : callable
        Makes the encoder for (`EncodingParameters`, samples, whether downloads are shown).
    """

    make_encoder: Callable[..., TransformerEncoder]

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
