"""Loggers of skorch."""

import numpy as np
import pytest
from skorch.callbacks import TensorBoard

from metaling_sk import TransferClassifier

X = np.random.default_rng(0).normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(object)
Y[40:] = None
LANGUAGE = np.repeat(["en", "zh"], 30)


def test_tensorboard_has_what_the_history_has(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        clf = TransferClassifier(
            max_epochs=3,
            patience=3,
            transfer="coral",
            callbacks=[TensorBoard(writer, close_after_train=False)],
            verbose=0,
            random_state=0,
        ).fit(X, Y, language=LANGUAGE)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    logged = [event.value for event in events.Scalars("Loss/train_loss")]
    np.testing.assert_allclose(logged, clf.history_["train_loss"], rtol=1e-5)
    logged = [event.value for event in events.Scalars("coral")]
    np.testing.assert_allclose(logged, clf.history_["coral"].dropna(), rtol=1e-5)
