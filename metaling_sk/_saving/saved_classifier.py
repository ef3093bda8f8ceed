"""What the classifiers share that can be saved to a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

import metaling_sk

DOOR_ATTRIBUTES = ("_input_kind", "n_features_in_", "feature_names_in_")
"""Attributes that `check_samples` sets in `fit`. Which ones depends on the form of X."""


class SavedClassifierMixin:
    """`save` and `push_to_hub` of classifiers that give and take their state.

    A subclass defines `_describe_input`, `_get_saved_state` and `_set_saved_state`, and sets
    `sample_counts_` in `fit`.
    """

    sample_counts_: pd.DataFrame

    _saved_parts: tuple[str, ...] = ()
    """Attributes that hold fitted classifiers, each of which gets a folder of its own."""

    _unsaved_parameters: tuple[str, ...] = ()
    """Parameters that are not saved, of whatever type they are."""

    @classmethod
    def _from_saved(cls, parameters: dict[str, Any], parts: dict[str, Any]):
        """Make an estimator that is not fitted from the saved parameters and parts."""
        return cls(**parameters)

    def _describe_input(self) -> str:
        """Say in a sentence what the classifier reads, for the model card."""
        raise NotImplementedError

    def _get_saved_state(self, folder: Path) -> dict[str, Any]:
        """Return everything that it takes to predict; files may be written to the folder."""
        raise NotImplementedError

    def _set_saved_state(self, state: dict[str, Any], folder: Path) -> None:
        """Take what `_get_saved_state` has returned."""
        raise NotImplementedError

    def save(self, folder, *, report=None) -> None:
        """Save to a folder: JSON, safetensors and tokenizer files; see `metaling_sk.load`.

        Parameters
        ----------
        folder : str or path
            Made where it does not exist.
        report : DataFrame, default=None
            Scores by language for the model card, as `language_report` returns them.

        Raises
        ------
        ValueError
            If the encoder cannot be stored as JSON and tensors.
        """
        metaling_sk.persistence.save(self, folder, report=report)

    def push_to_hub(self, repo_id, *, report=None, private=None, token=None) -> str:
        """Save to a repository of a model hub, from where `metaling_sk.load` takes it.

        Parameters
        ----------
        repo_id : str
            "owner/name". The repository is made where it does not exist.
        report : DataFrame, default=None
            Scores by language for the model card, as `language_report` returns them.
        private : bool, default=None
            Whether a new repository is private; None is the owner's default.
        token : str or bool, default=None
            The token of an account that may write; None is the one of `hf auth login`.

        Returns
        -------
        str
            The address of the commit.

        Raises
        ------
        ValueError, TypeError
            As `save`.
        huggingface_hub.errors.HfHubHTTPError
            If the hub refuses, for example without a token.
        """
        return metaling_sk.persistence.push_to_hub(
            self, repo_id, report=report, private=private, token=token
        )


def table_to_json(table: pd.DataFrame) -> dict[str, Any]:
    """Return a table of numbers and names as JSON."""
    return json.loads(table.to_json(orient="split", double_precision=15))


def table_from_json(content: dict[str, Any]) -> pd.DataFrame:
    """Return the table that `table_to_json` was given."""
    table = pd.DataFrame(**content)
    return table if len(table) else table.astype(float)
