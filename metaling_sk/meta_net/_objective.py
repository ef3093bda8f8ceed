"""The loss of the generated models + meta weight · the loss of the meta-model."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from metaling_sk._data.batches import Batch, TrainingStep
from metaling_sk._network.outputs.classes import Classes
from metaling_sk._network.outputs.output_kind import PredictionLoss
from metaling_sk.meta_net._hypernetwork import NO_LANGUAGE, Generated
from metaling_sk.meta_net._network import MetaNetwork


class MetaObjective(nn.Module):
    """The objective of a training step of the meta network.

    ``mean L(f_m(x), y) + λ mean L(f_e(x), y) + size_weight · E[share of gates that are open]``.
    ``f_m`` is the model of the language of a sample, and ``f_e`` the language-agnostic model. A
    step with a support and a query batch adds a further loss: a few steps on the support batch
    lead from ``f_e`` to an adapted model, whose loss on the query batch counts, with a gradient of
    first order [1]_. Only the embedding moves in these steps [2]_.

    Parameters
    ----------
    meta_weight : float
        λ.
    size_weight : float
        Weight of the share of open gates.
    language_dropout : float
        Probability that the language of a sample counts as unknown in training.
    inner_steps : int
        Number of steps on the support batch.
    inner_learning_rate : float
        Learning rate of these steps.
    class_weight : Tensor, optional
        What `OutputKind.class_weights` returned.
    loss : PredictionLoss, default=CrossEntropy()

    References
    ----------
    .. [1] Finn, Abbeel & Levine (2017). Model-agnostic meta-learning. ICML.
    .. [2] Zintgraf et al. (2019). Fast context adaptation via meta-learning. ICML.
    """

    class_weight: torch.Tensor | None
    start = ()

    def __init__(
        self,
        meta_weight=0.0,
        size_weight=0.0,
        language_dropout=0.0,
        inner_steps=0,
        inner_learning_rate=0.0,
        class_weight=None,
        loss: PredictionLoss = Classes.loss,
    ):
        super().__init__()
        self.loss = loss
        self.meta_weight = meta_weight
        self.size_weight = size_weight
        self.language_dropout = language_dropout
        self.inner_steps = inner_steps
        self.inner_learning_rate = inner_learning_rate
        self.progress = 0.0
        self.register_buffer("class_weight", class_weight)

    def outputs(self, network: MetaNetwork, step: TrainingStep) -> dict:
        """Compute the outputs of the models for a step.

        Returns
        -------
        dict
            By the name of the term the outputs and the labels of each batch; and, for the term
            "size", the share of gates that are open.
        """
        outputs: dict = {"language": []} | ({"meta": []} if self.meta_weight else {})
        for batch in step.batches.values():
            generated = network.generate(self._drop_languages(network, batch.language_index))
            outputs["language"].append(_predict(network, batch, generated))
            if self.meta_weight:
                agnostic = network.generate(torch.full_like(batch.language_index, NO_LANGUAGE))
                outputs["meta"].append(_predict(network, batch, agnostic))
        if "query" in step.batches:
            support, query = step.batches["support"], step.batches["query"]
            generated = self._adapt(network, support, len(query))
            outputs["adapted"] = [_predict(network, query, generated)]
        if network.training and self.size_weight and network.hypernetwork.n_layers:
            assert generated.probability_open is not None
            outputs["size"] = generated.probability_open.mean()
        return outputs

    def forward(
        self, outputs: dict, step: TrainingStep, network: MetaNetwork, training: bool
    ) -> dict[str, torch.Tensor]:
        """Compute the value of each term from the outputs for a step."""
        values = {}
        for name, output in outputs.items():
            if name == "size":
                values[name] = output
            else:
                logits, y = map(torch.cat, zip(*output, strict=True))
                values[name] = self.loss.supervised(logits, y, self.class_weight)
        return values

    def streams(self, name: str) -> tuple[str, ...]:
        """Return no streams: every term reads all of them."""
        return ()

    def total(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the number to minimise."""
        weights = {"meta": self.meta_weight, "size": self.size_weight}
        return sum(weights.get(name, 1.0) * value for name, value in values.items())

    def _drop_languages(self, network: MetaNetwork, language_index: torch.Tensor) -> torch.Tensor:
        """Set the languages of some samples to that of the language-agnostic model, in training."""
        if not (network.training and self.language_dropout):
            return language_index
        kept = torch.rand(len(language_index), device=language_index.device)
        return language_index * (kept >= self.language_dropout)

    def _adapt(self, network: MetaNetwork, support: Batch, n_samples: int) -> Generated:
        """Adapt the language-agnostic model to a support batch, and repeat it for each sample."""
        embedding = find_embedding(
            network,
            network.hypernetwork.agnostic,
            lambda: [support],
            self.inner_steps,
            self.inner_learning_rate,
            self.class_weight,
            self.loss,
        )
        return network.generate_from(embedding, n_samples)


def find_embedding(
    network: MetaNetwork,
    start: torch.Tensor,
    batches: Callable[[], Iterable[Batch]],
    n_steps: int,
    learning_rate: float,
    class_weight: torch.Tensor | None = None,
    loss: PredictionLoss = Classes.loss,
) -> torch.Tensor:
    """Move an embedding by a few steps of Adam on the loss of its model.

    Nothing but the embedding moves. Its gradient with respect to the weights of the network is
    that of `start`.

    Parameters
    ----------
    network : MetaNetwork
        The network that generates the model.
    start : Tensor of shape (n_dimensions,)
        The embedding to start from.
    batches : callable
        Returns the batches of samples. It is called in each step, so that only one batch at a
        time is in memory.
    n_steps : int
        Number of steps, each on all batches.
    learning_rate : float
        Learning rate of Adam.
    class_weight : Tensor, optional
        What `OutputKind.class_weights` returned.
    loss : PredictionLoss, default=CrossEntropy()

    Returns
    -------
    Tensor of shape (n_dimensions,)
    """
    with torch.enable_grad():
        embedding = start.detach().clone().requires_grad_()
        optimizer = torch.optim.Adam([embedding], lr=learning_rate)
        for _ in range(n_steps):
            gradients: list[torch.Tensor] = []
            sizes: list[torch.Tensor] = []
            for batch in batches():
                logits, y = _predict(network, batch, network.generate_from(embedding, len(batch)))
                value = loss.supervised(logits, y, class_weight)
                gradients += torch.autograd.grad(value, [embedding])
                sizes.append(loss.count(y))
            weights = torch.stack(sizes).to(embedding.dtype)
            with torch.autocast(embedding.device.type, enabled=False):
                embedding.grad = weights / weights.sum() @ torch.stack(gradients)
            optimizer.step()
    return start + (embedding - start).detach()


def _predict(
    network: MetaNetwork, batch: Batch, generated: Generated
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the outputs of generated models for a batch, and the labels."""
    assert batch.y is not None
    return network(batch.inputs, batch.language_index, generated).logits, batch.y
