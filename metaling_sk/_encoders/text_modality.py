"""How encoders of texts are made and saved: a module with its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from metaling_sk._encoders.dense import Dense
from metaling_sk._encoders.make_encoder import make_text_encoder
from metaling_sk._encoders.modality import Modality
from metaling_sk._encoders.saved_backbone import ENCODER
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.text_tokenizer import TextTokenizer
from metaling_sk._saving.errors import SavedFileError, naming_file

TOKENIZER = f"{ENCODER}/tokenizer"
"""Subfolder of the tokenizer.

It is another one because transformers chooses a tokenizer by a configuration that lies beside it.
"""

PROBES = ("A quick brown fox, 3.5 km!", "这家酒店不错。", "Straße ÉCOLE naïve", "नमस्ते", "a\tb\n c")
"""Texts on which a tokenizer is compared with its copy."""


class TextModality(Modality):
    """How the encoders of texts are made and saved."""

    make_encoder = staticmethod(make_text_encoder)

    def save_reader(self, encoder, folder):
        state = {
            "max_length": encoder.max_length,
            "prompt": encoder.text_tokenizer.prompt,
            "typed": encoder.text_tokenizer.typed,
            "activations": [module.activation for module in encoder.dense],
            "normalize": encoder.normalize,
        }
        encoder.tokenizer.save_pretrained(folder / TOKENIZER)
        self._check_tokenizer(encoder, state, folder)
        return state

    def restore_reader(self, state, folder):
        with naming_file(TOKENIZER):
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                (folder / TOKENIZER).resolve(strict=True),
                trust_remote_code=False,
                local_files_only=True,
            )
            return TextTokenizer(
                tokenizer,
                state["max_length"],
                prompt=state["prompt"],
                typed=state["typed"],
            )

    def assemble(self, backbone, reader, state, weights):
        dense = [
            Dense.from_weights(weights, activation, f"dense.{number}.")
            for number, activation in enumerate(state["activations"])
        ]
        names = "pooling", "max_length", "prompt", "normalize"
        settings = {name: state[name] for name in names}
        return TextEncoder(backbone, reader.tokenizer, layer=-1, dense=dense, **settings)

    @torch.no_grad()
    def check_runs(self, encoder):
        padded = encoder.tokenize(PROBES[:1]).arrays()
        encoder.eval()(**{name: torch.from_numpy(values) for name, values in padded.items()})

    def _check_tokenizer(self, encoder: TextEncoder, state: dict[str, Any], folder: Path) -> None:
        """Raise a ValueError unless the tokenizer is read from the folder as it was."""
        try:
            restored = self.restore_reader(state, folder).tokenizer
            # A call without truncation changes the state of a tokenizer, so a copy is called.
            original = TextTokenizer(encoder.tokenizer, encoder.max_length).tokenizer
            options = {"truncation": False, "padding": False}
            same = restored(list(PROBES), **options) == original(list(PROBES), **options)
        except SavedFileError as error:
            raise ValueError(
                "`encoder`: the tokenizer cannot be stored, because transformers does not read it "
                f"again ({error}); use joblib.dump."
            ) from error
        if not same or len(restored) != len(original):
            raise ValueError(
                "`encoder`: the tokenizer cannot be stored, because transformers reads another one "
                "from what it writes; use joblib.dump."
            )


TEXTS: Modality = TextModality()
