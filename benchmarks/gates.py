"""Measure how long prediction takes with open and with closed gates.

The gates of one fitted `MetaNetClassifier` are set by hand: all open, half of the units of every
layer open, all closed. They are compared with the same encoder without adapters. Closed gates are
not computed, so prediction with all gates closed should take no longer than without adapters.

    python benchmarks/gates.py
"""

import argparse
import time
from statistics import median

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig

from metaling_sk import MetaNetClassifier

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--texts", type=int, default=2000)
parser.add_argument("--repeats", type=int, default=7)
parser.add_argument("--layers", type=int, default=4)
parser.add_argument("--width", type=int, default=8)
parser.add_argument("--languages", type=int, default=1, help="languages of the texts")
parser.add_argument("--threads", type=int, default=1)
args = parser.parse_args()
torch.set_num_threads(args.threads)

rng = np.random.default_rng(0)
words = np.array(["".join(rng.choice(list("abcdefgh"), 5)) for _ in range(500)])
X = pd.DataFrame(
    {
        "text": [" ".join(rng.choice(words, rng.integers(10, 60))) for _ in range(args.texts)],
        "language": rng.choice([f"l{number}" for number in range(args.languages)], args.texts),
    }
)
y = rng.integers(2, size=args.texts)
config = BertConfig(
    vocab_size=2000,
    hidden_size=128,
    num_hidden_layers=args.layers,
    num_attention_heads=4,
    intermediate_size=512,
)
clf = MetaNetClassifier(
    encoder=config, max_width=args.width, max_epochs=1, dtype="float32", verbose=0, random_state=0
).fit(X[:200], y[:200])
module = clf.net_.module_
gate = module.hypernetwork.gate
with torch.no_grad():
    gate.weight.zero_()
tokens = clf.text_encoder_.tokenize(X["text"].to_numpy())
encoded = clf._encode(tokens, X["language"].to_numpy())
batches = [encoded.collate(indices) for indices in encoded.indices(64)]


def with_open(n_units):
    """Return a function that predicts with `n_units` units open in every layer."""

    def predict():
        with torch.no_grad():
            gate.bias.fill_(-9.0)
            gate.bias[:n_units] = 9.0
        module.eval()
        for batch in batches:
            module(batch.inputs, batch.language_index)

    return predict


def without_adapters():
    """Predict with the same encoder and a linear head, without adapters."""
    module.eval()
    for batch in batches:
        features = module.encoder(**batch.inputs)
        if module.norm is not None:
            features = module.norm(features, batch.language_index)
        module.head(features)


ways = {
    "no adapters": without_adapters,
    "all gates closed": with_open(0),
    "half of them open": with_open(args.width // 2),
    "all gates open": with_open(args.width),
}
seconds = {name: [] for name in ways}
with torch.no_grad():
    for way in ways.values():
        way()
    for _ in range(args.repeats):
        # The ways take turns, so that other load of the machine falls on all of them.
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
print(f"{args.texts} texts, {args.layers} layers, width {args.width}, {args.threads} thread(s)")
for name, found in seconds.items():
    ratio = median(np.array(found) / np.array(seconds["no adapters"]))
    print(f"{name:20s} {median(found):7.3f} s   {ratio:5.2f} of no adapters")
