"""The progress that a user sees."""

import io
import threading
import time
from contextlib import redirect_stderr

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from metaling_sk import (
    EncoderVectorizer,
    FewShotCurveDisplay,
    LanguageStandardScaler,
    LinearTransferClassifier,
    MetaNetClassifier,
    MetaParamSearchCV,
    TransferClassifier,
)
from metaling_sk._utils import progress
from metaling_sk._utils.progress import Progress, silent
from metaling_sk.inspection import transfer_matrix

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X[:, 0] > 0
PARTLY = np.where(np.arange(40) % 2, Y, np.nan)
LANGUAGE = ["en"] * 20 + ["zh"] * 20


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def no_delay(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.0)


def clf(**parameters):
    return TransferClassifier(max_epochs=2, random_state=0, **parameters)


def few_shot_curve(estimator):
    return FewShotCurveDisplay.from_estimator(
        estimator,
        pd.DataFrame(X).assign(language=LANGUAGE),
        PARTLY,
        target_language="zh",
        X_test=pd.DataFrame(X).assign(language=LANGUAGE),
        y_test=Y,
        ks=(0, 4),
        n_repeats=2,
    )


def screen(output):
    """What is left on the screen, without the lines that were written over."""
    return output.getvalue().rsplit("\r", 1)[-1].strip()


def test_a_fit_has_one_bar():
    with redirect_stderr(Terminal()) as terminal:
        clf().fit(X, Y)
    assert "TransferClassifier: " in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 1
    assert "100%" in screen(terminal)


