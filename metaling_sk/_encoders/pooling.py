"""Pooling of the vectors of tokens to one vector per text."""

from __future__ import annotations

import torch

POOLINGS = ("mean", "cls", "last")


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool in float32.

    Parameters
    ----------
    hidden : Tensor of shape (n_texts, n_tokens, n_features)
        The vectors of the tokens.
    mask : Tensor of shape (n_texts, n_tokens)
        1 for tokens, 0 for padding on the right.
    pooling : {"mean", "cls", "last"}
        Take the mean of the tokens, the first token or the last one.

    Returns
    -------
    Tensor of shape (n_texts, n_features)
    """
    if pooling == "cls":
        return hidden[:, 0].float()
    if pooling == "last":
        texts = torch.arange(len(hidden), device=hidden.device)
        return hidden[texts, mask.sum(dim=1) - 1].float()
    weights = mask.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1)
