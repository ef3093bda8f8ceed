"""How translators are saved, and what their model cards say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from metaling_sk._network.nets import SkorchNet, new_net
from metaling_sk._network.prediction import Execution
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk.translation._fitting import make_settings
from metaling_sk.translation._models import MODELS
from metaling_sk.translation._objective import TranslationObjective


class SavedTranslatorMixin(SavedMixin):
    """`save` and `push_to_hub` of a translator."""

    target_language: str | None
    trainable: str
    batch_size: int
    target_languages_: list[str]
    _forgotten_languages: list[str]
    learning_rate_: float
    history_: pd.DataFrame
    net_: SkorchNet

    _saved_attributes = (
        "languages_",
        "target_languages_",
        "learning_rate_",
        "_forgotten_languages",
        "history_",
        "sample_counts_",
    )
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
        state = super()._get_saved_state(folder)
        model = self.net_.module_.without_lora()
        state["model"] = {"kind": model.kind} | model.get_state(folder)
        state["weights"] = model.state_dict()
        return state

    def _set_saved_state(self, state: dict[str, Any], folder: Path) -> None:
        super()._set_saved_state(state, folder)
        kind = MODELS[state["model"]["kind"]]
        model = kind.from_state(state["model"], state["weights"], folder)
        model.load_state_dict(state["weights"])
        settings = make_settings(self, model, Execution.of(self, self.batch_size))
        self.net_ = new_net(model, TranslationObjective(), settings, to_train=False)
