"""Descriptions of values, equal in every process if and only if the values are the same.

A function is described by its code and by what it refers to, a class by its source and an object
by its content. Functions and classes of an installed package are described by the version of the
package. What can be described in no such way is refused.
"""

from __future__ import annotations

import dis
import inspect
import json
import os
import sys
from collections.abc import Iterable
from functools import cache, partial
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from joblib.hashing import NumpyHasher
from sklearn.base import BaseEstimator

from metaling_sk._data.tokens import tokenizer_digest
from metaling_sk._utils.distributions import is_scipy_distribution
from metaling_sk._utils.imported import imported, is_instance
from metaling_sk._utils.messages import shorten

if TYPE_CHECKING:  # A search over estimators without a network needs neither of the two.
    import torch
    from skorch import NeuralNet

MUTATORS = frozenset(("add", "append", "clear", "extend", "insert", "pop", "remove", "update"))
"""Methods that change a list, set or dict."""

WRITES = frozenset(["STORE_GLOBAL", "STORE_SUBSCR", "DELETE_SUBSCR"])
"""Instructions that change a global variable or an item."""

TRAINING_STATE = frozenset(("callbacks", "callbacks_", "history_", "optimizer_"))
"""Attributes of a net of skorch that tell how it was trained."""

LIBRARIES = ("metaling_sk", "sklearn", "numpy", "torch")
"""Packages whose version is part of every search."""


class UnknownContentError(ValueError):
    """Of a value whose content cannot be described."""


def describe(value, name: str = "the value"):
    """Turn a value into a form that JSON can hold and that is the same in every process.

    Parameters
    ----------
    value : object
    name : str
        What messages call the value.

    Raises
    ------
    UnknownContentError
        If it cannot be known whether another value is the same. The message names the part.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        # NaN is not equal to itself.
        return float(value) if isfinite(value) else repr(float(value))
    if isinstance(value, os.PathLike):
        return {"path": os.fspath(value)}
    if isinstance(value, dict):
        return {_key_text(key): describe(item, f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [describe(item, f"{name}[{number}]") for number, item in enumerate(value)]
    if isinstance(value, BaseEstimator) and not isinstance(value, type):
        return _describe_estimator(value, name)
    if is_scipy_distribution(value):
        return {value.dist.name: describe([value.args, value.kwds], name)}
    if isinstance(value, (*FUNCTIONS, type)):
        return {"function": qualified_name(value), "content": digest_of(value, name)}
    return {type(value).__name__: digest_of(value, name)}


def versions() -> dict[str, str]:
    """The versions of the packages on which the result of every search depends."""
    return {name: str(_version_of(name)) for name in LIBRARIES}


def qualified_name(value) -> str:
    """The module and the name of a function or class."""
    value = value.func if isinstance(value, partial) else value
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", repr(type(value)))
    module = getattr(value, "__module__", None)
    return f"{_script_name() if module == '__main__' else module}.{name}"


def _script_name() -> str:
    """The name under which the script that runs could be imported."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    return spec.name if spec is not None else Path(getattr(main, "__file__", "__main__")).stem


def digest_of(value, name: str) -> str:
    """A digest of the content of an object, the same in every process.

    Parameters
    ----------
    value : object
    name : str
        What messages call it.

    Raises
    ------
    UnknownContentError
        If it holds something, such as a lock or an open file, whose content has no form.
    """
    try:
        return _Hasher().hash(value)
    except Exception as error:
        raise UnknownContentError(
            f"`checkpoint` needs to know whether {name} is the same when the search goes on, which "
            f"cannot be known of {shorten(repr(value))} ({type(error).__name__}: "
            f"{shorten(str(error))}). Use a function or class of a module or an object that can "
            "be pickled, or search without a checkpoint."
        ) from error


def _key_text(key) -> str:
    """The key of a dict as text; 1 and "1" are different."""
    key = key.item() if isinstance(key, np.generic) else key
    return key if isinstance(key, str) else f"{type(key).__name__} {key!r}"


