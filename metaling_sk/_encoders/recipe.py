"""How encoders were made of checkpoints, for pickles that leave out the weights of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from metaling_sk._encoders.encode import freeze
from metaling_sk._encoders.trainable import set_trainable
from metaling_sk._encoders.transformer_encoder import TransformerEncoder


@dataclass(frozen=True)
class Recipe:
    """How an encoder was made of a checkpoint.

    Attributes
    ----------
    make : callable
        Makes such an encoder, which nobody has trained. It can be pickled.
    """

    make: Callable[[], TransformerEncoder]

    def reduce(self, encoder: TransformerEncoder) -> tuple | None:
        """Describe an encoder as `__reduce__` does, by its difference from the checkpoint.

        Parameters
        ----------
        encoder : TransformerEncoder
            One that was made by this recipe, and may have been trained.

        Returns
        -------
        tuple or None
            None if the difference cannot be told, or is most of the encoder.
        """
        if encoder.trainable == "all":
            return None
        weight = next(encoder.parameters())
        settings = encoder.trainable, len(encoder.adapters) > 0, weight.dtype
        # An unpickler that moves tensors to another device moves this one as well.
        marker = weight.new_empty(0)
        if encoder.trainable == "head":
            return _make_again, (self, settings, encoder.fingerprint, {}, marker)
        original, fingerprint = self.make_trainable(*settings)
        tensors, expected = _tensors(encoder), _tensors(original)
        if tensors.keys() != expected.keys():
            return None
        changed = {
            name: tensor for name, tensor in tensors.items() if not _is_same(tensor, expected[name])
        }
        return _make_again, (self, settings, fingerprint, changed, marker)

    def make_trainable(
        self, trainable: str | float, has_own_adapters: bool, dtype: torch.dtype
    ) -> tuple[TransformerEncoder, bytes]:
        """Make an encoder of which some part can be trained.

        Returns
        -------
        encoder : TransformerEncoder
            On the CPU.
        fingerprint : bytes
            That of the encoder with the weights of the checkpoint alone.
        """
        encoder = freeze(self.make(), torch.device("cpu"), dtype)
        fingerprint = encoder.fingerprint
        if trainable != "head":
            del encoder.fingerprint
            with torch.random.fork_rng(devices=[]):
                set_trainable(encoder, trainable, has_own_adapters=has_own_adapters)
        return encoder.eval(), fingerprint


def _make_again(
    recipe: Recipe,
    settings: tuple,
    fingerprint: bytes,
    changed: dict[str, torch.Tensor],
    marker: torch.Tensor,
) -> TransformerEncoder:
    """Make the encoder that `Recipe.reduce` has described."""
    encoder, found = recipe.make_trainable(*settings)
    if found != fingerprint:
        raise ValueError(
            "the files of its `encoder` have changed, so that it would go on with other weights"
        )
    encoder.to(marker.device)
    for name, tensor in changed.items():
        owner, _, attribute = name.rpartition(".")
        setattr(encoder.get_submodule(owner), attribute, tensor)
    return encoder


def _tensors(encoder: TransformerEncoder) -> dict[str, Any]:
    """The weights and buffers by name, those that are shared under each of their names."""
    return dict(encoder.named_parameters(remove_duplicate=False)) | dict(
        encoder.named_buffers(remove_duplicate=False)
    )


def _is_same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return (one.dtype, one.shape, one.requires_grad) == (
        other.dtype,
        other.shape,
        other.requires_grad,
    ) and torch.equal(one.cpu(), other.cpu())
