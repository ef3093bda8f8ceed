"""metaling_sk: meta-learning across languages with scikit-learn's habits."""

from __future__ import annotations

from importlib import import_module

_SUBMODULES = (
    "datasets",
    "linear",
    "meta_net",
    "meta_param",
    "metrics",
    "model_selection",
    "persistence",
    "plotting",
    "preprocessing",
    "transfer",
)
_PUBLIC = {
    "EncoderVectorizer": "metaling_sk.preprocessing",
    "LanguageStandardScaler": "metaling_sk.preprocessing",
    "LeaveOneLanguageOut": "metaling_sk.model_selection",
    "DictionaryTranslator": "metaling_sk.preprocessing",
    "LinearTransferClassifier": "metaling_sk.linear",
    "MetaNetClassifier": "metaling_sk.meta_net",
    "MetaParamDisplay": "metaling_sk.plotting",
    "MetaParamSearchCV": "metaling_sk.meta_param",
    "StratifiedLanguageKFold": "metaling_sk.model_selection",
    "TransferClassifier": "metaling_sk.transfer",
    "language_report": "metaling_sk.metrics",
    "load": "metaling_sk.persistence",
}

__version__ = "0.1.0"
__all__ = [*_PUBLIC, "__version__"]


def __getattr__(name):
    """Import public names when they are first used: torch is slow to load."""
    if name in _SUBMODULES:
        return import_module(f"metaling_sk.{name}")
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'metaling_sk' has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_SUBMODULES])
