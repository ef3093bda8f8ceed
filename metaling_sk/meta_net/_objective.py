"""The loss of the generated models + meta weight · the loss of the meta-model."""

from __future__ import annotations

import torch
from torch import nn

from metaling_sk._network import losses
from metaling_sk.meta_net._hypernetwork import NO_LANGUAGE
from metaling_sk.meta_net._network import MetaNetwork


class MetaObjective(nn.Module):
    """The objective of a training step of the meta network.

    ``mean L(f_m(x), y) + λ mean L(f_e(x), y) + size_weight · E[share of gates that are open]``.
    f_m is the model of the row's language and f_e that of no language in particular. A step with
    support and query rows adds the loss on the query rows of the model that a few steps on the
    support rows lead to from f_e, its gradient of first order [1]_; only the embedding moves in
    these steps [2]_.

    Parameters
    ----------
    meta_weight : float
        λ.
    size_weight : float
    language_dropout : float
        How probable it is that a row counts as one of no language in particular.
    inner_steps : int
    inner_learning_rate : float
    class_weight : Tensor of shape (n_classes,), optional

    References
    ----------
    .. [1] Finn, Abbeel & Levine (2017). Model-agnostic meta-learning. ICML.
    .. [2] Zintgraf et al. (2019). Fast context adaptation via meta-learning. ICML.
    """

    def __init__(
        self,
        meta_weight=0.0,
        size_weight=0.0,
        language_dropout=0.0,
        inner_steps=0,
        inner_learning_rate=0.0,
        class_weight=None,
    ):
        super().__init__()
        self.meta_weight = meta_weight
        self.size_weight = size_weight
        self.language_dropout = language_dropout
        self.inner_steps = inner_steps
        self.inner_learning_rate = inner_learning_rate
        self.progress = 0.0
        self.register_buffer("class_weight", class_weight)

    def outputs(self, module: MetaNetwork, step) -> dict:
        """What the models make of a step's rows: pairs of output and batch, and the size."""
        outputs = {}
        for batch in step.batches.values():
            code = batch.language_index
            if module.training and self.language_dropout:
                kept = torch.rand(len(code), device=code.device) >= self.language_dropout
                code = code * kept
            generated = module.generate(code)
            found = {"language": module(batch.inputs, batch.language_index, generated)}
            if self.meta_weight:
                agnostic = module.generate(torch.full_like(code, NO_LANGUAGE))
                found["meta"] = module(batch.inputs, batch.language_index, agnostic)
            for name, output in found.items():
                outputs.setdefault(name, []).append((output.logits, batch.y))
        if "query" in step.batches:
            support, query = step.batches["support"], step.batches["query"]
            embedding = find_embedding(
                module,
                module.hypernetwork.agnostic,
                lambda: [support],
                self.inner_steps,
                self.inner_learning_rate,
                self.class_weight,
            )
            generated = module.generate_from(embedding, len(query))
            output = module(query.inputs, query.language_index, generated)
            outputs["adapted"] = [(output.logits, query.y)]
        if module.training and self.size_weight and module.hypernetwork.n_layers:
            outputs["size"] = generated.probability_open.mean()
        return outputs

    def forward(self, outputs, step, module, training: bool) -> dict[str, torch.Tensor]:
        """The value of each term."""
        values = {}
        for name, found in outputs.items():
            if name == "size":
                values[name] = found
            else:
                logits, y = map(torch.cat, zip(*found, strict=True))
                values[name] = losses.cross_entropy(logits, y, self.class_weight)
        return values

    def total(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        """The number to minimise."""
        weights = {"meta": self.meta_weight, "size": self.size_weight}
        return sum(weights.get(name, 1.0) * value for name, value in values.items())


def find_embedding(
    module: MetaNetwork,
    start: torch.Tensor,
    batches,
    n_steps: int,
    learning_rate: float,
    class_weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """The embedding that a few steps of Adam on some rows lead to from another one.

    Nothing but the embedding moves; its gradient with respect to the weights is that of `start`.

    Parameters
    ----------
    batches : function that returns an iterable of Batch
        Called in each step, so that there is one batch at a time in memory.
    """
    with torch.enable_grad():
        embedding = start.detach().clone().requires_grad_()
        optimizer = torch.optim.Adam([embedding], lr=learning_rate)
        for _ in range(n_steps):
            gradients, sizes = [], []
            for batch in batches():
                generated = module.generate_from(embedding, len(batch))
                logits = module(batch.inputs, batch.language_index, generated).logits
                loss = losses.cross_entropy(logits, batch.y, class_weight)
                gradients += torch.autograd.grad(loss, [embedding])
                weight = torch.ones_like(batch.y) if class_weight is None else class_weight[batch.y]
                sizes.append(weight.sum())
            sizes = torch.stack(sizes).to(embedding.dtype)
            embedding.grad = sizes / sizes.sum() @ torch.stack(gradients)
            optimizer.step()
    return start + (embedding - start).detach()
