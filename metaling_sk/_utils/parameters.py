"""The parameters that several estimators share, with the values that each of them allows."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from numbers import Integral, Real

import numpy as np

from metaling_sk._utils.sklearn_compat import Interval, StrOptions


class Number(Interval):
    """An interval of numbers that refuses True and False, unlike scikit-learn's `Interval`.

    Parameters
    ----------
    type : {numbers.Integral, numbers.Real}
        The kind of number.
    left, right : float, int or None
        The bounds; None is infinity.
    closed : {"left", "right", "both", "neither"}
        The bounds that belong to the interval.
    """

    def is_satisfied_by(self, val) -> bool:
        """Tell whether a value lies in the interval.

        Parameters
        ----------
        val : object
            The value.

        Returns
        -------
        bool
            True for a number of the right kind and size.
        """
        return not isinstance(val, (bool, np.bool_)) and super().is_satisfied_by(val)


MAX_EPOCHS = 10
"""Largest number of epochs for max_epochs="auto"."""

COMMON_CONSTRAINTS: dict[str, list | str] = {
    # What an encoder can be depends on torch and transformers: `Modality.make_encoder` checks it.
    "encoder": "no_validation",
    "trainable": [
        StrOptions({"all", "head", "lora", "adapter"}),
        Interval(Real, 0, 1, closed="neither"),
    ],
    "pooling": [StrOptions({"auto", "mean", "cls", "last"})],
    # How many layers there are depends on the encoder.
    "layer": [
        Number(Integral, None, None, closed="neither"),
        Number(Real, 0, 1, closed="right"),
    ],
    "language_norm": ["boolean"],
    "prompt": [str],
    "max_length": [Number(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"auto"}), Number(Real, 0, None, closed="left")],
    "batch_size": [Number(Integral, 1, None, closed="left")],
    "gradient_accumulation_steps": [Number(Integral, 1, None, closed="left")],
    "max_epochs": [StrOptions({"auto"}), Number(Integral, 1, None, closed="left")],
    "weight_decay": [Number(Real, 0, None, closed="left")],
    "warmup": [Number(Real, 0, 1, closed="both")],
    "validation_fraction": [Number(Real, 0, 1, closed="left")],
    "patience": [Number(Integral, 1, None, closed="left")],
    "class_weight": [StrOptions({"balanced"}), dict, None],
    # Which devices there are depends on the machine: `find_device` checks it.
    "device": "no_validation",
    "dtype": [StrOptions({"auto", "float32", "bfloat16", "float16"})],
    "compile": ["boolean"],
    "gradient_checkpointing": ["boolean"],
    "n_threads": [Number(Integral, 1, None, closed="left"), None],
    "callbacks": [list, tuple, None],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
    "warm_start": ["boolean"],
    # pandas allows any hashable value as the name of a column. A list names two columns.
    "text_column": [Hashable, list],
    "image_column": [Hashable],  # and None
    "audio_column": [Hashable],  # and None
    "max_seconds": [Number(Real, 0, None, closed="neither")],
    "language_column": [Hashable],
    # Any value may stand for a missing label.
    "missing_label": "no_validation",
    "dictionary": [Mapping, str, os.PathLike, None],
    "source_languages": [str, "array-like", set, None],
    "target_languages": [str, "array-like", set, None],
    "n_topics": [Number(Integral, 1, None, closed="left")],
}
"""Constraints of the common parameters, in the form of scikit-learn's `_parameter_constraints`."""


OF_SOME = ("class_weight", "dictionary", "source_languages", "target_languages", "n_topics")

NETWORK_PARAMETERS = tuple(name for name in COMMON_CONSTRAINTS if name not in OF_SOME)
"""The parameters of every classifier and regressor that trains a network."""


def common_constraints(*names: str) -> dict[str, list | str]:
    """Return the constraints of some common parameters.

    Parameters
    ----------
    *names : str
        Names of parameters, keys of `COMMON_CONSTRAINTS`.

    Returns
    -------
    dict of str to list or str
        The constraints by name, to be part of an estimator's `_parameter_constraints`.
    """
    return {name: COMMON_CONSTRAINTS[name] for name in names}


def find_parameter(estimator, name: str, default):
    """Return the value of a parameter of an estimator, or of its last step that has it.

    Those of estimators that an estimator with the parameter holds do not count.

    Parameters
    ----------
    estimator : estimator
        Any estimator, such as a pipeline.
    name : str
        The parameter.
    default : object
        What is returned if there is none.

    Returns
    -------
    object
    """
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    keys = [key for key in params if key == name or key.endswith(f"__{name}")]
    owners = [key.removesuffix(name) for key in keys]
    outer = [own for own in owners if not any(own != o and own.startswith(o) for o in owners)]
    return params[outer[-1] + name] if outer else default
