"""Byte-pair encoding of texts and their translations."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from heapq import heapify, heappop, heappush
from itertools import pairwise

import transformers
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

END = 1
"""The last token of every text. The one before it shows nothing: `BLANK` in `_alignment.py`."""

MAX_TOKENS = 8000
"""The largest number of tokens, besides those of bytes. Time and memory go with it."""

MAX_TOKEN_LENGTH = 16
"""Largest number of characters in a token."""

Pair = tuple[str, str]


def train_tokenizer(texts: list[str]) -> transformers.PreTrainedTokenizerFast:
    """Train byte-pair encoding of bytes, from which every text can be restored.

    Every word becomes a token, also one that is there once, unless these are too many. A new word
    then has pieces that are not known, and can be copied.

    Parameters
    ----------
    texts : list of str
        Texts of all languages, in both directions.

    Returns
    -------
    PreTrainedTokenizerFast
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    special_tokens = ["[BLANK]", "[END]"]
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) + MAX_TOKENS,
        special_tokens=special_tokens,
        initial_alphabet=alphabet,
        min_frequency=1,
        max_token_length=MAX_TOKEN_LENGTH,
        show_progress=False,
    )
    tokenizer.train_from_iterator(map(_encodable, texts), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [END]", special_tokens=[("[END]", END)]
    )
    return _wrap(tokenizer)


def grow_tokenizer(
    tokenizer: transformers.PreTrainedTokenizerFast, texts: list[str]
) -> transformers.PreTrainedTokenizerFast:
    """Go on with the training on further texts, which adds tokens and changes none.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerFast
        A tokenizer of `train_tokenizer`, which stays as it is.
    texts : list of str
        Texts with new words.

    Returns
    -------
    PreTrainedTokenizerFast
        One whose first tokens are those of `tokenizer`.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary, merges = state["model"]["vocab"], state["model"]["merges"]
    words = _split_words(tokenizer.backend_tokenizer, texts)
    for pair in _find_merges(words):
        merges.append(pair)
        vocabulary.setdefault("".join(pair), len(vocabulary))
    return _wrap(Tokenizer.from_str(json.dumps(state)))


def _split_words(tokenizer: Tokenizer, texts: list[str]) -> list[tuple[list[str], int]]:
    """The tokens of each word, and how often it is there."""
    counts: Counter[str] = Counter()
    for text in texts:
        normal = tokenizer.normalizer.normalize_str(_encodable(text))
        counts.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal))
    split = tokenizer.model.tokenize
    return [([token.value for token in split(word)], n) for word, n in counts.items()]


def _find_merges(words: list[tuple[list[str], int]]) -> list[Pair]:
    """Find the pairs that become tokens, the most frequent one first at each step."""
    tokens, counts = [each for each, _ in words], [n for _, n in words]
    frequency: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)

    def count(index: int, sign: int) -> None:
        for pair in pairwise(tokens[index]):
            if len(pair[0]) + len(pair[1]) <= MAX_TOKEN_LENGTH:
                frequency[pair] += sign * counts[index]
                places[pair].add(index)

    for index in range(len(words)):
        count(index, 1)
    queue = [(-n, pair) for pair, n in frequency.items()]
    heapify(queue)
    merges: list[Pair] = []
    while queue and len(merges) < MAX_TOKENS:
        n, best = heappop(queue)
        if -n != frequency[best] or not n:
            continue  # The frequency has changed since; the pair is there again with the new one.
        merges.append(best)
        changed: set[Pair] = set()
        for index in places.pop(best):
            changed.update(pairwise(tokens[index]))
            count(index, -1)
            tokens[index] = _merge(tokens[index], best)
            count(index, 1)
            changed.update(pairwise(tokens[index]))
        for pair in sorted(changed):
            heappush(queue, (-frequency[pair], pair))
    return merges


def _merge(tokens: list[str], pair: Pair) -> list[str]:
    """Put the two tokens together wherever one follows the other."""
    merged: list[str] = []
    for token in tokens:
        if merged and (merged[-1], token) == pair:
            merged[-1] += token
        else:
            merged.append(token)
    return merged


def _encodable(text: str) -> str:
    """The text without halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _wrap(tokenizer: Tokenizer) -> transformers.PreTrainedTokenizerFast:
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[BLANK]",
        eos_token="[END]",
        clean_up_tokenization_spaces=False,
    )
