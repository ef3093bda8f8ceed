"""One table of the kinds of input that estimators learn from, which the common tests go through.

A new kind is a row of `KINDS`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import soundfile
import text_pairs
import tiny
import tiny_audio
import tiny_images
from PIL import Image
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from text_pairs import COLUMNS
from tiny import DICTIONARY, ODD_TEXTS, as_stars

from metaling_sk import (
    EncoderVectorizer,
    LinearTransferClassifier,
    MetaParamSearchCV,
)

TERMS = ["labels", "distill", "coral", "mmd", "adversarial", "l2sp", "code_switch"]
CHARACTERS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
CHARACTERS_OF_BOTH = make_column_transformer(*((CHARACTERS, column) for column in COLUMNS))
TARGET = {"max_epochs": 1, "target_languages": "zh"}
PAIRS = TARGET | {"text_column": COLUMNS}


@dataclass(frozen=True, eq=False)
class Kind:
    """A table of one kind of input, and small instances of the estimators that learn from it."""

    models: dict[str, BaseEstimator]
    """Classifiers, regressors and searches."""
    X: pd.DataFrame
    """Of two languages, in a column `language`."""
    y: np.ndarray
    """NaN where there is no label."""
    X_test: pd.DataFrame
    y_test: np.ndarray
    odd: pd.DataFrame
    """Samples that are seldom, and legal."""
    forms: dict[str, Callable] = field(default_factory=dict)
    """By name: turns a table, and an empty folder, into another form of X, and its `language`."""
    rtol: float = 0
    """How far the outputs for two forms may be apart.

    A vector in memory is rounded as the batch in which it was encoded, and files have vectors of
    their own. Samples of one length are rounded alike in every batch.
    """
    quick: tuple[str, ...] = ()
    """One model of each estimator, for what all inputs go through before any of them is chosen."""

    @property
    def columns(self) -> list[str]:
        return self.X.columns.tolist()

    @cache  # noqa: B019
    def fitted(self, name) -> BaseEstimator:
        """Return a fitted model, for tests that do not change it."""
        return clone(self.models[name]).fit(self.X, self.y)

    def labelled(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the samples that have a label, in an order in which languages alternate."""
        indices = np.random.default_rng(0).permutation(np.flatnonzero(~np.isnan(self.y)))
        return self.X.iloc[indices].reset_index(drop=True), self.y[indices]


def outputs(model, X, **language):
    """The probabilities of a classifier, or the numbers of a regressor."""
    predict = model.predict_proba if is_classifier(model) else model.predict
    return np.asarray(predict(X, **language))


def make_linear():
    """A linear classifier that translates, which is fitted in a moment."""
    return LinearTransferClassifier(
        verbose=0, target_languages="zh", dictionary=DICTIONARY, n_topics=1, random_state=0
    )


def make_search(estimator, distributions):
    """A search that takes little longer than its refit."""
    return MetaParamSearchCV(
        estimator, distributions, n_iter=2, cv=2, verbose=0, error_score="raise", random_state=0
    )


