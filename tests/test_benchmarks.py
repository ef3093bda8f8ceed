"""What the documentation shows is what the benchmarks have recorded, and they can go on."""

import importlib
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest
import quoted

ROOT = Path(__file__).parents[1]
RESULTS, FIGURES = ROOT / "benchmarks" / "results", ROOT / "docs" / "_static" / "results"
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ["README.md", "docs/*.rst", "docs/user_guide/*.rst", "docs/benchmarks/*.rst"]
    for path in sorted(ROOT.glob(pattern))
}
OF_BENCHMARKS = {name: page for name, page in PAGES.items() if name.startswith("docs/benchmarks/")}
MAX_FIGURE_BYTES = 60_000
MODULES = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"__main__"}


@pytest.fixture(scope="module")
def catalogue():
    pytest.importorskip("matplotlib")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield pytest.importorskip("catalogue")
    for name in MODULES & set(sys.modules):
        del sys.modules[name]


@pytest.fixture(scope="module")
def pages(catalogue):
    return importlib.import_module("pages")


@pytest.fixture(scope="module")
def tables(catalogue):
    return {name: one.table(RESULTS) for name, one in catalogue.recorded(RESULTS).items()}


def test_tables_are_those_of_the_records(pages, tables):
    marked = [found[1] for page in OF_BENCHMARKS.values() for found in pages.MARKED.finditer(page)]
    assert sorted(marked) == sorted(tables)
    for page in OF_BENCHMARKS.values():
        assert pages.with_tables(page, tables) == page, "run python -m benchmarks --show"


def test_figures_are_those_of_the_records(catalogue, tables):
    all_pages = "".join(OF_BENCHMARKS.values())
    assert {path.stem for path in FIGURES.iterdir()} == {*tables}
    for name, table in tables.items():
        path = FIGURES / f"{name}.svg"
        assert f".. image:: ../_static/results/{name}.svg\n   :alt: " in all_pages
        assert path.stat().st_size < MAX_FIGURE_BYTES
        (described,) = ET.parse(path).iter("{http://purl.org/dc/elements/1.1/}description")
        assert described.text == catalogue.figures.numbers(table), "run python -m benchmarks --show"


def test_figures_are_drawn_in_the_same_way_each_time(catalogue, tables, tmp_path):
    benchmark = catalogue.BENCHMARKS["nusax"]
    for path in (tmp_path / "a.svg", tmp_path / "b.svg"):
        catalogue.figures.write(benchmark.draw, tables["nusax"], path)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.fixture(scope="module")
def held(catalogue, pages, tables):
    """The tables of each section of benchmarks, by its label and by its anchor on GitHub."""
    found = {}
    for name, page in OF_BENCHMARKS.items():
        for label, title in re.findall(r"(?m)^\.\. _([\w-]+):\n\n(.+)\n---", page):
            (section,) = (text for one, _, text in quoted.sections(page) if one == title)
            names = [match[1] for match in pages.MARKED.finditer(section)]
            more = [make(RESULTS) for one in names for make in catalogue.BENCHMARKS[one].quoted]
            found[label] = [*(tables[one] for one in names), *more]
            found[f"{name}#{anchor(title)}"] = found[label]
    return found


def anchor(title: str) -> str:
    """Return what GitHub calls a section of a page."""
    return re.sub(r"\W+", "-", title.lower())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_quotes_tables_of_the_benchmarks_that_it_links(held, name):
    wrong = []
    for title, line, section in quoted.sections(PAGES[name]):
        linked = re.findall(r":ref:`(?:[^`<]*<)?([\w-]+)|(docs/benchmarks/[\w.#-]+)", section)
        linked += [(f"{name}#{anchor(title)}", "")]
        tables = [table for pair in linked for one in pair for table in held.get(one, [])]
        wrong += [
            f"{name}, line {figure.line}: {figure.text} {figure.unit}"
            for figure in quoted.figures(section, line)
            if not any(figure.is_in(table) for table in tables)
        ]
    assert not wrong, (
        "These figures are in no table of their section, nor of one that it links, nor in one that "
        "benchmarks/catalogue.py names as quoted. Measure them, link the section of the benchmarks "
        "that holds them, write settings as code, or say it without a number."
    )


