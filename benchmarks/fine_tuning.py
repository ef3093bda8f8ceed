"""Ideas to gain accuracy where all weights of multilingual-e5-small are trained.

    python benchmarks/fine_tuning.py NUSAX SIB200 AFRISENTI --kept FOLDER
    python benchmarks/fine_tuning.py --report

Ideas are judged on validation rows; `--split test` is for those that they have chosen. The tasks,
with 64 tokens at most of SIB-200 and 128 of the others:

- sib200: 701 English labels, 200 texts of each of seven languages, accuracy in these
- sib200-16: the same with 16 labels in each of the seven
- nusax: all training rows of 12 languages, macro-F1
- afrisenti: all training rows of 12 languages, weighted F1

"plain" is TransferClassifier(trainable="all") with its defaults, on AfriSenti with 128 samples in a
step, twice the learning rate and 4 epochs. A method changes of it what its name says:

- rate X: learning rate of the encoder; rate of layers 0.9: each layer has 0.9 times that above it
- frozen embeddings, frozen layers N: the embeddings (and the lowest N layers) stay as they are
- R-Drop: agreement of two passes with dropout (Liang et al., 2021. arXiv:2106.14448)
- one round, three rounds, one topic, half the weight: self-training
- masked words, contrast: the encoder first learns from all texts of the task, by guessing words or
  by telling texts apart (Gao et al., 2021. SimCSE. arXiv:2104.08821)
- no validation: all rows are trained on
- one stage: source and target labels at once, without a source network that is trained first

Others say in one more part what becomes of the fitted model:

- averaged weights: the mean of the weights after each epoch of the second half
- interpolated X: X times the trained weights of the encoder, 1 - X times the pretrained ones
  (Wortsman et al., 2022. WiSE-FT. arXiv:2109.01903). The means of languages are taken anew, for
  X = 1 too.
- logistic regression: one on the vectors, standardised by language

"union" is MetaNetClassifier on n-grams and the vectors of the frozen encoder; "two encoders" has
the vectors of a frozen gemma-3-270m (`--gemma FOLDER`), too. "with union" averages the
probabilities of "union" and of a method, "seeds" those of a method with three seeds. "vote 3"
averages those of "two encoders", which count three times, and of a method.

Probabilities are kept in the folder `--kept`. A GPU is used where there is one.
"""

import argparse
import copy
import tempfile
import warnings
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import afrisenti
import encoders
import features
import meta_net
import numpy as np
import pandas as pd
import reading
import records
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union
from skorch.callbacks import Callback
from torch import nn
from transformers import AutoModel

from metaling_sk import LanguageStandardScaler, MetaNetClassifier, TransferClassifier
from metaling_sk.datasets import load_encoder
from metaling_sk.exceptions import InputWarning

RESULT = Path(__file__).parent / "results" / "fine_tuning.json"
COLUMNS = ["text", "language"]
UNIONS = ("union", "two encoders")

FITS: dict[str, dict] = {
    "plain": {},
    "no validation": {"validation_fraction": 0},
    "one round": {"self_training": 1},
    "three rounds": {"self_training": 3},
    "one topic": {"n_topics": 1},
    "half the weight": {"transfer_weight": 0.5},
    "distill": {"transfer": "distill"},
    **{f"{n} epochs": {"max_epochs": n} for n in (2, 4, 6, 20)},
}
"""What parts of names change of the parameters."""

TASKS = ["sib200", "sib200-16", "nusax", "afrisenti"]
PARAMETERS = {
    "afrisenti": {"batch_size": 128, "max_epochs": 4},
    "sib200": {"max_length": 64},
    "sib200-16": {"max_length": 64},
}
RATE = 2e-5
RATES = {"afrisenti": 2 * RATE}


@dataclass(frozen=True)
class Folders:
    """Copies of the corpora, and where probabilities are kept."""

    nusax: Path
    sib200: Path
    afrisenti: Path
    kept: Path
    gemma: Path | None


# The tasks


