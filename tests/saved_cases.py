"""What the tests of saved folders share."""

import json
from pathlib import Path

import numpy as np
from tiny import make_classifier, make_meta_net, make_pair

from metaling_sk._saving.description import ESTIMATOR, decode_description, encode_description
from metaling_sk._saving.reading import record_file

X, Y = make_pair(30, 30, n_labelled=15)
LABELLED = ~np.isnan(Y)
NUMBERS = np.random.default_rng(0).normal(size=(60, 5))
LANGUAGE = X["language"].to_numpy()


def named(classes):
    """The labels as other classes; None where there is none."""
    y = np.array(classes)[np.where(LABELLED, Y, 0).astype(int)].astype(object)
    y[~LABELLED] = None
    return y


def fit(X=X, y=Y, language=None, **parameters):
    return make_classifier(**{"target_languages": "zh"} | parameters).fit(X, y, language=language)


def fit_meta(X=X, y=Y, language=None, **parameters):
    return make_meta_net(**parameters).fit(X, y, language=language)


def weights_of(folder):
    (path,) = Path(folder).rglob("weights.safetensors")
    return path


def forge(folder, edit=None, edit_config=None):
    """Edit a description or a configuration, and make all digests right again."""
    content = decode_description((folder / ESTIMATOR).read_bytes())
    if edit_config is not None:
        path = folder / "encoder" / "config.json"
        config = json.loads(path.read_text())
        edit_config(config)
        path.write_text(json.dumps(config))
        content["files"]["encoder/config.json"] = record_file(path)
    if edit is not None:
        edit(content)
    (folder / ESTIMATOR).write_bytes(encode_description(content))
