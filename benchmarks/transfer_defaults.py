"""Compare settings of TransferClassifier on validation rows: the grounds of its defaults.

    python benchmarks/transfer_defaults.py FOLDER_OF_NUSAX FOLDER_OF_SIB200 FOLDER_OF_AFRISENTI
    python benchmarks/transfer_defaults.py --tasks reviews --encoder trained
    python benchmarks/transfer_defaults.py --tasks reviews --encoder scratch
    python benchmarks/transfer_defaults.py --report

The encoder is multilingual-e5-small, frozen or trained, or one from scratch. Frozen, a text is
encoded once, and then a fit takes seconds; on two cores a fit that trains e5 takes minutes.
`--split test` is for settings that validation rows have chosen. Labels are given in one language.
The score is the accuracy in the others, as their mean:

- sib200: 701 English rows, and 200 rows without labels of each of seven languages.
- nusax: the training rows of 12 languages, with labels in English only.
- afrisenti: 2,000 labelled rows in Hausa, and 500 without labels of each of 11 languages. At most
  300 rows of each are predicted.
- reviews: English rows, and as many Chinese ones without labels; 1,500 other training rows of each
  language are the validation rows.

"default" is what a user gets who names nothing, and "penalty 0.3" the same with another penalty of
the head. "plain" is 10 epochs with early stopping, without a penalty and self-training. The other
settings of a frozen encoder say what they change of it.
"""

import argparse
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import records

from metaling_sk import TransferClassifier
from metaling_sk.datasets import fetch_afrisenti, load_dictionary, load_encoder, load_reviews

TARGETS = ["zho_Hans", "arb_Arab", "hin_Deva", "swh_Latn", "tur_Latn", "ind_Latn", "yor_Latn"]
N_TEXT = 200
COLUMNS = ["text", "language"]
RATES = ("5e-5", "2.5e-4", "5e-4", "2e-3")
RESULT = Path(__file__).parent / "results" / "transfer_defaults.json"

PLAIN = {"max_epochs": 10, "validation_fraction": 0.1, "self_training": 0, "head_penalty": 0}
PENALTIES = ("0.1", "0.3", "1", "2")
CHANGES: dict[str, dict] = {
    "default": {},
    "plain": {},
    **{f"{n} epochs": {"max_epochs": n} for n in (2, 3, 4, 15, 20, 30)},
    **{f"learning rate {rate}": {"learning_rate": float(rate)} for rate in RATES},
    "weight decay 1": {"weight_decay": 1.0},
    **{f"penalty {penalty}": {"head_penalty": float(penalty)} for penalty in PENALTIES},
    "no validation": {"validation_fraction": 0},
    "no language norm": {"language_norm": False},
    "layer 0.75": {"layer": 0.75},
    "self-training": {"self_training": 3},
    "no self-training": {"self_training": 0},
    "one round": {"self_training": 1},
    "one topic": {"n_topics": 1},
    "half the weight": {"transfer_weight": 0.5},
    "lora": {"trainable": "lora"},
    "adapter": {"trainable": "adapter"},
    "no term": {"transfer": None},
    **{term: {"transfer": term} for term in ("distill", "adversarial", "coral", "mmd")},
    "code-switching": {"transfer": "code_switch", "dictionary": "en-zh"},
    "code-switching and distill": {"transfer": ["code_switch", "distill"], "dictionary": "en-zh"},
    "default with dictionary": {"dictionary": "en-zh"},
}
"""What the parts of a method's name change."""

SETTINGS = {
    "frozen": [
        "default",
        "default, no language norm",
        *(f"penalty {penalty}" for penalty in PENALTIES),
        *(f"penalty {penalty}, no self-training" for penalty in PENALTIES),
        "penalty 1, one topic",
        "penalty 1, half the weight",
        "plain",
        "3 epochs",
        "20 epochs",
        "30 epochs",
        "learning rate 5e-5",
        "learning rate 5e-4",
        "learning rate 2e-3",
        "weight decay 1",
        "no validation",
        "20 epochs, no validation",
        "30 epochs, no validation",
        "no language norm",
        "layer 0.75",
        "self-training",
        "self-training, one topic",
        "self-training, one round",
        "self-training, half the weight",
        "self-training, 20 epochs",
        "self-training, 20 epochs, half the weight",
        "self-training, 30 epochs",
        "self-training, learning rate 2.5e-4",
        "self-training, learning rate 5e-4",
        "self-training, no validation",
        "self-training, no validation, half the weight",
        "self-training, no validation, one topic",
        "self-training, no validation, learning rate 2.5e-4",
        "self-training, no validation, 15 epochs, half the weight",
        "self-training, no validation, 20 epochs",
        "self-training, no validation, 20 epochs, half the weight",
        "self-training, no validation, 30 epochs",
    ],
    "trained": [
        "default",
        "2 epochs",
        "2 epochs, distill",
        "2 epochs, one round",
        "4 epochs",
        "4 epochs, distill",
        "lora",
        "adapter",
    ],
    "scratch": [
        "no term",
        "adversarial",
        "coral",
        "mmd",
        "distill",
        "code-switching",
        "code-switching and distill",
        "default with dictionary",
    ],
}
"""The methods of each kind of encoder."""

