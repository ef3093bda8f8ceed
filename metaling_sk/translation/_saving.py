"""How translators are saved, and what their model cards say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from metaling_sk._network.nets import SkorchNet, new_net
from metaling_sk._network.prediction import Execution
from metaling_sk._saving.saved_classifier import (
    DOOR_ATTRIBUTES,
    SavedClassifierMixin,
    table_from_json,
    table_to_json,
)
from metaling_sk.translation._fitting import make_settings
from metaling_sk.translation._models import MODELS
from metaling_sk.translation._objective import TranslationObjective

SAVED_ATTRIBUTES = ("languages_", "target_languages_", "learning_rate_", "_forgotten_languages")
"""Fitted attributes that JSON can hold as they are."""

SAVED_TABLES = ("history_", "sample_counts_")
"""Fitted tables."""


class SavedTranslatorMixin(SavedClassifierMixin):
    """`save` and `push_to_hub` of a translator."""

    target_language: str | None
    trainable: str
    batch_size: int
    target_languages_: list[str]
    _forgotten_languages: list[str]
    learning_rate_: float
    history_: pd.DataFrame
    net_: SkorchNet

    _unsaved_parameters = ("source",)

    @property
    def _is_translation(self) -> bool:
        """Whether texts are in another language; else they are what was said."""
        return self.target_language is not None

    @property
    def _task(self) -> str:
        """The name of the task on a model hub."""
        return "translation" if self._is_translation else "automatic-speech-recognition"

    def _describe_input(self) -> str:
        model = type(self.net_.module_.backbone).__name__
        what = "translates" if self._is_translation else "writes down recordings"
        return f"It {what} by a {model}, trainable={self.trainable!r}."

    def _describe_output(self) -> str:
        what = "translations into" if self._is_translation else "transcriptions in"
        return f"{what} {', '.join(self.target_languages_)}"

    def _get_saved_state(self, folder: Path) -> dict[str, Any]:
        names = [*SAVED_ATTRIBUTES, *(name for name in DOOR_ATTRIBUTES if hasattr(self, name))]
        state: dict[str, Any] = {name: getattr(self, name) for name in names}
        for name in SAVED_TABLES:
            state[name] = table_to_json(getattr(self, name))
        model = self.net_.module_.without_lora()
        state["model"] = {"kind": model.kind} | model.get_state(folder)
        state["weights"] = model.state_dict()
        return state

    def _set_saved_state(self, state: dict[str, Any], folder: Path) -> None:
        self._forgotten_languages = []  # where an earlier version has saved the folder
        for name in (*SAVED_ATTRIBUTES, *DOOR_ATTRIBUTES):
            if name in state:
                setattr(self, name, state[name])
        for name in SAVED_TABLES:
            setattr(self, name, table_from_json(state[name]))
        kind = MODELS[state["model"]["kind"]]
        model = kind.from_state(state["model"], state["weights"], folder)
        model.load_state_dict(state["weights"])
        settings = make_settings(self, model, Execution.of(self, self.batch_size))
        self.net_ = new_net(model, TranslationObjective(), settings, to_train=False)