def _describe_estimator(estimator: BaseEstimator, name: str) -> dict:
    """The class and the parameters of an estimator and, if `clone` keeps it, what was fitted."""
    kind = type(estimator)
    params = estimator.get_params(deep=False)
    described = {
        kind.__name__: {key: describe(item, f"{name}.{key}") for key, item in params.items()},
        "class": describe(kind, name),
    }
    if kind.__sklearn_clone__ is not BaseEstimator.__sklearn_clone__:
        described["content"] = digest_of(vars(estimator), name)
    return described


class _Hasher(NumpyHasher):
    """joblib's hash, but of the contents of functions, classes, networks, tensors and tables.

    Pickle has the names of functions and classes alone, and the addresses of tensors.
    """

    def __init__(self):
        super().__init__(hash_name="md5")
        self._seen: dict[int, object] = {}

    def save(self, obj):
        """Pickle an object, or what stands for it."""
        super().save(self._stand_in(obj))

    def _stand_in(self, obj):
        if isinstance(obj, (*FUNCTIONS, type, ModuleType)):
            if id(obj) in self._seen:
                return ("seen", qualified_name(obj))  # also of a function that calls itself
            self._seen[id(obj)] = obj
            return _take_apart(obj)
        if is_instance(obj, "torch", "Tensor"):
            return _tensor_parts(obj)
        if is_instance(obj, "torch.nn", "Module"):
            return _network_parts(obj)
        if is_instance(obj, "skorch", "NeuralNet"):
            return _net_parts(obj)
        if hasattr(type(obj), "get_vocab"):
            return _tokenizer_parts(obj)
        if isinstance(obj, set | frozenset):
            return ("set", sorted(_Hasher().hash(item) for item in obj))
        if obj is np.random.get_state.__self__:  # type: ignore[attr-defined]
            return "global random state"  # scipy's distributions refer to it
        if isinstance(obj, np.random.RandomState):
            return ("random state", obj.get_state(legacy=False))
        if isinstance(obj, np.random.Generator):
            return ("generator", obj.bit_generator.state)
        if isinstance(obj, pd.DataFrame):
            columns = [obj.iloc[:, number] for number in range(obj.shape[1])]
            return ("frame", list(obj.columns), [str(x) for x in obj.dtypes], columns, obj.index)
        if isinstance(obj, pd.Series | pd.Index):
            index = obj.index if isinstance(obj, pd.Series) else None
            return ("column", obj.name, str(obj.dtype), obj.to_numpy(dtype=_plain(obj)), index)
        return obj


def _plain(column):
    """object for text and other extension types, None for the numbers of numpy."""
    return None if isinstance(column.dtype, np.dtype) else object


def _tensor_parts(tensor: torch.Tensor) -> tuple:
    content = tensor.detach().cpu().contiguous().flatten()
    if tensor.is_sparse or tensor.is_quantized:
        raise TypeError(f"a tensor of the layout {tensor.layout}")
    data = content.view(imported("torch").uint8).numpy() if content.numel() else None
    return ("tensor", str(tensor.dtype), tuple(tensor.shape), data)


def _tokenizer_parts(tokenizer) -> tuple:
    """What decides the ids of a text. The length of the last call is no part of it."""
    if hasattr(tokenizer, "to_str"):
        return ("tokenizer", tokenizer.to_str().split('"added_tokens"', 1)[-1])
    return ("tokenizer", type(tokenizer), tokenizer_digest(tokenizer))


def _network_parts(network: torch.nn.Module) -> tuple:
    """The structure, the settings and the weights of a network."""
    tensors = [*network.named_parameters(), *network.named_buffers()]
    settings = [
        (name, type(module), sorted(_plain_settings(module)))
        for name, module in network.named_modules()
    ]
    config: Any = getattr(network, "config", None)
    config = config.to_dict() if hasattr(config, "to_dict") else None
    return ("network", repr(network), settings, json.dumps(config, default=repr), tensors)


def _net_parts(net: NeuralNet) -> tuple:
    """What a net of skorch predicts by. How long its training took is no part of it."""
    kept = {name: value for name, value in vars(net).items() if name not in TRAINING_STATE}
    return ("net", type(net), sorted(kept.items()))


def _plain_settings(module: torch.nn.Module) -> Iterable[tuple[str, str]]:
    """The numbers and texts among the attributes of a network."""
    for name, value in vars(module).items():
        if name != "training" and isinstance(value, bool | int | float | str):
            yield name, repr(value)


