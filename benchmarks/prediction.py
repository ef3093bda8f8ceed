"""How long a trained multilingual-e5-small takes to predict, beside other ways to run it.

    python benchmarks/prediction.py

- metaling_sk: a fitted TransferClassifier, with its defaults
- float32: the same in float32
- bare loop: its network in a loop over batches of sorted lengths, in the precision of the defaults
- pipeline: the text-classification pipeline of transformers, with the same encoder and a head of
  its own

The texts are reviews in English and Chinese, cut to 128 tokens. A seed is a repetition; in each the
methods take turns. Figures: the seconds for all texts, the median and the 99th percentile of the
milliseconds for one text, and the share of the predictions that are those in float32.
"""

import argparse
import functools
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import records
import torch
import transformers

from metaling_sk import TransferClassifier
from metaling_sk._utils.device import autocast_dtype
from metaling_sk.datasets import load_encoder, load_reviews

MAX_LENGTH, BATCH_SIZE = 128, 32
N_TRAIN, N_SINGLE = 200, 100
METHODS = ["metaling_sk", "float32", "bare loop", "pipeline"]
RESULT = Path(__file__).parent / "results" / "prediction.json"


class Models:
    """The fitted model, and what each method predicts."""

    def __init__(self, n_rows: int):
        X, y = load_reviews(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(X))
        train, test = order[:N_TRAIN], order[N_TRAIN : N_TRAIN + n_rows]
        self.X = X.iloc[test].reset_index(drop=True)
        folder = load_encoder("multilingual-e5-small")
        parameters = {"encoder": folder, "trainable": "all", "max_length": MAX_LENGTH, "prompt": ""}
        self.model = TransferClassifier(
            **parameters, max_epochs=1, device="cpu", verbose=0, random_state=0
        ).fit(X.iloc[train], y[train])
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.pipeline = transformers.pipeline(
            "text-classification",
            transformers.AutoModelForSequenceClassification.from_pretrained(folder),
            tokenizer=self.tokenizer,
            device="cpu",
        )
        self.expected = self.predict("float32", self.X)

    def predict(self, method: str, X: pd.DataFrame) -> np.ndarray:
        """Predict with a method."""
        if method == "pipeline":
            options = {"truncation": True, "max_length": MAX_LENGTH, "batch_size": BATCH_SIZE}
            return np.array([one["label"] for one in self.pipeline(X["text"].tolist(), **options)])
        if method == "bare loop":
            return self.loop(X)
        return self.model.set_params(dtype="float32" if method == "float32" else "auto").predict(X)

    @torch.inference_mode()
    def loop(self, X: pd.DataFrame) -> np.ndarray:
        """Predict with the network alone."""
        network, dtype = self.model.net_.module_, autocast_dtype("auto", torch.device("cpu"))
        index = np.array([self.model.languages_.index(name) + 1 for name in X["language"]])
        ids = self.tokenizer(X["text"].tolist(), truncation=True, max_length=MAX_LENGTH)
        order = np.argsort([-len(one) for one in ids["input_ids"]])
        found = np.empty(len(X), dtype=int)
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            for start in range(0, len(X), BATCH_SIZE):
                rows = order[start : start + BATCH_SIZE]
                batch = self.tokenizer.pad(
                    {"input_ids": [ids["input_ids"][row] for row in rows]}, return_tensors="pt"
                )
                output = network(dict(batch), torch.from_numpy(index[rows]))
                found[rows] = output.logits.argmax(dim=1).numpy()
        return self.model.classes_[found]


def measure(models: Models, method: str) -> dict[str, float]:
    """Return the figures of a method."""
    start = time.perf_counter()
    predicted = models.predict(method, models.X)
    seconds = time.perf_counter() - start
    single = []
    for row in range(N_SINGLE):
        one = models.X.iloc[[row % len(models.X)]]
        start = time.perf_counter()
        models.predict(method, one)
        single.append(1000 * (time.perf_counter() - start))
    figures = {
        "all, s": seconds,
        "one, ms": float(np.median(single)),
        "one (99th percentile), ms": float(np.percentile(single, 99)),
    }
    if method != "pipeline":
        figures["as in float32, %"] = 100 * float((predicted == models.expected).mean())
    return {name: round(value, 3) for name, value in figures.items()}


def report(path: Path) -> None:
    """Print the median of the repetitions."""
    for setting, by_method in records.settings(path):
        names = list(next(iter(by_method.values()))[0]["figures"])
        rows = [["", *names]]
        for method, found in by_method.items():
            figures = pd.DataFrame([record["figures"] for record in found]).reindex(columns=names)
            rows.append([method, *(f"{value:.2f}" for value in figures.median())])
        print(f"{setting}\n\n{records.simple_table(rows)}\n")


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    records.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--rows", type=int, default=300, help="texts to predict")
    args = parser.parse_args()
    if args.report:
        report(args.result)
        return
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    models = functools.cache(lambda: Models(args.rows))
    runs = [
        records.new_record(method, seed, {"rows": args.rows})
        for seed in args.seeds
        for method in args.methods
    ]
    records.run_unknown(args.result, runs, lambda run: measure(models(), run["method"]))
    report(args.result)


if __name__ == "__main__":
    main()
