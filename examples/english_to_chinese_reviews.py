"""
Transfer from English reviews to Chinese reviews
================================================

The data are labelled English film reviews, Chinese hotel, book and computer reviews without labels,
and a dictionary. How well can Chinese reviews be classified with these? How much do 16, 64 or 256
Chinese labels add? The file runs as a script or, cell by cell, as a notebook::

    python examples/english_to_chinese_reviews.py            # with multilingual-e5-small
    python examples/english_to_chinese_reviews.py --quick    # the same with fewer rows
    python examples/english_to_chinese_reviews.py --encoder scratch    # without a checkpoint

It prints a table with both languages. It writes the table and a figure to `examples/output`.
"""

# %%
# Options
# -------
import argparse
import json
from importlib.metadata import version
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from transformers import AutoConfig

from metaling_sk import (
    EncoderVectorizer,
    LinearTransferClassifier,
    TransferClassifier,
    language_report,
)
from metaling_sk.datasets import load_dictionary, load_encoder, load_reviews

HUB_NAME = "intfloat/multilingual-e5-small"

parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
parser.add_argument("--quick", action="store_true", help="fewer rows, under a minute")
parser.add_argument(
    "--encoder",
    default="multilingual-e5-small",
    help="multilingual-e5-small, scratch, or a path or hub name of another model",
)
parser.add_argument("--labels", type=int, nargs="+", help="numbers of Chinese labels to try")
parser.add_argument("--layer", type=float, default=-1, help="layer, for example 0.5 of the depth")
parser.add_argument("--rows", type=int, default=1000, help="rows of a language to encode")
parser.add_argument("--test-rows", type=int, default=1000, help="test rows of a language")
parser.add_argument("--seeds", type=int, default=1, help="number of runs to average")
parser.add_argument("--first-seed", type=int, default=0, help="seed of the first of these runs")
parser.add_argument(
    "--output", type=Path, default=Path("examples/output"), help="folder for table and figure"
)
parser.add_argument("--json", type=Path, help="file for scores, options and versions as JSON")
args, _ = parser.parse_known_args()

n_english, n_chinese = (2000, 4000) if args.quick else (8000, None)
n_encoded = 250 if args.quick else args.rows
n_test = 250 if args.quick else args.test_rows
numbers_of_labels = args.labels or ([0, 64] if args.quick else [0, 16, 64, 256])

# %%
# Data
# ----
# The loaders return the rows in a fixed random order, so the first rows are a random sample.
# The Chinese training labels are used only to give each run its few labels.
X_en, y_en = load_reviews("en", return_X_y=True)
X_zh, y_zh = load_reviews("zh", return_X_y=True)
X_en, y_en = X_en[:n_english], y_en[:n_english]
X_zh, y_zh = X_zh[:n_chinese], y_zh[:n_chinese]
X = pd.concat([X_en, X_zh], ignore_index=True)