@lru_cache(maxsize=2)
def read_task(folders, task: str, split: str, seed: int):
    """Return the training rows, with None where there is no label, and those of each split."""
    if task.startswith("sib200"):
        options = {"folder": folders.sib200, "texts": 200, "rows": 701, "test_rows": None}
        options |= {"languages": "seven", "labels": 16 * task.endswith("16")}
        read = {
            name: encoders.read_sib200(Namespace(**options, split=name), seed)
            for name in ("dev", "test")
        }
        train = read["dev"][0]
        return train, {name: rows for name, (_, rows) in read.items()}
    if task == "nusax":
        data = meta_net.read_nusax(folders.nusax)
        parts = dict(iter(data.groupby("split")))
        if split == "dev":
            return parts["train"], {"dev": parts["dev"], "test": parts["test"]}
        return pd.concat([parts["train"], parts["dev"]]), {"test": parts["test"]}
    splits = {}
    for name in ("dev", "test"):
        options = Namespace(folder=folders.afrisenti, split=name, rows=None, test_rows=None)
        data = afrisenti.read_afrisenti(options)
        train = data[data["part"] == "train"]
        splits[name] = data[(data["part"] == "evaluation") & ~data["language"].isin(afrisenti.NEW)]
    return train, splits


def accuracy(rows: pd.DataFrame) -> float:
    """Return the accuracy of a table with labels and predictions."""
    return float((rows["label"] == rows["predicted"]).mean())


def macro_f1(rows: pd.DataFrame) -> float:
    """Return the macro-F1 of a table with labels and predictions."""
    return float(meta_net.macro_f1(rows["label"], rows["predicted"]))


METRICS = {"nusax": macro_f1, "afrisenti": afrisenti.weighted_f1}


def score(task: str, rows: pd.DataFrame, predicted: np.ndarray) -> dict[str, float]:
    """Return the score in each language and the mean, on SIB-200 of the seven without English."""
    metric = METRICS.get(task, accuracy)
    rows = rows.assign(predicted=predicted)
    scores = {str(name): 100 * metric(part) for name, part in rows.groupby("language")}
    sources = encoders.SOURCES["seven"]
    others = [value for name, value in scores.items() if name not in sources]
    known = [value for name, value in scores.items() if name in sources]
    figures = {"mean": float(np.mean(others))}
    if known:
        figures["sources"] = float(np.mean(known))
    return {name: round(value, 2) for name, value in (scores | figures).items()}


# The fits


class Modified(TransferClassifier):
    """A classifier whose training is changed in ways that there are no parameters for."""

    parts: Iterable[str] = ()
    rate = RATE

    def _settings(self):
        rate = self.rate
        for part in self.parts:
            if part.startswith("rate ") and not part.startswith("rate of"):
                rate = float(part.removeprefix("rate "))
        return replace(super()._settings(), encoder_learning_rate=rate)

    def _has_source_stage(self, source, start):
        return "one stage" not in self.parts and super()._has_source_stage(source, start)

    def _new_net(self, network, training_set, terms, is_solved=False):
        for part in self.parts:
            if part.startswith("frozen"):
                freeze(network.encoder.backbone, int(part.split()[-1]) if "layers" in part else 0)
        net = super()._new_net(network, training_set, terms, is_solved)
        for part in self.parts:
            if part.startswith("rate of layers"):
                scale_rates(net, float(part.split()[-1]))
            elif part == "R-Drop":
                compare_passes(net.criterion_)
        return net


def freeze(backbone: nn.Module, n_layers: int) -> None:
    """Leave the embeddings and the lowest layers as they are."""
    for module in [backbone.embeddings, *backbone.encoder.layer[:n_layers]]:
        module.requires_grad_(False)


def scale_rates(net, factor: float) -> None:
    """Give each layer a learning rate that is a share of that of the layer above it."""
    layers = net.module_.encoder.layers
    below = {weight: len(layers) for weight in net.module_.encoder.backbone.embeddings.parameters()}
    for index, layer in enumerate(layers):
        below |= dict.fromkeys(layer.parameters(), len(layers) - 1 - index)
    groups = [
        {**group, "params": [weight], "lr": group["lr"] * factor ** below.get(weight, 0)}
        for group in net.optimizer_.param_groups
        for weight in group["params"]
    ]
    merged: dict[tuple, dict] = {}
    for group in groups:
        key = group["lr"], group["weight_decay"]
        merged.setdefault(key, {**group, "params": []})["params"] += group["params"]
    net.optimizer_ = torch.optim.AdamW(list(merged.values()), fused=True)


