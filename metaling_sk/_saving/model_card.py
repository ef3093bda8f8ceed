"""The README.md of a saved folder, which model hubs show as the card of a model."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import numpy as np
import pandas as pd
from huggingface_hub import ModelCardData

from metaling_sk._data.languages import UNNAMED_LANGUAGE
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._utils.messages import name_some
from metaling_sk._utils.wrapped import final_estimator

CARD = "README.md"

NOTE = "<!-- `save` replaces this card. Delete this line to keep your changes. -->"
"""The line by which `save` knows a card of its own."""

PRIMARY_CODE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
"""The part of a language code that a hub knows."""


def write_card(folder: Path, text: str) -> None:
    """Write the card of a saved folder, unless the folder has a README.md of the user."""
    path = folder / CARD
    try:
        if path.exists() and NOTE not in path.read_text(encoding="utf-8"):
            return
    except (OSError, UnicodeDecodeError):
        return
    new = folder / f"{CARD}.{secrets.token_hex(8)}"
    new.write_text(text, encoding="utf-8", errors="backslashreplace")
    new.replace(path)


def make_card(estimator, versions: dict[str, str], report: pd.DataFrame | None) -> str:
    """Describe a fitted estimator in Markdown.

    Parameters
    ----------
    estimator : fitted estimator
    versions : dict of str to str
        The versions of the packages.
    report : DataFrame or None
        Scores by language, as `language_report` returns them.
    """
    if report is not None and not isinstance(report, pd.DataFrame):
        raise ValueError(
            f"`report` must be a table as language_report returns it, got {type(report).__name__}."
        )
    kind = type(estimator).__name__
    model = _find_model(estimator)
    matches = [PRIMARY_CODE.match(name) for name in getattr(model, "languages_", ())]
    metadata = ModelCardData(
        library_name="metaling_sk",
        tags=["metaling_sk"] if model is None else ["metaling_sk", model._task],
        language=sorted({match.group() for match in matches if match}) or None,
    )
    table = "" if model is None else _describe_table(estimator, model)
    method = "predict" if hasattr(estimator, "predict") else "transform"
    sections = [
        f"---\n{metadata.to_yaml()}\n---",
        NOTE,
        f"# {kind}",
        _describe(estimator, model),
        *_class_sections(model),
        "## How to load it",
        "```python\nfrom metaling_sk import load\n\n"
        'model = load("this folder")  # or "hub:owner/name"\n'
        f"model.{method}(X){table}\n```",
        *_sample_sections(model),
    ]
    if report is not None:
        sections += ["## Scores by language", _table(report.round(3))]
    saved = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n\n".join([*sections, f"Saved with {saved}."]) + "\n"


def _find_model(estimator):
    """Return the estimator of this package that predicts, or None if there is none."""
    model = final_estimator(estimator)
    return model if isinstance(model, SavedMixin) and hasattr(model, "sample_counts_") else None


def _describe(estimator, model) -> str:
    """Say what is saved."""
    is_own = isinstance(estimator, SavedMixin)
    text = f"`{type(estimator).__name__}` of {'metaling_sk' if is_own else 'scikit-learn'}"
    if model is not None:
        text += f" that predicts {model._describe_output()}"
    parts = [f"A {text}."]
    if is_own and hasattr(estimator, "predict"):
        parts.append(estimator._describe_input())
    elif model is not None:
        parts.append(f"It predicts by a `{type(model).__name__}`. {model._describe_input()}")
    return " ".join(parts)


def _sample_sections(model) -> list[str]:
    """How many samples of each language a model was fitted to."""
    if model is None:
        return []
    counts = model.sample_counts_
    sections = ["## Training samples", _table(counts.rename_axis("language"))]
    new = [name for name in model.languages_ if name not in counts.index]
    return [*sections, f"Learnt after the fit: {', '.join(new)}."] if new else sections


def _describe_table(estimator, model) -> str:
    """Name the columns of the table that all was fitted to, in a comment."""
    columns = [*getattr(model, "feature_names_in_", ())]
    is_same = columns == [*getattr(estimator, "feature_names_in_", ())]
    if not columns or not is_same:  # Steps before the model make another table.
        return ""
    if model.language_column not in columns and model.languages_ != [UNNAMED_LANGUAGE]:
        columns.append(model.language_column)
    return f"  # X: a table with the columns {name_some(columns)}"


def _class_sections(model) -> list[str]:
    """The descriptions of the classes from which a model started, if there are any."""
    descriptions = getattr(model, "class_descriptions", None)
    if descriptions is None:
        return []
    texts = [text if isinstance(text, str) else "; ".join(text) for text in descriptions.values()]
    table = pd.DataFrame({"class": list(descriptions), "description": texts})
    return ["## Descriptions of the classes", _table(table.set_index("class"))]


def _table(frame: pd.DataFrame) -> str:
    """Format a table in Markdown, with its index as the first column."""
    frame = frame.reset_index(allow_duplicates=True)
    rows = [frame.columns, ["---"] * len(frame.columns), *frame.to_numpy(dtype=object)]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(value) -> str:
    text = "" if isinstance(value, float) and np.isnan(value) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
