"""Speech to text by an encoder of recordings and connectionist temporal classification."""

from __future__ import annotations

import copy
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from metaling_sk._data.tokens import Tokens, well_formed
from metaling_sk._encoders.audio_encoder import AudioEncoder
from metaling_sk._encoders.audio_modality import RECORDINGS
from metaling_sk._encoders.encoder_forms import is_scratch
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.scratch_audio import make_scratch_audio
from metaling_sk._encoders.trainable import merge_lora, set_trainable
from metaling_sk._network.trained_front_end import FROM_SCRATCH
from metaling_sk._utils.parameters import MAX_EPOCHS
from metaling_sk.translation._alignment import BLANK, ctc_loss, suspect_long, without_blanks
from metaling_sk.translation._model import Inputs, TranslationModel
from metaling_sk.translation._sentence_pairs import NO_TOKEN, SentencePairs

FRAMES_AT_A_TIME = 2
"""Frames of 10 ms for each of which an encoder from scratch shows at most one character."""

DROPOUT = 0.1

LEARNING_RATE = 1e-4
"""That of a pretrained encoder, on which a head with random weights stands: the usual one."""

MAX_EPOCHS_FROM_SCRATCH = 40
"""Largest number of epochs of random weights: at first they learn to show nothing."""

PREFIX = "backbone.encoder."
"""What the names of the weights of the encoder begin with."""


class CtcRecognizer(TranslationModel):
    """An encoder of recordings hears characters.

    Each vector of the encoder, usually of 20 ms, shows a character or nothing. The loss is that of
    all ways in which they can show the text (CTC [1]_). Some of what decides it is the same for all
    languages, and some is their own.

    Parameters
    ----------
    encoder : AudioEncoder
    characters : list of str
        What can be written.
    target_languages : list of str
        The languages of the texts.

    References
    ----------
    .. [1] Graves et al. (2006). Connectionist temporal classification. ICML.
    """

    backbone: CharacterNetwork
    kind = "ctc"

    def __init__(self, encoder: AudioEncoder, characters: list[str], target_languages: list[str]):
        super().__init__(target_languages)
        self.max_epochs = MAX_EPOCHS if encoder.pretrained else MAX_EPOCHS_FROM_SCRATCH
        self.backbone = CharacterNetwork(encoder, len(characters), len(target_languages))
        self.characters = characters

    @property
    def is_pretrained(self) -> bool:  # noqa: D102
        return self.backbone.encoder.pretrained

    @classmethod
    def from_encoder(
        cls, encoder, max_seconds: float, texts: list[str], target_languages: list[str]
    ) -> CtcRecognizer:
        """Make a model of the parameter `encoder` that writes the characters of texts.

        Raises
        ------
        TypeError, ValueError, OSError
            As `Modality.make_encoder`.
        """
        is_default = isinstance(encoder, str) and encoder == "scratch"
        form = make_scratch_audio(n_frames=FRAMES_AT_A_TIME) if is_default else encoder
        made = RECORDINGS.make_encoder(EncodingParameters(form, max_seconds=max_seconds))
        made.pretrained = not is_scratch(encoder)
        return cls(made, sorted(set("".join(map(_normal, texts)))), target_languages)

    def learning_rate(self, trainable: str) -> float:  # noqa: D102
        is_fine = self.is_pretrained and trainable == "all"
        return LEARNING_RATE if is_fine else FROM_SCRATCH

    def set_trainable(self, trainable: str) -> None:
        """Choose the weights of the encoder that are trained; the others always are."""
        set_trainable(self.backbone.encoder, trainable)

    def without_lora(self) -> CtcRecognizer:  # noqa: D102
        if not self.backbone.encoder.has_lora:
            return self
        merged = copy.deepcopy(self)
        merge_lora(merged.backbone.encoder)
        return merged

    def add_languages(self, names: list[str]) -> None:
        """Begin with the mean of the languages that are known."""
        self.backbone.add_languages(len(names))
        super().add_languages(names)

    def add_words(self, texts: list[str]) -> None:
        """Learn the characters of further texts."""
        new = sorted(set("".join(map(_normal, texts))) - set(self.characters))
        self.backbone.add_characters(len(new))
        self.characters = [*self.characters, *new]

    def tokenize(self, samples, language, target_language, translations=None):  # noqa: D102
        encoder = self.backbone.encoder
        sounds, target = encoder.reader(samples), None
        if translations is not None:
            index_of = {each: number for number, each in enumerate(self.characters, BLANK + 1)}
            rows = [
                np.array([index_of[each] for each in _normal(text)], dtype=np.int32)
                for text in translations
            ]
            target = Tokens.from_rows(rows)
            _suspect_long(encoder.expected_vectors(sounds.n_heard), rows)
        return SentencePairs(sounds, self.target_index(target_language), target)

    def forward(self, inputs: Inputs) -> torch.Tensor:  # noqa: D102
        logits, lengths = self.backbone(
            inputs["sounds"], inputs["attention_mask"], inputs["target_index"]
        )
        labels = inputs["labels"]
        n_characters = (labels != NO_TOKEN).sum(dim=1)
        log_probabilities = logits.float().log_softmax(dim=2)
        return ctc_loss(log_probabilities, labels.clamp(min=BLANK), lengths, n_characters)

    def translate(self, inputs: Inputs, num_beams: int) -> list[str]:
        """Show the most probable character of each step, equal neighbours once."""
        logits, lengths = self.backbone(
            inputs["sounds"], inputs["attention_mask"], inputs["target_index"]
        )
        texts = []
        for row, length in zip(logits.argmax(dim=2).cpu().numpy(), lengths.tolist(), strict=True):
            shown = without_blanks(row[:length])
            text = "".join(self.characters[index - BLANK - 1] for index in shown)
            texts.append(" ".join(text.split()))
        return texts

    def get_state(self, folder: Path) -> dict[str, Any]:  # noqa: D102
        return {
            "encoder": RECORDINGS.save(self.backbone.encoder, folder),
            "characters": self.characters,
            "target_languages": self.target_languages,
        }

    @classmethod
    def from_state(cls, state, weights, folder):  # noqa: D102
        own = {
            name.removeprefix(PREFIX): weight
            for name, weight in weights.items()
            if name.startswith(PREFIX)
        }
        encoder: Any = RECORDINGS.restore(state["encoder"], own, folder)
        return cls(encoder, state["characters"], state["target_languages"])


