"""Ours and its peers: benchmarks of speed, whose methods take turns in one process.

Each method does the same work. A seed is a repetition: in each of them every method has its turn,
so that what else the machine does disturbs all alike. What is shown is the median, which leaves out
what a process does once, such as imports.
"""

import importlib.metadata
import importlib.util
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pandas as pd
import records
import torch
import transformers

N_REPETITIONS = 5


def add_arguments(parser, methods: Iterable[str], result: Path) -> None:
    """Add the arguments of a benchmark of speed."""
    records.add_arguments(parser, methods, result)
    parser.set_defaults(seeds=list(range(N_REPETITIONS)))


def is_installed(package: str) -> bool:
    """Return whether a package, whose module has the same name, is installed."""
    return importlib.util.find_spec(package.replace("-", "_")) is not None


def installed(names: Iterable[str], needs: Mapping[str, str]) -> list[str]:
    """Return the methods whose packages are installed, and say which others are left out.

    Parameters
    ----------
    names : iterable of str
        The methods.
    needs : mapping of str to str
        The package that a method needs, besides those of metaling_sk.
    """
    found = []
    for name in names:
        if name in needs and not is_installed(needs[name]):
            print(f"{name} is left out, because the package {needs[name]} is not installed.")
        else:
            found.append(name)
    return found


def timed(function: Callable, *arguments, **options) -> tuple[float, object]:
    """Call a function, and return the seconds until it and the GPU are done, and its result."""
    start = time.perf_counter()
    result = function(*arguments, **options)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def run(
    args,
    settings: Iterable[dict],
    measure: Callable[..., dict[str, float]],
    needs: Mapping[str, str],
) -> None:
    """Run what is not known yet, and print the report.

    Parameters
    ----------
    args : Namespace
        What `add_arguments` has added.
    settings : iterable of dict
        The arguments of the records. For each of them every method has every repetition.
    measure : callable
        Takes a method, a seed and the arguments of the record, and returns the figures.
    needs : mapping of str to str
        As in `installed`.
    """
    if not args.report:
        warnings.simplefilter("ignore")
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        methods = installed(args.methods, needs)
        runs = [
            new_record(method, seed, arguments, needs.get(method))
            for arguments in settings
            for seed in args.seeds
            for method in methods
        ]

        def rounded(run: dict) -> dict[str, float]:
            figures = measure(run["method"], run["seed"], **run["arguments"])
            return {name: round(float(value), 4) for name, value in figures.items()}

        records.run_unknown(args.result, runs, rounded)
    report(args.result)


def new_record(method: str, seed: int, arguments: dict, package: str | None) -> dict:
    """Return a record without figures, with the version of the package that the method needs."""
    record = records.new_record(method, seed, arguments)
    if package is not None:
        record["versions"][package] = importlib.metadata.version(package)
    return record


def report(path: Path) -> None:
    """Print the median of the repetitions."""
    for setting, by_method in records.settings(path):
        names = list(next(iter(by_method.values()))[0]["figures"])
        rows = [["", *names]]
        for method, found in by_method.items():
            figures = pd.DataFrame([record["figures"] for record in found]).reindex(columns=names)
            rows.append([method, *(f"{value:.2f}" for value in figures.median())])
        print(f"{setting}\n\n{records.simple_table(rows)}\n")
