"""What more languages and more rows cost MetaNetClassifier: seconds and memory of a fit.

    python benchmarks/languages.py FOLDER_OF_SIB200

A part of the training rows of SIB-200, in 5 to 205 languages, each time as many in all; and in 100
languages, half and twice as many. Each fit has a process of its own, and "MB" is how much more
memory this has at its peak than before the fit.
"""

import argparse
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer

from metaling_sk import MetaNetClassifier

N_ROWS = 4100

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", type=Path)
parser.add_argument("--repeats", type=int, default=3)


def read(folder: Path, n_languages: int, n_rows: int) -> pd.DataFrame:
    """Rows of languages that are spread over all those there are."""
    paths = sorted(folder.glob("data/annotated/*/train.tsv"))
    chosen = np.linspace(0, len(paths) - 1, n_languages).astype(int)
    return pd.concat(
        [
            pd.read_csv(paths[number], sep="\t", quoting=3)
            .sample(n_rows // n_languages, random_state=number, replace=True)
            .assign(language=paths[number].parent.name)
            for number in chosen
        ],
        ignore_index=True,
    )


def memory() -> float:
    """The most this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path, kind: str, n_languages: int, n_rows: int) -> dict:
    rows = read(folder, n_languages, n_rows)
    characters = HashingVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), n_features=2**14, alternate_sign=False
    )
    encoder = characters if kind == "characters" else "scratch"
    model = MetaNetClassifier(
        encoder=encoder, max_epochs=1, validation_fraction=0, verbose=0, random_state=0
    )
    # What is loaded once is no part of a fit.
    model.fit(rows[["text", "language"]][::50], rows["category"][::50])
    before, start = memory(), time.perf_counter()
    model.fit(rows[["text", "language"]], rows["category"])
    seconds = time.perf_counter() - start
    return {
        "encoder": kind,
        "languages": n_languages,
        "rows": len(rows),
        "seconds": seconds,
        "MB": memory() - before,
    }


if __name__ == "__main__":
    args = parser.parse_args()
    settings = [(n, N_ROWS) for n in (5, 25, 100, 205)] + [(100, N_ROWS // 2), (100, 2 * N_ROWS)]
    found = []
    for kind in ("characters", "scratch"):
        for n_languages, n_rows in settings:
            for _ in range(args.repeats):
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    job = (args.folder, kind, n_languages, n_rows)
                    found.append(pool.apply(measure, job))
    table = pd.DataFrame(found).groupby(["encoder", "languages", "rows"]).median()
    print(table.round(1).to_string())
