"""What tells which language's labels help which: NusaX and 12 languages of SIB-200.

    python benchmarks/source_languages.py FOLDER_OF_NUSAX FOLDER_OF_SIB200
    python benchmarks/source_languages.py --report

The truth is the transfer matrix of a logistic regression on vectors of a frozen
multilingual-e5-small ("query: "), standardised by language, in 3 folds that keep the translations
of a sentence together. The figure is the Spearman correlation of a measure with the column of a
language, without the language itself, as the mean over the languages. The measures are

- the distances of `rank_source_languages`, from texts without labels, and their mean rank,
- embeddings: the distance in `embeddings_` of a MetaNetClassifier on the same vectors,
- mean: how well a source does in the other languages, in the mean. It ranks the sources for all
  languages alike, so what it leaves is particular to pairs.

Rows are those for training and validation. Nothing depends on a seed but the folds (seed 0).
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import records
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from metaling_sk import EncoderVectorizer, LanguageStandardScaler, MetaNetClassifier
from metaling_sk.datasets import fetch_nusax, fetch_sib200, load_encoder
from metaling_sk.inspection import rank_source_languages, transfer_matrix

LANGUAGES = "eng_Latn fra_Latn hau_Latn hin_Deva ind_Latn jav_Latn kat_Geor swh_Latn tam_Taml"
LANGUAGES = [*LANGUAGES.split(), "tur_Latn", "yor_Latn", "zho_Hans"]
DISTANCES = ["words", "characters", "representations", "uriel", "rank"]
MEASURES = [*DISTANCES, "embeddings", "mean"]
RESULT = Path(__file__).parent / "results" / "source_languages.json"


def measure(data) -> dict:
    """Return the transfer matrix and the correlation of each measure with its columns."""
    is_known = data.subset != "test"
    X, y, groups = data.data[is_known], data.target[is_known], data.groups[is_known]
    texts, language = X["text"].tolist(), X["language"].to_numpy()
    encoder = EncoderVectorizer(load_encoder("multilingual-e5-small"), prompt="query: ", verbose=0)
    vectors = encoder.fit_transform(texts)
    scaled = LanguageStandardScaler().fit_transform(vectors, language=language)
    model = LogisticRegression(C=0.001, max_iter=1000)
    matrix = transfer_matrix(
        model, scaled, y, language=language, groups=groups, cv=3, random_state=0, verbose=0
    )
    clf = MetaNetClassifier(language_norm=False, verbose=0, random_state=0)
    clf.fit(scaled, y, language=language)
    embeddings = clf.embeddings_.loc[matrix.columns]
    apart = pd.DataFrame(cdist(embeddings, embeddings), matrix.columns, matrix.columns)
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for target in matrix:
        ranking = rank_source_languages(
            target, texts=texts, representations=vectors, language=language, uriel=True
        )
        truth = matrix[target].drop(target)
        others = matrix.drop(columns=target).drop(target).mean(axis=1)
        scores = {name: -ranking[name] for name in DISTANCES}
        scores |= {"embeddings": -apart[target].drop(target), "mean": others}
        for name, score in scores.items():
            found[name].append(spearmanr(score.loc[truth.index], truth).statistic)
    return {
        "correlation": {name: round(float(np.nanmean(x)), 2) for name, x in found.items()},
        "factors": {name: one["head"] for name, one in clf.architecture_.items()},
        "matrix": matrix.round(3).to_dict("split"),
    }


def report(path: Path) -> None:
    """Print the correlations of each measure on each task."""
    tasks = {one["method"]: one["figures"]["correlation"] for one in records.read(path)}
    rows = [["", *tasks]]
    rows += [[name, *(f"{tasks[task][name]:.2f}" for task in tasks)] for name in MEASURES]
    print(records.simple_table(rows))


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nusax", nargs="?", help="copy of the repository IndoNLP/nusax")
    parser.add_argument("sib200", nargs="?", help="copy of dadelani/sib-200")
    parser.add_argument("--methods", nargs="+", default=["NusaX", "SIB-200"], help="tasks")
    parser.add_argument("--result", type=Path, default=RESULT, help="file (.json) of the records")
    parser.add_argument("--report", action="store_true", help="print the table and run nothing")
    args = parser.parse_args()
    if not args.report:
        warnings.simplefilter("ignore")
        fetch = {
            "NusaX": lambda: fetch_nusax(subset="all", mirror=args.nusax),
            "SIB-200": lambda: fetch_sib200(languages=LANGUAGES, subset="all", mirror=args.sib200),
        }
        runs = [records.new_record(name, 0, {}) for name in args.methods]
        records.run_unknown(args.result, runs, lambda run: measure(fetch[run["method"]]()))
    report(args.result)


if __name__ == "__main__":
    main()
