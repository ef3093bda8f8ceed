"""How long a trained multilingual-e5-small takes to predict, beside other ways to run it.

    python benchmarks/prediction.py

- metaling_sk: a fitted TransferClassifier, with its defaults
- float32: the same in float32
- bare loop: its network in a loop over batches of sorted lengths, in the precision of the defaults
- pipeline, Trainer: the text-classification pipeline of transformers and its Trainer, with the same
  encoder and a head of their own. The Trainer needs `accelerate`.

The texts are reviews in English and Chinese, cut to 128 tokens. A seed is a repetition; in each the
methods take turns. Figures: the seconds for all texts, the median and the 99th percentile of the
milliseconds for one text, and the share of the predictions that are those in float32. A GPU is used
where there is one.
"""

import argparse
import functools
import time
from pathlib import Path

import numpy as np
import pandas as pd
import peers
import torch
import transformers
from huggingface import new_trainer, predicted, tokenized

from metaling_sk import TransferClassifier
from metaling_sk._utils.device import autocast_dtype, find_device
from metaling_sk.datasets import load_encoder, load_reviews

MAX_LENGTH, BATCH_SIZE = 128, 32
N_TRAIN, N_SINGLE = 200, 100
METHODS = ["metaling_sk", "float32", "bare loop", "pipeline", "Trainer"]
WITH_OTHER_HEADS = "pipeline", "Trainer"
NEEDS = {"Trainer": "accelerate"}
DEVICE = find_device("auto")
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
        self.model = TransferClassifier(**parameters, max_epochs=1, verbose=0, random_state=0).fit(
            X.iloc[train], y[train]
        )
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        # Each has a model of its own: that of the Trainer computes in bfloat16 from then on.
        load = transformers.AutoModelForSequenceClassification.from_pretrained
        self.pipeline = transformers.pipeline(
            "text-classification", load(folder), tokenizer=self.tokenizer, device=DEVICE
        )
        if peers.is_installed(NEEDS["Trainer"]):
            self.trainer = new_trainer(
                load(folder),
                self.tokenizer,
                None,
                DEVICE,
                per_device_eval_batch_size=BATCH_SIZE,
            )
        self.expected = self.predict("float32", self.X)

    def predict(self, method: str, X: pd.DataFrame) -> np.ndarray:
        """Predict with a method."""
        if method == "pipeline":
            options = {"truncation": True, "max_length": MAX_LENGTH, "batch_size": BATCH_SIZE}
            return np.array([one["label"] for one in self.pipeline(X["text"].tolist(), **options)])
        if method == "Trainer":
            rows = tokenized(self.tokenizer, X["text"], MAX_LENGTH)
            return predicted(self.trainer, rows)
        if method == "bare loop":
            return self.loop(X)
        return self.model.set_params(dtype="float32" if method == "float32" else "auto").predict(X)

    @torch.inference_mode()
    def loop(self, X: pd.DataFrame) -> np.ndarray:
        """Predict with the network alone."""
        network, dtype = self.model.net_.module_, autocast_dtype("auto", DEVICE)
        index = np.array([self.model.languages_.index(name) + 1 for name in X["language"]])
        ids = self.tokenizer(X["text"].tolist(), truncation=True, max_length=MAX_LENGTH)
        order = np.argsort([-len(one) for one in ids["input_ids"]])
        found = np.empty(len(X), dtype=int)
        with torch.autocast(DEVICE.type, dtype=dtype, enabled=dtype is not None):
            for start in range(0, len(X), BATCH_SIZE):
                rows = order[start : start + BATCH_SIZE]
                batch = self.tokenizer.pad(
                    {"input_ids": [ids["input_ids"][row] for row in rows]}, return_tensors="pt"
                )
                output = network(dict(batch.to(DEVICE)), torch.from_numpy(index[rows]).to(DEVICE))
                found[rows] = output.logits.argmax(dim=1).cpu().numpy()
        return self.model.classes_[found]


models_of = functools.cache(Models)


def measure(method: str, seed: int, rows: int) -> dict[str, float]:
    """Return the figures of a method."""
    models = models_of(rows)
    seconds, found = peers.timed(models.predict, method, models.X)
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
    if method not in WITH_OTHER_HEADS:
        figures["as in float32, %"] = 100 * float((found == models.expected).mean())
    return figures


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peers.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--rows", type=int, default=300, help="texts to predict")
    args = parser.parse_args()
    peers.run(args, [{"rows": args.rows}], measure, NEEDS)


if __name__ == "__main__":
    main()
