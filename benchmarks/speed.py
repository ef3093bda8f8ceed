"""Measure how long an epoch and a prediction take, compared with skorch's documented recipe.

Both train the same Transformer with the same tokenizer and batch size, on the same labelled
reviews, on the CPU. The recipe is that of skorch's notebook on fine-tuning BERT: a tokenizer that
pads every text to `max_length`, float32, a DataLoader. Ours sorts texts by length within random
buckets, pads each batch to its longest text and computes in bfloat16 if the hardware has it.

    python benchmarks/speed.py
"""

import argparse
import platform
import time
from statistics import median

import torch
from skorch import NeuralNetClassifier
from skorch.hf import HuggingfacePretrainedTokenizer
from torch import nn
from transformers import AutoModel, BertConfig

from metaling_sk import TransferClassifier
from metaling_sk._encoders.scratch import train_tokenizer
from metaling_sk.datasets import load_reviews

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--rows", type=int, default=3000, help="reviews per language")
parser.add_argument("--repeats", type=int, default=3)
parser.add_argument("--max-length", type=int, default=128)
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
args = parser.parse_args()
torch.set_num_threads(args.threads)
BATCH_SIZE = 32


class Recipe(nn.Module):
    """A Transformer with a linear head on the first token."""

    def __init__(self, config):
        super().__init__()
        self.encoder = AutoModel.from_config(config)
        self.head = nn.Linear(config.hidden_size, 2)

    def forward(self, **tokens):
        return self.head(self.encoder(**tokens).last_hidden_state[:, 0])


def timed(function, *arguments):
    """Call a function; return the seconds and its result."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


X, y = load_reviews(return_X_y=True)
chosen = X.groupby("language").head(args.rows).index
X, y = X.loc[chosen].reset_index(drop=True), y[chosen]
tokenizer = train_tokenizer(X["text"].to_numpy(), X["language"].to_numpy(), 16_000)
config = BertConfig(
    vocab_size=len(tokenizer),
    hidden_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=512,
)
torch.manual_seed(0)
backbone = AutoModel.from_config(config)


def recipe():
    """Return the seconds of an epoch and of a prediction of skorch's recipe."""
    pad = HuggingfacePretrainedTokenizer(tokenizer, max_length=args.max_length, verbose=0)
    net = NeuralNetClassifier(
        Recipe,
        module__config=config,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=5e-4,
        batch_size=BATCH_SIZE,
        max_epochs=1,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    texts = X["text"].tolist()
    seconds, _ = timed(lambda: net.fit(pad.fit_transform(texts), y))
    return seconds, timed(lambda: net.predict(pad.transform(texts)))[0]


def ours():
    """Return the seconds of an epoch and of a prediction of TransferClassifier."""
    clf = TransferClassifier(
        source_languages=["en", "zh"],
        encoder=(backbone, tokenizer),
        max_length=args.max_length,
        learning_rate=5e-4,
        batch_size=BATCH_SIZE,
        max_epochs=1,
        validation_fraction=0,
        verbose=0,
        random_state=0,
    )
    seconds, _ = timed(clf.fit, X, y)
    return seconds, timed(clf.predict, X)[0]


runs = {"skorch's recipe": [], "ours": []}
for _ in range(args.repeats):
    runs["skorch's recipe"].append(recipe())
    runs["ours"].append(ours())
medians = {
    name: [median(times) for times in zip(*found, strict=True)] for name, found in runs.items()
}
print(f"{len(X)} reviews, {args.threads} threads, {platform.processor() or platform.machine()}")
for name, (fit, predict) in medians.items():
    print(f"{name:16} an epoch {fit:7.1f} s   prediction {predict:6.1f} s")
epoch, prediction = (theirs / our for theirs, our in zip(*medians.values(), strict=True))
print(f"{'times faster':16} an epoch {epoch:7.1f}     prediction {prediction:6.1f}")
