"""The tables of docs/benchmarks.rst that are made from the records in benchmarks/results.

    python benchmarks/tables.py

A table stands between the comments ``.. begin NAME`` and ``.. end NAME``, and is replaced there.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import records

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "benchmarks.rst"
MARKED = re.compile(r"(?s)(?<=\n)\.\. begin (\S+)\n.*?\n\.\. end \1\n")


def read(name: str) -> pd.DataFrame:
    """Return the records of a benchmark, with the arguments and figures as columns."""
    rows = records.read(FOLDER / "results" / f"{name}.json")
    return pd.DataFrame(
        one["arguments"] | one["figures"] | {"method": one["method"], "seed": one["seed"]}
        for one in rows
    )


def mean_of_languages(rows: pd.DataFrame, names) -> pd.Series:
    """The mean over languages of each row."""
    return rows[[name for name in rows if name in names]].mean(axis=1)


def meta_net() -> list[list[str]]:
    """MetaNetClassifier and linear models, by task and representation."""
    titles = {
        "alone": "each alone",
        "pooled": "all pooled",
        "averaged": "averaged",
        "meta-net": "MetaNetClassifier",
        "no residual": "no residual heads",
    }
    names = {"nusax": "NusaX", "sib200": "SIB-200"}
    rows = read("meta_net")
    rows = rows[rows["split"] == "test"]
    languages = set(rows) - {"task", "representation", "split", "method", "seed", "seconds"}
    rows["mean"] = mean_of_languages(rows, languages)
    table = [["", *titles.values()]]
    for task in names:
        for representation in ("n-grams", "vectors", "both"):
            part = rows[(rows["task"] == task) & (rows["representation"] == representation)]
            found = [part.loc[part["method"] == method, "mean"] for method in titles]
            cells = [records.mean_and_std(values.to_numpy()) for values in found]
            table.append([f"{names[task]}, {representation}", *cells])
    return table


def encoders(languages: str, labels: int) -> list[list[str]]:
    """What is trained of an encoder on SIB-200."""
    rows = read("encoders")
    rows = rows[(rows["languages"] == languages) & (rows["labels"] == labels)]
    rows = rows[rows["split"] == "test"]
    table = [["", "sources", "others", "fit, s", "trained weights", "saved, MB"]]
    for method, part in rows.groupby("method", sort=False):
        table.append(
            [
                f"``{method}``",
                records.mean_and_std(part["sources"].to_numpy()),
                records.mean_and_std(part["others"].to_numpy()),
                f"{part['seconds of fit'].mean():.0f}",
                f"{part['trained weights'].iloc[0]:,}",
                f"{part['saved MB'].iloc[0]:.0f}",
            ]
        )
    return table


def nusax() -> list[list[str]]:
    """A new language on NusaX."""
    rows = read("nusax")
    by_seed = rows[rows["split"] == "test"].groupby(["k", "method", "seed"])["macro-F1"].mean()
    methods = ["adapt", "labels only", "pooled", "own and pooled"]
    return [
        ["labels", *methods],
        *(
            [str(k), *(records.mean_and_std(by_seed[k, method].to_numpy()) for method in methods)]
            for k in sorted(rows["k"].unique())
        ),
    ]


def afrisenti() -> list[list[str]]:
    """Linear models and MetaNetClassifier on AfriSenti."""
    table = [["", "mean of 12", "without repeated rows", "orm", "tir", "seconds"]]
    for one in records.read(FOLDER / "results" / "afrisenti.json"):
        figures = one["figures"]
        all_rows, without = figures["all rows"], figures["without repeated rows"]
        old = [name for name in all_rows if name not in ("orm", "tir")]
        table.append(
            [
                f"``{one['method']}``",
                f"{np.mean([all_rows[name] for name in old]):.1f}",
                f"{np.mean([without[name] for name in old]):.1f}",
                *(f"{all_rows[x]:.1f}" if x in all_rows else "" for x in ("orm", "tir")),
                f"{figures['seconds']:.0f}",
            ]
        )
    return table


def source_languages() -> list[list[str]]:
    """What tells which language helps which."""
    tasks = {
        one["method"]: one["figures"]["correlation"]
        for one in records.read(FOLDER / "results" / "source_languages.json")
    }
    names = next(iter(tasks.values()))
    table = [[name, *(f"{tasks[task][name]:.2f}" for task in tasks)] for name in names]
    return [["", *tasks], *table]


TABLES: dict[str, Callable[[], list[list[str]]]] = {
    "meta-net": meta_net,
    "encoders": lambda: encoders("seven", 0),
    "encoders-16-labels": lambda: encoders("seven", 16),
    "encoders-many": lambda: encoders("many", 0),
    "nusax": nusax,
    "afrisenti": afrisenti,
    "source-languages": source_languages,
}


def with_tables(page: str) -> str:
    """Return the page with the tables as they are in the records."""

    def replaced(match: re.Match) -> str:
        name = match.group(1)
        return f".. begin {name}\n\n{records.simple_table(TABLES[name]())}\n\n.. end {name}\n"

    return MARKED.sub(replaced, page)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
