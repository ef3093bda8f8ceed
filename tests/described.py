"""Things that are different, by kind; another process describes them, too."""

import functools
import json

import numpy as np
import pandas as pd
import torch
from scipy.stats import loguniform, rv_histogram, uniform
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tiny import make_classifier
from transformers import BertConfig, BertModel

from metaling_sk.meta_param._describe import describe

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.arange(40) % 2


def scale_by(number):
    def scale(X):
        return X * number

    return scale


def make_class(number, value=0):
    class Scaled(LogisticRegression):
        extra = value

        def fit(self, X, y):
            return super().fit(X * number, y)

    return Scaled


class Scale:
    def __init__(self, number):
        self.number = number

    def __call__(self, X):
        return X * self.number

    def apply(self, X):
        return X * self.number


def bert(seed, **settings):
    torch.manual_seed(seed)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "vocab_size": 20}
    config = BertConfig(num_hidden_layers=1, num_attention_heads=1, **sizes, **settings)
    return BertModel(config)


def fitted(C):
    return LogisticRegression(C=C).fit(X, Y)


DIFFERENT = {
    "lambda": lambda: (lambda X: X, lambda X: X + 1, lambda X: X + 2),
    "closure": lambda: [scale_by(number) for number in (1, 2.0, [1], np.ones(2))],
    "method": lambda: [Scale(number).apply for number in (1, 2)],
    "object": lambda: [Scale(number) for number in (1, 2)],
    "partial": lambda: [functools.partial(pow, exp=number) for number in (1, 2)],
    "class": lambda: [make_class(*values) for values in ((1,), (2,), (1, 1))],
    "instance": lambda: [make_class(number)() for number in (1, 2)],
    "transformer": lambda: [
        FunctionTransformer(function) for function in (lambda X: X, lambda X: -X, np.exp, None)
    ],
    "pipeline": lambda: [make_pipeline(FunctionTransformer(scale_by(n))) for n in (1, 2)],
    "scorer": lambda: [
        make_scorer(lambda a, b: 1.0),
        make_scorer(lambda a, b: 2.0),
        make_scorer(accuracy_score),
        make_scorer(accuracy_score, greater_is_better=False),
    ],
    "random state": lambda: [np.random.RandomState(seed) for seed in (0, 1)],
    "generator": lambda: [np.random.default_rng(seed) for seed in (0, 1)],
    "network": lambda: [bert(0), bert(1), bert(0, hidden_dropout_prob=0.3)],
    "frozen": lambda: [FrozenEstimator(fitted(C)) for C in (1, 0.1)],
    "frozen network": lambda: [
        FrozenEstimator(make_classifier(max_epochs=1).fit(["good day", "bad day"] * 6, y))
        for y in ([1, 0] * 6, [0, 1] * 6)
    ],
    "distribution": lambda: [loguniform(1, 2), loguniform(1, 3), uniform(1, 2)],
    "histogram": lambda: [rv_histogram(np.histogram(X + number)) for number in (0, 1)],
    "kind of number": lambda: [1, 1.0, True, "1"],
    "key": lambda: [{1: 2}, {"1": 2}],
    "table": lambda: [pd.DataFrame({"a": ["x", text]}) for text in "yz"],
    "set": lambda: [{"a", "b", "c"}, {"a", "b", "d"}],
    "classifier": lambda: [
        make_classifier(max_epochs=1, encoder=(bert(seed), None)) for seed in (0, 1)
    ],
}


def texts_of(kind):
    return [json.dumps(describe(value)) for value in DIFFERENT[kind]()]


if __name__ == "__main__":
    print(json.dumps({kind: texts_of(kind) for kind in DIFFERENT}))