CLASSIFIERS = {
    "scratch": tiny.make_classifier(**TARGET),
    "scratch head": tiny.make_classifier(**TARGET, trainable="head"),
    "every term": tiny.make_classifier(**TARGET, transfer=TERMS, dictionary=DICTIONARY),
    "characters": tiny.make_classifier(**TARGET, encoder=CHARACTERS),
    "linear teacher": tiny.make_classifier(
        **TARGET, source="linear", dictionary=DICTIONARY, self_training=2
    ),
    "linear": make_linear(),
    "meta network": tiny.make_meta_net(),
    "maml head": tiny.make_meta_net(meta_algorithm="maml", inner_steps=2, trainable="head"),
    "reptile characters": tiny.make_meta_net(
        meta_algorithm="reptile", inner_steps=2, encoder=CHARACTERS
    ),
    "search": make_search(make_linear(), {"C": [0.1, 2.0]}),
}
REGRESSORS = {
    "scratch": tiny.make_regressor(**TARGET),
    "characters": tiny.make_regressor(**TARGET, encoder=CHARACTERS, loss="huber", target_norm=True),
    "ridge teacher": tiny.make_regressor(
        **TARGET, source=make_pipeline(CHARACTERS, Ridge()), dictionary=DICTIONARY
    ),
    "meta network": tiny.make_meta_regressor(),
    "meta characters": tiny.make_meta_regressor(encoder=CHARACTERS, target_norm=True),
}
OF_PAIRS = {
    "scratch": tiny.make_classifier(**PAIRS),
    "scratch head": tiny.make_classifier(**PAIRS, trainable="head"),
    "every term": tiny.make_classifier(**PAIRS, transfer=TERMS, dictionary=DICTIONARY),
    "self-training": tiny.make_classifier(**PAIRS, self_training=1, n_topics=1),
    "characters": tiny.make_classifier(**PAIRS, encoder=CHARACTERS_OF_BOTH),
    "meta network": tiny.make_meta_net(text_column=COLUMNS),
    "meta head": tiny.make_meta_net(text_column=COLUMNS, trainable="head"),
    "regressor": tiny.make_regressor(**PAIRS),
    "meta regressor": tiny.make_meta_regressor(text_column=COLUMNS),
    "search": make_search(
        tiny.make_classifier(**PAIRS, trainable="head"), {"learning_rate": [0.1, 0.01]}
    ),
}
OF_IMAGES = {
    "every term": tiny_images.make_classifier(
        transfer=["labels", "distill", "coral", "mmd", "adversarial"]
    ),
    "self-training": tiny_images.make_classifier(self_training=1, n_topics=1, trainable="head"),
    "adapters": tiny_images.make_classifier(trainable="adapter"),
    "low rank": tiny_images.make_classifier(trainable="lora"),
    "layer": tiny_images.make_classifier(
        encoder=tiny_images.make_config(num_hidden_layers=2), layer=1, pooling="cls"
    ),
    "checkpointing": tiny_images.make_classifier(gradient_checkpointing=True),
    "teacher": tiny_images.make_classifier(
        source=make_pipeline(
            EncoderVectorizer(
                tiny_images.make_config(), image_column="image", verbose=0, random_state=0
            ),
            LogisticRegression(),
        )
    ),
    "meta network": tiny_images.make_meta_net(),
    "meta head": tiny_images.make_meta_net(trainable="head"),
    "generated adapters": tiny_images.make_meta_net(trainable="adapter"),
    "regressor": tiny_images.make_regressor(),
    "meta regressor": tiny_images.make_meta_regressor(trainable="head"),
    "search": make_search(
        tiny_images.make_classifier(trainable="head"), {"learning_rate": [1e-3, 2e-3]}
    ),
}
OF_AUDIO = {
    "every term": tiny_audio.make_classifier(
        transfer=["labels", "distill", "coral", "mmd", "adversarial"]
    ),
    "head": tiny_audio.make_classifier(trainable="head"),
    "adapters of waves": tiny_audio.make_classifier(
        encoder=tiny_audio.make_wave_config(num_hidden_layers=1),
        trainable="adapter",
        gradient_checkpointing=True,
    ),
    "meta head": tiny_audio.make_meta_net(trainable="head"),
    "regressor": tiny_audio.make_regressor(),
    "search": make_search(
        tiny_audio.make_classifier(trainable="head"), {"learning_rate": [1e-3, 2e-3]}
    ),
}


def image_files(X, folder: Path):
    """Write the images of a table to files."""
    paths = [folder / f"{row}.png" for row in range(len(X))]
    for image, path in zip(X["image"], paths, strict=True):
        Image.fromarray(image).save(path)
    return paths


def sound_files(X, folder: Path):
    """Write the recordings of a table to files."""
    paths = [folder / f"{row}.wav" for row in range(len(X))]
    for recording, path in zip(X["audio"], paths, strict=True):
        soundfile.write(path, recording["array"], recording["sampling_rate"], subtype="FLOAT")
    return paths


