"""A translator around an encoder-decoder model of transformers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metaling_sk._data.tokens import Tokens, well_formed
from metaling_sk._encoders.text_encoder import max_tokens
from metaling_sk._encoders.text_tokenizer import TextTokenizer
from metaling_sk._utils.messages import name_some
from metaling_sk.translation._checkpoint_files import CheckpointFiles
from metaling_sk.translation._model import Inputs, TranslationModel
from metaling_sk.translation._sentence_pairs import SentencePairs

FILES = CheckpointFiles(
    model_class="AutoModelForSeq2SeqLM",
    processor_class="AutoTokenizer",
    model_name="an encoder-decoder model",
    processor_name="tokenizer",
    fits=lambda model, tokenizer: getattr(
        getattr(model, "config", None), "is_encoder_decoder", False
    ),
)


class CheckpointTranslator(TranslationModel):
    """A model that decodes one token after the other, such as Marian, mT5, NLLB or mBART.

    The languages are told as the tokenizer does it. If it has tokens of languages, such as those
    of NLLB and mBART, both languages must have the names that they have there. Otherwise
    ">>code<< " stands before a text, as in the models of OPUS-MT of several languages; but where
    there is one target language, only if the tokenizer has this token.

    Parameters
    ----------
    model : transformers model
        An encoder-decoder model.
    tokenizer : transformers tokenizer
    max_length : int
        Number of tokens to which texts and translations are truncated. It is smaller where the
        model has fewer positions.
    target_languages : list of str
        The languages to translate to.
    """

    backbone: Any
    kind = "checkpoint"

    def __init__(self, model, tokenizer, max_length: int, target_languages: list[str]):
        super().__init__([])
        self.backbone = model
        self.tokenizer = tokenizer
        self.max_length = min(max_length, max_tokens(model))
        self.has_codes = hasattr(tokenizer, "src_lang")
        self.readers: dict[str | None, TextTokenizer] = {}
        self.add_languages(target_languages)

    @classmethod
    def from_encoder(
        cls, encoder, max_length: int, target_languages: list[str]
    ) -> CheckpointTranslator:
        """Make a model of the parameter `encoder`.

        Raises
        ------
        ValueError
            If it is no encoder-decoder model.
        OSError
            If there is no such folder or model.
        """
        return cls(*FILES.find(encoder), max_length, target_languages)

    def add_languages(self, names: list[str]) -> None:  # noqa: D102
        if self.has_codes:
            for name in names:
                self._code_id(name, "target_language")
        super().add_languages(names)

    def tokenize(self, samples, language, target_language, translations=None):  # noqa: D102
        prefixes = {name: self._prefix(name) for name in set(target_language)}
        texts = np.array(
            [prefixes[name] + text for name, text in zip(target_language, samples, strict=True)],
            dtype=object,
        )
        rows: list[Any] = [None] * len(texts)
        for name in sorted(set(language)) if self.has_codes else [None]:
            chosen = np.arange(len(texts)) if name is None else np.flatnonzero(language == name)
            for index, row in zip(chosen, self._reader(name)(texts[chosen]).to_rows(), strict=True):
                rows[index] = row
        target = None
        if translations is not None:
            target = self._tokenize_translations(translations, target_language)
        return SentencePairs(Tokens.from_rows(rows), self.target_index(target_language), target)

    def forward(self, inputs: Inputs) -> torch.Tensor:  # noqa: D102
        output = self.backbone(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            labels=inputs["labels"],
        )
        return output.loss

    def translate(self, inputs: Inputs, num_beams: int) -> list[str]:
        """Search for the most probable translations, those to each language together."""
        texts = np.empty(len(inputs["target_index"]), dtype=object)
        for index in inputs["target_index"].unique().tolist():
            chosen = inputs["target_index"] == index
            ids = self.backbone.generate(
                input_ids=inputs["input_ids"][chosen],
                attention_mask=inputs["attention_mask"][chosen],
                num_beams=num_beams,
                do_sample=False,
                max_length=None,
                max_new_tokens=self.max_length,
                **self._first_token(self.target_languages[index]),
            )
            found = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
            texts[chosen.cpu().numpy()] = [text.strip() for text in found]
        return texts.tolist()

    def get_state(self, folder: Path) -> dict[str, Any]:  # noqa: D102
        return FILES.save(self.backbone, self.tokenizer, folder) | {
            "max_length": self.max_length,
            "target_languages": self.target_languages,
        }

    @classmethod
    def from_state(cls, state, weights, folder):  # noqa: D102
        restored = FILES.restore(state, weights, folder)
        return cls(*restored, state["max_length"], state["target_languages"])

    def _code_id(self, name: str, parameter: str) -> int:
        """The token of a language."""
        tokenizer = self.tokenizer
        token = getattr(tokenizer, "lang_code_to_token", {}).get(name, name)
        index = tokenizer.convert_tokens_to_ids(token)
        if index is None or index == tokenizer.unk_token_id:
            known = getattr(tokenizer, "lang_code_to_token", None) or tokenizer.extra_special_tokens
            raise ValueError(
                f"`{parameter}`: the tokenizer of `encoder` has no language {name!r}; it has "
                f"{name_some(sorted(known))}. Give the languages in X and `target_language` these "
                "names."
            )
        return index

    def _reader(self, language: str | None) -> TextTokenizer:
        """The tokenizer of texts in a language; None where it does not matter."""
        reader = self.readers.get(language)
        if reader is None:
            tokenizer = self.tokenizer
            if language is not None:
                self._code_id(language, "language")
                tokenizer = copy.deepcopy(tokenizer)
                tokenizer.src_lang = language
            reader = self.readers[language] = TextTokenizer(tokenizer, self.max_length)
        return reader

    def _tokenize_translations(self, translations: np.ndarray, target_language) -> Tokens:
        tokenizer = copy.deepcopy(self.tokenizer)
        rows: list[Any] = [None] * len(translations)
        for name in sorted(set(target_language)):
            if self.has_codes:
                tokenizer.tgt_lang = name
            chosen = np.flatnonzero(target_language == name)
            encoded = tokenizer(
                text_target=[well_formed(text) for text in translations[chosen]],
                truncation=True,
                max_length=self.max_length,
            )
            for index, ids in zip(chosen, encoded["input_ids"], strict=True):
                rows[index] = np.array(ids, dtype=np.int32)
        return Tokens.from_rows(rows)

    def _prefix(self, target_language: str) -> str:
        """What stands before a text so that the model knows the target language."""
        if self.has_codes:
            return ""
        token = f">>{target_language}<<"
        is_known = token in self.tokenizer.get_vocab()
        return f"{token} " if is_known or len(self.target_languages) > 1 else ""

    def _first_token(self, target_language: str) -> dict[str, int]:
        """The arguments that make a translation begin with the token of its language."""
        if not self.has_codes:
            return {}
        index = self._code_id(target_language, "target_language")
        is_first = self._reader(target_language)(np.array([""], dtype=object)).ids[0] == index
        return {"forced_bos_token_id" if is_first else "decoder_start_token_id": index}
