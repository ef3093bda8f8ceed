import numpy as np
import pandas as pd
import pytest
from scorer_cases import make_numbers
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from metaling_sk import (
    HistoryDisplay,
    MetaNetClassifier,
    StratifiedLanguageKFold,
    TransferClassifier,
)

X, Y = make_numbers(n_rows=40)


def labels_of(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def test_the_stages_of_a_transfer_follow_each_other():
    y = np.where((X["language"] == "zh") & (np.arange(80) >= 50), np.nan, Y)
    model = TransferClassifier(
        transfer=["labels", "mmd"],
        validation_fraction=0.2,
        max_epochs=4,
        random_state=0,
        verbose=0,
    ).fit(X, y)
    display = HistoryDisplay.from_estimator(model)
    history = model.history_
    assert list(display.stages_) == ["source", "target"]
    n_source = (history["stage"] == "source").sum()
    line = display.lines_["train_loss"]
    x, loss = line.get_xdata(), line.get_ydata()
    assert np.flatnonzero(np.isnan(x)).tolist() == [n_source]  # the line breaks there
    np.testing.assert_array_equal(x[~np.isnan(x)], np.arange(1, len(history) + 1))
    np.testing.assert_array_equal(loss[~np.isnan(loss)], history["train_loss"])
    assert display.stages_["source"].get_position()[0] == (1 + n_source) / 2
    assert {"train_loss", "valid_loss", "labels", "mmd"} <= set(display.lines_)
    assert labels_of(display.ax_)[:2] == ["training loss", "validation loss"]
    assert display.ax_.get_xlabel() == "epoch"
    few = HistoryDisplay.from_estimator(model, terms=False)
    assert list(few.lines_) == ["train_loss", "valid_loss"]


def test_the_training_of_a_meta_network_has_no_stages():
    model = MetaNetClassifier(meta_algorithm="reptile", max_epochs=3, random_state=0, verbose=0)
    display = HistoryDisplay.from_estimator(model.fit(X, Y))
    assert display.stages_ == {}
    np.testing.assert_array_equal(
        display.lines_["train_loss"].get_ydata(), model.history_["train_loss"]
    )


def test_searches_and_pipelines_show_the_model_in_them():
    model = TransferClassifier(max_epochs=2, transfer=None, head_penalty=0, verbose=0)
    folds = StratifiedLanguageKFold(2, random_state=0)
    search = GridSearchCV(make_pipeline(model), {"transferclassifier__batch_size": [8]}, cv=folds)
    display = HistoryDisplay.from_estimator(search.fit(X, Y))
    pd.testing.assert_frame_equal(display.history, search.best_estimator_[0].history_)


def test_many_epochs_and_losses_far_apart():
    history = pd.DataFrame(
        {"epoch": range(500), "train_loss": np.geomspace(3, 1e-3, 500), "valid_loss": np.nan}
    )
    display = HistoryDisplay(history).plot()
    assert display.ax_.get_yscale() == "log"
    assert list(display.lines_) == ["train_loss"]
    assert display.figure_.get_size_inches()[0] <= 12


def test_names_of_short_stages_and_the_legend_hide_nothing():
    stages = ["source", "target", "self-training 1", "self-training 2", "self-training 3"]
    numbers = np.linspace(1, 0.5, len(stages))
    history = pd.DataFrame({"stage": stages, "epoch": 1, "train_loss": numbers, "source": numbers})
    display = HistoryDisplay(history).plot()
    display.figure_.canvas.draw()
    assert {text.get_rotation() for text in display.stages_.values()} == {30}
    legend = display.ax_.get_legend().get_window_extent()
    assert legend.x0 >= display.ax_.get_window_extent().x1
    longer = HistoryDisplay(pd.concat([history[:2]] * 9).sort_values("stage")).plot()
    assert {text.get_rotation() for text in longer.stages_.values()} == {0}


def test_models_without_a_history():
    solved = MetaNetClassifier(random_state=0, verbose=0).fit(X, Y)
    with pytest.raises(ValueError, match="no epochs to show: its models were solved for"):
        HistoryDisplay.from_estimator(solved)
    with pytest.raises(NotFittedError):
        HistoryDisplay.from_estimator(TransferClassifier())
    model = LogisticRegression().fit([[0], [1]], [0, 1])
    with pytest.raises(ValueError, match="A LogisticRegression has no history of losses"):
        HistoryDisplay.from_estimator(model)
    with pytest.raises(ValueError, match="`history` must have a row for each epoch"):
        HistoryDisplay(pd.DataFrame({"epoch": [1]})).plot()
