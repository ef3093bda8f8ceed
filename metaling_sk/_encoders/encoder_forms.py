"""What can be told of the value of `encoder=` without making an encoder of it."""

from __future__ import annotations

import os
from pathlib import Path

import transformers
from sklearn.base import is_classifier, is_regressor


def is_scratch(encoder) -> bool:
    """Return whether `encoder` starts from random weights."""
    return (isinstance(encoder, str) and encoder == "scratch") or isinstance(
        encoder, transformers.PretrainedConfig
    )


def is_vectorizer(encoder) -> bool:
    """Return whether `encoder` is an sklearn transformer of texts.

    A model of this package has a `transform` too, but stands for its encoder.
    """
    is_transformer = hasattr(encoder, "fit") and hasattr(encoder, "transform")
    return is_transformer and not is_classifier(encoder) and not is_regressor(encoder)


def name_checkpoints(estimator) -> str:
    """Name the checkpoints in the parameters of an estimator: " of 'owner/name'", or nothing.

    A folder is named without those above it.
    """
    names = []
    for name, value in estimator.get_params().items():
        is_name = isinstance(value, (str, os.PathLike)) and not is_scratch(value)
        if name.split("__")[-1] == "encoder" and is_name:
            path = Path(value)
            is_local = path.is_absolute() or os.path.exists(path)
            names.append(repr(path.name if is_local else os.fspath(value)))
    return f" of {', '.join(names)}" if names else ""
