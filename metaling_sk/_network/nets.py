"""Skorch nets whose batches are training steps."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any, Self

import torch
from skorch import NeuralNet
from skorch.utils import FirstStepAccumulator
from torch import nn

from metaling_sk._data.batches import Steps, TrainingStep
from metaling_sk._data.on_device import on_device
from metaling_sk._encoders.transformer_encoder import TransformerEncoder
from metaling_sk._network.callbacks import name_callbacks
from metaling_sk._network.data_parallel import agree_on, average_gradients, sharing_batches
from metaling_sk._network.prediction import Execution, autocast
from metaling_sk._utils.messages import warn_user
from metaling_sk._utils.out_of_memory import out_of_memory
from metaling_sk._utils.processes import n_processes

MAX_ITERATIONS = 200
"""Largest number of iterations of L-BFGS."""

HISTORY_SIZE = 20
"""Number of steps that L-BFGS remembers, each as two vectors of all weights."""

GRADIENT_TOLERANCE = 1e-5
"""Largest entry of the gradient at which L-BFGS ends."""


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of a training.

    Attributes
    ----------
    learning_rate : float
        Peak learning rate of the weights outside the encoder.
    encoder_learning_rate : float
        Peak learning rate of the weights of the encoder.
    weight_decay : float
        Weight decay of matrices. Biases and normalisations are not decayed.
    warmup : float
        Share of the steps during which the learning rate grows from 0.
    max_epochs : int
        Largest number of epochs.
    max_steps : int or None
        Number of steps beyond which there are fewer epochs, but at least one; None is no bound.
    min_steps : int
        Number of steps below which there are more epochs.
    patience : int
        Number of epochs without a better validation loss after which training stops.
    device : torch.device
        Where the network is trained.
    dtype : torch.dtype or None
        Low precision of the computations; None is float32.
    batch_size : int or None
        Number of samples of each kind that are computed at a time; None where steps are episodes,
        which are not split.
    compile : bool
        Whether the layers of a Transformer are compiled.
    gradient_checkpointing : bool
        Whether the layers of a Transformer are computed again in backward.
    n_threads : int or None
        As in `threads_for`.
    callbacks : sequence of (str, skorch callback)
        The callbacks of the user, with their names.
    is_solved : bool
        Whether the objective is minimised by one step of L-BFGS, on all samples.
    inner_learning_rate : float, optional
        Learning rate of the steps within a step, for Reptile.
    """

    learning_rate: float
    encoder_learning_rate: float
    weight_decay: float
    warmup: float
    max_epochs: int
    max_steps: int | None
    patience: int
    device: torch.device
    dtype: torch.dtype | None
    batch_size: int | None
    compile: bool = False
    gradient_checkpointing: bool = False
    min_steps: int = 0
    n_threads: int | None = None
    callbacks: Sequence = ()
    is_solved: bool = False
    inner_learning_rate: float | None = None

    @classmethod
    def of(cls, estimator, execution: Execution, **others) -> Self:
        """Read what the parameters of an estimator say; `others` are the other settings."""
        return cls(
            learning_rate=estimator.learning_rate_,
            weight_decay=estimator.weight_decay,
            warmup=estimator.warmup,
            patience=estimator.patience,
            device=execution.device,
            dtype=execution.dtype,
            batch_size=estimator.batch_size,
            n_threads=execution.n_threads,
            callbacks=tuple(name_callbacks(estimator.callbacks or ())),
            **others,
        )

    def n_epochs(self, n_steps: int) -> int:
        """Largest number of epochs of `n_steps` steps."""
        if self.is_solved:
            return 1
        n_epochs = max(self.max_epochs, ceil(self.min_steps / n_steps))
        if self.max_steps is None:
            return n_epochs
        return min(n_epochs, max(1, round(self.max_steps / n_steps)))


