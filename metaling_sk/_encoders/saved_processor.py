"""Saving of encoders of cells: transformers writes the configuration and the processor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from metaling_sk._encoders.saved_backbone import (
    CONFIG,
    ENCODER,
    restore_backbone,
    restore_settings,
    save_backbone,
)
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._saving.errors import SavedFileError, naming_file

PROCESSOR = f"{ENCODER}/processor"
"""Subfolder of the processor."""


@dataclass(frozen=True)
class SavedWithProcessor:
    """How the encoders of one kind of cells are saved.

    Attributes
    ----------
    encoder_class : type of TransformerEncoder
        Made of a backbone, a reader, `pooling` and `layer`.
    reader_class : type of Reader
        Made of a processor and its `settings`.
    read_processor : callable
        Reads a processor of a folder.
    name : str
        What the processor is called.
    """

    encoder_class: Callable[..., TransformerEncoder]
    reader_class: Callable[..., Any]
    read_processor: Callable[..., Any]
    name: str

    def save(self, encoder: Any, folder: Path) -> dict[str, Any]:
        """Write the configuration and the processor of an encoder.

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
            processor as it was.
        """
        state = save_backbone(encoder, folder) | {"reader": encoder.reader.settings}
        encoder.reader.processor.save_pretrained(folder / PROCESSOR)
        try:
            is_same = self.restore_reader(state, folder).digest == encoder.reader.digest
        except SavedFileError:
            is_same = False
        if not is_same:
            raise ValueError(
                f"`encoder`: the {self.name} cannot be stored, because transformers reads another "
                "one from what it writes; use joblib.dump."
            )
        return state

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
            reader = self.restore_reader(state, folder)
            encoder = self.encoder_class(backbone, reader, state["pooling"], layer=-1)
            restore_settings(encoder, state, weights)
            assert encoder.n_features  # What computes the vector of a sample fits together.
        return encoder

    def restore_reader(self, state: dict[str, Any], folder: Path) -> Any:
        """Read the processor of a saved encoder."""
        with naming_file(PROCESSOR):
            processor = self.read_processor(
                (folder / PROCESSOR).resolve(strict=True),
                trust_remote_code=False,
                local_files_only=True,
            )
            return self.reader_class(processor, **state["reader"])
