"""New languages for a fitted meta network: learnt from a few samples, and forgotten again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.samples import Samples, join
from metaling_sk._network.prediction import Execution
from metaling_sk.meta_net._objective import find_embedding
from metaling_sk.meta_net._residual_head import ResidualHead

if TYPE_CHECKING:
    from metaling_sk.meta_net._classifier import MetaNetClassifier

ENOUGH_SAMPLES = 16
"""An adapted language gets statistics of its own from this number of samples on."""


@dataclass(frozen=True)
class Adaptation:
    """The samples of an adapted language, and its state before it was adapted.

    Attributes
    ----------
    samples : Samples
        All samples given so far.
    delta : Tensor
        The offset of its embedding before.
    residual_head : ResidualHead or None
        Its residual head before.
    was_known : bool
        Whether the network knew the language before.
    has_statistics : bool
        Whether the statistics of the language are to be taken from these samples.
    """

    samples: Samples
    delta: torch.Tensor
    residual_head: ResidualHead | None
    was_known: bool
    has_statistics: bool


def adapt_language(
    model: MetaNetClassifier, language: str, samples: Samples, execution: Execution
) -> None:
    """Learn a language from samples, on top of those given before.

    Every call starts from the state before the first one, so that the number and the order of
    the calls make no difference.
    """
    adaptation = model._adaptations.get(language)
    if adaptation is None:
        adaptation = _state_before(model, language, samples)
    else:
        adaptation = replace(adaptation, samples=join(adaptation.samples, samples))
    model._adaptations[language] = adaptation
    _restore_embedding(model, language, adaptation)
    if adaptation.has_statistics and len(adaptation.samples) >= ENOUGH_SAMPLES:
        model._set_statistics(adaptation.samples, language)
    _fit(model, language, execution)


def refit_language(
    model: MetaNetClassifier, language: str, samples: Samples, execution: Execution
) -> None:
    """Take the statistics of an adapted language from other samples, and adapt it anew."""
    adaptation = replace(model._adaptations[language], has_statistics=False)
    _restore_embedding(model, language, adaptation)
    model._set_statistics(samples, language)
    model._adaptations[language] = adaptation
    _fit(model, language, execution)


def forget_language(model: MetaNetClassifier, language: str) -> None:
    """Restore the state of a language before it was adapted."""
    adaptation = model._adaptations.pop(language)
    model.residual_heads_.pop(language, None)
    if adaptation.residual_head is not None:
        model.residual_heads_[language] = adaptation.residual_head
    _restore_embedding(model, language, adaptation)
    if adaptation.has_statistics:
        index = model._language_index(language)
        network = model.net_.module_
        model.front_end_ = model.front_end_.forget_language(network, index, language)


def _state_before(model: MetaNetClassifier, language: str, samples: Samples) -> Adaptation:
    if language not in model.languages_:
        model._add_language(language)
    index = model._language_index(language)
    network = model.net_.module_
    delta, was_known = network.hypernetwork.get_language(index)
    has_statistics = model.front_end_.has_language(network, index, language)
    residual_head = model.residual_heads_.get(language)
    return Adaptation(samples, delta, residual_head, was_known, not has_statistics)


def _restore_embedding(model: MetaNetClassifier, language: str, adaptation: Adaptation) -> None:
    index = model._language_index(language)
    hypernetwork = model.net_.module_.hypernetwork
    hypernetwork.restore(index, adaptation.delta, adaptation.was_known)


def _fit(model: MetaNetClassifier, language: str, execution: Execution) -> None:
    """Fit the embedding and the residual head of an adapted language."""
    adaptation = model._adaptations[language]
    samples = adaptation.samples
    inputs = model.front_end_.inputs(samples, execution)
    encoded = model._encode(inputs, samples.language).with_labels(samples.y)
    labelled = encoded.take(samples.labelled)
    if len(labelled):
        _fit_embedding(model, language, labelled, execution)
    if model.residual_penalty is not None:
        outputs = model._predict(model.net_.module_, encoded, execution)
        model._fit_residual_head(language, outputs, encoded.y, adaptation.residual_head)


def _fit_embedding(
    model: MetaNetClassifier, language: str, labelled: EncodedSamples, execution: Execution
) -> None:
    network, index = model.net_.module_, model._language_index(language)
    class_weights = model._class_weights(labelled.y)
    device = network.head.weight.device
    network.eval()

    def batches():
        for indices in labelled.indices(execution.batch_size):
            yield labelled.collate(indices).to(device)

    embedding = find_embedding(
        network,
        network.hypernetwork.embed(torch.tensor([index], device=device))[0],
        batches,
        model.inner_steps,
        model._inner_learning_rate,
        None if class_weights is None else class_weights.to(device),
    )
    network.hypernetwork.set_language(index, embedding)
