"""Samples, and what reads them, for the tests of the door."""

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator

from metaling_sk._data.samples import check_samples

TEXTS = ["good hotel", "", "酒店不错", "مرحبا\x00 \ud800 👍"]
LANGUAGE = ["en", "en", "zh", "ar"]
NUMBERS = np.array([[1.0, 0.0], [2.0, 0.5], [3.0, 0.0], [4.0, 0.0]])


class Reader(BaseEstimator):
    """The parameters that reading an input takes."""

    def __init__(self, text_column="text", language_column="language", missing_label=None):
        self.text_column = text_column
        self.language_column = language_column
        self.missing_label = missing_label


class NumberReader(BaseEstimator):
    """An estimator without a text column."""

    language_column = "language"


def read(X, language=None, *, reader=None, reset=True):
    return check_samples(reader or Reader(), X, language=language, reset=reset, needs_y=False)


def read_y(y, missing_label=None):
    samples = check_samples(Reader(missing_label=missing_label), TEXTS, y, reset=True)
    return samples.y.tolist(), samples.classes.tolist()


def pairs():
    return [[text, language] for text, language in zip(TEXTS, LANGUAGE, strict=True)]


def frame(**columns):
    columns = {"text": TEXTS, "language": LANGUAGE} | columns
    return pd.DataFrame(columns, index=[7, 7, -1, 3], dtype=object)


def two_columns(dtype):
    return np.array(
        [["good hotel", "en"], ["", "en"], ["酒店不错", "zh"], TEXTS[3:] + ["ar"]], dtype
    )


WELL_FORMED = [*TEXTS[:3], "مرحبا 👍"]


def arrow_frame():
    table = pa.table({"text": WELL_FORMED, "language": LANGUAGE})
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def a_dataset():
    return datasets.Dataset.from_dict(
        {"text": WELL_FORMED, "language": LANGUAGE, "label": [0, 1, 0, 1]}
    )