CALLS = {
    "TransferClassifier": lambda: clf(source=make_pipeline(clf())).fit(X, PARTLY).predict(X),
    "MetaNetClassifier": lambda: (
        MetaNetClassifier().fit(X, Y, language=LANGUAGE).adapt(X, Y, language="id")
    ),
    "LinearTransferClassifier": lambda: LinearTransferClassifier(n_topics=1).fit(X, PARTLY),
    "EncoderVectorizer": lambda: EncoderVectorizer("scratch").fit_transform(["good", "bad"]),
    "MetaParamSearchCV": lambda: MetaParamSearchCV(
        clf(), {"batch_size": [8]}, n_iter=1, refit=False
    ).fit(X, Y),
    "transfer_matrix": lambda: transfer_matrix(LogisticRegression(), X, Y, language=LANGUAGE),
    "FewShotCurveDisplay": lambda: few_shot_curve(clf()),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_line_begins_with_the_class_or_the_function(name):
    with redirect_stderr(io.StringIO()) as pipe:
        CALLS[name]()
    lines = pipe.getvalue().splitlines()
    assert lines
    assert [line for line in lines if not line.startswith(f"{name}: ")] == []


def test_each_stage_has_its_name_from_the_first_tick():
    with redirect_stderr(Terminal()) as terminal, Progress(1, "fit") as bar:
        bar.start("one", 3)
        bar.advance(3, note="loss 0.1")
        bar.start("two", 5)
        drawn = screen(terminal)
        assert drawn.startswith("fit: two")
        assert "0/5" in drawn
        assert "loss" not in drawn


def test_a_note_is_asked_only_when_the_bar_may_be_drawn():
    asked = []

    def note():
        asked.append(1)
        return "loss 0.1"

    with redirect_stderr(Terminal()) as terminal, Progress(1, "fit") as bar:
        bar.start("one", 10_000)
        bar._bar.mininterval = 1e9
        for _ in range(5_000):
            bar.advance(1, note)
        assert not asked
        bar._bar.mininterval = 0
        bar.advance(5_000, note)
        assert asked == [1]
    assert "loss 0.1" in screen(terminal)
    with redirect_stderr(io.StringIO()), Progress(0, "fit") as no_bar:
        no_bar.start("one", 1)
        no_bar.advance(1, note)
    assert asked == [1]


def test_the_bar_counts_the_stages_to_come():
    with redirect_stderr(Terminal()) as terminal, Progress(1, "fit") as bar:
        bar.start("one", 10, n_later=20)
        assert "0/30" in screen(terminal)
        bar.advance(4)  # It stops early.
        bar.start("two", 10, n_later=10)
        assert "4/24" in screen(terminal)
        bar.advance(10)
        bar.start("three", 12)
        assert "14/26" in screen(terminal)
        bar.advance(12)
        bar.start("other", 7, "text")
        assert "0/7" in screen(terminal)
    assert "-" not in terminal.getvalue()  # as of a speed below 0


def test_units_of_another_kind_are_not_added_to_those_that_are_done():
    with redirect_stderr(Terminal()) as terminal, Progress(1, "fit") as bar:
        bar.start("one", 10, n_later=10)
        bar.advance(10)
        bar.start("other", 7, "text")
        assert "0/7" in screen(terminal)
        bar.start("two", 10)
        assert "0/10" in screen(terminal)


def test_source_and_target_network_are_one_bar():
    with redirect_stderr(Terminal()) as terminal:
        clf(source_languages="en").fit(X, Y, language=LANGUAGE)
    n_steps = 2 * 2 * 10
    assert f"0/{n_steps}" in terminal.getvalue()
    assert f"{n_steps}/{n_steps}" in screen(terminal)


def test_bars_are_gone_after_cross_validation():
    with redirect_stderr(Terminal()) as terminal:
        cross_val_score(clf(), X, Y, cv=2)
    assert "TransferClassifier: " in terminal.getvalue()
    assert screen(terminal) == ""


def test_the_fits_of_a_curve_have_one_bar():
    with redirect_stderr(Terminal()) as terminal:
        few_shot_curve(make_pipeline(LanguageStandardScaler(), clf()))
    assert terminal.getvalue().count("\n") == 1
    assert screen(terminal).startswith("FewShotCurveDisplay: curve: 100%")
    assert "3/3" in screen(terminal)
    with redirect_stderr(Terminal()) as terminal:
        few_shot_curve(clf(verbose=0))
    assert terminal.getvalue() == ""


def test_a_line_for_each_stage_where_there_is_no_terminal():
    with redirect_stderr(io.StringIO()) as pipe, Progress(1, "fit") as lines:
        lines.start("one", 3)
        lines.advance(3)
        lines.start("two", 9, "epoch")
        lines.advance()
    assert pipe.getvalue() == "fit: one, 3 steps in 0 s\nfit: two, 1 epoch in 0 s\n"


def test_one_line_for_a_stage_in_parts():
    with redirect_stderr(io.StringIO()) as pipe, Progress(1, "fit") as lines:
        for n_later in (3, 1, 0):
            lines.start("one", 2, n_later=n_later)
            lines.advance(2)
        lines.start("one", 2)
        lines.advance(2)
    assert pipe.getvalue() == "fit: one, 6 steps in 0 s\nfit: one, 2 steps in 0 s\n"


def test_no_line_after_an_error():
    with redirect_stderr(io.StringIO()) as pipe, pytest.raises(KeyError), Progress(1, "fit") as bar:
        bar.start("one", 3)
        raise KeyError
    assert pipe.getvalue() == ""


def test_short_stages_have_no_line(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 60)
    with redirect_stderr(io.StringIO()) as pipe:
        clf().fit(X, Y)
    assert pipe.getvalue() == ""


@pytest.mark.parametrize("output", [Terminal, io.StringIO])
def test_silence(output):
    with redirect_stderr(output()) as written:
        clf(verbose=0).fit(X, Y)
        with silent():
            clf().fit(X, Y)
        thread = threading.Thread(target=clf().fit, args=(X, Y))
        thread.start()
        thread.join()
    assert written.getvalue() == ""


class OnlyWrite:
    write = flush = staticmethod(lambda *text: None)


@pytest.mark.parametrize("output", [None, OnlyWrite()])
def test_programs_without_a_console(output, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr", output)
    clf().fit(X, Y)
    assert capsys.readouterr().out == ""


def test_what_is_to_come_is_on_the_bar_or_a_line_at_once():
    with redirect_stderr(Terminal()) as terminal, Progress(1, "search") as bar:
        bar.start("candidates", 3)
        bar.describe("rung 1")
        bar.expect(840)
        assert screen(terminal).startswith("search (about 14 min): rung 1")
        bar.describe("rung 2")
        bar.advance(3)
    assert screen(terminal).startswith("search (about 14 min): rung 2")
    with redirect_stderr(io.StringIO()) as pipe, Progress(1, "search") as lines:
        lines.start("candidates", 3)
        lines.expect(840)
        assert pipe.getvalue() == "search: about 14 min to go\n"
    with redirect_stderr(io.StringIO()) as pipe, Progress(0, "search") as nothing:
        nothing.start("candidates", 3)
        nothing.expect(840)
    assert pipe.getvalue() == ""


def test_short_stages_draw_nothing_and_what_is_drawn_is_ended(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.2)
    with redirect_stderr(Terminal()) as terminal:
        with Progress(1, "fit") as bar:
            bar.start("one", 3)
            bar.expect(840)
            bar.advance(3)
            bar.start("two", 5)
            bar.advance(5)
        assert terminal.getvalue() == ""
        with Progress(1, "fit") as bar:
            bar.start("one", 3, n_later=5)
            time.sleep(0.3)
            bar.advance(3)
            bar.start("two", 5)
            bar.advance(2)  # It stops early.
    assert "two: 100%" in screen(terminal)
    assert terminal.getvalue().endswith("\n")


def test_a_bar_is_gone_where_its_last_stage_was_short(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.2)
    monkeypatch.setattr(progress, "_is_in_cross_validation", lambda: True)
    with redirect_stderr(Terminal()) as terminal, Progress(1, "fit") as bar:
        bar.start("one", 3)
        time.sleep(0.3)
        bar.advance(3)
        bar.start("two", 5)
    assert "fit: two" in terminal.getvalue()
    assert screen(terminal) == ""