def compare_passes(objective) -> None:
    """Add to the source loss the distance of what two passes with dropout predict."""
    outputs, forward = objective.outputs, objective.forward

    def compute_twice(network, step):
        objective.second_ = outputs(network, step) if network.training else None
        return outputs(network, step)

    def compare(found, step, network, training=False):
        values = forward(found, step, network, training)
        if objective.second_ is not None and "source" in values:
            pair = [each["source"].logits.float() for each in (found, objective.second_)]
            other = objective.supervised_loss(objective.second_["source"], step.batches["source"])
            p, q = (F.log_softmax(logits, dim=1) for logits in pair)
            options = {"reduction": "batchmean", "log_target": True}
            distance = (F.kl_div(p, q, **options) + F.kl_div(q, p, **options)) / 2
            values["source"] = (values["source"] + other) / 2 + distance
        return values

    objective.outputs, objective.forward = compute_twice, compare


class AverageWeights(Callback):
    """The mean of the weights after each epoch of the second half of a training."""

    def on_train_begin(self, net, **kwargs):
        self.mean_, self.n_ = None, 0

    def on_epoch_end(self, net, **kwargs):
        if 2 * len(net.history) <= net.settings.max_epochs:
            return
        weights = {
            name: value.detach().double().cpu()
            for name, value in net.module_.state_dict().items()
            if value.is_floating_point()
        }
        self.n_ += 1
        if self.mean_ is None:
            self.mean_ = weights
        else:
            for name, value in weights.items():
                self.mean_[name] += (value - self.mean_[name]) / self.n_


@lru_cache(maxsize=1)
def fit(folders, task: str, split: str, method: str, seed: int):
    """Fit a method that is no treatment of another one."""
    train, _ = read_task(folders, task, split, seed)
    X, y = train[COLUMNS], train["label"].to_numpy(dtype=object)
    encoder = load_encoder("multilingual-e5-small")
    if method in UNIONS:
        parts = [afrisenti.CHARACTERS, afrisenti.WORDS, features.e5()]
        if method == "two encoders":
            parts.append(features.gemma(folders.gemma))
        union = make_union(*parts)
        return MetaNetClassifier(encoder=union, verbose=0, random_state=seed).fit(X, y)
    parts = method.split(", ")
    changes: dict = {"max_length": 128} | PARAMETERS.get(task, {})
    for part in parts:
        changes |= FITS.get(part, {})
    with tempfile.TemporaryDirectory() as name:
        for part in parts:
            if part in reading.IDEAS:
                texts = (features.PROMPT + train["text"]).drop_duplicates().tolist()
                encoder = reading.read_texts(part, encoder, texts, seed, Path(name))
        clf = Modified(
            encoder=encoder,
            prompt=features.PROMPT,
            verbose=0,
            callbacks=[AverageWeights()] if "no validation" in parts else None,
            random_state=seed,
            **changes,
        )
        clf.parts, clf.rate = parts, RATES.get(task, RATE)
        return clf.fit(X, y)


# What becomes of a fitted model


def treat(clf, treatment: str, train: pd.DataFrame, splits) -> dict[str, np.ndarray]:
    """Return the probabilities of a fitted classifier after a treatment."""
    if treatment == "logistic regression":
        return refit_head(clf, train, splits)
    clf = copy.deepcopy(clf)
    network = clf.net_.module_
    if treatment == "averaged weights":
        weights = network.state_dict()
        for name, value in clf.net_.settings.callbacks[0][1].mean_.items():
            weights[name].copy_(value)
        return predict(clf, splits)
    share = float(treatment.removeprefix("interpolated "))
    before = AutoModel.from_pretrained(load_encoder("multilingual-e5-small")).state_dict()
    for name, value in network.encoder.backbone.state_dict().items():
        if value.is_floating_point():
            value.lerp_(before[name].to(value), 1 - share)
    clf.register_language(train[COLUMNS])
    return predict(clf, splits)


def refit_head(clf, train: pd.DataFrame, splits) -> dict[str, np.ndarray]:
    """Return the probabilities of a logistic regression on the vectors, by language."""
    scaler = LanguageStandardScaler()
    vectors = scaler.fit_transform(clf.transform(train[COLUMNS]), language=train["language"])
    is_labelled = train["label"].notna().to_numpy()
    model = LogisticRegression(C=1 / is_labelled.sum(), max_iter=1000)
    model.fit(vectors[is_labelled], train["label"][is_labelled].to_numpy(str))
    return {
        name: model.predict_proba(
            scaler.transform(clf.transform(rows[COLUMNS]), language=rows["language"])
        )
        for name, rows in splits.items()
    }


