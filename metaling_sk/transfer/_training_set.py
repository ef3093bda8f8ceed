"""The samples of a fit with transfer, and the streams of them that each term reads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.samples import Samples
from metaling_sk.transfer._descriptions import Descriptions
from metaling_sk.transfer._terms import ALL_TERMS


@dataclass
class TrainingSet:
    """The samples of a fit.

    Attributes
    ----------
    samples : Samples
        Of the source and target languages.
    encoded : EncodedSamples
        The same samples, ready for the network.
    is_target : ndarray of bool, shape (n_samples,)
    source_predictions : ndarray of shape (n_samples, n_outputs), or None
        What the source model teaches about the target samples.
    switched : EncodedSamples or None
        The labelled source samples, code-switched.
    descriptions : Descriptions or None
        Those of the classes.
    has_pseudo_label : ndarray of bool, shape (n_samples,), or None
    """

    samples: Samples
    encoded: EncodedSamples
    is_target: np.ndarray
    source_predictions: np.ndarray | None = None
    switched: EncodedSamples | None = None
    descriptions: Descriptions | None = None
    has_pseudo_label: np.ndarray | None = None

    def with_pseudo_labels(self, y: np.ndarray) -> TrainingSet:
        """The same samples, with further labels in y."""
        samples = replace(self.samples, y=y)
        return replace(
            self,
            samples=samples,
            encoded=self.encoded.with_labels(y),
            has_pseudo_label=samples.labelled & ~self.samples.labelled,
        )

    def streams(self, terms, part=slice(None)) -> dict[str, EncodedSamples]:
        """The streams that the objective with these terms reads, restricted to a part."""
        chosen = np.zeros(len(self.samples), dtype=bool)
        chosen[part] = True
        labelled, is_target = self.samples.labelled, self.is_target
        is_pseudo = self.has_pseudo_label
        if is_pseudo is None:
            is_pseudo = np.zeros(len(self.samples), dtype=bool)
        masks = {
            "source": ~is_target & labelled,
            "labels": is_target & labelled & ~is_pseudo,
            "pseudo_labels": is_target & is_pseudo,
            "target": is_target,
        }
        wanted = {"source"}.union(*(ALL_TERMS[term].streams for term in terms))
        encoded = replace(self.encoded, teacher=self.source_predictions)
        streams = {
            name: encoded.take(mask & chosen) for name, mask in masks.items() if name in wanted
        }
        if "code_switch" in wanted and self.switched is not None:
            streams["code_switch"] = self.switched.take(chosen[masks["source"]])
        return streams

    def validation_streams(self, terms, part) -> dict[str, EncodedSamples]:
        """The streams that tell the best epoch: those of the target, where there are any.

        Held-out labels of the target may be few, so those of the source count with them.
        """
        streams = self.streams(terms, part)
        of_target = [ALL_TERMS[term].target_stream for term in terms]
        judged = {name for name in of_target if name is not None}
        if not any(len(streams[name]) for name in judged):
            judged = {"source", "code_switch"}
        elif len(streams.get("labels", ())):
            judged.add("source")
        return {name: stream for name, stream in streams.items() if name in judged}
