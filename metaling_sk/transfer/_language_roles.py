"""Which languages labels come from and which they are carried to."""

from __future__ import annotations

import numpy as np

from metaling_sk._data.languages import UNNAMED_LANGUAGE, find_roles
from metaling_sk._data.samples import Samples, with_classes
from metaling_sk._data.suspicions import suspect_names


def find_language_roles(
    samples: Samples, source_languages=None, target_languages=None
) -> tuple[list[str], list[str]]:
    """Find the source and the target languages as `find_roles` does, and check them.

    Raises
    ------
    ValueError
        If a source language has no sample, a language has both roles, or a target language has no
        sample while samples of another language would serve nothing.

    Warns
    -----
    InputWarning
        If a language without samples looks like another name of one that has some.
    """
    present, unlabelled = set(samples.language), set(samples.language[~samples.labelled])
    sources, targets = find_roles(present, unlabelled, source_languages, target_languages)
    if target_languages is not None:
        _check_targets(samples, None if source_languages is None else sources, targets)
    if absent := sources - present:
        raise ValueError(
            f"`source_languages`: X has no row in {sorted(absent)}; "
            f"its languages are {sorted(present)}."
        )
    suspect_names(None, targets - present, present, "target_languages")
    return sorted(sources), sorted(targets)


def _check_targets(samples: Samples, sources: set[str] | None, targets: set[str]) -> None:
    """Raise if a target language without samples looks like another name of one that has some."""
    absent = targets - set(samples.language)
    is_named = samples.language != UNNAMED_LANGUAGE
    if targets and absent == targets and not (samples.labelled | is_named).all():
        raise ValueError(
            f"`target_languages` names {sorted(targets)}, but X has rows without a label that name "
            "no language, so they would serve nothing. Pass a DataFrame with a language column, or "
            "`language`."
        )
    idle = set(samples.language) - targets
    if sources is None:
        idle -= set(samples.language[samples.labelled])
    else:
        idle -= sources
    if absent and idle:
        raise ValueError(
            f"`target_languages` names {sorted(absent)}, of which X has no row, while X has rows "
            f"in {sorted(idle)} that would be neither targets nor labelled sources. Name the "
            "languages as X does, or leave these rows out."
        )


def keep_languages(samples: Samples, languages: list[str]) -> Samples:
    """The samples in these languages, with the classes that they have."""
    samples = samples.take(np.isin(samples.language, languages))
    return with_classes(samples, samples.present_classes)
