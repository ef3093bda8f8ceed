"""What the encoders of all kinds of samples share: a Transformer, its layers and adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import torch
from torch import nn

from metaling_sk._data.encoder_inputs import EncoderInputs
from metaling_sk._encoders.short_pickles import pickles_are_short

if TYPE_CHECKING:
    from metaling_sk._encoders.recipe import Recipe

Adapt = Callable[[int, torch.Tensor], torch.Tensor]
"""Maps the index of a layer, from 0, and its output to the input of the next layer."""


class Reader(Protocol):
    """What turns samples into what an encoder takes. It does not change.

    Attributes
    ----------
    unit : str
        What a sample is called on progress bars.
    n_at_once : int or None
        The number of samples that are read at a time for a frozen encoder; None is all.
    digest : bytes
        A digest of all that decides what it returns.
    """

    @property
    def unit(self) -> str: ...

    @property
    def n_at_once(self) -> int | None: ...

    @property
    def digest(self) -> bytes: ...

    def __call__(self, samples: np.ndarray, /) -> EncoderInputs:
        """Read samples."""
        ...

    def keys(self, fingerprint: bytes, samples: np.ndarray, /) -> list[bytes]:
        """Return a key for each sample: a digest of its content and the fingerprint."""
        ...


class TransformerEncoder(nn.Module):
    """A Transformer that gives one vector per sample.

    A subclass sets `reader`, and defines `settings`, `encode` and `probes`.

    Parameters
    ----------
    backbone : module
    pooling : str
        How the vectors of the tokens become one vector.
    layer : int or float
        The layer whose output is pooled: -1 or 1.0 is the last layer, 0.5 the one at half the
        depth, 3 the third. Layers above it are removed.
    origin : tuple, optional
        The key of the checkpoint that the backbone comes from.

    Attributes
    ----------
    reader : Reader
        What turns samples into what the encoder takes.
    top : str or None
        Name of the module whose output is pooled; None for the output of the backbone.
    adapters : ModuleList of Adapters
        They are applied to the output of every layer, one after the other.
    has_token_layers : bool
        Whether the output of each layer is known as one vector of `n_features` per token. The
        check of a new encoder sets it.
    has_lora : bool
        Whether the linear layers have low-rank updates.
    pretrained : bool
        Whether the weights were not random at the start.
    trainable : {"all", "head", "lora", "adapter"} or float
        The part of the encoder that is trained. "head" is none, so that vectors never change.
    fixed : list of modules
        The lower part of an encoder that is trained above it. It computes without dropout.
    first_layer : int
        The number of the lowest layer in reports to the user.
    recipe : Recipe or None
        How it was made of a checkpoint; None if it was not, or of another encoder.
    """

    reader: Reader
    first_layer = 1
    recipe: Recipe | None = None
    is_identity = False

    def __init__(self, backbone: nn.Module, pooling: str, layer, origin: tuple | None = None):
        super().__init__()
        self.pooling = pooling
        self.origin = origin
        self.backbone = backbone
        self.top = keep_layers(backbone, layer)
        for index, module in enumerate(self.layers):
            module.register_forward_hook(_LayerHook(index))
        self.adapters = nn.ModuleList()
        self.has_token_layers = True
        self.has_lora = False
        self.pretrained = True
        self.trainable: str | float = "all"
        self.fixed: list[nn.Module] = []

    def train(self, mode: bool = True) -> Self:
        """Choose the mode of training or of prediction, which that of fixed modules always is."""
        super().train(mode)
        for module in self.fixed:
            module.training = False
        return self

    def __reduce_ex__(self, protocol):
        recipe = self.recipe
        reduced = recipe.reduce(self) if recipe is not None and pickles_are_short() else None
        return super().__reduce_ex__(protocol) if reduced is None else reduced

    @property
    def settings(self) -> tuple:
        """What decides the vector of a sample beside the reader and the weights."""
        raise NotImplementedError

    @cached_property
    def n_features(self) -> int:
        """Size of the vector of a sample."""
        with probed(self):
            return self.encode(*self.probes()[0]).shape[1]

    @property
    def n_layers(self) -> int:
        """Number of layers that adapters can be added to."""
        return len(self.layers) if self.has_token_layers else 0

    @property
    def layers(self) -> list[nn.Module]:
        """The layers of the backbone, lowest first; none where they are not in one list."""
        return list(_find_layers(self.backbone)[1])

    def forward(self, *args, **kwargs) -> torch.Tensor:
        """Do what `encode` does, with the hooks of users on this module."""
        return self.encode(*args, **kwargs)

    def encode(self, *args, **kwargs) -> torch.Tensor:
        """Return the vectors of a batch, shape (n_samples, n_features)."""
        raise NotImplementedError

    def gives_token_vectors(self, hidden, inputs: torch.Tensor) -> bool:
        """Return whether the output of a layer has one vector for each token of these inputs."""
        return isinstance(hidden, torch.Tensor) and hidden.ndim == 3 and len(hidden) == len(inputs)

    def probes(self) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        """Return the inputs of `encode` for one sample, and for this and another one."""
        raise NotImplementedError

    def check_reader(self) -> None:
        """Raise a ValueError if the reader makes what the backbone cannot take."""

    def call_backbone(
        self, adapt: Adapt | None, **inputs: torch.Tensor
    ) -> tuple[Any, torch.Tensor | None]:
        """Call the backbone with adapters.

        Parameters
        ----------
        adapt : callable or None
            It is applied to the output of every layer, after the adapters.
        **inputs : Tensor
            The inputs of the backbone.

        Returns
        -------
        output : object
            What the backbone returns.
        hidden : Tensor or None
            The output of its highest layer.
        """
        adapts = [*self.adapters] if adapt is None else [*self.adapters, adapt]
        call = _Call(adapts if self.has_token_layers else [], inputs, adapt is not None)
        token = _CALL.set(call)
        try:
            return self.backbone(**inputs), call.hidden
        finally:
            _CALL.reset(token)

    def token_vectors(self, output, hidden, inputs: torch.Tensor) -> torch.Tensor:
        """Return the vectors of the tokens, of what `call_backbone` has returned."""
        if self.top is None:
            # The final normalisation of a backbone belongs to its last layer. Lower layers skip it.
            hidden = getattr(output, "last_hidden_state", output)
            if not isinstance(hidden, torch.Tensor):
                raise TypeError(
                    f"`encoder`: {type(self.backbone).__name__} gives neither a tensor nor a "
                    "`last_hidden_state`; pass the model without its head, such as "
                    "`model.base_model`."
                )
        elif not self.gives_token_vectors(hidden, inputs):
            raise ValueError(
                f"`layer`: the layers of {type(self.backbone).__name__} do not give one vector per "
                "token, so none of them can be left out; use layer=-1."
            )
        return hidden

    @cached_property
    def fingerprint(self) -> bytes:
        """A digest of everything that decides the vector of a sample."""
        digest = blake2b(digest_size=16)
        digest.update(repr(self.settings).encode())
        digest.update(self.reader.digest)
        digest.update(self._weights_digest())
        return digest.digest()

    def _weights_digest(self) -> bytes:
        """A digest of the weights, which is computed once of those that a checkpoint holds."""
        if self.origin is None or self.trainable != "head":
            return _digest_weights(self)
        key = self.origin, self.top, next(self.parameters()).dtype
        if key not in _DIGESTS:
            _DIGESTS[key] = _digest_weights(self)
        return _DIGESTS[key]


@contextmanager
def probed(encoder: TransformerEncoder) -> Iterator[None]:
    """Inside, an encoder computes as in predictions, and nothing is left of it after that."""
    modes = [(module, module.training) for module in encoder.modules()]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        encoder.eval()
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training


_DIGESTS: dict[tuple, bytes] = {}
"""The digests of the weights of checkpoints, by key, top layer and precision."""


def _digest_weights(module: nn.Module) -> bytes:
    digest = blake2b(digest_size=16)
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.digest()


def keep_layers(backbone: nn.Module, layer) -> str | None:
    """Remove the layers of a backbone above a given one.

    Parameters
    ----------
    backbone : module
        The backbone; it is changed in place.
    layer : int or float
        See `TransformerEncoder`.

    Returns
    -------
    str or None
        Name of the top layer; None where no layer was removed.

    Raises
    ------
    ValueError
        If the backbone has no such layer.
    """
    if layer == -1 or (layer == 1 and isinstance(layer, float)):
        return None
    name, layers = _find_layers(backbone)
    if name is None:
        raise ValueError(
            f"`layer`: {type(backbone).__name__} does not show its layers as one list, so none of "
            "them can be left out; use layer=-1."
        )
    depth = len(layers)
    n_kept = 0
    if isinstance(layer, Integral):
        n_kept = int(layer) + 1 + depth if int(layer) < 0 else int(layer)
    elif isinstance(layer, Real) and 0 < float(layer) <= 1:
        n_kept = round(float(layer) * depth)
    if not 1 <= n_kept <= depth:
        raise ValueError(
            f"`layer` must be -1 (the last), 1 to {depth}, or a fraction of the depth such as 0.5, "
            f"got {layer!r}: this encoder has {depth} layers."
        )
    if n_kept == depth:
        return None
    config: Any = backbone.config
    try:
        config.num_hidden_layers = n_kept
    except NotImplementedError as error:
        raise ValueError(
            f"`layer`: the number of layers of {type(backbone).__name__} is fixed; use layer=-1."
        ) from error
    del layers[n_kept:]
    if getattr(config, "layer_types", None):
        with suppress(AttributeError):  # some configurations derive the types from the number
            config.layer_types = config.layer_types[:n_kept]
    return f"{name}.{n_kept - 1}"


@dataclass
class _Call:
    """One call of an encoder, as the hooks on its layers see it.

    Attributes
    ----------
    adapts : list of callables
        They are applied to the output of every layer, one after the other.
    inputs : dict of str to Tensor
        The inputs of the backbone.
    is_generated : bool
        Whether one of `adapts` is generated for this call.
    hidden : Tensor or None
        The output of the layer that was computed last.
    """

    adapts: list[Adapt]
    inputs: dict[str, torch.Tensor]
    is_generated: bool
    hidden: torch.Tensor | None = None


_CALL: ContextVar[_Call | None] = ContextVar("call of an encoder", default=None)
"""The call that this thread is in. A context variable lets threads share an encoder."""


def current_inputs() -> dict[str, torch.Tensor] | None:
    """Return what decides the outputs of the layers in the call that this thread is in.

    Returns
    -------
    dict of str to Tensor or None
        The inputs of the backbone; None where generated adapters change the outputs, too.
    """
    call = _CALL.get()
    assert call is not None
    return None if call.is_generated else call.inputs


class _LayerHook:
    """A forward hook that stays on a layer and carries out the call of the encoder.

    Parameters
    ----------
    layer : int
        Index of the layer, from 0.
    """

    def __init__(self, layer: int):
        self.layer = layer

    def __call__(self, module, args, output):
        call = _CALL.get()
        if call is None:
            return output
        is_sequence = isinstance(output, (tuple, list))
        hidden = output[0] if is_sequence else output
        for adapt in call.adapts:
            hidden = adapt(self.layer, hidden)
        call.hidden = hidden
        return type(output)([hidden, *output[1:]]) if is_sequence else hidden


def _find_layers(backbone: nn.Module) -> tuple[str | None, nn.ModuleList]:
    """Return the list of all layers and its name; None and no layers where there is no list."""
    depth = getattr(getattr(backbone, "config", None), "num_hidden_layers", None)
    lists = {
        name: module
        for name, module in backbone.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    }
    names = list(lists)
    if names and all(name.startswith(f"{names[0]}.") for name in names[1:]):
        return names[0], lists[names[0]]
    return None, nn.ModuleList()