tests = {}
for language in ("en", "zh"):
    X_test, y_test = load_reviews(language, subset="test", return_X_y=True)
    chosen = np.r_[
        np.flatnonzero(y_test == 0)[: n_test // 2], np.flatnonzero(y_test)[: n_test // 2]
    ]
    tests[language] = X_test.iloc[chosen], y_test[chosen]
X_test = pd.concat([X for X, _ in tests.values()], ignore_index=True)
y_test = np.concatenate([y for _, y in tests.values()])
dictionary = load_dictionary("en", "zh")
print(f"{len(X_en)} English and {len(X_zh)} Chinese training rows, {len(X_test)} test rows")


def hand_out_labels(n_labels, seed):
    """Return y with all English labels and `n_labels` Chinese ones, half of each class."""
    rng = np.random.RandomState(seed)
    y = np.full(len(X_zh), np.nan)
    for label in (0, 1):
        rows = np.flatnonzero(y_zh[:n_encoded] == label)
        y[rng.choice(rows, n_labels // 2, replace=False)] = label
    return np.concatenate([y_en, y])


# %%
# Models
# ------
# The baseline is one model per language, trained on the labels of this language. If there are no
# Chinese labels, the English model predicts for Chinese too.
english_words = make_pipeline(
    TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(C=10)
)
english_words.fit(X_en["text"], y_en)


def predict_with_baseline(y):
    labelled = ~np.isnan(y[len(y_en) :])
    chinese = english_words
    if labelled.any():
        characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
        chinese = make_pipeline(characters, LogisticRegression(C=10))
        chinese.fit(X_zh["text"][labelled], y[len(y_en) :][labelled])
    is_chinese = X_test["language"] == "zh"
    return np.where(
        is_chinese, chinese.predict(X_test["text"]), english_words.predict(X_test["text"])
    )


# %%
# The linear recipe translates English word for word and then trains itself on Chinese text.
def fit_linear_recipe(y, seed):
    return LinearTransferClassifier(dictionary=dictionary, random_state=seed).fit(X, y)


# %%
# The encoder
# -----------
# multilingual-e5-small is made once from a package that pip has installed.
def find_encoder(name):
    if name != "multilingual-e5-small":
        return name
    try:
        return load_encoder(name)
    except ImportError as error:
        print(error)
    try:
        AutoConfig.from_pretrained(HUB_NAME)
    except OSError:
        print("No hub answers either: a small Transformer is trained from scratch.")
        return "scratch"
    print(f"The hub has it: {HUB_NAME}")
    return HUB_NAME


encoder = find_encoder(args.encoder)


# %%
# A multilingual encoder knows both languages, and English words know more of English reviews.
# TransferClassifier joins them in one linear head, then trains on its surest predictions for
# Chinese text. To encode a text takes most of the time, so it gets a part of the rows only. A
# network from scratch knows no Chinese: it learns from the predictions of its teacher, the linear
# recipe, for all rows.
encoded = np.r_[:n_encoded, len(X_en) : len(X_en) + n_encoded]


def fit_network(y, seed, teacher):
    rows = np.arange(len(X)) if encoder == "scratch" else encoded
    if encoder == "scratch":
        settings = {
            "encoder": encoder,
            "source": teacher,
            "max_length": 64,
            "batch_size": 64,
            "max_epochs": 2,
        }
    else:
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
        prompt = "query: " if encoder == HUB_NAME else "auto"
        layer = int(args.layer) if args.layer < 0 else args.layer
        meaning = EncoderVectorizer(encoder=encoder, layer=layer, prompt=prompt)
        settings = {"encoder": make_union(words, meaning), "self_training": 3, "batch_size": 128}
    clf = TransferClassifier(
        source_languages="en", target_languages="zh", random_state=seed, **settings
    )
    return clf.fit(X.iloc[rows], y[rows])


# %%
# Run
# ---
network = f"TransferClassifier ({Path(encoder).name})"
reports = []
for seed in range(args.first_seed, args.first_seed + args.seeds):
    for n_labels in numbers_of_labels:
        print(f"{n_labels} Chinese labels, seed {seed} ...", flush=True)
        y = hand_out_labels(n_labels, seed)
        linear = fit_linear_recipe(y, seed)
        predictions = {
            "TF-IDF + LR": predict_with_baseline(y),
            "linear recipe": linear.predict(X_test),
            network: fit_network(y, seed, linear).predict(X_test),
        }
        for model, y_pred in predictions.items():
            report = language_report(y_test, y_pred, X_test["language"]).loc[["en", "zh"]]
            reports.append(
                report.rename_axis("language")
                .reset_index()
                .assign(model=model, labels=n_labels, seed=seed)
            )

# %%
# Results
# -------
table = pd.concat(reports, ignore_index=True)
args.output.mkdir(parents=True, exist_ok=True)
name = f"english_to_chinese_{Path(encoder).stem}{'_quick' if args.quick else ''}"
table.to_csv(args.output / f"{name}.csv", index=False)
if args.json:
    packages = ("metaling_sk", "scikit-learn", "torch", "transformers")
    content = {
        "options": {name: str(value) for name, value in vars(args).items()},
        "versions": {package: version(package) for package in packages},
        "scores": table.to_dict("records"),
    }
    args.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

groups = table.groupby(["language", "labels", "model"], sort=False)
means = groups[["accuracy", "precision", "recall", "f1"]].mean()
print("\nTest rows, in percent" + (f", mean of {args.seeds} seeds" if args.seeds > 1 else ""))
print((100 * means.sort_index(level="language", sort_remaining=False)).round(1).to_string())
if args.seeds > 1:
    print("\nStandard deviation of the accuracy over the seeds, in points")
    print((100 * groups["accuracy"].std()).round(1).unstack().to_string())

# %%
# A figure of the Chinese rows
# ----------------------------
if "get_ipython" not in globals():
    matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
accuracy = 100 * means["accuracy"].loc["zh"].unstack(sort=False)
for model in accuracy:
    axes.plot(range(len(accuracy)), accuracy[model], marker="o", label=model)
axes.set_xticks(range(len(accuracy)), accuracy.index)
axes.axhline(50, color="grey", linewidth=0.8, linestyle=":")
axes.set(
    xlabel="Chinese labels",
    ylabel="accuracy on Chinese reviews (%)",
    title="From English to Chinese reviews",
)
axes.legend(frameon=False)
figure.savefig(args.output / f"{name}.png", dpi=150)
print(f"\nTable and figure: {args.output / name}.csv and .png")
