"""Measure how long a search takes to find what scikit-learn's searches find.

Both have the same model, data, folds, distributions and number of processes. The score is the
negative log-loss. The peer searches to its end. For `MetaParamSearchCV` the time is counted until
a candidate has a mean score at least as good as the best of the peer. No refit is counted.

- frozen: RandomizedSearchCV over skorch's documented recipe for Transformers (a tokenizer that
  pads to `max_length`, a DataLoader, float32) with a frozen encoder.
- trained: the same with all weights trained.
- halving: HalvingRandomSearchCV(resource="max_epochs") over our TransferClassifier.

    python benchmarks/meta_param.py
"""

import argparse
import time
import warnings
from tempfile import TemporaryDirectory

import numpy as np
import torch
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from skorch import NeuralNetClassifier
from skorch.hf import HuggingfacePretrainedTokenizer
from torch import nn
from transformers import AutoModel, BertConfig

from metaling_sk import MetaParamSearchCV, StratifiedLanguageKFold, TransferClassifier
from metaling_sk._encoders.scratch import train_tokenizer
from metaling_sk.datasets import load_reviews
from metaling_sk.meta_param._journal import read_results

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--rows", type=int, default=300, help="reviews per language")
parser.add_argument("--max-length", type=int, default=128, help="tokens per text")
parser.add_argument("--repeats", type=int, default=3)
parser.add_argument("--jobs", type=int, default=2)
parser.add_argument("--only", choices=["frozen", "trained", "halving"])
args = parser.parse_args()
MAX_EPOCHS, N_ITER = 9, 9
RATES = {"frozen": loguniform(1e-4, 1e-1), "trained": loguniform(1e-5, 1e-2)}
BATCH_SIZES = [16, 32, 64]

X, y = load_reviews(return_X_y=True)
chosen = X.groupby("language").head(args.rows).index
X, y = X.loc[chosen].reset_index(drop=True), y[chosen]
tokenizer = train_tokenizer(X["text"].to_numpy(), X["language"].to_numpy(), 16_000)
config = BertConfig(
    vocab_size=len(tokenizer),
    hidden_size=128,
    num_hidden_layers=1,
    num_attention_heads=4,
    intermediate_size=256,
)
torch.manual_seed(0)
backbone = AutoModel.from_config(config, add_pooling_layer=False)


class Recipe(nn.Module):
    """A Transformer with a linear head on the mean over the tokens."""

    def __init__(self, backbone, trained):
        super().__init__()
        self.encoder = AutoModel.from_config(backbone.config, add_pooling_layer=False)
        self.encoder.load_state_dict(backbone.state_dict())
        self.encoder.requires_grad_(trained)
        self.head = nn.Linear(backbone.config.hidden_size, 2)

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(input_ids, attention_mask).last_hidden_state
        mask = attention_mask[..., None]
        return self.head((hidden * mask).sum(1) / mask.sum(1))


def recipe_search(kind, seed):
    """Search the parameters of skorch's recipe with RandomizedSearchCV."""
    net = NeuralNetClassifier(
        Recipe,
        module__backbone=backbone,
        module__trained=kind == "trained",
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        max_epochs=MAX_EPOCHS,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    padding = HuggingfacePretrainedTokenizer(
        tokenizer, max_length=args.max_length, return_token_type_ids=False, verbose=0
    )
    search = RandomizedSearchCV(
        make_pipeline(padding, net),
        {"neuralnetclassifier__lr": RATES[kind], "neuralnetclassifier__batch_size": BATCH_SIZES},
        n_iter=N_ITER,
        scoring="neg_log_loss",
        cv=folds(seed),
        n_jobs=args.jobs,
        random_state=seed,
        refit=False,
    )
    return timed(search, X["text"].to_numpy())


def classifier(kind, seed):
    """Return the same model as a TransferClassifier; all labelled rows are source rows."""
    return TransferClassifier(
        source_languages=["en", "zh"],
        encoder=(backbone, tokenizer),
        trainable="head" if kind == "frozen" else "all",
        max_length=args.max_length,
        max_epochs=MAX_EPOCHS,
        verbose=0,
        random_state=seed,
    )


def our_search(kind, seed, goal=-np.inf):
    """Search with MetaParamSearchCV.

    Returns the seconds to a candidate as good as `goal` (NaN if there is none), the seconds of the
    whole search, and the best score.
    """
    with TemporaryDirectory() as folder:
        search = new_search(kind, seed, folder)
        start = time.time()
        seconds, best = timed(search, X)
        found = read_results(folder)
        times = found.loc[found["mean_test_score"] >= goal, "finished"] - start
        return times.min(), seconds, best


def new_search(kind, seed, folder):
    """Return a halving search whose checkpoint is in a folder."""
    return MetaParamSearchCV(
        classifier(kind, seed),
        {"learning_rate": RATES[kind], "batch_size": BATCH_SIZES},
        search="halving",
        n_iter=N_ITER,
        checkpoint=folder,
        cv=folds(seed),
        n_jobs=args.jobs,
        random_state=seed,
        refit=False,
        verbose=0,
    )


def sklearns_halving(seed):
    """Search the parameters of our classifier with HalvingRandomSearchCV."""
    search = HalvingRandomSearchCV(
        classifier("trained", seed),
        {"learning_rate": RATES["trained"], "batch_size": BATCH_SIZES},
        n_candidates=N_ITER,
        resource="max_epochs",
        max_resources=MAX_EPOCHS,
        min_resources=1,
        scoring="neg_log_loss",
        cv=folds(seed),
        n_jobs=args.jobs,
        random_state=seed,
        refit=False,
    )
    return timed(search, X)


def folds(seed):
    """Return the train and test indices of the three folds."""
    return list(StratifiedLanguageKFold(3, random_state=seed).split(X, y))


def timed(search, X):
    """Fit a search; return the seconds and the best mean score of all candidates."""
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    return seconds, np.nanmax(search.cv_results_["mean_test_score"])


comparisons = {
    "frozen": ("RandomizedSearchCV, skorch's recipe", lambda seed: recipe_search("frozen", seed)),
    "trained": ("RandomizedSearchCV, skorch's recipe", lambda seed: recipe_search("trained", seed)),
    "halving": ("HalvingRandomSearchCV, ours", sklearns_halving),
}
print(f"{len(X)} reviews, {args.jobs} processes, {N_ITER} candidates, up to {MAX_EPOCHS} epochs")
warnings.simplefilter("ignore")
with warnings.catch_warnings():
    # A search first, so that the workers have loaded their libraries before both are measured.
    our_search("frozen", 100)
for name, (peer, search_peer) in comparisons.items():
    if args.only not in (None, name):
        continue
    ratios = []
    for seed in range(args.repeats):
        theirs, goal = search_peer(seed)
        our, whole, best = our_search("frozen" if name == "frozen" else "trained", seed, goal)
        ratios.append(theirs / our)
        print(
            f"{name:8} seed {seed}: {peer} {goal:.4f} in {theirs:6.1f} s; MetaParamSearchCV "
            f"as good after {our:6.1f} s, at its end {best:.4f} in {whole:6.1f} s",
            flush=True,
        )
    # A search that never finds as good a candidate counts as infinitely slow.
    print(f"{name:8} times faster, median: {np.median(np.nan_to_num(ratios)):.1f}", flush=True)
