"""Records of benchmarks: a JSON file with one record for each run, so that a benchmark can resume.

A run is a method with a seed. Its record holds the arguments of the benchmark, the machine, the
versions and the figures. A run is known if there is a record with equal method, seed and arguments,
of whatever machine. To run it again, delete its record or name another file.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch
import transformers
from tqdm.auto import tqdm

import metaling_sk

KEYS = ("method", "seed", "arguments")
"""What tells one run from another."""


def add_arguments(parser: argparse.ArgumentParser, methods, result: Path) -> None:
    """Add the arguments of a benchmark with methods and seeds."""
    parser.add_argument("--methods", nargs="+", choices=methods, default=list(methods))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--result", type=Path, default=result, help="file (.json) of the records")
    parser.add_argument("--report", action="store_true", help="print the tables and run nothing")


def add_split(parser: argparse.ArgumentParser, default: str = "test") -> None:
    """Add the argument of a benchmark on a corpus with validation and test rows."""
    parser.add_argument("--split", choices=["dev", "test"], default=default, help="rows to predict")


def new_record(method: str, seed: int | None, arguments: dict) -> dict:
    """Return the record of a run on this machine, without figures."""
    on_gpu = torch.cuda.is_available()
    return {
        "method": method,
        "seed": seed,
        "arguments": arguments,
        "machine": {
            "device": torch.cuda.get_device_name() if on_gpu else "cpu",
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
        "versions": {
            module.__name__: module.__version__
            for module in (torch, transformers, sklearn, metaling_sk)
        },
    }


def read(path: Path) -> list[dict]:
    """Read all records; there are none if there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def read_table(path: Path) -> pd.DataFrame:
    """Read all records as rows, with the arguments and figures as columns."""
    return pd.DataFrame(
        one["arguments"] | one["figures"] | {"method": one["method"], "seed": one["seed"]}
        for one in read(path)
    )


def run_unknown(path: Path, runs: Iterable[dict], measure: Callable[[dict], dict]) -> None:
    """Measure the runs that have no record yet, and append each record at once.

    Parameters
    ----------
    path : Path
        The file of the records.
    runs : iterable of dict
        Records without figures, as `new_record` returns them.
    measure : callable
        Takes such a record and returns its figures. What several runs share it had better make at
        its first call, since there may be none.
    """
    runs, known = list(runs), read(path)
    unknown = [run for run in runs if not any(is_same(run, old) for old in known)]
    print(f"{path.stem}: {len(runs) - len(unknown)} of {len(runs)} runs are known.")
    progress = tqdm(unknown, desc=path.stem, disable=not unknown)
    for run in progress:
        parts = [run["method"], *(f"{name} {value}" for name, value in run["arguments"].items())]
        progress.set_postfix_str(", ".join([*parts, f"seed {run['seed']}"]))
        append(path, run | {"figures": measure(run)})


def is_same(run: dict, other: dict) -> bool:
    """Return whether two records are of the same run."""
    return all(run[key] == other[key] for key in KEYS)


def append(path: Path, record: dict) -> None:
    """Add a record to the file. The file is replaced in one step, so it is complete at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    # A line for each record.
    lines = [json.dumps(each, ensure_ascii=False) for each in [*read(path), record]]
    new.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    new.replace(path)


def settings(path: Path):
    """Yield each setting (arguments, machine) as a sentence, and its records by method."""

    def setting(record: dict) -> str:
        parts = record["arguments"] | record["machine"]
        return ", ".join(f"{name}: {value}" for name, value in parts.items())

    for name, found in groupby(sorted(read(path), key=setting), key=setting):
        by_method: dict[str, list[dict]] = {}
        for record in found:
            by_method.setdefault(record["method"], []).append(record)
        yield name, by_method


def mean_and_std(values, digits: int = 1) -> str:
    """Format the mean of the seeds and, if there are several, their standard deviation."""
    text = f"{np.mean(values):.{digits}f}"
    return f"{text} ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else text


def simple_table(rows: list[list[str]]) -> str:
    """Format rows as a simple table of reStructuredText; the first row is the header."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rule = " ".join("=" * width for width in widths)
    # An empty first cell would continue the row above.
    lines = [
        " ".join(
            (cell or "\\").ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])