FORMS_OF_TABLES = {
    "array": lambda X, folder: (X.to_numpy(), None),
    "Dataset": lambda X, folder: (datasets.Dataset.from_pandas(X, preserve_index=False), None),
    "string dtype": lambda X, folder: (X.astype("string"), None),
    "polars": lambda X, folder: (pl.DataFrame(X.to_dict("list")), None),
    "pyarrow": lambda X, folder: (pa.table(X.to_dict("list")), None),
    "columns in another order": lambda X, folder: (X[X.columns[::-1]].assign(n=1), None),
}
FORMS_OF_TEXTS = FORMS_OF_TABLES | {
    "list": lambda X, folder: (X["text"].tolist(), X["language"].tolist()),
    "tuple": lambda X, folder: (tuple(X["text"]), tuple(X["language"])),
    "one column": lambda X, folder: (X["text"].to_numpy(), X["language"].to_numpy()),
    "Series": lambda X, folder: (X["text"], X["language"]),
    "pairs": lambda X, folder: (list(X.itertuples(index=False, name=None)), None),
    "frame with text alone": lambda X, folder: (X[["text"]], X["language"]),
}
FORMS_OF_PAIRS = FORMS_OF_TABLES | {
    "list of pairs": lambda X, folder: (
        list(map(tuple, X[COLUMNS].to_numpy())),
        X["language"].tolist(),
    ),
    "list of triples": lambda X, folder: (X.to_numpy().tolist(), None),
    "two columns": lambda X, folder: (X[COLUMNS].to_numpy(), X["language"].to_numpy()),
}
FORMS_OF_IMAGES = {
    "table of paths": lambda X, folder: (X.assign(image=image_files(X, folder)), None),
    "table of names": lambda X, folder: (
        X.assign(image=[str(path) for path in image_files(X, folder)]),
        None,
    ),
    "table of PIL": lambda X, folder: (
        X.assign(image=list(map(Image.fromarray, X["image"]))),
        None,
    ),
    "paths": lambda X, folder: (image_files(X, folder), X["language"].to_numpy()),
    "PIL": lambda X, folder: (list(map(Image.fromarray, X["image"])), X["language"].to_numpy()),
    "array": lambda X, folder: (np.stack(X["image"]), X["language"].to_numpy()),
}
FORMS_OF_AUDIO = {
    "table of paths": lambda X, folder: (X.assign(audio=sound_files(X, folder)), None),
    "table of bytes": lambda X, folder: (
        X.assign(audio=[path.read_bytes() for path in sound_files(X, folder)]),
        None,
    ),
    "paths": lambda X, folder: (sound_files(X, folder), X["language"].to_numpy()),
    "dictionaries": lambda X, folder: (X["audio"].tolist(), X["language"].tolist()),
}

X, Y = tiny.make_pair(40, 40, n_labelled=20)
X_TEST, Y_TEST = tiny.make_pair(10, 10, n_labelled=10, seed=5)
X_IMAGES, Y_IMAGES = tiny_images.make_pair(24, 24)
X_IMAGES_TEST, Y_IMAGES_TEST = tiny_images.make_pair(8, 8, 8, seed=5)
X_AUDIO, Y_AUDIO = tiny_audio.make_pair(12, 12)
X_AUDIO_TEST, Y_AUDIO_TEST = tiny_audio.make_pair(6, 6, 6, seed=5)

ODD = pd.DataFrame({"text": ODD_TEXTS.values(), "language": "en"}, dtype=object)
ODD_PAIRS = pd.concat(
    [
        ODD.rename(columns={"text": one}).assign(**{other: "good hotel"})[[*COLUMNS, "language"]]
        for one, other in (COLUMNS, COLUMNS[::-1])
    ]
    + [ODD.assign(first=ODD["text"], second=ODD["text"])[[*COLUMNS, "language"]]],
    ignore_index=True,
)
SIZES = ((1, 1), (1, 40), (33, 2), (300, 200, 3))
ODD_IMAGES = pd.DataFrame(
    {"image": [np.full(size, 200, dtype=np.uint8) for size in SIZES], "language": "en"}
)
LENGTHS = (1, 2, 500, 30_000)
ODD_AUDIO = pd.DataFrame(
    {
        "audio": [{"array": np.full(size, 0.1), "sampling_rate": 8_000} for size in LENGTHS],
        "language": "en",
    }
)

KINDS = {
    "texts": Kind(
        CLASSIFIERS,
        X,
        Y,
        X_TEST,
        Y_TEST,
        odd=ODD,
        forms=FORMS_OF_TEXTS,
        quick=("scratch head", "linear", "meta network"),
    ),
    "numbers of texts": Kind(
        REGRESSORS,
        X,
        as_stars(Y),
        X_TEST,
        as_stars(Y_TEST),
        odd=ODD,
        forms=FORMS_OF_TEXTS,
        quick=("characters", "meta network"),
    ),
    "pairs": Kind(
        OF_PAIRS,
        text_pairs.X,
        text_pairs.Y,
        text_pairs.X_TEST,
        text_pairs.Y_TEST,
        odd=ODD_PAIRS,
        forms=FORMS_OF_PAIRS,
        quick=("scratch head", "characters", "meta head", "regressor"),
    ),
    "images": Kind(
        OF_IMAGES,
        X_IMAGES,
        Y_IMAGES,
        X_IMAGES_TEST,
        Y_IMAGES_TEST,
        odd=ODD_IMAGES,
        forms=FORMS_OF_IMAGES,
        quick=("self-training", "meta head"),
    ),
    "audio": Kind(
        OF_AUDIO,
        X_AUDIO,
        Y_AUDIO,
        X_AUDIO_TEST,
        Y_AUDIO_TEST,
        odd=ODD_AUDIO,
        forms=FORMS_OF_AUDIO,
        rtol=1e-5,
        quick=("head", "meta head"),
    ),
}