def _take_apart(obj) -> tuple:
    """What decides the content of a function, class or module."""
    if isinstance(obj, partial):
        return ("partial", obj.func, obj.args, obj.keywords)
    if isinstance(obj, MethodType):
        return ("method", obj.__func__, obj.__self__)
    if isinstance(obj, BuiltinFunctionType):
        owner = obj.__self__
        return ("builtin", qualified_name(obj), None if isinstance(owner, ModuleType) else owner)
    module = obj.__name__ if isinstance(obj, ModuleType) else getattr(obj, "__module__", None)
    package = _version_of((module or "").partition(".")[0])
    is_local = "<" in getattr(obj, "__qualname__", "")
    if isinstance(obj, ModuleType):
        return ("module", module, package or _file_digest(obj))
    if package is not None and not is_local:
        return ("packaged", qualified_name(obj), package)
    if isinstance(obj, type):
        return _class_parts(obj)
    if isinstance(obj, FunctionType):
        return _function_parts(obj)
    return ("function", qualified_name(obj), package)


def _class_parts(kind: type) -> tuple:
    """The source of a class, its functions, the values that a function gave it, and its bases."""
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        source = None
    functions, values = [], []
    for name, value in sorted(vars(kind).items()):
        value = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if isinstance(value, FunctionType) and value.__module__ == kind.__module__:
            functions.append((name, value))
        elif isinstance(value, bool | int | float | str) and not name.startswith("__"):
            values.append((name, value))
    if source is not None and "<locals>" not in kind.__qualname__:
        values = []  # the source has them as they were before anything counted in them
    changed = {
        step.argval
        for _, function in functions
        for code in _codes(function.__code__)
        for step in dis.get_instructions(code)
        if step.opname == "STORE_ATTR"
    }
    values = [(name, value) for name, value in values if name not in changed]
    bases = [base for base in kind.__bases__ if base is not object]
    return ("class", qualified_name(kind), source, functions, values, bases)


def _function_parts(function: FunctionType) -> tuple:
    """The code of a function, its defaults, its closure and the globals that it reads."""
    codes = list(_codes(function.__code__))
    steps = [step for code in codes for step in dis.get_instructions(code)]
    names = {name for code in codes for name in code.co_names}
    stored = {step.argval for step in steps if step.opname == "STORE_GLOBAL"}
    may_change = bool(names & MUTATORS) or any(step.opname in WRITES for step in steps)
    read = sorted((names & function.__globals__.keys()) - stored)
    variables = [(name, function.__globals__[name]) for name in read]
    cells = [_cell_content(cell) for cell in function.__closure__ or ()]
    variables += zip(function.__code__.co_freevars, cells, strict=True)
    if may_change:
        # A function that notes its calls in a list stays the same.
        variables = [pair for pair in variables if not isinstance(pair[1], list | dict | set)]
    defaults = function.__defaults__, function.__kwdefaults__
    code = _code_parts(function.__code__)
    return ("function", qualified_name(function), code, defaults, variables)


def _cell_content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _codes(code: CodeType) -> Iterable[CodeType]:
    """A code and those of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _code_parts(code: CodeType) -> tuple:
    constants = [
        _code_parts(constant) if isinstance(constant, CodeType) else _constant_text(constant)
        for constant in code.co_consts
    ]
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars)


def _constant_text(constant) -> str:
    """The text of a constant; that of a set has no order of its own."""
    if isinstance(constant, frozenset):
        return f"frozenset{sorted(map(repr, constant))}"
    return f"{type(constant).__name__} {constant!r}"


@cache
def _version_of(package: str) -> str | None:
    """The version of an installed package or of Python; None for code of the user."""
    if package == "builtins" or package in sys.stdlib_module_names:
        return f"python {sys.version_info.major}.{sys.version_info.minor}"
    if not package or package in ("__main__", "__mp_main__"):
        return None
    found = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(found, str):
        return found
    try:
        return version(package)
    except (PackageNotFoundError, ValueError):
        return None


def _file_digest(module: ModuleType) -> str:
    with open(str(module.__file__), "rb") as file:
        return blake2b(file.read(), digest_size=16).hexdigest()


FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, partial, np.ufunc)
"""The types of what is called a function."""
