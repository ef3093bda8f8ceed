"""Work that many fits share is done once, before the workers begin.

An estimator may have two methods:

- ``warm_cache(X, language=None)`` computes what all fits on parts of these samples share, and
  leaves it where a fit in another process finds it. Before the fits of a rung, the search calls it
  in its own process with all samples. `language` is passed only if it was passed to the search.
- ``warm_cache_key()`` is optional. It returns what the shared work depends on, such as a dict of
  parameters. Of candidates with equal keys, only the first is called.

`TransferClassifier` and `MetaNetClassifier` encode the texts in this way if their encoder is
frozen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

from sklearn.base import clone

from metaling_sk._encoders.disk_cache import use_disk_cache
from metaling_sk._utils.progress import silent
from metaling_sk.meta_param._describe import describe
from metaling_sk.meta_param._folder import SearchFolder
from metaling_sk.meta_param._folds import SearchData


class CacheWarmer:
    """Calls `warm_cache` of the candidates whose shared work is not done yet.

    Parameters
    ----------
    estimator : estimator
        Cloned for each candidate. Without the method nothing is done.
    data : SearchData
        All samples of the search.
    folder : SearchFolder
        Its cache takes what our own estimators compute.
    """

    def __init__(self, estimator, data: SearchData, folder: SearchFolder):
        self._estimator = estimator
        self._data = data
        self._folder = folder
        self._keys: set[str] = set()

    def warm(self, candidates: Iterable[dict]) -> None:
        """Do the shared work for the parameters of some candidates."""
        if not hasattr(self._estimator, "warm_cache"):
            return
        metadata = {"language": self._data.language} if self._data.language_is_metadata else {}
        for params in candidates:
            estimator = clone(self._estimator)
            # A candidate that fails here will fail in its fits, where it is noted.
            with suppress(Exception), silent(), use_disk_cache(self._folder.cache, remember=True):
                estimator.set_params(**params)
                if self._is_new(estimator, params):
                    estimator.warm_cache(self._data.X, **metadata)

    def _is_new(self, estimator, params: dict) -> bool:
        """Whether the key of a candidate has not been seen before; from now on it has."""
        key = estimator.warm_cache_key() if hasattr(estimator, "warm_cache_key") else params
        text = json.dumps(describe(key))
        is_new = text not in self._keys
        self._keys.add(text)
        return is_new
