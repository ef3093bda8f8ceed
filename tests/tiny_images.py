"""Images of a made-up pair of scripts, and models that learn from them in a moment."""

from functools import partial

import numpy as np
import pandas as pd
import tiny
import transformers

from metaling_sk import (
    MetaNetClassifier,
    MetaNetRegressor,
    TransferClassifier,
    TransferRegressor,
)

SIZE = 8


def make_images(n_rows, language, seed):
    """Images with a bar: upright for class 0, level for class 1; white on black in "xx"."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_rows)
    images = []
    for label in y:
        image = rng.integers(190, 256, (SIZE, SIZE), dtype=np.uint8)
        bar = image if label else image.T
        bar[rng.integers(2, SIZE - 2)] = rng.integers(0, 60)
        images.append(255 - image if language == "xx" else image)
    return pd.DataFrame({"image": images, "language": language}, dtype=object), y


def make_pair(n_en=40, n_xx=40, n_labelled=10, seed=0):
    """Images of two languages; of the second one only the first `n_labelled` have a label."""
    pair = make_images(n_en, "en", seed), make_images(n_xx, "xx", seed + 1)
    return tiny.join_languages(*pair, n_labelled)


def make_config(**parameters):
    """A Vision Transformer of one layer."""
    sizes = {"image_size": SIZE, "patch_size": 4, "hidden_size": 16, "num_hidden_layers": 1}
    others = {"num_attention_heads": 2, "intermediate_size": 32, "initializer_range": 0.1}
    return transformers.ViTConfig(**sizes | others | parameters)


def save_checkpoint(folder, config=None, model_class=transformers.ViTModel, **processing):
    """Write a model of images with random weights, and its image processor, to a folder."""
    config = make_config() if config is None else config
    model_class(config).save_pretrained(folder)
    size = {"height": config.image_size, "width": config.image_size}
    transformers.ViTImageProcessorPil(**{"size": size} | processing).save_pretrained(folder)
    return folder


QUICK = tiny.QUICK | {
    "encoder": make_config(),
    "image_column": "image",
    "max_epochs": 2,
    "device": "cpu",
}
make_classifier = partial(TransferClassifier, **QUICK)
make_regressor = partial(TransferRegressor, **QUICK)
make_meta_net = partial(MetaNetClassifier, **QUICK)
make_meta_regressor = partial(MetaNetRegressor, **QUICK)
