"""Word and character error rates, of all samples and by language."""

import jiwer
import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import make_scorer

from metaling_sk.metrics import transcription_report, word_error_rate

RIGHT = ["one two three", "four", "一二三四"]
FOUND = ["one  two tree", "for five", "一二三"]


@pytest.mark.parametrize("unit, rate", [("word", jiwer.wer), ("character", jiwer.cer)])
def test_it_is_that_of_jiwer_for_the_corpus(unit, rate):
    found = [" ".join(text.split()) for text in FOUND]
    assert word_error_rate(RIGHT, FOUND, unit=unit) == rate(RIGHT, found)


def test_by_hand():
    # Three words are wrong and one is too many, of five.
    assert word_error_rate(RIGHT, FOUND) == pytest.approx(4 / 5)
    assert word_error_rate(["a"], ["b c d"]) == 3
    assert word_error_rate(["a b", ""], ["a b", ""]) == 0
    assert word_error_rate(RIGHT[2:], FOUND[2:], unit="character") == 0.25


def test_the_worst_language_has_the_highest_rate():
    report = transcription_report(RIGHT, FOUND, ["en", "en", "zh"], unit="character")
    assert list(report) == ["character_error_rate", "support"]
    rates = report["character_error_rate"]
    assert rates["worst"] == max(rates["en"], rates["zh"])
    assert rates["gap"] == pytest.approx(abs(rates["en"] - rates["zh"]))
    assert report["support"].tolist()[:2] == [2, 1]


def test_as_a_scorer():
    echo = DummyClassifier(strategy="most_frequent").fit(np.zeros((3, 1)), ["four"] * 3)
    scorer = make_scorer(word_error_rate, greater_is_better=False, unit="character")
    expected = -word_error_rate(RIGHT, ["four"] * 3, unit="character")
    assert scorer(echo, np.zeros((3, 1)), RIGHT) == expected


def test_what_is_refused():
    with pytest.raises(ValueError, match="no word"):
        word_error_rate(["", " "], ["a", "b"])
    with pytest.raises(ValueError, match="no translation in row 1"):
        word_error_rate(["a", None], ["a", "b"])
    with pytest.raises(ValueError, match="inconsistent"):
        word_error_rate(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="unit"):
        word_error_rate(["a"], ["a"], unit="letter")
    with pytest.raises(ValueError, match="one value per row"):
        transcription_report(["a"], ["a"], ["en", "zh"])
