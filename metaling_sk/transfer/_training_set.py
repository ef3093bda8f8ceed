"""The rows of a fit with transfer, and which of them each term of the objective reads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from metaling_sk._data.batches import EncodedSamples
from metaling_sk._data.samples import Samples
from metaling_sk.transfer._objective import ALIGNING


@dataclass
class TrainingSet:
    """The rows of a fit.

    Attributes
    ----------
    samples : Samples
        Of the source and target languages.
    rows : EncodedSamples
        The same, ready for the network.
    is_target : ndarray of bool, shape (n_samples,)
    start : fitted estimator or None
        Whose network is the start.
    first_module : ClassifierNetwork or None
        A copy of this network.
    teacher : ndarray of shape (n_samples, n_classes), or None
        What the source model predicts in the target rows.
    switched : EncodedSamples or None
        The labelled source rows, code-switched.
    """

    samples: Samples
    rows: EncodedSamples
    is_target: np.ndarray
    start: object | None = None
    first_module: object | None = None
    teacher: np.ndarray | None = None
    switched: EncodedSamples | None = None

    def with_labels(self, y: np.ndarray) -> TrainingSet:
        """The same rows with other labels."""
        samples = replace(self.samples, y=y)
        return replace(self, samples=samples, rows=self.rows.with_labels(y))

    def streams(self, terms, part=slice(None)) -> dict[str, EncodedSamples]:
        """The rows of `part` that the objective with these terms reads, by kind."""
        chosen = np.zeros(len(self.samples), dtype=bool)
        chosen[part] = True
        labelled = self.samples.labelled
        source, target = ~self.is_target & labelled & chosen, self.is_target & chosen
        rows = replace(self.rows, teacher=self.teacher)
        streams = {"source": rows.take(source)}
        if "labels" in terms:
            streams["labels"] = rows.take(target & labelled)
        if {"distill", *ALIGNING} & set(terms):
            streams["target"] = rows.take(target)
        if "code_switch" in terms:
            streams["code_switch"] = self.switched.take(chosen[~self.is_target & labelled])
        return streams

    def judging_streams(self, terms, part) -> dict[str, EncodedSamples]:
        """The rows of `part` that tell the best epoch: those of the target where there are any."""
        streams = self.streams(terms, part)
        names = {"labels": "labels", "distill": "target"}
        target = {names[term]: streams[names[term]] for term in terms if term in names}
        if any(map(len, target.values())):
            return target
        return {name: rows for name, rows in streams.items() if name in ("source", "code_switch")}


def find_lack(
    term: str,
    samples: Samples,
    is_target: np.ndarray,
    *,
    has_teacher: bool,
    has_dictionary: bool,
    can_align: bool,
) -> str | None:
    """What a term lacks to work on, in words; None where it lacks nothing.

    Parameters
    ----------
    term : str
    samples : Samples
    is_target : ndarray of bool, shape (n_samples,)
    has_teacher : bool
        Whether the source is a classifier without weights to start from.
    has_dictionary : bool
    can_align : bool
        Whether the network can change its representations.
    """
    if term == "labels" and not (samples.labelled & is_target).any():
        return "labelled rows in a target language"
    if term in ("distill", *ALIGNING) and not is_target.any():
        return "rows in a target language"
    if term in (*ALIGNING, "code_switch") and not (samples.labelled & ~is_target).any():
        return "labelled rows in a source language"
    if term == "l2sp" and has_teacher:
        return "a network as source, but `source` is a classifier"
    if term == "code_switch" and not (has_dictionary and samples.is_text):
        return "texts and a `dictionary`"
    if term in ALIGNING and not can_align:
        return "an encoder that is trained, or a source that was fitted with this term"
    return None
