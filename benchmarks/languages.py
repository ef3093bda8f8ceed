"""Measure seconds and memory of a fit of MetaNetClassifier with more languages and more rows.

The rows are training rows of SIB-200. First the number of languages grows from 5 to 205, with the
same number of rows in all. Then 100 languages have half as many and twice as many rows. Each fit
runs in a process of its own. "MB" is the peak memory of this process minus its memory before the
fit.

    python benchmarks/languages.py FOLDER_OF_SIB200
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
parser.add_argument("folder", type=Path, help="copy of the repository dadelani/sib-200")
parser.add_argument("--repeats", type=int, default=3)


def read(folder: Path, n_languages: int, n_rows: int) -> pd.DataFrame:
    """Read rows of languages that are spread evenly over the sorted list of all languages."""
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
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path, kind: str, n_languages: int, n_rows: int) -> dict:
    """Fit once and return the settings, the seconds and the memory."""
    rows = read(folder, n_languages, n_rows)
    characters = HashingVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), n_features=2**14, alternate_sign=False
    )
    encoder = characters if kind == "characters" else "scratch"
    model = MetaNetClassifier(
        encoder=encoder, max_epochs=1, validation_fraction=0, verbose=0, random_state=0
    )
    # A small fit first, so that loading libraries is not measured.
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