def test_links_of_the_readme_lead_to_sections():
    for target, name in re.findall(r"\]\((docs/[\w/.]+\.rst)(?:#([\w-]+))?\)", PAGES["README.md"]):
        titles = {anchor(title) for title, *_ in quoted.sections(PAGES[target])}
        assert not name or name in titles, f"{target} has no section {name!r}"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("It is 82.8 %, not 82.9 %, and 83 % when rounded.", ["82.9 %"]),
        ("It has 1.2 in the one and 0.7 in the other.", ["0.7 "]),
        (
            "It is five points ahead, or 5.0, and six and seven points behind.",
            ["5.0 ", "six points", "seven points"],
        ),
        ("It takes 2.0 or 3 times as long, in 10 s or 9 s.", ["3 times", "9 s"]),
        ("Half a point.", []),
        ("Pass ``0.9`` or `0.9`, or::\n\n    f(0.9)\n\n>>> f(0.9)\n0.9\n\nIt has\n0.9.", ["0.9 "]),
        ("They found 0.9 (`here <https://a.org>`_). It is 0.9 here.", ["0.9 "]),
        (".. begin a\n\n0.9\n\n.. end a\n\n.. image:: a\n   :alt: 0.9\n", []),
        ("Python 3.11 has 10 rows and a standard error of about 0.9 points.", []),
    ],
)
def test_what_a_page_quotes_is_found_in_a_table(text, wrong):
    table = pd.DataFrame({"a": [[82.8], [77.8]], "s": [[10.0], [20.0]], "b": [[1.0, 1.4], None]})
    found = quoted.figures(text, first_line=1)
    assert [f"{one.text} {one.unit}" for one in found if not one.is_in(table)] == wrong


def test_a_figure_has_the_line_of_its_page():
    page = "Title\n=====\n\nOne\n---\n\n``a\nb`` and\n1.5 or\n2.5\n"
    (_, (title, line, section)) = quoted.sections(page)
    found = [(one.line, one.text) for one in quoted.figures(section, line)]
    assert (title, found) == ("One", [(9, "1.5"), (10, "2.5")])


def test_the_readme_has_the_table_of_the_reviews(pages, tables):
    lines = PAGES["README.md"].replace("*", "").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    for labels, baseline, *others in pages.format_table(tables["reviews"])[1:]:
        (row,) = (cells for cells in rows if cells[0] == labels)
        assert row[1].removesuffix(" (English labels)") == baseline.split(" ± 0.0")[0]
        assert row[2 : 2 + len(others)] == others


def test_each_published_command_has_all_its_records(catalogue, monkeypatch, tmp_path, capsys):
    corpora = dict.fromkeys(catalogue.CORPORA, "nowhere")
    run_unknown = catalogue.tables.records.run_unknown

    def run_none(path, runs, measure):
        run_unknown(path, runs, lambda run: pytest.fail(f"no record of {run}"))

    monkeypatch.setattr(catalogue.tables.records, "run_unknown", run_none)
    for benchmark in catalogue.recorded(RESULTS).values():
        result = Path(shutil.copy(RESULTS / benchmark.file, tmp_path))
        for command in benchmark.commands:
            script, *arguments = (
                part.format(kept=tmp_path, **corpora) for part in shlex.split(command)
            )
            monkeypatch.setattr("sys.argv", [script, *arguments, "--result", str(result)])
            runpy.run_path(str(ROOT / "benchmarks" / script), run_name="__main__")
            (known, n_runs) = re.search(
                r"(\d+) of (\d+) runs are known", capsys.readouterr().out
            ).groups()
            assert known == n_runs != "0"
        assert result.read_bytes() == (RESULTS / benchmark.file).read_bytes()


