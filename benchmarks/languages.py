"""How the time of a fit of MetaNetClassifier grows with languages and with rows.

    python benchmarks/languages.py FOLDER_OF_SIB200
    python benchmarks/languages.py --report

The rows are training rows of SIB-200, drawn from languages that are spread evenly over the sorted
list of all: from five languages, from 205, and twice as many from 205. Each fit is a process of its
own. A seed is a repetition. A method is an encoder: hashed character n-grams, or a network from
scratch, trained for one epoch. The figure is the time of the processor, in seconds on one thread,
which hardly depends on what else runs on the machine.
"""

import argparse
import multiprocessing
import time
from pathlib import Path

import numpy as np
import pandas as pd
import records
import torch
from sklearn.feature_extraction.text import HashingVectorizer

from metaling_sk import MetaNetClassifier

FEW, ALL, N_ROWS = 5, 205, 4100

METHODS = ["character n-grams", "from scratch"]
RESULT = Path(__file__).parent / "results" / "languages.json"


def read(folder: Path, n_languages: int, n_rows: int) -> pd.DataFrame:
    """Read as many rows of each language; some twice where they do not suffice."""
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


def measure(folder: Path, method: str, n_languages: int, n_rows: int) -> dict[str, float]:
    """Fit once and return the seconds of the processor."""
    torch.set_num_threads(1)
    rows = read(folder, n_languages, n_rows)
    characters = HashingVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), n_features=2**14, alternate_sign=False
    )
    model = MetaNetClassifier(
        encoder=characters if method == "character n-grams" else "scratch",
        max_epochs=1,
        validation_fraction=0,
        verbose=0,
        random_state=0,
    )
    X, y = rows[["text", "language"]], rows["category"]
    model.fit(X[::50], y[::50])  # What is loaded in the first fit of a process does not count.
    start = time.process_time()
    model.fit(X, y)
    return {"seconds": round(time.process_time() - start, 2)}


def report(path: Path) -> None:
    """Print the median seconds of each setting."""
    found = records.read_table(path)
    medians = found.groupby(["method", "languages", "rows"])["seconds"].median()
    print(medians.unstack("method").round(1).to_string())


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of dadelani/sib-200")
    records.add_arguments(parser, METHODS, RESULT)
    parser.set_defaults(seeds=[0])
    parser.add_argument("--rows", type=int, default=N_ROWS, help="rows, which are doubled once")
    args = parser.parse_args()
    if not args.report:
        if args.folder is None:
            parser.error("the copy of dadelani/sib-200 is missing")
        settings = [(FEW, args.rows), (ALL, args.rows), (ALL, 2 * args.rows)]
        runs = [
            records.new_record(method, seed, {"languages": n_languages, "rows": n_rows})
            for seed in args.seeds
            for method in args.methods
            for n_languages, n_rows in settings
        ]

        def in_a_process(run: dict) -> dict[str, float]:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                job = (args.folder, run["method"], *run["arguments"].values())
                return pool.apply(measure, job)

        records.run_unknown(args.result, runs, in_a_process)
    report(args.result)


if __name__ == "__main__":
    main()
