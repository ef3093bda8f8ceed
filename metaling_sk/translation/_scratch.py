"""A small translator with random weights, which begins as a copy of its input."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from torch import nn

from metaling_sk._data.tokens import Tokens
from metaling_sk._encoders.text_tokenizer import TextTokenizer
from metaling_sk.translation._alignment import BLANK, ctc_loss, suspect_long, without_blanks
from metaling_sk.translation._byte_pairs import END, grow_tokenizer, train_tokenizer
from metaling_sk.translation._model import Inputs, TranslationModel
from metaling_sk.translation._sentence_pairs import NO_TOKEN, SentencePairs

N_FEATURES, N_HEADS, N_LAYERS = 64, 4, 1
"""The size of the vectors, and the number of heads and layers."""

N_SLOTS = 2
"""The largest number of tokens that a token of the source becomes."""

SHARPNESS = 8.0
"""Factor of the cosines of vectors and embeddings at the start."""

BLANK_LOGITS = (2.0, 6.0)
"""Logits of the blank in each slot at the start: the first one shows a token, the second none."""

POSITION_SCALE = 0.3
"""Size of the vectors of positions, compared with embeddings."""

LEARNING_RATE = 5e-3


class ScratchTranslator(TranslationModel):
    """Every token becomes up to two tokens, in the same order.

    Each token of the text has two slots. An encoder computes a vector for each slot, and its
    similarities to the embeddings of all tokens are the logits of what the slot shows: a token, or
    nothing. The loss is that of all ways in which the slots can show the translation (CTC [1]_).
    As the embeddings of input and output are the same and layers begin at zero, the network begins
    as a copy of its input, and learns what to change. Some of the change of a token is the same for
    all target languages, and some is their own. A language shows the tokens of its own texts and
    translations only, and copies all others.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        Its tokens 0 and 1 are the blank and the end.
    max_length : int
        Number of tokens to which texts and translations are truncated.
    target_languages : list of str
        The languages to translate to.

    References
    ----------
    .. [1] Graves et al. (2006). Connectionist temporal classification. ICML.
    """

    backbone: SlotNetwork
    kind = "scratch"

    def __init__(self, tokenizer, max_length: int, target_languages: list[str]):
        super().__init__(target_languages)
        self.text_tokenizer = TextTokenizer(tokenizer, max_length)
        self.backbone = SlotNetwork(len(tokenizer), len(target_languages))

    @classmethod
    def from_texts(
        cls, texts: list[str], max_length: int, target_languages: list[str]
    ) -> ScratchTranslator:
        """Make a model whose tokenizer is trained on texts of all languages."""
        return cls(train_tokenizer(texts), max_length, target_languages)

    @property
    def is_pretrained(self) -> bool:  # noqa: D102
        return False

    def learning_rate(self, trainable: str) -> float:  # noqa: D102
        return LEARNING_RATE

    def add_languages(self, names: list[str]) -> None:
        """Begin as copies that share what is the same for all languages."""
        self.backbone.add_languages(len(names))
        super().add_languages(names)

    def begin_as(self, name: str, known: str) -> None:
        """Let a new language begin as one that is known, with its tokens and changes."""
        self.backbone.begin_as(*map(self.target_languages.index, (name, known)))

    def add_words(self, texts: list[str]) -> None:
        """Learn tokens of further translations, which begin as those of a new model do."""
        old = self.text_tokenizer
        tokenizer = grow_tokenizer(old.tokenizer, texts)
        self.backbone.add_tokens(len(tokenizer) - len(old.tokenizer))
        self.text_tokenizer = TextTokenizer(tokenizer, old.max_length)

    def tokenize(self, samples, language, target_language, translations=None):  # noqa: D102
        source = self.text_tokenizer(samples)
        target = None
        if translations is not None:
            target = self.text_tokenizer(translations)
            self.backbone.use(self.target_index(target_language), source, target)
            suspect_long(
                target.lengths > N_SLOTS * source.lengths,
                "translations have more than twice as many tokens as their texts, and are not "
                "learnt from. Use a checkpoint for languages this different.",
            )
        return SentencePairs(source, self.target_index(target_language), target)

    def forward(self, inputs: Inputs) -> torch.Tensor:  # noqa: D102
        target_index, labels = inputs["target_index"], inputs["labels"]
        vectors, blank, lengths = self.backbone(
            inputs["input_ids"], inputs["attention_mask"], target_index
        )
        n_tokens = (labels != NO_TOKEN).sum(dim=1)
        all_tokens = torch.empty_like(blank, dtype=torch.float32)
        for chosen, _, logits in self.backbone.own_logits(vectors, target_index):
            all_tokens[chosen] = logits.float().logsumexp(dim=2)
        # The loss looks at the tokens of this batch alone, of which the first one is the blank. A
        # text that holds the name of the blank has its token.
        tokens, index = labels.clamp(min=END).unique(return_inverse=True)
        shown = vectors @ self.backbone.directions()[tokens].T
        logits = torch.cat([blank[:, :, None], shown], dim=2).float()
        log_probabilities = logits - torch.logaddexp(all_tokens, logits[:, :, 0])[:, :, None]
        return ctc_loss(log_probabilities, index + 1, lengths, n_tokens)

    def translate(self, inputs: Inputs, num_beams: int) -> list[str]:
        """Show the most probable token of each slot, equal neighbours once.

        A token that no text or translation of the training in this language has is shown as it is.
        """
        ids, target_index = inputs["input_ids"], inputs["target_index"]
        vectors, blank, lengths = self.backbone(ids, inputs["attention_mask"], target_index)
        best = torch.full_like(blank, BLANK, dtype=torch.int64)
        for chosen, tokens, logits in self.backbone.own_logits(vectors, target_index):
            values, index = logits.max(dim=2)
            best[chosen] = torch.where(values > blank[chosen], tokens[index], BLANK)
        copies = torch.stack([ids, torch.full_like(ids, BLANK)], dim=2).flatten(1)
        is_used = self.backbone.is_used[target_index[:, None], ids]
        is_used = is_used.repeat_interleave(N_SLOTS, dim=1)
        found = torch.where(is_used, best, copies).cpu().numpy()
        rows = [row[:length] for row, length in zip(found, lengths.tolist(), strict=True)]
        shown = [without_blanks(row).tolist() for row in rows]
        decode = self.text_tokenizer.tokenizer.decode
        return [decode(ids, skip_special_tokens=True).strip() for ids in shown]

    def get_state(self, folder: Path) -> dict[str, Any]:  # noqa: D102
        self.text_tokenizer.tokenizer.save_pretrained(folder / "tokenizer")
        return {
            "max_length": self.text_tokenizer.max_length,
            "target_languages": self.target_languages,
        }

    @classmethod
    def from_state(cls, state, weights, folder):  # noqa: D102
        tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(
            (folder / "tokenizer").resolve(strict=True), local_files_only=True
        )
        return cls(tokenizer, state["max_length"], state["target_languages"])


class SlotNetwork(nn.Module):
    """The network of a `ScratchTranslator`.

    Parameters
    ----------
    n_tokens, n_languages : int
        Size of the vocabulary, and number of target languages.

    Attributes
    ----------
    is_used : bool Tensor of shape (n_languages, n_tokens)
        The tokens of the texts and translations that it was trained on in each target language, or
        in the one that it began as. It shows no others.
    """

    is_used: torch.Tensor

    def __init__(self, n_tokens: int, n_languages: int):
        super().__init__()
        size = N_FEATURES**-0.5
        self.embedding = nn.Embedding(n_tokens, N_FEATURES)
        nn.init.normal_(self.embedding.weight, std=size)
        self.change = nn.Embedding(n_tokens, N_FEATURES)
        nn.init.zeros_(self.change.weight)
        self.languages = nn.Embedding(n_languages, N_FEATURES)
        nn.init.normal_(self.languages.weight, std=0.1 * size)
        self.own_changes = nn.Parameter(torch.zeros(n_languages, n_tokens, N_FEATURES))
        self.slots = nn.Parameter(torch.randn(N_SLOTS, N_FEATURES) * 0.1 * size)
        self.layers = nn.ModuleList(_new_layer() for _ in range(N_LAYERS))
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.blank = nn.Linear(N_FEATURES, 1, bias=False)
        self.blank_bias = nn.Parameter(torch.tensor(BLANK_LOGITS))
        self.dropout = nn.Dropout(0.1)
        self.register_buffer("is_used", torch.zeros(n_languages, n_tokens, dtype=torch.bool))

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, target_index: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Compute what the slots show.

        Returns
        -------
        vectors : Tensor of shape (n_texts, n_slots, n_features)
            Their products with `directions` are the logits of tokens.
        blank : Tensor of shape (n_texts, n_slots)
            The logit of nothing.
        lengths : int64 Tensor of shape (n_texts,)
            The number of slots that are no padding.
        """
        vectors = self.embedding(ids) + self.change(ids) + _positions(ids)
        target_index = target_index[:, None]
        vectors = vectors + self.languages(target_index) + self.own_changes[target_index, ids]
        vectors = (self.dropout(vectors)[:, :, None] + self.slots).flatten(1, 2)
        is_padding = (mask == 0).repeat_interleave(N_SLOTS, dim=1)
        for layer in self.layers:
            vectors = layer(vectors, src_key_padding_mask=is_padding)
        vectors = self.dropout(vectors)
        blank = self.blank(vectors).squeeze(2) + self.blank_bias.repeat(ids.shape[1])
        vectors = self.sharpness * F.normalize(vectors, dim=2)
        return vectors, blank, (~is_padding).sum(dim=1)

    def use(self, target_index: np.ndarray, *tokens: Tokens) -> None:
        """Note the tokens of texts and of their translations."""
        for each in tokens:
            languages = torch.from_numpy(np.repeat(target_index, each.lengths))
            self.is_used[languages, torch.from_numpy(each.ids.astype(np.int64))] = True
        self.is_used[:, BLANK] = False

    def own_logits(
        self, vectors: torch.Tensor, target_index: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Compute for each target language the logits of its tokens.

        Yields
        ------
        chosen : bool Tensor of shape (n_texts,)
            The texts that are translated into the language.
        tokens : int64 Tensor of shape (n_own_tokens,)
        logits : Tensor of shape (n_chosen, n_slots, n_own_tokens)
        """
        directions = self.directions()
        for index in target_index.unique():
            chosen, tokens = target_index == index, self.is_used[index].nonzero().squeeze(1)
            yield chosen, tokens, vectors[chosen] @ directions[tokens].T

    def add_languages(self, n_new: int) -> None:
        """Make room for further languages, which have no tokens and no changes of their own."""
        self.is_used = F.pad(self.is_used, (0, 0, 0, n_new))
        self.own_changes.data = F.pad(self.own_changes.detach(), (0, 0, 0, 0, 0, n_new))
        vectors = self.languages.weight.detach()
        self.languages.weight.data = torch.cat([vectors, vectors.mean(dim=0).expand(n_new, -1)])
        self.languages.num_embeddings += n_new

    def begin_as(self, index: int, known: int) -> None:
        """Let a language that was added begin as one that is known."""
        for table in (self.is_used, self.languages.weight.data, self.own_changes.data):
            table[index] = table[known]

    def add_tokens(self, n_new: int) -> None:
        """Make room for further tokens: random vectors, and no changes yet."""
        for table, size in ((self.embedding, N_FEATURES**-0.5), (self.change, 0.0)):
            new = torch.randn(n_new, N_FEATURES).to(table.weight) * size
            table.weight.data = torch.cat([table.weight.detach(), new])
            table.num_embeddings += n_new
        self.is_used = F.pad(self.is_used, (0, n_new))
        self.own_changes.data = F.pad(self.own_changes.detach(), (0, 0, 0, n_new))

    def directions(self) -> torch.Tensor:
        """The embeddings, all of length 1."""
        return F.normalize(self.embedding.weight, dim=1)


def _new_layer() -> nn.Module:
    """A layer that computes nothing at the start."""
    layer = nn.TransformerEncoderLayer(
        N_FEATURES, N_HEADS, 2 * N_FEATURES, activation="gelu", batch_first=True, norm_first=True
    )
    nn.init.zeros_(layer.linear2.weight)
    nn.init.zeros_(layer.linear2.bias)
    nn.init.zeros_(layer.self_attn.out_proj.weight)
    return layer


def _positions(ids: torch.Tensor) -> torch.Tensor:
    """Sines and cosines of the positions, shape (n_positions, n_features)."""
    rates = torch.exp(-math.log(1e4) * torch.arange(0, N_FEATURES, 2) / N_FEATURES)
    angles = torch.arange(ids.shape[1])[:, None] * rates
    both = torch.cat([angles.sin(), angles.cos()], dim=1)
    return (both * POSITION_SCALE * N_FEATURES**-0.5).to(ids.device)