class SkorchNet(NeuralNet):
    """A skorch net whose batches are training steps with one batch of every stream.

    A net that is not `to_train` has no optimiser, whose import takes seconds. The criterion is an
    objective: its `outputs` computes the outputs of the network for a step, its `forward` the value
    of each term, and its `total` the number to minimise. Its `streams` are those that a term reads,
    its `start` the weights that a term compares all trained ones with, if there is such a term.

    Attributes
    ----------
    batch_size_ : int or None
        Number of samples of each stream that are computed at a time. The gradients of the parts of
        a larger batch are summed.
    is_halved_ : bool
        Whether it is less than the setting, because the memory did not suffice.
    """

    optimizer_: Any

    def __init__(self, *args, settings: TrainingSettings, to_train: bool = True, **kwargs):
        super().__init__(*args, **kwargs)
        self.settings = settings
        self.to_train = to_train
        self.batch_size_ = settings.batch_size
        self.is_halved_ = False

    @property
    def is_shared(self) -> bool:
        """Whether several processes train the network together, which a Transformer is worth."""
        return n_processes() > 1 and isinstance(self.module_.encoder, TransformerEncoder)

    def read(self, values: list[torch.Tensor]) -> list[float]:
        """Return numbers that are still on a device; every process gets those of the main one."""
        if not values:
            return []
        stacked = torch.stack(values)
        return (agree_on(stacked) if self.is_shared else stacked).tolist()

    def infer(self, x, **fit_params):
        with autocast(self.settings.device, self.settings.dtype), sharing_batches(self.is_shared):
            return self.criterion_.outputs(self.module_, x)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        return self.criterion_.total(self.criterion_(y_pred, X, self.module_, training))

    def train_step(self, batch, **fit_params):
        """Make a step of the optimiser; where the memory does not suffice, from halves."""
        steps: list[dict] = []
        norm = self.module_.norm
        means = None if norm is None else copy.deepcopy(norm.state_dict())
        attempt = partial(super().train_step, **fit_params)
        error = out_of_memory(lambda: steps.append(attempt(batch)))
        if error is not None:
            # What has changed so far are running means; gradients are set to 0 by the next attempt.
            if norm is not None:
                norm.load_state_dict(means)
            self._halve(batch[0], error)
            steps.append(attempt(batch))
        return steps[0]

    def get_train_step_accumulator(self):
        """Tell the last loss of a step: L-BFGS computes many."""
        return LastStepAccumulator()

    def train_step_single(self, batch, **fit_params):
        """Compute the gradient of a step, that of its parts one after the other."""
        step: TrainingStep = batch[0]
        if not self.module_.training:  # A callback of the user has predicted.
            self._set_training(True)
        parts = [step] if self.batch_size_ is None else step.split(self.batch_size_)
        totals, terms = [], defaultdict(list)
        for part in parts:
            y_pred = self.infer(part)
            values = self.criterion_(y_pred, part, self.module_, True)
            if len(parts) > 1:
                values = {
                    name: value * share(self.criterion_.streams(name), part, parts)
                    for name, value in values.items()
                }
            if not values:
                continue
            loss = self.criterion_.total(values)
            loss.backward()
            totals.append(loss.detach())
            for name, value in values.items():
                terms[name].append(value.detach())
        if self.is_shared:
            average_gradients(parameter for _, parameter in self.get_all_learnable_params())
        self.terms_ = {name: sum(values[1:], values[0]) for name, values in terms.items()}
        return {"loss": sum(totals[1:], totals[0]), "y_pred": y_pred}

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Do what skorch does, but leave losses on a GPU until the end, so that it never waits."""
        if iterator is None:
            return
        # Once, and not in every step: it goes through all modules.
        self._set_training(training)
        losses = []
        n_before = len(self.history[-1, "batches"])
        for batch in on_device(iterator, self.settings.device):
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            losses.append(step["loss"].detach())
            self.history.record_batch(f"{prefix}_loss", read_if_cheap(losses[-1]))
            self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
            self.notify("on_batch_end", batch=batch, training=training, **step)
        entries = self.history[-1, "batches"][n_before:]
        for entry, loss in zip(entries, self.read(losses), strict=True):
            entry[f"{prefix}_loss"] = loss
        self.history.record(f"{prefix}_batch_count", len(losses))

    def initialize_optimizer(self, triggered_directly=None):
        """Make AdamW (Loshchilov & Hutter, 2019) with weight decay of matrices only, or L-BFGS."""
        if not self.to_train:
            self.optimizer_ = None
            return self
        settings = self.settings
        if settings.is_solved:
            weights = [weight for _, weight in self.get_all_learnable_params()]
            self.optimizer_ = torch.optim.LBFGS(
                [weight for weight in weights if weight.requires_grad],
                max_iter=MAX_ITERATIONS,
                tolerance_grad=GRADIENT_TOLERANCE,
                history_size=HISTORY_SIZE,
                line_search_fn="strong_wolfe",
            )
            return self
        groups = defaultdict(list)
        for name, parameter in self.get_all_learnable_params():
            if parameter.requires_grad:
                groups[name.startswith("encoder."), parameter.ndim > 1].append(parameter)
        self.optimizer_ = torch.optim.AdamW(
            [
                {
                    "params": parameters,
                    "lr": settings.encoder_learning_rate if encoder else settings.learning_rate,
                    "weight_decay": settings.weight_decay if decayed else 0.0,
                }
                for (encoder, decayed), parameters in groups.items()
            ],
            fused=settings.device.type in ("cpu", "cuda"),
        )
        return self

    def __getstate__(self):
        # skorch lets what it has made be loaded without the GPU, but not what it was given, which
        # is the same here, nor the last values of the terms.
        left_out = ("module", "criterion", "terms_")
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in left_out}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.module, self.criterion = self.module_, self.criterion_
        self.settings = replace(self.settings, device=torch.device(self.device))

    def _halve(self, step: TrainingStep, error: RuntimeError) -> None:
        """Compute half as many samples at a time from now on, if that can be and is not yet so."""
        size = self.batch_size_
        if size is None or self.is_halved_ or step.batch_size < 2 or self.is_shared:
            raise error
        size = min(size, step.batch_size)
        self.batch_size_, self.is_halved_ = -(-size // 2), True
        warn_user(
            f"The memory does not suffice for `batch_size`={size}: from here on it is "
            f"{self.batch_size_}, with twice the `gradient_accumulation_steps`, so that each step "
            "takes the same samples. Set both so to avoid the attempt."
        )


class LastStepAccumulator(FirstStepAccumulator):
    """Keeps what a step of the optimiser computes last."""

    def store_step(self, step):
        self.step = step


class ReptileNet(SkorchNet):
    """A net whose step goes to where a few steps on the batches of one language lead.

    The optimiser gets the way there as gradient [1]_.

    References
    ----------
    .. [1] Nichol, Achiam & Schulman (2018). On first-order meta-learning algorithms.
       arXiv:1803.02999.
    """

    def train_step_single(self, batch, **fit_params):
        episode = batch[0]
        parameters = [weight for weight in self.module_.parameters() if weight.requires_grad]
        start = [weight.detach().clone() for weight in parameters]
        rate = self.settings.inner_learning_rate
        assert rate is not None
        inner = torch.optim.Adam(parameters, lr=rate, betas=(0.0, 0.999))
        losses = []
        for name, inner_batch in episode.batches.items():
            inner.zero_grad()
            inner_step = TrainingStep({name: inner_batch}, episode.sizes)
            step = super().train_step_single((inner_step, None))
            losses.append(step["loss"])
            inner.step()
        with torch.no_grad():
            for weight, before in zip(parameters, start, strict=True):
                weight.grad = (before - weight) / (rate * len(losses))
                weight.copy_(before)
        return step | {"loss": torch.stack(losses).mean()}


def new_net(
    network: nn.Module, objective: nn.Module, settings: TrainingSettings, *, to_train: bool = True
) -> SkorchNet:
    """Make a net around a network, ready to be trained or to predict alone."""
    net_class = SkorchNet if settings.inner_learning_rate is None else ReptileNet
    net = net_class(
        network,
        criterion=objective,
        settings=settings,
        to_train=to_train,
        max_epochs=settings.max_epochs,
        iterator_train=_take_as_iterator,
        iterator_valid=_take_as_iterator,
        train_split=None,
        device=str(settings.device),
        verbose=0,
        callbacks__print_log=None,
        callbacks__train_loss=None,
    )
    return net.initialize()


def read_if_cheap(value: torch.Tensor) -> Any:
    """Return the number if it is on the CPU, and the tensor where reading waits for a GPU."""
    return value.item() if value.device.type == "cpu" else value


def share(streams: tuple[str, ...], part: TrainingStep, parts: list[TrainingStep]) -> float:
    """Return the weight of a part in the mean over the samples of these streams, or of all."""

    def count(step: TrainingStep) -> int:
        if not set(streams) <= set(step.batches):
            return 0
        return sum(len(step.batches[name]) for name in streams or step.batches)

    return count(part) / sum(map(count, parts))


def _take_as_iterator(steps: Steps, **kwargs) -> Steps:
    """Return the steps, which are an iterator of batches themselves."""
    return steps
