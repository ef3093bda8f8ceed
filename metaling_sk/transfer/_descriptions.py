"""Classes that are described in words: the head of a new network starts at their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.spatial.distance import pdist, squareform

from metaling_sk._data.labels import label_array, plain_labels
from metaling_sk._data.samples import Samples
from metaling_sk._encoders.encoder_forms import is_scratch
from metaling_sk.transfer._source_models import SourceModel

TEMPERATURE = 0.4
"""A difference of two cosines by this much multiplies the odds of the classes by e.

It is a compromise on validation rows of SIB-200: with less, labels hardly change what descriptions
say; with more, a few labels soon make it forgotten.
"""

LARGEST_WEIGHT, N_HALF = 9.0, 32
"""How much more the penalty is without labels, and the number of labels at which it is half so.

At this number the loss of source labels counts half, too.

With 0, 7, 28, 112 and 701 English labels of SIB-200, penalties of 10, 10 to 30, 10 to 30, 3 and 1
were the best of 1, 3, 10, 30 and 100 on validation rows.
"""

TOLERANCE = 1e-5
"""Vectors of two classes that differ by this share of their length, or less, are the same."""

NO_LANGUAGE = ""
"""The language of descriptions. They take the statistics of all samples."""


Representations = np.ndarray | sparse.csr_array
"""The vectors that go into the head of a network."""


@dataclass(frozen=True)
class Descriptions:
    """The descriptions of the classes.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The classes, sorted.
    texts : ndarray of str objects, shape (n_texts,)
        One or several for each class.
    class_index : ndarray of int64, shape (n_texts,)
        The class that each text describes.
    """

    classes: np.ndarray
    texts: np.ndarray
    class_index: np.ndarray

    @classmethod
    def read(cls, class_descriptions: Mapping) -> Descriptions:
        """Check the parameter `class_descriptions`.

        Raises
        ------
        ValueError
            If there are fewer than two classes, a key is no class, a description has no text, or
            two classes have the same one.
        """
        keys = list(class_descriptions)
        if len(keys) < 2:
            raise ValueError(
                f"`class_descriptions` describes {len(keys)} class{'' if keys else 'es'}; describe "
                "every class, and at least two."
            )
        labels = label_array(keys)
        if pd.isna(labels).any():
            raise ValueError("`class_descriptions` describes a missing label, which is no class.")
        labels = plain_labels(labels, "`class_descriptions`")
        texts_of = [_read_texts(key, class_descriptions[key]) for key in keys]
        for index, texts in enumerate(texts_of):
            if (first := texts_of.index(texts)) < index:
                raise ValueError(
                    f"`class_descriptions`: {keys[first]!r} and {keys[index]!r} have the same "
                    "description; say what tells them apart."
                )
        classes, position = np.unique(labels, return_inverse=True)
        return cls(
            classes,
            np.array([text for texts in texts_of for text in texts], dtype=object),
            np.repeat(position, [len(texts) for texts in texts_of]),
        )

    def check_describe(self, classes: np.ndarray) -> None:
        """Raise a ValueError if one of these classes has no description."""
        if lacking := sorted(set(classes.tolist()) - set(self.classes.tolist()), key=str):
            raise ValueError(
                f"`class_descriptions` describes {self.classes.tolist()}, but there are rows of "
                f"{lacking} as well; describe every class."
            )

    def weight(self, n_labels: int) -> float:
        """The factor of the penalty of the head, which keeps it near the descriptions.

        The fewer labels there are, the more the descriptions decide.
        """
        return 1 + LARGEST_WEIGHT / (1 + n_labels / N_HALF)

    def source_weight(self, n_labels: int) -> float:
        """What the mean loss of so many source labels counts beside the descriptions."""
        return n_labels / (n_labels + N_HALF)

    def as_samples(self) -> Samples:
        """The descriptions as samples without a language."""
        language = np.full(len(self.texts), NO_LANGUAGE, dtype=object)
        return Samples(self.texts, None, language)

    def nearest(
        self, vectors: Representations, rows: Representations
    ) -> tuple[np.ndarray, np.ndarray]:
        """The head by which the class with the nearest description wins.

        A logit is the cosine of a sample and a description, divided by `TEMPERATURE`. Samples are
        centred by the mean of `rows`, descriptions by their mean over the classes. So that the head
        is linear, the length of a sample is replaced by the usual one, which changes no prediction.

        Parameters
        ----------
        vectors : ndarray or CSR array of shape (n_texts, n_features)
            The representations of the descriptions.
        rows : ndarray or CSR array of shape (n_samples, n_features)
            The representations of samples.

        Returns
        -------
        weight : ndarray of shape (n_classes, n_features)
        bias : ndarray of shape (n_classes,)

        Raises
        ------
        ValueError
            If two classes have the same vector.
        """
        vectors = vectors.toarray() if isinstance(vectors, sparse.csr_array) else vectors
        vectors = vectors.astype(np.float64)
        of_classes = [vectors[self.class_index == index] for index in range(len(self.classes))]
        directions = np.stack([texts.mean(axis=0) for texts in of_classes])
        self._check_differ(directions)
        directions -= directions.mean(axis=0)
        directions /= _positive(np.linalg.norm(directions, axis=1, keepdims=True))
        mean = np.asarray(rows.mean(axis=0), dtype=np.float64)
        squares = rows.power(2) if isinstance(rows, sparse.csr_array) else np.square(rows)
        usual_length = _positive(np.maximum(squares.mean(axis=0) - mean**2, 0).sum()) ** 0.5
        weight = directions / (TEMPERATURE * usual_length)
        return weight, -weight @ mean

    def _check_differ(self, vectors: np.ndarray) -> None:
        """Raise a ValueError if nothing tells the vectors of two classes apart."""
        is_equal = pdist(vectors) <= TOLERANCE * np.linalg.norm(vectors, axis=1).max()
        if is_equal.any():
            first, second = self.classes[np.argwhere(squareform(is_equal))[0]].tolist()
            raise ValueError(
                "`class_descriptions`: the encoder has the same vector for the descriptions of "
                f"{first!r} and {second!r}, as it has where it knows none of their words. "
                "Describe these classes in other words, or pass another `encoder`."
            )


def read_descriptions(
    class_descriptions: Mapping | None, samples: Samples, source: SourceModel, encoder
) -> Descriptions | None:
    """Check the parameter `class_descriptions`; return None for None.

    Raises
    ------
    ValueError
        If the descriptions are wrong, or of no use for these samples, source and encoder.
    """
    if class_descriptions is None:
        return None
    descriptions = Descriptions.read(class_descriptions)
    if samples.is_multilabel:
        raise ValueError(
            "`class_descriptions` tell the one class of a row, but y has several labels for each "
            "row; use class_descriptions=None, or one class for each row."
        )
    if samples.is_pairs:
        raise ValueError(
            "`class_descriptions` are compared with one text in each row, but `text_column` names "
            f"two columns: {samples.pair_columns}; use class_descriptions=None."
        )
    if not samples.is_text:
        raise ValueError(
            "`class_descriptions` are texts that an encoder compares with those of X, but X holds "
            "numeric features; pass the texts, with an `encoder`, or add the features of the "
            "descriptions to X, as rows with labels."
        )
    if source.start is not None:
        raise ValueError(
            "`class_descriptions` are where a new network starts, but `source` is a fitted "
            "network, which knows its classes; leave one of them out."
        )
    if is_scratch(encoder):
        raise ValueError(
            "`class_descriptions` need an `encoder` that knows what words mean, but this one "
            "starts from random weights; pass a checkpoint, such as "
            "metaling_sk.datasets.load_encoder()."
        )
    if source.teaches and source.needs_source_labels and not samples.labelled.any():
        raise ValueError(
            "`source` is fitted on labels, but y has none; leave `source` out, and the "
            "descriptions are the source model."
        )
    return descriptions


def _positive(lengths):
    """The lengths, with 1 in the place of 0."""
    return np.where(lengths > 0, lengths, 1.0)


def _read_texts(label, description) -> list[str]:
    """The texts that describe a class."""
    texts = [description] if isinstance(description, str) else description
    is_list = isinstance(texts, list | tuple) and len(texts) > 0
    if not is_list or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(
            f"`class_descriptions`: the description of {label!r} must be a text or a list of "
            f"texts, none of them empty, got {description!r}."
        )
    return list(texts)