class CharacterNetwork(nn.Module):
    """The network of a `CtcRecognizer`.

    Parameters
    ----------
    encoder : AudioEncoder
    n_characters, n_languages : int
        Number of outputs beside nothing, and of languages.
    """

    def __init__(self, encoder: AudioEncoder, n_characters: int, n_languages: int):
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(encoder.n_features, 1 + n_characters)
        shape = n_languages, 1 + n_characters, encoder.n_features
        self.own_heads = nn.Parameter(torch.zeros(shape))

    def forward(
        self, sounds: torch.Tensor, mask: torch.Tensor, target_index: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute what each part of a recording shows.

        Returns
        -------
        logits : Tensor of shape (n_recordings, n_parts, 1 + n_characters)
        lengths : int64 Tensor of shape (n_recordings,)
            The number of parts in which something is heard.
        """
        hidden, lengths = self.encoder.encode_parts(sounds, mask)
        hidden = self.dropout(hidden)
        own = hidden @ self.own_heads[target_index].transpose(1, 2)
        return self.head(hidden) + own, lengths

    def add_languages(self, n_new: int) -> None:
        """Make room for further languages, which begin as the mean of the others."""
        heads = self.own_heads.detach()
        self.own_heads.data = torch.cat([heads, heads.mean(dim=0).expand(n_new, -1, -1)])

    def add_characters(self, n_new: int) -> None:
        """Make room for further characters, which are as probable as the mean of the others."""
        head = self.head
        head.weight.data = F.pad(head.weight.detach(), (0, 0, 0, n_new))
        head.bias.data = F.pad(head.bias.detach(), (0, n_new))
        head.out_features += n_new
        self.own_heads.data = F.pad(self.own_heads.detach(), (0, 0, 0, n_new))


def _normal(text: str) -> str:
    """The text in one form of Unicode, with single blanks, without halves of surrogate pairs."""
    return " ".join(unicodedata.normalize("NFC", well_formed(text)).split())


def _suspect_long(n_vectors: np.ndarray, texts: list[np.ndarray]) -> None:
    """Warn if many texts have too many characters for the vectors of their recordings."""
    # Between two equal characters a vector has to show nothing.
    needed = np.array([len(text) + (np.diff(text) == 0).sum() for text in texts])
    suspect_long(
        needed > n_vectors,
        "transcriptions have more characters than the encoder has vectors of their recordings, and "
        "are not learnt from. Check `max_seconds`, and that y belongs to X.",
    )
