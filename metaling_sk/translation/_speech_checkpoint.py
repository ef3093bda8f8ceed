"""Speech to text by an encoder-decoder checkpoint of transformers."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from metaling_sk._data.languages import UNNAMED_LANGUAGE
from metaling_sk._data.tokens import Tokens, well_formed
from metaling_sk._encoders.audio_reader import INPUT_NAMES, AudioReader
from metaling_sk._encoders.hub import find_hub_problem
from metaling_sk._utils.messages import name_some, warn_user
from metaling_sk.translation._checkpoint_files import CheckpointFiles
from metaling_sk.translation._model import Inputs, TranslationModel
from metaling_sk.translation._sentence_pairs import NO_TOKEN, SentencePairs

ENGLISH = "en"
"""The language that Whisper translates to."""


def _fits(model, processor) -> bool:
    is_decoder = getattr(getattr(model, "config", None), "is_encoder_decoder", False)
    parts = ("feature_extractor", "tokenizer")
    takes_sound = getattr(model, "main_input_name", None) in INPUT_NAMES
    return is_decoder and takes_sound and all(hasattr(processor, part) for part in parts)


def has_decoder(encoder) -> bool:
    """Whether the parameter `encoder` is a model that writes by itself, with its processor."""
    if isinstance(encoder, tuple):
        return len(encoder) == 2 and _fits(*encoder)
    if not isinstance(encoder, (str, os.PathLike)) or encoder == "scratch":
        return False
    try:
        config = transformers.AutoConfig.from_pretrained(
            encoder,
            trust_remote_code=False,
            local_files_only=find_hub_problem(str(encoder)) is not None,
        )
    except (OSError, ValueError):  # Whoever reads the checkpoint says what is wrong with it.
        return False
    return type(config) in transformers.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING


FILES = CheckpointFiles(
    model_class="AutoModelForSpeechSeq2Seq",
    processor_class="AutoProcessor",
    model_name="a speech-to-text model with a decoder, such as Whisper,",
    processor_name="processor",
    fits=_fits,
)


class CheckpointRecognizer(TranslationModel):
    """A model that hears a recording and writes one token after the other, such as Whisper.

    What the decoder begins with tells Whisper the language of a recording and the task. A
    recording is written down in its own language, or translated into English; Whisper knows no
    translation into other languages, and gets the token of the other language for it. A language
    that has no token is not told.

    Parameters
    ----------
    model : transformers model
        An encoder-decoder model of recordings.
    processor : transformers processor
        Has a `feature_extractor` and a `tokenizer`.
    max_length : int
        Number of tokens to which texts are truncated.
    max_seconds : float
        What comes later in a recording is left out.
    target_languages : list of str
        The languages of the texts.
    """

    backbone: Any
    kind = "speech checkpoint"

    def __init__(
        self, model, processor, max_length: int, max_seconds: float, target_languages: list[str]
    ):
        super().__init__(target_languages)
        self.backbone = model
        self.processor = processor
        self.reader = AudioReader(processor.feature_extractor, max_seconds)
        self.max_length = max_length

    @classmethod
    def from_encoder(
        cls, encoder, max_length: int, max_seconds: float, target_languages: list[str]
    ) -> CheckpointRecognizer:
        """Make a model of the parameter `encoder`.

        Raises
        ------
        ValueError
            If it is no such model.
        OSError
            If there is no such folder or model.
        """
        model, processor = FILES.find(encoder)
        return cls(model, copy.deepcopy(processor), max_length, max_seconds, target_languages)

    def tokenize(self, samples, language, target_language, translations=None):  # noqa: D102
        prompts = [self._prompt(*pair) for pair in zip(language, target_language, strict=True)]
        target = None
        if translations is not None:
            self._suspect_languages(language)
            target = self._tokenize_texts(translations, prompts)
        return SentencePairs(
            self.reader(samples),
            self.target_index(target_language),
            target,
            Tokens.from_rows([np.array(prompt, dtype=np.int32) for prompt in prompts]),
        )

    def forward(self, inputs: Inputs) -> torch.Tensor:  # noqa: D102
        return self.backbone(**self._sounds(inputs), labels=inputs["labels"]).loss

    def translate(self, inputs: Inputs, num_beams: int) -> list[str]:
        """Search for the most probable texts, those that begin in the same way together."""
        rows = [tuple(row[row != NO_TOKEN]) for row in inputs["prompts"].cpu().numpy()]
        texts = np.empty(len(rows), dtype=object)
        for prompt in sorted(set(rows)):
            chosen = np.flatnonzero([row == prompt for row in rows])
            part = {name: each[chosen] for name, each in inputs.items()}
            beginning = torch.tensor([self._start, *prompt], device=inputs["prompts"].device)
            # Whisper's own method takes one language and no prompt; this one is for all models.
            ids = transformers.GenerationMixin.generate(
                self.backbone,
                **self._sounds(part),
                decoder_input_ids=beginning.repeat(len(chosen), 1),
                num_beams=num_beams,
                do_sample=False,
                max_length=None,
                max_new_tokens=self._max_text(prompt),
            )
            found = self.processor.tokenizer.batch_decode(
                ids[:, len(beginning) :], skip_special_tokens=True
            )
            texts[chosen] = [text.strip() for text in found]
        return texts.tolist()

    def get_state(self, folder: Path) -> dict[str, Any]:  # noqa: D102
        return FILES.save(self.backbone, self.processor, folder) | {
            "max_length": self.max_length,
            "max_seconds": self.reader.max_seconds,
            "target_languages": self.target_languages,
        }

    @classmethod
    def from_state(cls, state, weights, folder):  # noqa: D102
        restored = FILES.restore(state, weights, folder)
        return cls(*restored, state["max_length"], state["max_seconds"], state["target_languages"])

    @property
    def _start(self) -> int:
        """The token before the first one."""
        settings = (self.backbone.generation_config, self.backbone.config)
        starts = (getattr(each, "decoder_start_token_id", None) for each in settings)
        return next(start for start in starts if start is not None)

    def _setting(self, name: str) -> Any:
        """What the model's settings of generation say of prompts; None if there is nothing."""
        return getattr(self.backbone.generation_config, name, None)

    def _prompt(self, language: str, target_language: str) -> list[int]:
        """The tokens between the first one and the text."""
        is_english = target_language == ENGLISH != language
        languages = self._setting("lang_to_id") or {}
        tasks = self._setting("task_to_id") or {}
        spoken = language if is_english else target_language
        tokens = (
            languages.get(f"<|{spoken}|>"),
            tasks.get("translate" if is_english else "transcribe") if languages else None,
            self._setting("no_timestamps_token_id"),
        )
        return [token for token in tokens if token is not None]

    def _suspect_languages(self, language: np.ndarray) -> None:
        """Warn of languages that have no token in a model that has some."""
        known = self._setting("lang_to_id") or {}
        lacking = [
            name
            for name in sorted(set(language))
            if known and name != UNNAMED_LANGUAGE and f"<|{name}|>" not in known
        ]
        if lacking:
            names = sorted(token.strip("<|>") for token in known)
            warn_user(
                f"`encoder` has no token of {name_some(lacking)}, so that it is not told of this "
                f"language. It has tokens of {name_some(names)}. If it knows the language by "
                "another name, give it that name in X."
            )

    def _max_text(self, prompt) -> int:
        """How many tokens a text can have, the last one among them."""
        n_positions = getattr(self.backbone.config, "max_target_positions", None)
        if n_positions is None:
            return self.max_length
        return min(self.max_length, n_positions - 1 - len(prompt))

    def _tokenize_texts(self, texts: np.ndarray, prompts: list[list[int]]) -> Tokens:
        tokenizer = self.processor.tokenizer
        encoded = tokenizer(list(map(well_formed, texts)), add_special_tokens=False)["input_ids"]
        rows = [
            [*prompt, *ids[: self._max_text(prompt) - 1], tokenizer.eos_token_id]
            for prompt, ids in zip(prompts, encoded, strict=True)
        ]
        return Tokens.from_rows([np.array(row, dtype=np.int32) for row in rows])

    def _sounds(self, inputs: Inputs) -> Inputs:
        """The recordings as the model takes them."""
        values = inputs["sounds"]
        values = values.transpose(1, 2) if self.reader.bands_first else values
        return {self.reader.input_name: values, "attention_mask": inputs["attention_mask"]}
