"""What changes an estimator does so at once, or not at all: nobody meets half of a change."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar
from weakref import WeakKeyDictionary

from metaling_sk._utils.imported import plain_torch
from metaling_sk._utils.locks import ThreadLock
from metaling_sk._utils.messages import share_warnings
from metaling_sk._utils.random_state import undrawn_on_error

OF_SKLEARN = ("_doc_link", "_metadata_request", "_parent_callback", "_skl")
"""How the names of private attributes begin that no fit sets, but scikit-learn or its users."""

CHANGED_IN_PLACE = {"norm", "hypernetwork"}
"""The parts of a network that methods change after `fit`, apart from training."""

E = TypeVar("E")

_CHANGES_OF: WeakKeyDictionary[object, ThreadLock] = WeakKeyDictionary()
"""Held while an estimator is changed. It is no part of an estimator and its copies."""


def snapshot(estimator: E) -> E:
    """Return a copy that stays as it is while another thread changes the estimator.

    Parameters
    ----------
    estimator : estimator
        What changes it uses `changed_at_once`.

    Returns
    -------
    estimator
        It has the same attributes, and warns of nothing that the estimator has warned of.
    """
    copied = shallow_copy(estimator)
    share_warnings(estimator, copied)
    return copied


@contextmanager
def changed_at_once(estimator: E) -> Iterator[E]:
    """Change a copy, which the estimator becomes in one step; none, if the block raises.

    Then the random numbers that the block has drawn are drawn again.

    Another thread that changes the estimator waits, so that no change is lost.

    Parameters
    ----------
    estimator : estimator

    Yields
    ------
    estimator
        The copy. In the block its attributes are replaced and not written to, except for the parts
        `CHANGED_IN_PLACE` of its network. What trains the network trains a copy.
    """
    random_state = getattr(estimator, "random_state", None)
    with (
        _CHANGES_OF.setdefault(estimator, ThreadLock()),
        plain_torch(),
        undrawn_on_error(getattr(estimator, "_random_state", random_state)),
    ):
        changed = snapshot(estimator)
        attributes = vars(changed)
        if "net_" in attributes:
            attributes["net_"] = _with_own_parts(attributes["net_"])
        yield changed
        estimator.__dict__ = vars(changed)


@contextmanager
def unfitted_on_error(estimator: E) -> Iterator[E]:
    """Yield the estimator, and remove everything that a fit sets, if the block raises."""
    try:
        yield estimator
    except BaseException:
        for name in filter(_is_set_by_fit, list(vars(estimator))):
            delattr(estimator, name)
        raise


def _is_set_by_fit(name: str) -> bool:
    """Whether an attribute of an estimator is set by a fit, by its name."""
    return not name.startswith(OF_SKLEARN) if name.startswith("_") else name.endswith("_")


def _with_own_parts(net):
    """A net with the weights of another one, but with parts of its own that can change."""
    net, network = shallow_copy(net), shallow_copy(net.module_)
    network._modules = network._modules.copy()
    for name in network._modules.keys() & CHANGED_IN_PLACE:
        network._modules[name] = copy.deepcopy(network._modules[name])
    vars(net).update(module=network, module_=network)
    return net


def shallow_copy(value):
    """A copy with the same attributes, whatever the class says of copies and pickles."""
    copied = object.__new__(type(value))
    vars(copied).update(vars(value))
    return copied
