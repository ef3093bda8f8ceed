"""Lower layers of a Transformer that stay as they are while those above them are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from metaling_sk._encoders.temporary_forward import forward_replaced
from metaling_sk._encoders.text_encoder import TextEncoder
from metaling_sk._encoders.transformer_encoder import TransformerEncoder, current_inputs, probed

MAX_BYTES = 2**29
"""Memory for the outputs of these layers; those of further texts are computed in every epoch.

Multilingual-e5-small needs it for 2,700 texts of 128 tokens.
"""


def fix_layers(encoder: TransformerEncoder, share: float) -> None:
    """Leave everything below a share of the layers as it is, and compute it without dropout.

    Parameters
    ----------
    encoder : TransformerEncoder
        It is changed in place.
    share : float
        Share of the layers that are trained, at least one.

    Raises
    ------
    ValueError
        If the encoder does not show its layers.
    """
    layers = encoder.layers
    if not layers:
        raise ValueError(
            f"`trainable`: {share} is a share of the layers of the encoder, which "
            f"{type(encoder.backbone).__name__} does not show as one list; use 'all' or 'lora'."
        )
    n_trained = max(1, round(share * len(layers)))
    encoder.fixed = _called_before(encoder, layers[-n_trained])
    for module in encoder.fixed:
        for weight in module.parameters(recurse=False):
            weight.requires_grad_(False)


def _called_before(encoder: TransformerEncoder, layer: nn.Module) -> list[nn.Module]:
    """The modules that an encoder calls before a layer, but for those that the layer is in."""
    called: list[nn.Module] = []
    modules = list(encoder.modules())
    hooks = [
        module.register_forward_pre_hook(lambda module, args: called.append(module))
        for module in modules
    ]
    try:
        with probed(encoder):
            encoder.encode(*encoder.probes()[0])
    finally:
        for hook in hooks:
            hook.remove()
    before = {id(module) for module in called[: called.index(layer)]}
    return [m for m in modules if id(m) in before and layer not in m.modules()]


@contextmanager
def fixed_layers_once(encoder: nn.Module) -> Iterator[None]:
    """Inside, the fixed layers of a text encoder on the CPU are computed once for each text.

    A GPU would have to wait until the texts of a batch are compared. Where generated adapters
    change the outputs of these layers, they are computed each time.
    """
    if not isinstance(encoder, TextEncoder) or next(encoder.parameters()).device.type != "cpu":
        yield
        return
    fixed = [layer for layer in encoder.layers if layer in encoder.fixed]
    outputs = _Outputs(n_layers=len(fixed))
    forwards = {
        layer: partial(outputs.forward, index, layer.forward) for index, layer in enumerate(fixed)
    }
    with forward_replaced(forwards):
        yield


class _Outputs:
    """The outputs of the highest one of some layers, by text. The layers are called in turn.

    Parameters
    ----------
    n_layers : int
    """

    def __init__(self, n_layers: int):
        self.n_layers = n_layers
        self.n_bytes = 0
        self.known: dict[bytes, torch.Tensor] = {}
        self.texts: list[bytes] = []
        self.lengths: list[int] = []
        self.are_known = False

    def forward(self, index: int, compute: Callable, *args, **kwargs):
        """Do what a layer does, or return its input where the highest one knows all outputs."""
        if index == 0:
            self._look_up(current_inputs())
        is_highest = index + 1 == self.n_layers
        if self.are_known and args:  # Some models name all arguments of their layers.
            return self._take(args[0]) if is_highest else args[0]
        output = compute(*args, **kwargs)
        if is_highest and self.texts and isinstance(output, torch.Tensor):
            self._keep(output)
        return output

    def _look_up(self, inputs: dict[str, torch.Tensor] | None) -> None:
        self.texts, self.lengths, self.are_known = [], [], False
        if inputs is None:
            return
        self.lengths = inputs["attention_mask"].sum(dim=1).tolist()
        columns = [tensor for name, tensor in inputs.items() if name != "attention_mask"]
        self.texts = [
            b"".join(column[row, :length].numpy().tobytes() for column in columns)
            for row, length in enumerate(self.lengths)
        ]
        self.are_known = all(text in self.known for text in self.texts)

    def _keep(self, output: torch.Tensor) -> None:
        for text, vectors, length in zip(self.texts, output.detach(), self.lengths, strict=True):
            n_bytes = length * vectors.shape[1] * vectors.element_size()
            if text not in self.known and self.n_bytes + n_bytes <= MAX_BYTES:
                self.known[text] = vectors[:length].clone()
                self.n_bytes += n_bytes

    def _take(self, hidden: torch.Tensor) -> torch.Tensor:
        output = hidden.new_zeros(hidden.shape, dtype=self.known[self.texts[0]].dtype)
        for row, (text, length) in enumerate(zip(self.texts, self.lengths, strict=True)):
            output[row, :length] = self.known[text]
        return output
