"""What `compile` and `gradient_checkpointing` cost and save in training multilingual-e5-small.

    python benchmarks/acceleration.py

- as it is: TransferClassifier with its defaults
- compile, gradient checkpointing, float32: with this setting

All train all weights on the same reviews in English and Chinese, cut to 128 tokens. A seed is a
repetition; in each the methods take turns in one process, so that what is compiled in the first
repetition is at hand in the others. Figures: the seconds of the first epoch and the median of the
later ones, and the most memory of a GPU that tensors take in the fit. A GPU is used where there is
one.
"""

import argparse
from pathlib import Path

import numpy as np
import peers
import torch
from fit import MAX_LENGTH, read

from metaling_sk import TransferClassifier
from metaling_sk.datasets import load_encoder

METHODS: dict[str, dict] = {
    "as it is": {},
    "compile": {"compile": True},
    "gradient checkpointing": {"gradient_checkpointing": True},
    "float32": {"dtype": "float32"},
}
RESULT = Path(__file__).parent / "results" / "acceleration.json"


def measure(method: str, seed: int, rows: int, epochs: int) -> dict[str, float]:
    """Return the figures of a method."""
    X, y = read("train", rows)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    clf = TransferClassifier(
        source_languages=sorted(set(X["language"])),
        encoder=load_encoder("multilingual-e5-small"),
        max_length=MAX_LENGTH,
        max_epochs=epochs,
        validation_fraction=0,
        verbose=0,
        random_state=seed,
        **METHODS[method],
    ).fit(X, y)
    first, *later = clf.net_.history[:, "dur"]
    figures = {"first epoch, s": first, "later epoch, s": float(np.median(later))}
    if torch.cuda.is_available():
        figures["memory, MB"] = torch.cuda.max_memory_allocated() / 1e6
    return figures


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peers.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--rows", type=int, default=1600, help="reviews to train on")
    parser.add_argument("--epochs", type=int, default=4)
    args = parser.parse_args()
    peers.run(args, [{"rows": args.rows, "epochs": args.epochs}], measure, {})


if __name__ == "__main__":
    main()
