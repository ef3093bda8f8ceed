"""Training without the embeddings of tokens that do not occur.

Most weights of a multilingual encoder are embeddings of tokens, and samples hold a few percent of
them. The gradient of the others is 0, but an optimiser goes through all of them in every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from metaling_sk._encoders.text_encoder import TextEncoder, input_embeddings

MIN_WEIGHTS = 1_000_000
"""Number of weights from which on it is worth leaving them out."""


class UsedEmbeddings(nn.Embedding):
    """Some rows of an embedding, which takes the ids of the whole one. Other ids are errors.

    Parameters
    ----------
    embedding : Embedding
    ids : Tensor of int64, shape (n_ids,)
        The rows, sorted.
    """

    row: torch.Tensor

    def __init__(self, embedding: nn.Embedding, ids: torch.Tensor):
        padding = embedding.padding_idx
        found = [] if padding is None else torch.nonzero(ids == padding).flatten().tolist()
        super().__init__(
            len(ids),
            embedding.embedding_dim,
            found[0] if found else None,
            _weight=embedding.weight.detach()[ids],
        )
        row = torch.full((embedding.num_embeddings,), -1, device=ids.device)
        row[ids] = torch.arange(len(ids), device=ids.device)
        self.register_buffer("row", row, persistent=False)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(self.row[input])


@contextmanager
def used_embeddings(
    encoder: nn.Module, optimizer: torch.optim.Optimizer, find_ids: Callable[[], np.ndarray]
) -> Iterator[None]:
    """Inside, an encoder has only the embeddings of some tokens, if that saves much.

    Afterwards it has all of them again, and those of other tokens are as they were, also where
    others decay. So is what the optimiser knows of them.

    Parameters
    ----------
    encoder : module
    optimizer : Optimizer
        Of the weights of the encoder.
    find_ids : callable
        Returns the tokens that the encoder will see. It is called if they can matter.
    """
    whole = _find_embedding(encoder)
    if whole is None:
        yield
        return
    ids = np.union1d(find_ids(), [0])  # Batches are padded with 0.
    if (whole.num_embeddings - len(ids)) * whole.embedding_dim < MIN_WEIGHTS:
        yield
        return
    rows = torch.from_numpy(ids).long().to(whole.weight.device)
    used = UsedEmbeddings(whole, rows)
    name = next(name for name, module in encoder.named_modules() if module is whole)
    state = optimizer.state.pop(whole.weight, {})
    encoder.set_submodule(name, used)
    _exchange(optimizer, whole.weight, used.weight)
    if state:
        optimizer.state[used.weight] = _map_state(state, whole.weight, lambda key, old: old[rows])
    try:
        yield
    finally:

        def put_back(key, new):
            old = state.get(key)
            old = torch.zeros_like(whole.weight, dtype=new.dtype) if old is None else old
            return old.index_copy_(0, rows, new)

        encoder.set_submodule(name, whole)
        _exchange(optimizer, used.weight, whole.weight)
        with torch.no_grad():
            whole.weight.index_copy_(0, rows, used.weight)
            its = optimizer.state.pop(used.weight, {})
            if its:
                optimizer.state[whole.weight] = _map_state(its, used.weight, put_back)


def _find_embedding(encoder: nn.Module) -> nn.Embedding | None:
    """The trained embedding of tokens, if it is large and plain, and its weights its own."""
    if not isinstance(encoder, TextEncoder):
        return None
    embedding = input_embeddings(encoder.backbone)
    if type(embedding) is not nn.Embedding or not embedding.weight.requires_grad:
        return None
    is_plain = (
        embedding.max_norm is None and not embedding.scale_grad_by_freq and not embedding.sparse
    )
    if not is_plain or embedding.weight.numel() < MIN_WEIGHTS:
        return None
    weights = (weight for _, weight in encoder.named_parameters(remove_duplicate=False))
    return embedding if sum(weight is embedding.weight for weight in weights) == 1 else None


def _exchange(optimizer: torch.optim.Optimizer, old: torch.Tensor, new: torch.Tensor) -> None:
    """Let an optimiser have one weight in the place of another."""
    for group in optimizer.param_groups:
        group["params"][:] = [new if weight is old else weight for weight in group["params"]]


def _map_state(state: dict, weight: torch.Tensor, change) -> dict:
    """The state of a weight in an optimiser, with everything of its shape changed."""
    return {
        key: change(key, value)
        if isinstance(value, torch.Tensor) and value.shape == weight.shape
        else value
        for key, value in state.items()
    }
