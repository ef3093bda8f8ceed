"""Records of benchmarks: a JSON file with one record for each run, so that a benchmark can resume.

A run is a method with a seed. Its record holds the arguments of the benchmark, the machine, the
versions and the figures. A run is known if there is a record with equal method, seed, arguments and
machine. To run it again, delete its record or name another file.
"""

import argparse
import json
import os
from itertools import groupby
from pathlib import Path

import numpy as np
import sklearn
import torch
import transformers

import metaling_sk

KEYS = ("method", "seed", "arguments", "machine")
"""What tells one run from another."""


def add_arguments(parser: argparse.ArgumentParser, methods, result: Path) -> None:
    """Add the arguments that all benchmarks with records have."""
    parser.add_argument("--methods", nargs="+", choices=methods, default=list(methods))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", choices=["dev", "test"], default="test", help="rows to predict")
    parser.add_argument("--result", type=Path, default=result, help="file (.json) of the records")
    parser.add_argument("--report", action="store_true", help="print the tables and run nothing")


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


def is_known(path: Path, record: dict) -> bool:
    """Return whether the file has a record of this run."""
    return any(all(old[key] == record[key] for key in KEYS) for old in read(path))


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
