"""How estimators are shown, as text and in notebooks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from inspect import signature

MAX_PRINTED = 10
"""Mappings with more entries, such as dictionaries of words, are not printed with an estimator."""


class ReprMixin:
    """How an estimator is shown: parameters in the order of the signature, a link to its page.

    The link is in the HTML form, which notebooks show. It needs the address of the documentation,
    "Documentation" among the project's addresses in `pyproject.toml`.
    """

    _doc_link_module = "metaling_sk"

    @property
    def _doc_link_template(self) -> str:
        """The address of the page, without a link where there is no documentation."""
        url = documentation_url()
        return f"{url}/api/generated/metaling_sk.{{estimator_name}}.html" if url else ""

    def get_params(self, deep: bool = True) -> dict:
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return the parameters of contained estimators as well.

        Returns
        -------
        dict
            Parameter names and their values.
        """
        params = super().get_params(deep=deep)  # type: ignore[misc]  # of BaseEstimator
        order = {name: number for number, name in enumerate(signature(type(self)).parameters)}
        names = sorted(params, key=lambda name: order[name.partition("__")[0]])
        params = {name: params[name] for name in names}
        if not _is_printing(sys._getframe(1)):
            return params
        return {name: _abridged(value) for name, value in params.items()}


@cache
def documentation_url() -> str | None:
    """Return the address of the documentation that the installed package names, if any."""
    try:
        addresses = metadata("metaling_sk").get_all("Project-URL") or []
    except PackageNotFoundError:  # The package is imported from a folder.
        addresses = []
    by_name = dict(address.split(", ", maxsplit=1) for address in addresses)
    return by_name.get("Documentation", "").rstrip("/") or None


class _Entries:
    """What is printed in place of a mapping.

    Parameters
    ----------
    mapping : mapping
        The mapping.
    """

    def __init__(self, mapping: Mapping):
        self.text = f"<{type(mapping).__name__} of {len(mapping)} entries>"

    def __repr__(self) -> str:
        return self.text


def _abridged(value):
    """Return what is printed in place of a parameter."""
    is_long = isinstance(value, Mapping) and len(value) > MAX_PRINTED
    return _Entries(value) if is_long else value


def _is_printing(caller) -> bool:
    """Return whether parameters are read for the text or HTML form of an estimator.

    scikit-learn has no hook for this, neither for an estimator nor for one inside a pipeline.
    """
    module = caller.f_globals.get("__name__")
    return module == "sklearn.utils._pprint" or caller.f_code.co_name == "_get_params_html"
