"""Time and peak memory of fit and predict, by the number of rows.

    python benchmarks/rows.py
    python benchmarks/rows.py --rows 1000000 --methods scratch linear

- scratch: TransferClassifier that trains its default encoder for one epoch, which is what the
  defaults do with a million rows
- frozen: TransferClassifier on the vectors of a Transformer of one small layer
- n-grams: MetaNetClassifier on TF-IDF of words
- linear: LinearTransferClassifier

The texts are made up: about 15 words, 84 characters, in two languages and two classes. Each run is
a process with one thread. Figures: the seconds that the processor takes for fit and for predict on
all rows, and the greatest memory that each took beyond what the process had before it, the texts
among it, in MB. It reads them in /proc, which only Linux has, with glibc.
"""

import argparse
import ctypes
import gc
import multiprocessing
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import records
import torch
import transformers
from sklearn.feature_extraction.text import TfidfVectorizer

from metaling_sk import LinearTransferClassifier, MetaNetClassifier, TransferClassifier
from metaling_sk._encoders.memory_cache import CACHE

N_WORDS, N_WARM = 20_000, 400
COMMON = {"device": "cpu", "verbose": 0, "random_state": 0}
CONFIG = {
    "vocab_size": 8000,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 128,
}
METHODS = ["scratch", "frozen", "n-grams", "linear"]
RESULT = Path(__file__).parent / "results" / "rows.json"


def make_texts(n_rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Texts whose words are drawn from a long tail, half of which goes with each class."""
    rng = np.random.default_rng(seed)
    words = np.array([f"w{np.base_repr(number, 36).lower()}" for number in range(N_WORDS)])
    y = rng.integers(0, 2, n_rows)
    texts = []
    for label in y:
        ranks = np.minimum(rng.zipf(1.3, rng.integers(10, 40)), N_WORDS // 2) - 1
        texts.append(" ".join(words[2 * ranks + label]))
    return pd.DataFrame({"text": texts, "language": np.where(np.arange(n_rows) % 2, "en", "de")}), y


def make_model(method: str):
    """Return the model of a method, not fitted."""
    if method == "n-grams":
        return MetaNetClassifier(encoder=TfidfVectorizer(), **COMMON)
    if method == "linear":
        return LinearTransferClassifier(verbose=0, random_state=0)
    if method == "frozen":
        config = transformers.BertConfig(**CONFIG)
        return TransferClassifier(encoder=config, trainable="head", **COMMON)
    return TransferClassifier(max_epochs=1, **COMMON)


def measured(call) -> tuple[float, float]:
    """Return the processor's seconds of a call, and the MB by which memory grew at its height."""
    CACHE.clear()
    gc.collect()
    # What earlier calls have freed would hide what this one takes.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # The peak is what there is now.
    before, start = memory("VmRSS"), time.process_time()
    call()
    return time.process_time() - start, memory("VmHWM") - before


def memory(name: str) -> float:
    """Return an amount of memory of this process in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


def measure(method: str, seed: int, n_rows: int) -> dict[str, float]:
    """Return the figures of a run, in a process of its own."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    X, y = make_texts(n_rows, seed)
    # What is loaded in the first fit of a process does not count.
    make_model(method).fit(X[:N_WARM], y[:N_WARM]).predict(X[:N_WARM])
    model = make_model(method)
    fit, predict = measured(lambda: model.fit(X, y)), measured(lambda: model.predict(X))
    figures = {
        "fit, s": fit[0],
        "predict, s": predict[0],
        "fit, MB": fit[1],
        "predict, MB": predict[1],
    }
    return {name: round(value, 1) for name, value in figures.items()}


def in_a_process(run: dict) -> dict[str, float]:
    """Measure a run in a new process, whose memory nothing else has used."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (run["method"], run["seed"], run["arguments"]["rows"]))


def report(path: Path) -> None:
    """Print the figures of each number of rows."""
    for setting, by_method in records.settings(path):
        names = list(next(iter(by_method.values()))[0]["figures"])
        rows = [["", *names]]
        for method, found in by_method.items():
            figures = pd.DataFrame([record["figures"] for record in found])
            rows.append([method, *(f"{value:.1f}" for value in figures[names].median())])
        print(f"{setting}\n\n{records.simple_table(rows)}\n")


def main() -> None:
    """Run what is not known yet, or print the report."""
    # Of the processes that are started.
    os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    records.add_arguments(parser, METHODS, RESULT)
    parser.set_defaults(seeds=[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    args = parser.parse_args()
    if not args.report:
        runs = [
            records.new_record(method, seed, {"rows": n_rows})
            for seed in args.seeds
            for method in args.methods
            for n_rows in args.rows
        ]
        records.run_unknown(args.result, runs, in_a_process)
    report(args.result)


if __name__ == "__main__":
    main()
