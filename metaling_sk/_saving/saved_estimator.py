"""What the estimators share that can be saved to a folder."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd

import metaling_sk

INPUT_ATTRIBUTES = ("_input_kind", "n_features_in_", "feature_names_in_")
"""Attributes that `check_samples` sets in `fit`. Which ones depends on the form of X."""


class SavedMixin:
    """`save` and `push_to_hub` of estimators that give and take their state.

    A subclass names its fitted attributes, and adds to `_get_saved_state` and `_set_saved_state`
    what these do not hold. One that predicts also defines `_describe_input`, and sets
    `sample_counts_` in `fit`.
    """

    sample_counts_: pd.DataFrame

    _saved_attributes: tuple[str, ...] = ()
    """Fitted attributes that `to_json` takes as they are."""

    _unsaved_parameters: tuple[str, ...] = ()
    """Parameters of a fitted estimator that are not saved, of whatever type they are."""

    _not_kept: tuple[str, ...] = ()
    """Parameters that `save` could not keep, of an estimator that was loaded, and of its clones."""

    @property
    def _lost_parameters(self) -> list[str]:
        """Those of them that have their defaults since."""
        defaults = {name: each.default for name, each in signature(type(self)).parameters.items()}
        return [
            name
            for name in self._not_kept
            if type(getattr(self, name)) is type(defaults[name])
            and getattr(self, name) == defaults[name]
        ]

    def __sklearn_clone__(self):
        clone = super().__sklearn_clone__()  # type: ignore[misc]
        if self._not_kept:
            clone._not_kept = self._not_kept
        return clone

    @classmethod
    def _from_saved(cls, parameters: dict[str, Any], state: dict[str, Any] | None):
        """Make an estimator that is not fitted from the saved parameters.

        `state` is what `_get_saved_state` has returned; None of an estimator that was not fitted.
        """
        return cls(**parameters)

    def _describe_input(self) -> str:
        """Say in a sentence what the estimator reads, for the model card."""
        raise NotImplementedError

    def _get_saved_state(self, folder: Path) -> dict[str, Any]:
        """Return all that the fit has learnt, as values that `to_json` takes.

        Files may be written to the folder.
        """
        of_input = [name for name in INPUT_ATTRIBUTES if hasattr(self, name)]
        return {name: getattr(self, name) for name in (*self._saved_attributes, *of_input)}

    def _set_saved_state(self, state: dict[str, Any], folder: Path) -> None:
        """Take what `_get_saved_state` has returned."""
        of_input = [name for name in INPUT_ATTRIBUTES if name in state]
        for name in (*self._saved_attributes, *of_input):
            setattr(self, name, state[name])

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
            If the encoder cannot be stored without pickle.
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
