"""Which languages labels come from and which they are carried to."""

from __future__ import annotations

import numpy as np
from pandas.api.types import is_list_like

from metaling_sk._data.samples import Samples, with_classes


def find_language_roles(
    samples: Samples, source_languages=None, target_languages=None
) -> tuple[list[str], list[str]]:
    """The source and the target languages.

    Targets default to all languages but the sources or, where these are None too, to all that
    have unlabelled rows; sources default to all languages but the targets.

    Raises
    ------
    ValueError
        If a source language has no row, or a language has both roles.
    """
    present = set(samples.language)
    sources, targets = _as_set(source_languages), _as_set(target_languages)
    if targets is None and sources is None:
        targets = set(samples.language[~samples.labelled])
    targets = present - sources if targets is None else targets
    sources = present - targets if sources is None else sources
    if absent := sources - present:
        raise ValueError(
            f"`source_languages`: X has no row in {sorted(absent)}; "
            f"its languages are {sorted(present)}."
        )
    if both := sources & targets:
        raise ValueError(
            f"{sorted(both)} stand in `source_languages` and in `target_languages`; "
            "name each language once."
        )
    return sorted(sources), sorted(targets)


def keep_languages(samples: Samples, languages: list[str]) -> Samples:
    """The rows in these languages, and the classes that they have."""
    samples = samples.take(np.isin(samples.language, languages))
    return with_classes(samples, samples.classes[np.unique(samples.y[samples.labelled])])


def _as_set(languages) -> set[str] | None:
    if languages is None:
        return None
    codes = set(languages) if is_list_like(languages) else {languages}
    if not all(isinstance(code, str) for code in codes):
        raise ValueError(
            "`source_languages` and `target_languages` must be strings such as 'en' or lists of "
            f"them, got {languages!r}."
        )
    return codes