METHODS = list(dict.fromkeys(name for names in SETTINGS.values() for name in names))


def parameters(encoder: str, method: str) -> dict:
    """Return the parameters of a method."""
    found: dict = {}
    if encoder != "scratch":
        found["encoder"] = load_encoder("multilingual-e5-small")
    if encoder == "frozen":
        found["trainable"] = "head"
    if encoder == "frozen" and not method.startswith(("default", "penalty")):
        found |= PLAIN
    for part in method.split(", "):
        found |= CHANGES[part]
    if "dictionary" in found:
        found["dictionary"] = load_dictionary()
    return found


def read_sib200(folder: Path, n_reviews, split: str, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """English with labels, the other languages without, and the rows to predict."""
    training, evaluation = [], []
    for language in ["eng_Latn", *TARGETS]:
        parts = {
            name: pd.read_csv(
                folder / f"data/annotated/{language}/{name}.tsv", sep="\t", quoting=3
            ).rename(columns={"category": "label"})
            for name in ("train", split)
        }
        train, held_out = (part.assign(language=language) for part in parts.values())
        if language != "eng_Latn":
            train = train.sample(N_TEXT, random_state=rng).assign(label=None)
        training.append(train)
        evaluation.append(held_out)
    return pd.concat(training), pd.concat(evaluation)


def read_nusax(folder: Path, n_reviews, split: str, rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """English with labels, the other languages without, and the rows to predict."""
    wanted = "valid" if split == "dev" else "test"
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
    wanted = "validation" if split == "dev" else "test"
    subsets = {name: fetch_afrisenti(subset=name, mirror=folder) for name in ("train", wanted)}
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


TASKS = {
    "sib200": (read_sib200, "eng_Latn"),
    "nusax": (read_nusax, "english"),
    "afrisenti": (read_afrisenti, "hau"),
    "reviews": (read_reviews, "en"),
}
"""How a task is read, and its language with labels."""


@lru_cache(maxsize=1)
def read_task(folder, task: str, n_reviews, split: str, seed: int):
    """Return the training rows that the seed draws, and those to predict."""
    read, _ = TASKS[task]
    return read(folder, n_reviews, split, np.random.RandomState(seed))


def measure(folder: Path | None, run: dict) -> dict:
    """Fit with a setting; return the accuracy in percent and the seconds of the fit."""
    arguments = run["arguments"]
    task = arguments["task"]
    _, source = TASKS[task]
    training, evaluation = read_task(
        folder, task, arguments["reviews"], arguments["split"], run["seed"]
    )
    clf = TransferClassifier(
        source_languages=source,
        verbose=0,
        random_state=run["seed"],
        **parameters(arguments["encoder"], run["method"]),
    )
    start = time.perf_counter()
    clf.fit(training[COLUMNS], training["label"].to_numpy(dtype=object))
    seconds = time.perf_counter() - start
    is_right = pd.Series(clf.predict(evaluation[COLUMNS]) == evaluation["label"].to_numpy())
    accuracy = (100 * is_right.groupby(evaluation["language"].to_numpy()).mean()).round(2)
    return {
        "accuracy": accuracy.to_dict(),
        "source": accuracy[source],
        "others": round(accuracy.drop(source).mean(), 2),
        "seconds of fit": round(seconds, 2),
    }


def report(path: Path) -> None:
    """Print the mean of the other languages by setting and task."""
    rows = records.read_table(path)
    for (encoder, split), part in rows.groupby(["encoder", "split"]):
        table = part.pivot_table("others", "method", "task", aggfunc=["mean", "std", "count"])
        print(f"{encoder}, {split}\n{table.round(1).to_string()}\n")


def main() -> None:
    """Run what is not known yet, then print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nusax", type=Path, nargs="?", help="copy of the repository IndoNLP/nusax")
    parser.add_argument("sib200", type=Path, nargs="?", help="copy of dadelani/sib-200")
    parser.add_argument("afrisenti", type=Path, nargs="?", help="copy of afrisent-semeval-2023")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser, default="dev")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--encoder", choices=SETTINGS, default="frozen")
    parser.add_argument("--reviews", type=int, default=1000, help="reviews of each language")
    args = parser.parse_args()
    if not args.report:
        if missing := [x for x in args.tasks if x != "reviews" and getattr(args, x) is None]:
            parser.error(f"the copies of {' and '.join(missing)} are missing")
        # One task after the other, as the vectors of a text stay in memory.
        runs = [
            records.new_record(
                method,
                seed,
                {
                    "task": task,
                    "encoder": args.encoder,
                    "split": args.split,
                    "reviews": args.reviews if task == "reviews" else None,
                },
            )
            for task in args.tasks
            for seed in args.seeds
            for method in args.methods
            if method in SETTINGS[args.encoder]
        ]
        records.run_unknown(
            args.result,
            runs,
            lambda run: measure(getattr(args, run["arguments"]["task"], None), run),
        )
    report(args.result)


if __name__ == "__main__":
    main()
