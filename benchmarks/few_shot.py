"""How long it takes to learn from a few labels, beside SetFit.

    python benchmarks/few_shot.py
    python benchmarks/few_shot.py --labels 16

There are `--labels` English reviews of each class, of at most 128 tokens, drawn by the seed. The
encoder is multilingual-e5-small.

- head, all: TransferClassifier with its defaults and this `trainable`
- half: with trainable=0.5
- setfit: SetFit with its defaults: an epoch over all pairs of reviews. It needs `setfit`.

All compute in bfloat16 where the hardware does. The seconds are those from the folder of the
encoder and the texts to the fitted model. The accuracy is that on other English reviews.
"""

import argparse
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import peers
from encoders import fit_setfit, fit_transfer

from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk.datasets import load_reviews

MAX_LENGTH = 128
METHODS = {
    **{name: partial(fit_transfer, trainable=name) for name in ("head", "all")},
    "half": partial(fit_transfer, trainable=0.5),
    "setfit": partial(fit_setfit, num_iterations=None),
}
NEEDS = {"setfit": "setfit"}
RESULT = Path(__file__).parent / "results" / "few_shot.json"


@cache
def read(subset: str) -> pd.DataFrame:
    """Read English reviews."""
    X, y = load_reviews("en", subset=subset, return_X_y=True)
    return X.assign(label=y)


def measure(method: str, seed: int, labels: int, test_rows: int) -> dict[str, float]:
    """Return the figures of a method."""
    train = read("train").groupby("label").sample(labels, random_state=seed)
    test = read("test").sample(test_rows, random_state=0)
    CACHE.clear()
    fit = METHODS[method]
    seconds, fitted = peers.timed(fit, train, seed, epochs=None, max_length=MAX_LENGTH)
    is_right = np.asarray(fitted.predict(test), dtype=int) == test["label"].to_numpy()
    return {"seconds": seconds, "accuracy": 100 * is_right.mean()}


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peers.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--labels", type=int, default=8, help="of each class")
    parser.add_argument("--test-rows", type=int, default=500, help="reviews for the accuracy")
    args = parser.parse_args()
    peers.run(args, [{"labels": args.labels, "test_rows": args.test_rows}], measure, NEEDS)


if __name__ == "__main__":
    main()
