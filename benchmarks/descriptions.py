"""What descriptions of the classes are worth: SIB-200 with few English labels, or none.

    python benchmarks/descriptions.py FOLDER_OF_SIB200
    python benchmarks/descriptions.py FOLDER_OF_SIB200 --split dev --labels 0 4
    python benchmarks/descriptions.py --report

There are 701 English rows, of which `--labels` of each class have a label, and 200 rows without
labels of each of seven languages. The encoder is multilingual-e5-small. The score is the accuracy
in the eight languages, as their mean. The methods are those of TransferClassifier:

- labels: on the labels alone; like the templates it trains itself, by default
- templates: also on eight rows for each class that read "This sentence is about DESCRIPTION",
  which is what SetFit does without labels
- descriptions: with `class_descriptions`, in English, without self-training
- self-training: the same with three rounds of self-training
- all: the same as descriptions, but all weights are trained; the others have a frozen encoder
"""

import argparse
import warnings
from pathlib import Path

import pandas as pd
import records

from metaling_sk import TransferClassifier
from metaling_sk.datasets import load_encoder
from metaling_sk.exceptions import InputWarning

SOURCE = "eng_Latn"
OTHERS = ["zho_Hans", "arb_Arab", "hin_Deva", "swh_Latn", "tur_Latn", "ind_Latn", "yor_Latn"]
DESCRIPTIONS = {
    "entertainment": "films, music, television, art and celebrities",
    "geography": "countries, cities, rivers, mountains, islands and climate",
    "health": "diseases, medicine, doctors, hospitals and nutrition",
    "politics": "governments, elections, laws, wars and diplomacy",
    "science/technology": "research, physics, biology, space, computers and inventions",
    "sports": "games, athletes, teams, matches and championships",
    "travel": "tourism, hotels, airports, trains, sights and visas",
}
TEMPLATE, N_COPIES = "This sentence is about {}", 8
DESCRIBED = {"class_descriptions": DESCRIPTIONS}
METHODS = {
    "labels": {},
    "templates": {},
    "descriptions": DESCRIBED | {"self_training": 0},
    "self-training": DESCRIBED | {"self_training": 3, "n_topics": 1},
    "all": DESCRIBED | {"trainable": "all"},
}
N_TEXTS = 200
COLUMNS = ["text", "language"]
RESULT = Path(__file__).parent / "results" / "descriptions.json"


def read(folder: Path, language: str, split: str) -> pd.DataFrame:
    """Read the rows of a language."""
    path = folder / f"data/annotated/{language}/{split}.tsv"
    rows = pd.read_csv(path, sep="\t", quoting=3).rename(columns={"category": "label"})
    return rows.assign(language=language).astype({"label": object})


def read_training(folder: Path, labels: int, seed: int) -> pd.DataFrame:
    """English rows, a few of each class with a label, and rows of the other languages without."""
    english = read(folder, SOURCE, "train")
    rank = english.sample(frac=1, random_state=seed).groupby("label").cumcount()
    english.loc[rank.sort_index() >= labels, "label"] = None
    others = [
        read(folder, language, "train").sample(N_TEXTS, random_state=seed).assign(label=None)
        for language in OTHERS
    ]
    return pd.concat([english, *others], ignore_index=True)


def templates() -> pd.DataFrame:
    """Rows that say what the classes are about."""
    rows = [(TEMPLATE.format(text), SOURCE, label) for label, text in DESCRIPTIONS.items()]
    return pd.DataFrame(rows * N_COPIES, columns=[*COLUMNS, "label"])


def measure(folder: Path, split: str, method: str, seed: int, labels: int) -> dict:
    """Fit and predict; return the accuracy in each language, and the mean."""
    train = read_training(folder, labels, seed)
    if method == "templates":
        train = pd.concat([train, templates()], ignore_index=True)
    parameters = {"trainable": "head"} | METHODS[method]
    clf = TransferClassifier(
        source_languages=SOURCE,
        encoder=load_encoder("multilingual-e5-small"),
        max_length=64,
        verbose=0,
        random_state=seed,
        **parameters,
    )
    clf.fit(train[COLUMNS], train["label"].to_numpy(dtype=object))
    test = pd.concat([read(folder, language, split) for language in [SOURCE, *OTHERS]])
    is_right = clf.predict(test[COLUMNS]) == test["label"].to_numpy()
    accuracy = (100 * pd.Series(is_right).groupby(test["language"].to_numpy()).mean()).round(2)
    return {"accuracy": accuracy.to_dict(), "mean": round(float(accuracy.mean()), 2)}


def report(path: Path) -> None:
    """Print the mean accuracy by the number of labels."""
    for split, rows in records.read_table(path).groupby("split"):
        names = [name for name in METHODS if name in set(rows["method"])]
        table = [[split, *names]]
        for labels, found in rows.groupby("labels"):
            scores = [found.loc[found["method"] == name, "mean"] for name in names]
            table.append(
                [str(labels), *(records.mean_and_std(x) if len(x) else "" for x in scores)]
            )
        print(f"{records.simple_table(table)}\n")


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of dadelani/sib-200")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.set_defaults(methods=[name for name in METHODS if name != "all"])
    parser.add_argument("--labels", type=int, nargs="+", default=[0, 1, 4, 16])
    args = parser.parse_args()
    if not args.report:
        if args.folder is None:
            parser.error("the copy of dadelani/sib-200 is missing")
        # Text without labels is used for the statistics of its language only, and that is meant.
        warnings.simplefilter("ignore", InputWarning)
        runs = [
            records.new_record(method, seed, {"split": args.split, "labels": labels})
            for labels in args.labels
            for method in args.methods
            for seed in args.seeds
            if labels or method != "labels"
        ]
        records.run_unknown(
            args.result,
            runs,
            lambda run: measure(
                args.folder, args.split, run["method"], run["seed"], run["arguments"]["labels"]
            ),
        )
    report(args.result)


if __name__ == "__main__":
    main()
