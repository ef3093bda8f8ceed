"""What tests of the disk cache run in several processes."""

import time
import uuid

import numpy as np
from tiny import make_pair

from metaling_sk._encoders.disk_cache import DiskCache, use_disk_cache
from metaling_sk._encoders.memory_cache import keys_of

X, Y = make_pair(30, 30, n_labelled=10)


def double(keys, log=None):
    """A function that computes two numbers per key, and notes in a folder for which."""

    def compute(positions):
        for position in positions if log is not None else ():
            (log / f"{keys[position].hex()}-{uuid.uuid4().hex}").touch()
        return [np.frombuffer(keys[position], np.int64) for position in positions]

    return compute


def ask(folder, start):
    """Rows of keys that others ask for, too; computing them takes a while."""
    keys = keys_of(b"key", map(str, range(start, start + 20)))

    def compute(positions):
        time.sleep(0.1)
        return double(keys, folder / "log")(positions)

    rows = DiskCache(folder / "store").get_or_compute("numbers", keys, compute)
    return [row.tobytes() for row in rows] == keys


def fit_predict(model, folder):
    with use_disk_cache(folder):
        return model.fit(X, Y).predict_proba(X)
