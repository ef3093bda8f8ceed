"""Objects of scikit-learn in a file that runs no code when it is read.

skops writes them. What it cannot write is exchanged for a placeholder first: estimators of this
package, each of which has a folder of its own, and requests of metadata. pickle walks through the
objects, in memory; what it makes is never in a file.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Collection
from pathlib import Path
from types import FunctionType, MethodDescriptorType
from typing import Any

from sklearn.utils.metadata_routing import MetadataRequest

from metaling_sk._saving.errors import UntrustedError
from metaling_sk._saving.saved_estimator import SavedMixin
from metaling_sk._utils.imported import not_importable

PICKLED_ONLY = ("skorch", "tokenizers", "torch", "transformers")
"""Packages with objects that are saved inside of estimators of this package only."""


TORCH_NAMESPACE = "sklearn.externals.array_api_compat.torch"
"""Imports torch. skops imports all packages of scikit-learn that can be imported."""


class Part:
    """Stands for an estimator of this package in an object of scikit-learn."""

    def __init__(self, number: int):
        self.number = number


class Requests:
    """Stands for the metadata that an estimator requests."""

    def __init__(self, requests: dict[str, dict[str, Any]]):
        self.requests = requests


TRUSTED = (
    f"{__name__}.Part",
    f"{__name__}.Requests",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.utils._bunch.Bunch",
)
"""Names of types that are harmless, beside those that skops itself trusts."""


def write_sklearn(value, path: Path, name: str, *, trusts_all: bool) -> list[SavedMixin]:
    """Write an object, without the estimators of this package that it holds.

    Parameters
    ----------
    value : object
        Estimators of scikit-learn, with numbers, strings and arrays, in lists, dicts and each
        other.
    path : Path
    name : str
        What the object is called in errors.
    trusts_all : bool
        Whether it may hold functions and types that are neither of scikit-learn nor of numpy, which
        `read_sklearn` takes only if it is told to.

    Returns
    -------
    list
        The estimators of this package, in the order that `read_sklearn` needs.

    Raises
    ------
    ValueError
        If the object holds something that has no name, or an object of torch or of transformers.
    ModuleNotFoundError
        If skops is not installed.
    """
    skops = _import_skops()
    parts: list[SavedMixin] = []
    numbers: dict[int, int] = {}

    def take_out(item):
        if isinstance(item, SavedMixin):
            if id(item) not in numbers:
                numbers[id(item)] = len(parts)
                parts.append(item)
            return Part(numbers[id(item)])
        if isinstance(item, MetadataRequest):
            return Requests(get_requests(item))
        _check_can_be_stored(item)
        return None

    try:
        data = skops.dumps(exchange(value, take_out))
        unknown = _find_untrusted(skops, data)
        skops.loads(data, trusted=[*TRUSTED, *unknown])
    except Exception as error:
        raise ValueError(f"`save` cannot store {name}: {error}") from error
    if unknown and not trusts_all:
        raise ValueError(f"{name} holds {', '.join(unknown)}")
    path.write_bytes(data)
    return parts


def read_sklearn(data: bytes, parts: list, trusted: Collection[str]) -> Any:
    """Read what `write_sklearn` has written.

    Parameters
    ----------
    data : bytes
        The content of the file.
    parts : list
        The estimators that `write_sklearn` has returned.
    trusted : collection of str
        Full names of further functions and types that may be imported and called.

    Raises
    ------
    UntrustedError
        If there are functions or types that are not trusted.
    """
    skops = _import_skops()
    if unknown := [name for name in _find_untrusted(skops, data) if name not in trusted]:
        raise UntrustedError(unknown)
    value = skops.loads(data, trusted=[*TRUSTED, *trusted])

    def put_in(item):
        if isinstance(item, Part):
            return parts[item.number]
        return make_requests(item.requests, "estimator") if isinstance(item, Requests) else None

    return exchange(value, put_in)


def exchange(value, new_one: Callable[[Any], Any]) -> Any:
    """Copy an object, with other objects inside.

    Parameters
    ----------
    value : object
        It can be pickled but for what is exchanged.
    new_one : callable
        Returns what takes the place of an object anywhere inside, or None.
    """
    new_ones: list[Any] = []

    class Writer(pickle.Pickler):
        def persistent_id(self, item):
            new = new_one(item)
            if new is None:
                return None
            new_ones.append(new)
            return len(new_ones) - 1

    class Reader(pickle.Unpickler):
        def persistent_load(self, index):
            return new_ones[index]

    file = io.BytesIO()
    Writer(file, pickle.HIGHEST_PROTOCOL).dump(value)
    file.seek(0)
    return Reader(file).load()


def get_requests(request: MetadataRequest) -> dict[str, dict[str, Any]]:
    """Return the metadata that each method requests."""
    methods = {name: value for name, value in vars(request).items() if hasattr(value, "requests")}
    return {name: dict(method.requests) for name, method in methods.items() if method.requests}


def make_requests(requests: dict[str, dict[str, Any]], owner) -> MetadataRequest:
    """Restore what `get_requests` was given."""
    request = MetadataRequest(owner=owner)
    for name, values in requests.items():
        getattr(request, name).requests.update(values)
    return request


def _check_can_be_stored(item) -> None:
    """Raise a ValueError if no file can hold an object, nor refer to it."""
    is_function = isinstance(item, FunctionType) and "<" in item.__qualname__
    if is_function or isinstance(item, MethodDescriptorType):
        raise ValueError(
            f"it holds the function {item.__qualname__}, which is not a function of a module, so "
            "that a file cannot name it. Define one with def in a module."
        )
    kind = type(item)
    if kind.__module__.partition(".")[0] in PICKLED_ONLY:
        raise ValueError(f"it holds a {kind.__qualname__} of {kind.__module__}. Use joblib.dump.")


def _find_untrusted(skops, data: bytes) -> list[str]:
    return sorted(set(skops.get_untrusted_types(data=data)) - set(TRUSTED))


def _import_skops():
    try:
        with not_importable(TORCH_NAMESPACE):
            import skops.io
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Saving and loading models of scikit-learn needs skops: "
            'pip install "metaling_sk[skops]"'
        ) from error
    return skops.io
