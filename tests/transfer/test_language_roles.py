"""Which languages are sources and which are targets."""

import numpy as np
import pytest
from tiny import DICTIONARY, make_classifier, make_pair

from metaling_sk import LinearTransferClassifier
from metaling_sk.exceptions import InputWarning

X, Y = make_pair(20, 20, joiner=" ")


def make_linear(**parameters):
    return LinearTransferClassifier(n_topics=1, random_state=0, **parameters)


@pytest.mark.parametrize("make", [make_classifier, make_linear])
@pytest.mark.parametrize("sources", [None, "en"])
def test_a_target_that_looks_like_a_typo(make, sources):
    model = make(source_languages=sources, target_languages="zh-CN")
    with pytest.raises(ValueError, match=r"names \['zh-CN'\], .* X has rows in \['zh'\] that"):
        model.fit(X, Y)


@pytest.mark.parametrize("make", [make_classifier, make_linear])
def test_a_target_without_rows_is_zero_shot(make):
    english = X["language"] == "en"
    model = make(target_languages="zh").fit(X[english], Y[english])
    assert model.source_languages_ == ["en"] and model.target_languages_ == ["zh"]


@pytest.mark.parametrize("make", [make_classifier, make_linear])
def test_one_of_several_targets_without_rows_is_warned_of(make):
    model = make(source_languages="en", target_languages=["zh", "sv"])
    if make is make_classifier:
        model.set_params(transfer="mmd")
    with pytest.warns(InputWarning, match=r"no row in 'sv', of which .* are 'en', 'zh'\. Leave"):
        model.fit(X, Y)
    assert model.target_languages_ == ["sv", "zh"]


def test_targets_that_come_with_a_later_partial_fit_are_not():
    make_classifier(target_languages=["zh", "sv"], transfer=None).partial_fit(X, Y)


@pytest.mark.parametrize("make", [make_classifier, make_linear])
def test_a_target_that_is_another_name_of_labelled_rows_is_warned_of(make):
    X, y = make_pair(20, 20, n_labelled=20)
    with pytest.warns(InputWarning, match="'chinese', 'zh'.*one name, in `target_languages` as in"):
        make(target_languages="chinese").fit(X, y)


def test_labelled_rows_of_other_languages_are_sources():
    X, y = make_pair(20, 20, n_labelled=20)
    model = make_classifier(target_languages="sv").fit(X, y)
    assert model.source_languages_ == ["en", "zh"]


def test_new_languages_in_a_later_partial_fit_are_warned_of():
    model = make_classifier(target_languages="zh", transfer=None).partial_fit(X, Y)
    mixed = X.assign(language=["en"] * 20 + ["sv"] * 20)
    with pytest.warns(InputWarning, match=r"learns nothing from the rows in \['sv'\]"):
        model.partial_fit(mixed, Y)


LABELS = {
    "strings": ["bad", "good"],
    "ints": [3, -1],
    "bools": [False, True],
    "floats": [2.0, 1.0],
    "ints the other way round": [1, 0],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("kind", ["linear", "teacher", "network"])
def test_class_weights_are_those_of_labels(kind, labels):
    """A class that weighs more is predicted more often, whatever the labels are called."""
    X, y = make_pair(40, 40, n_labelled=0, joiner=" ")
    texts = X.assign(text=["hotel room staff"] * 80)
    named = [None if np.isnan(value) else labels[int(value)] for value in y]
    shares = []
    for weight in (0.01, 100.0):
        weights = {labels[0]: 1.0, labels[1]: weight}
        if kind == "linear":
            model = make_linear(class_weight=weights, target_languages="zh")
        else:
            source = "linear" if kind == "teacher" else None
            model = make_classifier(
                class_weight=weights,
                source=source,
                transfer=None if source is None else "auto",
                target_languages="zh",
                dictionary=DICTIONARY if kind == "teacher" else None,
                n_topics=1,
                self_training=0,
                max_epochs=1 if kind == "teacher" else 5,  # What it taught is not looked at.
                learning_rate=0.2,
            )
        model.fit(texts, named)
        model = model.source_model_ if kind == "teacher" else model
        column = model.classes_.tolist().index(labels[1])
        shares.append(model.predict_proba(texts)[:, column].mean())
    assert shares[0] < 0.3 < 0.7 < shares[1]


def test_a_class_weight_for_a_label_that_there_is_not():
    with pytest.raises(ValueError, match="not in class_weight"):
        make_linear(class_weight={0: 1.0, 7: 2.0}).fit(X, Y)
