"""The terms of the objective: which ones are used, and what each of them needs."""

from __future__ import annotations

import numpy as np

from metaling_sk._data.samples import Samples
from metaling_sk.transfer._objective import ALIGNING, TERMS
from metaling_sk.transfer._source_models import SourceModel


def list_terms(transfer) -> list[str]:
    """The terms that a `transfer` parameter names; none for "auto".

    Raises
    ------
    ValueError
        If a name is none of a term.
    """
    terms = [transfer] if isinstance(transfer, str) else list(transfer or ())
    terms = [] if terms == ["auto"] else terms
    if unknown := sorted(set(terms) - set(TERMS), key=str):
        raise ValueError(f"`transfer` must be 'auto' or some of {list(TERMS)}, got {unknown}.")
    return terms


def find_terms(
    transfer,
    samples: Samples,
    is_target: np.ndarray,
    languages: tuple[list[str], list[str]],
    source: SourceModel,
    *,
    has_dictionary: bool,
    can_align: bool,
) -> list[str]:
    """The terms of a fit, after a check that each of them has something to work on.

    Parameters
    ----------
    transfer : "auto", str, list of str or None
    samples : Samples
    is_target : ndarray of bool, shape (n_samples,)
    languages : tuple of (list of str, list of str)
        The source and the target languages.
    source : SourceModel
    has_dictionary : bool
    can_align : bool
        Whether training can change the representations of the network.

    Raises
    ------
    ValueError
        If a term has nothing to work on.
    """
    if isinstance(transfer, str) and transfer == "auto":
        has_labels = (samples.labelled & is_target).any()
        can_distill = source.teaches and is_target.any()
        return ["labels"] * bool(has_labels) + ["distill"] * bool(can_distill)
    terms = list_terms(transfer)
    for term in terms:
        lack = _find_lack(term, samples, is_target, source, has_dictionary, can_align)
        if lack is not None:
            source_languages, target_languages = languages
            raise ValueError(
                f"`transfer`: {term!r} needs {lack}. The source languages are "
                f"{source_languages}, the target languages {target_languages}."
            )
    return terms


def _find_lack(term, samples, is_target, source, has_dictionary, can_align) -> str | None:
    """The thing that a term lacks to work on, in words; None where it lacks nothing."""
    if term == "labels" and not (samples.labelled & is_target).any():
        return "labelled rows in a target language"
    if term in ("distill", *ALIGNING) and not is_target.any():
        return "rows in a target language"
    if term in (*ALIGNING, "code_switch") and not (samples.labelled & ~is_target).any():
        return "labelled rows in a source language"
    if term == "l2sp" and source.teaches:
        return "a network as source, but `source` is a classifier"
    if term == "code_switch" and not (has_dictionary and samples.is_text):
        return "texts and a `dictionary`"
    if term in ALIGNING and not can_align:
        return "an encoder that is trained, or a source that was fitted with this term"
    return None
