"""Compare settings of TransferClassifier on validation rows: the grounds of its defaults.

    python benchmarks/transfer_defaults.py sib200 FOLDER_OF_SIB200 --output sib200.json
    python benchmarks/transfer_defaults.py nusax FOLDER_OF_NUSAX
    python benchmarks/transfer_defaults.py afrisenti FOLDER_OF_AFRISENTI
    python benchmarks/transfer_defaults.py reviews
    python benchmarks/transfer_defaults.py reviews --encoder scratch --reviews 1000

The encoder is multilingual-e5-small, or one from scratch. A GPU is used where there is one. On two
cores a fit of e5 takes minutes. `--split test` is for settings that validation rows have chosen.
The accuracy is the mean over the languages other than the one with labels. Settings with "head" do
not train the encoder, and encode a text once.

- sib200: 701 English rows, and 200 rows without labels of each of seven languages.
- reviews: English rows, and as many Chinese ones without labels; 1,500 other training rows of each
  language are the validation rows.
- nusax: the training rows of 12 languages, with labels in English only.
- afrisenti: 2,000 labelled rows in Hausa, and 500 without labels of each of 11 languages. At most
  300 rows of each are predicted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from metaling_sk import TransferClassifier
from metaling_sk.datasets import fetch_afrisenti, load_dictionary, load_encoder, load_reviews

TARGETS = ["zho_Hans", "arb_Arab", "hin_Deva", "swh_Latn", "tur_Latn", "ind_Latn", "yor_Latn"]
N_TEXT = 200
PRETRAINED = {
    "default": {},
    "2 epochs": {"max_epochs": 2},
    "2 epochs, distill": {"max_epochs": 2, "transfer": "distill"},
    "2 epochs, self-training": {"max_epochs": 2, "self_training": 1},
    "4 epochs": {"max_epochs": 4},
    "4 epochs, distill": {"max_epochs": 4, "transfer": "distill"},
    "lora": {"trainable": "lora"},
    "adapter": {"trainable": "adapter"},
    "head": {"trainable": "head"},
    "head, 3 epochs": {"trainable": "head", "max_epochs": 3},
    "head, 30 epochs": {"trainable": "head", "max_epochs": 30},
    "head, learning rate 5e-5": {"trainable": "head", "learning_rate": 5e-5},
    "head, learning rate 5e-4": {"trainable": "head", "learning_rate": 5e-4},
    "head, learning rate 2e-3": {"trainable": "head", "learning_rate": 2e-3},
    "head, weight decay 1": {"trainable": "head", "weight_decay": 1.0},
    "head, no validation": {"trainable": "head", "validation_fraction": 0},
    "head, no language norm": {"trainable": "head", "language_norm": False},
    "head, layer 0.75": {"trainable": "head", "layer": 0.75},
    "head, self-training": {"trainable": "head", "self_training": 3},
    "head, learning rate 5e-4, self-training": {
        "trainable": "head",
        "learning_rate": 5e-4,
        "self_training": 3,
    },
    "head, self-training, one topic": {"trainable": "head", "self_training": 3, "n_topics": 1},
}
DICTIONARY = {"dictionary": load_dictionary()}
SCRATCH = {
    "no term": {"transfer": None},
    "adversarial": {"transfer": "adversarial"},
    "coral": {"transfer": "coral"},
    "mmd": {"transfer": "mmd"},
    "distill": {"transfer": "distill"},
    "code-switching": DICTIONARY | {"transfer": "code_switch"},
    "code-switching, distill": DICTIONARY | {"transfer": ["code_switch", "distill"]},
    "default with dictionary": DICTIONARY,
}
SETTINGS = {"multilingual-e5-small": PRETRAINED, "scratch": SCRATCH}


def read_sib200(folder: Path, n_reviews, split: str, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """English with labels, the other languages without, and the rows to predict."""
    training, evaluation = [], []
    for language in ["eng_Latn", *TARGETS]:
        parts = {
            name: pd.read_csv(
                folder / f"data/annotated/{language}/{name}.tsv", sep="\t", quoting=3
            ).rename(columns={"category": "label"})
            for name in ("train", "dev" if split == "validation" else "test")
        }
        train, held_out = (part.assign(language=language) for part in parts.values())
        if language != "eng_Latn":
            train = train.sample(N_TEXT, random_state=rng).assign(label=None)
        training.append(train)
        evaluation.append(held_out)
    return pd.concat(training), pd.concat(evaluation)


def read_reviews(folder, n_reviews: int, split: str, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """English with labels, Chinese without, and the rows to predict."""
    training, evaluation = [], []
    for language in ("en", "zh"):
        X, y = load_reviews(language, return_X_y=True)
        if split == "test":
            held_out, labels = load_reviews(language, subset="test", return_X_y=True)
        else:
            held_out, labels = X[-1500:], y[-1500:]
        rows = rng.permutation(8000)[:n_reviews]
        labels_of_rows = y[rows].astype(object) if language == "en" else None
        training.append(X.iloc[rows].assign(label=labels_of_rows))
        evaluation.append(held_out.assign(label=labels))
    return pd.concat(training), pd.concat(evaluation)


def read_nusax(folder: Path, n_reviews, split: str, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """English with labels, the other languages without, and the rows to predict."""
    wanted = "valid" if split == "validation" else "test"
    parts: dict[str, list[pd.DataFrame]] = {"train": [], wanted: []}
    for path in sorted((folder / "datasets/sentiment").iterdir()):
        for name, frames in parts.items():
            frames.append(pd.read_csv(path / f"{name}.csv").assign(language=path.name))
    training = pd.concat(parts["train"])
    is_english = training["language"] == "english"
    return training.assign(label=training["label"].where(is_english, None)), pd.concat(
        parts[wanted]
    )


def read_afrisenti(folder, n_reviews, split: str, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hausa with labels, the other languages without, and the rows to predict."""
    subsets = {name: fetch_afrisenti(subset=name, mirror=folder) for name in ("train", split)}
    (training, evaluation) = (
        part.data.assign(label=np.array(part.target_names, dtype=object)[part.target])
        for part in subsets.values()
    )
    known = set(training["language"])
    draws = []
    for language, rows in training.groupby("language"):
        drawn = rows.sample(min(len(rows), 2000 if language == "hau" else 500), random_state=rng)
        draws.append(drawn if language == "hau" else drawn.assign(label=None))
    evaluation = evaluation[evaluation["language"].isin(known)]
    evaluation = evaluation.groupby("language").sample(300, random_state=0, replace=True)
    return pd.concat(draws), evaluation.drop_duplicates()