def predict(clf, splits) -> dict[str, np.ndarray]:
    """Return the probabilities of the rows of each split."""
    return {name: clf.predict_proba(rows[COLUMNS]) for name, rows in splits.items()}


# Runs


def probabilities(folders, task: str, split: str, method: str, seed: int) -> np.ndarray:
    """Return the probabilities of a method, kept or computed."""
    if method in UNIONS and not task.startswith("sib"):
        seed = 0  # No row is drawn, and it does not depend on it.
    # On NusaX the validation rows are trained on where test rows are to be predicted.
    fitted_for = split if task == "nusax" else "dev"

    def path(name: str) -> Path:
        return folders.kept / f"{task}_{fitted_for}_{method.replace(' ', '-')}_{seed}_{name}.npy"

    if not path(split).exists():
        for name, found in compute(folders, task, split, method, seed).items():
            np.save(path(name), found.astype(np.float16))
    return np.load(path(split)).astype(np.float64)


def compute(folders, task: str, split: str, method: str, seed: int) -> dict[str, np.ndarray]:
    """Compute the probabilities of a method for the split, and for others where that is easy."""
    *parts, last = method.split(", ")
    base = ", ".join(parts)
    if last == "with union":
        pair = [probabilities(folders, task, split, name, seed) for name in (base, "union")]
        return {split: np.mean(pair, axis=0)}
    if last.startswith("vote "):
        pair = [probabilities(folders, task, split, name, seed) for name in (base, "two encoders")]
        return {split: np.average(pair, axis=0, weights=[1, float(last.removeprefix("vote "))])}
    if last == "seeds":
        seeds = range(3 * seed, 3 * seed + 3)
        return {
            split: np.mean([probabilities(folders, task, split, base, x) for x in seeds], axis=0)
        }
    train, splits = read_task(folders, task, split, seed)
    if last in ("averaged weights", "logistic regression") or last.startswith("interpolated"):
        return treat(fit(folders, task, split, base, seed), last, train, splits)
    return predict(fit(folders, task, split, method, seed), splits)


def measure(folders, run: dict) -> dict[str, float]:
    """Return the score of a method in each language, and the mean."""
    task, split = run["arguments"]["task"], run["arguments"]["split"]
    train, splits = read_task(folders, task, split, run["seed"])
    classes = np.unique(train["label"].dropna().to_numpy(str))
    found = probabilities(folders, task, split, run["method"], run["seed"])
    return score(task, splits[split], classes[found.argmax(axis=1)])


def report(path: Path) -> None:
    """Print the mean and the standard deviation of the seeds, by task and method."""
    rows = records.read_table(path)
    table = rows.groupby(["split", "task", "method"], sort=False)["mean"]
    print(table.agg(["mean", "std", "count"]).round(2).to_string())


def main() -> None:
    """Run what is not known yet, then print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nusax", type=Path, nargs="?", help="copy of the repository IndoNLP/nusax")
    parser.add_argument("sib200", type=Path, nargs="?", help="copy of dadelani/sib-200")
    parser.add_argument("afrisenti", type=Path, nargs="?", help="copy of AfriSenti's repository")
    parser.add_argument("--methods", nargs="+", default=["plain"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--result", type=Path, default=RESULT, help="file (.json) of the records")
    parser.add_argument("--report", action="store_true", help="print the table and run nothing")
    parser.add_argument("--kept", type=Path, default=Path("runs/fine_tuning"))
    features.add_gemma(parser)
    records.add_split(parser, default="dev")
    args = parser.parse_args()
    if not args.report:
        if args.afrisenti is None:
            parser.error("the copies of NusaX, SIB-200 and AfriSenti are missing")
        args.kept.mkdir(parents=True, exist_ok=True)
        folders = Folders(args.nusax, args.sib200, args.afrisenti, args.kept, args.gemma)
        warnings.simplefilter("ignore", InputWarning)
        runs = [
            records.new_record(method, seed, {"task": task, "split": args.split})
            for task in args.tasks
            for seed in args.seeds
            for method in args.methods
        ]
        records.run_unknown(args.result, runs, lambda run: measure(folders, run))
    report(args.result)


if __name__ == "__main__":
    main()
