"""How encoders of cells are made and saved: a module with its processor."""

from __future__ import annotations

from typing import Any

from metaling_sk._encoders.cell_reader import CellReader
from metaling_sk._encoders.modality import C, E, Modality
from metaling_sk._encoders.saved_backbone import ENCODER
from metaling_sk._saving.errors import SavedFileError, naming_file

PROCESSOR = f"{ENCODER}/processor"
"""Subfolder of the processor."""


class CellModality(Modality[C, E]):
    """A kind of cells that Transformers encode.

    Attributes
    ----------
    encoder_class : type of TransformerEncoder
        Made of a backbone, a reader, `pooling` and `layer`.
    reader_class : type of CellReader
        Made of a processor and its `settings`.
    """

    reader_class: type[CellReader]

    def save_reader(self, encoder, folder):
        state = {"reader": encoder.reader.settings}
        encoder.reader.processor.save_pretrained(folder / PROCESSOR)
        try:
            is_same = self.restore_reader(state, folder).digest == encoder.reader.digest
        except SavedFileError:
            is_same = False
        if not is_same:
            raise ValueError(
                f"`encoder`: the {self.reader_class.processor_name} cannot be stored, because "
                "transformers reads another one from what it writes; use joblib.dump."
            )
        return state

    def restore_reader(self, state, folder):
        with naming_file(PROCESSOR):
            processor = self.reader_class.read_processor(
                (folder / PROCESSOR).resolve(strict=True),
                trust_remote_code=False,
                local_files_only=True,
            )
            return self.reader_class(processor, **state["reader"])

    def assemble(self, backbone, reader, state, weights):
        encoder_class: Any = self.encoder_class
        return encoder_class(backbone, reader, state["pooling"], layer=-1)

    def check_runs(self, encoder):
        assert encoder.n_features  # What computes the vector of a sample fits together.