READERS = {
    "sib200": read_sib200,
    "reviews": read_reviews,
    "nusax": read_nusax,
    "afrisenti": read_afrisenti,
}
SOURCE = {"sib200": "eng_Latn", "reviews": "en", "nusax": "english", "afrisenti": "hau"}


def run(args, setting: dict, seed: int) -> dict[str, float]:
    """Fit, and return the score of each language in percent."""
    training, evaluation = READERS[args.task](
        args.folder, args.reviews, args.split, np.random.RandomState(seed)
    )
    clf = TransferClassifier(
        source_languages=SOURCE[args.task],
        encoder="scratch" if args.encoder == "scratch" else load_encoder(args.encoder),
        verbose=0,
        random_state=seed,
        **setting,
    )
    columns = ["text", "language"]
    clf.fit(training[columns], training["label"].to_numpy(dtype=object))
    evaluation = evaluation.assign(predicted=clf.predict(evaluation[columns]))
    is_right = pd.Series(list(evaluation["label"])) == pd.Series(list(evaluation["predicted"]))
    return (100 * is_right.groupby(list(evaluation["language"])).mean()).round(2).to_dict()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=READERS)
    parser.add_argument("folder", type=Path, nargs="?", help="copy of the data's repository")
    parser.add_argument("--encoder", choices=SETTINGS, default="multilingual-e5-small")
    parser.add_argument("--reviews", type=int, default=2000, help="reviews of each language")
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--settings", nargs="+", help="names of settings, all by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", type=Path, help="JSON file for the scores by language")
    args = parser.parse_args()

    results = []
    for name, setting in SETTINGS[args.encoder].items():
        if args.settings and name not in args.settings:
            continue
        means = []
        for seed in args.seeds:
            scores = run(args, setting, seed)
            others = [score for key, score in scores.items() if key != SOURCE[args.task]]
            means.append(np.mean(others))
            results.append({"setting": name, "seed": seed, "split": args.split, "scores": scores})
            if args.output:
                args.output.write_text(json.dumps(results, indent=1))
        print(f"{name:25} {np.mean(means):.1f} ± {np.std(means):.1f}", flush=True)
