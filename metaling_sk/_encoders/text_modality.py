"""How encoders of texts are made and saved: a module with its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from metaling_sk._encoders.backbone import without_decoder
from metaling_sk._encoders.checkpoint import TextCheckpoint, load_checkpoint
from metaling_sk._encoders.dense import Dense
from metaling_sk._encoders.modality import Modality
from metaling_sk._encoders.saved_backbone import ENCODER
from metaling_sk._encoders.scratch import make_scratch
from metaling_sk._encoders.sentence_folder import SentenceSettings
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.text_tokenizer import TextTokenizer
from metaling_sk._saving.errors import SavedFileError, naming_file

TOKENIZER = f"{ENCODER}/tokenizer"
"""Subfolder of the tokenizer.

It is another one because transformers chooses a tokenizer by a configuration that lies beside it.
"""

PROBES = ("A quick brown fox, 3.5 km!", "这家酒店不错。", "Straße ÉCOLE naïve", "नमस्ते", "a\tb\n c")
"""Texts on which a tokenizer is compared with its copy."""


class TextModality(Modality[TextCheckpoint, TextEncoder]):
    """Texts.

    For pooling="auto" and prompt="auto" the files of sentence-transformers in the folder are
    followed, with their modules on top of the pooled vectors; without such files "mean" is pooled,
    and there is no prompt.
    """

    name = "texts"
    encoder_class = TextEncoder
    wanted = (
        "'scratch', a name or path of a transformers model, a transformers config, a pair "
        "(module, tokenizer) or a fitted estimator of metaling_sk with a text encoder"
    )
    way_out = (
        "An sklearn transformer of texts makes vectors by itself: it is an `encoder` of "
        "classifiers and regressors, alone or in a union with EncoderVectorizer."
    )

    def make_encoder(self, parameters, samples=None, show_downloads=False):
        text_encoder = super().make_encoder(parameters, samples, show_downloads)
        if text_encoder.recipe is not None:
            text_encoder.text_tokenizer.recipe = text_encoder.recipe
        return text_encoder

    def from_scratch(self, config, samples):
        assert samples is not None and samples.texts is not None
        return TextCheckpoint(*make_scratch(samples.texts, samples.language, config))

    def from_files(self, name, show_downloads):
        return load_checkpoint(name, show_downloads)

    def from_pair(self, module, processor):
        return TextCheckpoint(module, processor)

    def build(self, checkpoint, parameters):
        settings = checkpoint.settings
        text_encoder = TextEncoder(
            without_decoder(checkpoint.model),
            checkpoint.processor,
            layer=parameters.layer,
            max_length=min(parameters.max_length, settings.max_length or parameters.max_length),
            prompt=settings.prompt if parameters.prompt == "auto" else parameters.prompt,
            origin=checkpoint.key,
            **_vector_settings(settings, parameters.pooling),
        )
        prompt = text_encoder.text_tokenizer.prompt
        if prompt and parameters.pooling == "auto" and not settings.pools_prompt:
            raise _refusal("it does not pool the tokens of the prompt")
        text_encoder.normalize &= parameters.normalize
        return text_encoder

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


def _vector_settings(settings: SentenceSettings, pooling: str) -> dict[str, Any]:
    """What becomes of the vectors of the tokens."""
    if pooling != "auto":
        return {"pooling": pooling}
    if settings.refusal:
        raise _refusal(settings.refusal)
    names = "pooling", "dense", "normalize"
    return {name: getattr(settings, name) for name in names}


def _refusal(reason: str) -> ValueError:
    return ValueError(
        f"`encoder`: the files of sentence-transformers in its folder cannot be followed: {reason}."
        " Choose how to pool the output of the Transformer itself, such as pooling='mean'."
    )


TEXTS = TextModality()
