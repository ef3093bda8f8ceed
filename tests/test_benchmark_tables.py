"""What the documentation quotes is what the benchmarks have recorded."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield pytest.importorskip("tables")
    for name in ("tables", "records"):
        sys.modules.pop(name, None)


def test_tables_are_those_of_the_records(tables):
    page = tables.PAGE.read_text(encoding="utf-8")
    assert {match.group(1) for match in tables.MARKED.finditer(page)} == {*tables.TABLES}
    assert tables.with_tables(page) == page, "run python benchmarks/tables.py"


def test_the_readme_quotes_the_records(tables):
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    (row,) = (cells for cells in tables.meta_net() if cells[0] == "NusaX, both")
    alone, pooled, _, meta_net, _ = row[1:]
    assert (
        f"its macro-F1 is {meta_net}, that of a logistic regression for each language {alone} and "
        f"of one for all {pooled}"
    ) in readme
