"""Accuracy of `LanguageIdentifier` on the languages of the corpora.

    python benchmarks/language_identification.py NUSAX SIB200 AFRISENTI
    python benchmarks/language_identification.py --report

The first 100 test samples of every language of a corpus are identified. The candidates are:

- all: the languages of the model
- known: the languages of the corpus that the model knows

The figures, in percent: the accuracy on samples in these known languages that get a language, the
share of them that do, and the same share of the samples in other languages, which would better get
none.
"""

import argparse
from pathlib import Path

import pandas as pd
import records

from metaling_sk import LanguageIdentifier
from metaling_sk.datasets import fetch_afrisenti, fetch_nusax, fetch_sib200
from metaling_sk.preprocessing._language_model import find_labels

FETCH = {"nusax": fetch_nusax, "sib200": fetch_sib200, "afrisenti": fetch_afrisenti}
METHODS = ["all", "known"]
RESULT = Path(__file__).parent / "results" / "language_identification.json"


def measure(folder: Path, run: dict) -> dict[str, float]:
    """Identify the samples of a corpus among some candidates."""
    arguments = run["arguments"]
    X, _ = FETCH[arguments["corpus"]](subset="test", mirror=folder, return_X_y=True)
    X = X.groupby("language").head(arguments["rows"]).reset_index(drop=True)
    label_of = find_labels(sorted(set(X["language"])))
    known = [language for language, label in label_of.items() if label]
    # Candidates may not share a label, as several written forms of Chinese do.
    different = sorted({label_of[language]: language for language in known}.values())
    candidates = None if run["method"] == "all" else different
    found = LanguageIdentifier(languages=candidates).fit_transform(X["text"])["language"]
    label = X["language"].map(label_of)
    is_known, is_given = label.notna(), found != "und"
    is_right = found.map(find_labels(set(found))) == label
    return {
        "languages": len(label_of),
        "known": len(known),
        "accuracy": in_percent(is_right[is_known & is_given]),
        "given": in_percent(is_given[is_known]),
        "given to unknown": in_percent(is_given[~is_known]),
    }


def in_percent(values: pd.Series) -> float:
    """Return the share of values that are true."""
    return round(100 * float(values.mean()), 2)


def report(path: Path) -> None:
    """Print the figures of every corpus."""
    print(records.read_table(path).drop(columns="seed").to_string(index=False))


def main() -> None:
    """Run what is not known yet, then print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for corpus in FETCH:
        parser.add_argument(corpus, type=Path, nargs="?", help="copy of its repository")
    records.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--rows", type=int, default=100, help="of each language")
    args = parser.parse_args()
    if not args.report:
        if args.afrisenti is None:
            parser.error("the copies of the corpora are missing")
        runs = [
            records.new_record(method, None, {"corpus": corpus, "rows": args.rows})
            for corpus in FETCH
            for method in args.methods
        ]
        records.run_unknown(
            args.result, runs, lambda run: measure(getattr(args, run["arguments"]["corpus"]), run)
        )
    report(args.result)


if __name__ == "__main__":
    main()
