import numpy as np
import pandas as pd
import pytest
from scorer_cases import Given, make_given, make_numbers
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny import DICTIONARY, make_pair

from metaling_sk import LinearTransferClassifier, TransferClassifier
from metaling_sk.metrics import CircularValidation

X, TRUTH = make_numbers()
IS_TARGET = (X["language"] == "zh").to_numpy()
Y = np.where(IS_TARGET, np.nan, TRUTH)


def without_language(X):
    return X.drop(columns="language")


class Recording(ClassifierMixin, BaseEstimator):
    """A reverse classifier that notes in a list what it is fitted on, and predicts 0."""

    def __init__(self, log=None, source_languages=None, target_languages=None, missing_label=None):
        self.log = log
        self.source_languages = source_languages
        self.target_languages = target_languages
        self.missing_label = missing_label

    def __sklearn_clone__(self):
        return type(self)(**self.get_params(deep=False))

    def fit(self, X, y):
        self.log.append((X, y, self.source_languages, self.target_languages))
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Supervised(Recording):
    """The same without a mark for missing labels."""

    def __init__(self, log=None):
        self.log = log
        self.source_languages = self.target_languages = None


def predictions(second):
    second = np.asarray(second, dtype=float)
    return np.column_stack([1 - second, second])


@pytest.mark.parametrize(
    "model",
    [
        LinearTransferClassifier(n_topics=1),
        LinearTransferClassifier(n_topics=1, source_languages="en", target_languages=["zh"]),
        TransferClassifier(verbose=0, random_state=0),
        make_pipeline(
            FunctionTransformer(), LinearTransferClassifier(n_topics=1, target_languages="zh")
        ),
    ],
    ids=["no names", "names", "network", "pipeline"],
)
def test_the_way_back_of_a_good_model_finds_the_labels(model):
    assert CircularValidation()(model.fit(X, Y), X, Y) > 0.9


def test_the_reverse_classifier_learns_predictions_and_has_the_roles_exchanged():
    X, is_target = make_given(predictions([0, 1, 1]), predictions([0, 0, 1, 0]))
    X.insert(0, "p", X.pop("p0"))
    log = []
    y = [0, 0, 1, None, None, None, None]
    score = CircularValidation(reverse_estimator=Recording(log))(Given(), X, y)
    [(X_fit, y_fit, sources, targets)] = log
    pd.testing.assert_frame_equal(X_fit, X)
    assert y_fit.tolist() == [None, None, None, 0, 0, 1, 0]
    assert (sources, targets) == (["zh"], ["en"])
    assert score == pytest.approx(2 / 3)


def test_a_classifier_that_needs_all_labels_is_given_the_target_rows():
    X, is_target = make_given(predictions([0, 1, 1]), predictions([0, 0, 1, 0]))
    log = []
    CircularValidation(reverse_estimator=Supervised(log))(Given(), X, [0, 0, 1] + [None] * 4)
    [(X_fit, y_fit, _, _)] = log
    pd.testing.assert_frame_equal(X_fit, X[is_target])
    assert y_fit.tolist() == [0, 0, 1, 0]
    logistic = make_pipeline(FunctionTransformer(without_language), LogisticRegression())
    scorer = CircularValidation(reverse_estimator=logistic, target_languages="zh")
    assert scorer(logistic.fit(*make_numbers(shift=0, seed=1)), *make_numbers(shift=0)) > 0.9


def test_one_class_for_all_scores_the_share_of_the_class():
    X, _ = make_given(predictions([0, 1, 1, 0]), predictions([1, 1, 1]))
    assert CircularValidation()(Given(), X, [0, 1, 1, 1, None, None, None]) == 0.75


def test_a_dictionary_of_the_other_direction():
    X, y = make_pair(60, 60)
    back = {target: [source] for source, (target,) in DICTIONARY.items()}
    there = LinearTransferClassifier(dictionary=DICTIONARY, n_topics=1, random_state=0).fit(X, y)
    reverse = LinearTransferClassifier(dictionary=back, n_topics=1, random_state=0)
    assert CircularValidation(reverse_estimator=reverse)(there, X, y) > 0.9


def test_what_it_refuses():
    with pytest.raises(ValueError, match="'reverse_estimator' parameter of CircularValidation"):
        CircularValidation(reverse_estimator="linear")(None, None)
