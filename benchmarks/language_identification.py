"""Accuracy of `LanguageIdentifier` on the languages of the corpora.

    python benchmarks/language_identification.py --mirrors FOLDER

FOLDER holds copies of the repositories in `nusax`, `sib200` and `afrisenti`; without it they are
downloaded. For each corpus the first 100 test samples of every language are identified, once among
all languages of the model and once among the languages of the corpus that it knows. It prints the
accuracy on the languages that the model knows, the share of samples with a language there, and the
same share for languages that it does not know, which would better be none.
"""

import argparse
from pathlib import Path

import pandas as pd

from metaling_sk import LanguageIdentifier
from metaling_sk.datasets import fetch_afrisenti, fetch_nusax, fetch_sib200
from metaling_sk.preprocessing._language_model import find_labels

N_ROWS = 100
FETCH = {"nusax": fetch_nusax, "afrisenti": fetch_afrisenti, "sib200": fetch_sib200}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--mirrors", type=Path, help="folder of copies of the repositories")
args = parser.parse_args()


def in_percent(values: pd.Series) -> str:
    return f"{100 * values.mean():.1f}" if len(values) else "-"


print("corpus, candidates: accuracy where a language is given, share given, share of unknown ones")
for name, fetch in FETCH.items():
    mirror = args.mirrors / name if args.mirrors else None
    X, _ = fetch(subset="test", mirror=mirror, return_X_y=True)
    X = X.groupby("language").head(N_ROWS).reset_index(drop=True)
    labels = find_labels(sorted(set(X["language"])))
    label = X["language"].map(labels)
    is_known = label.notna()
    known = {label: language for language, label in labels.items() if label}
    print(f"{name}: the model knows {is_known.groupby(X['language']).any().sum()} of {len(labels)}")
    for candidates, languages in {"all": None, "known": sorted(known.values())}.items():
        identifier = LanguageIdentifier(languages=languages).fit([""])
        result = identifier.transform(X["text"])["language"]
        is_given = result != "und"
        is_right = result.map(find_labels(set(result))) == label
        print(
            f"  {candidates}: {in_percent(is_right[is_known & is_given])}, "
            f"{in_percent(is_given[is_known])}, {in_percent(is_given[~is_known])}"
        )
        if candidates == "all":
            by_language = is_right[is_known].groupby(X["language"]).mean()
            weak = by_language[by_language < 0.8].map("{:.0%}".format).to_dict()
            print(f"  below 80 %: {weak}")