def test_a_benchmark_that_was_stopped_goes_on(catalogue, tmp_path):
    records, path = catalogue.tables.records, tmp_path / "deep" / "one.json"
    runs = [records.new_record("method", seed, {"k": 3}) for seed in range(4)]
    measured = []

    def measure(run):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(run["seed"])
        return {"score": run["seed"]}

    with pytest.raises(KeyboardInterrupt):
        records.run_unknown(path, runs, measure)
    records.run_unknown(path, runs, lambda run: {"score": -1})
    assert measured == [0, 1]
    assert [one["figures"]["score"] for one in records.read(path)] == [0, 1, -1, -1]
    assert all(one["machine"] and one["versions"]["torch"] for one in records.read(path))


def test_a_table_of_speed_has_medians_in_units_of_the_reference(catalogue, pages, tmp_path):
    records = catalogue.tables.records
    seconds = {"ours": [1.0, 9.0, 2.0], "peer": [3.0, 4.0, 5.0]}
    for encoder, factor in (("a", 1), ("b", 10)):
        for method, found in seconds.items():
            for seed, value in enumerate(found):
                run = records.new_record(method, seed, {"encoder": encoder})
                figures = {"seconds": factor * value, "accuracy": 80 + seed}
                records.append(tmp_path / "fit.json", run | {"figures": figures})
    table = catalogue.tables.speed(tmp_path, "fit", "ours", by="encoder")
    assert pages.format_table(table) == [
        ["", "median, s", "times ours", "accuracy (%)"],
        ["a, ours", "2.00", "1.0", "81.0 ± 1.0"],
        ["a, peer", "4.00", "2.0", "81.0 ± 1.0"],
        ["b, ours", "20.00", "1.0", "81.0 ± 1.0"],
        ["b, peer", "40.00", "2.0", "81.0 ± 1.0"],
    ]


def test_a_search_counts_until_it_is_as_good_as_its_peer(catalogue, tmp_path):
    records = catalogue.tables.records
    courses = [[[1.0, 10, 0.7], [4.0, 20, 0.5]], [[1.0, 10, 0.7], [2.0, 15, 0.6]]]
    for seed, course in enumerate(courses):
        ours = dict(zip(("seconds", "epochs", "loss"), course[-1], strict=True))
        theirs = {"seconds": 40.0, "epochs": 80, "loss": 0.55}
        for method, figures in (("peer", theirs), ("metaling_sk", ours | {"course": course})):
            run = records.new_record(method, seed, {"task": "trained"})
            records.append(tmp_path / "meta_param.json", run | {"figures": figures})
    row = catalogue.tables.meta_param(tmp_path).loc["trained, peer"]
    assert row["as good (%)"] == [50]
    # Ten times sooner, and never.
    assert row["times sooner"] == [5] and row["times fewer epochs"] == [2]
    assert row["whole search"] == [15]
    assert row["worst difference"] == pytest.approx([0.05])


def test_a_peer_that_is_not_installed_is_left_out_with_a_sentence(catalogue, capsys):
    peers = pytest.importorskip("peers")
    needs = {"peer": "no-such-package", "other": "sklearn"}
    assert peers.installed(["ours", "peer", "other"], needs) == ["ours", "other"]
    assert capsys.readouterr().out == (
        "peer is left out, because the package no-such-package is not installed.\n"
    )


def test_the_time_of_an_import_is_that_of_a_fresh_process(catalogue):
    imports = pytest.importorskip("imports")
    assert "torch" in sys.modules
    figures = imports.measure("LinearTransferClassifier", seed=0)
    assert figures["ms"] > 0
    assert not figures["loads torch"]


def test_the_command_leaves_out_what_has_no_corpus_and_shows_the_rest(tmp_path):
    shutil.copy(RESULTS / "source_languages.json", tmp_path)
    command = [sys.executable, "-m", "benchmarks", "--only", "source-languages", "nusax"]
    done = subprocess.run(
        [*command, "--results", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "give --nusax FOLDER and --sib200 FOLDER to run it." in done.stdout
    assert "words           0.62  -0.19" in done.stdout
    assert [path.name for path in tmp_path.glob("*.svg")] == ["source-languages.svg"]
