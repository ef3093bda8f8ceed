"""Run the benchmarks that have records, and show their results in the documentation.

    python -m benchmarks                         # what needs no corpus, then tables and figures
    python -m benchmarks --nusax FOLDER --sib200 FOLDER --afrisenti FOLDER
    python -m benchmarks --only nusax encoders --sib200 FOLDER
    python -m benchmarks --quick                 # a smoke run, a few minutes each
    python -m benchmarks --show                  # runs nothing

A run that has a record is not run again, so a benchmark that was stopped goes on where it was. The
folders are copies of the repositories IndoNLP/nusax, dadelani/sib-200 and
afrisenti-semeval/afrisent-semeval-2023. A benchmark whose corpus is missing is left out, and so is
a peer whose package is not installed.

The records are in benchmarks/results, the tables in the pages of docs/benchmarks and the figures in
docs/_static/results. With another folder of records, and with --quick, the tables are printed and
the figures are beside the records.
"""

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # The scripts import each other by their names.

import figures  # noqa: E402
import pages  # noqa: E402
import records  # noqa: E402
import torch  # noqa: E402
from catalogue import BENCHMARKS, CORPORA, Benchmark, recorded  # noqa: E402

RESULTS, PAGES = HERE / "results", HERE.parent / "docs" / "benchmarks"
FIGURES = HERE.parent / "docs" / "_static" / "results"
RUNS = HERE.parent / "runs"
"""Where smoke runs and the vectors of encoders are kept."""


def missing_corpora(commands, folders: dict[str, Path | None]) -> list[str]:
    """Name the corpora that the commands need and that were not given."""
    needed = re.findall(r"{(\w+)}", " ".join(commands))
    return [name for name in CORPORA if name in needed and folders[name] is None]


def run(name: str, commands, result: Path, folders: dict[str, Path | None], on_gpu: bool) -> bool:
    """Run the commands of a benchmark, and return whether all of them succeeded."""
    if on_gpu and not torch.cuda.is_available():
        print(f"{name} is left out, because there is no GPU.", flush=True)
        return True
    if missing := missing_corpora(commands, folders):
        options = " and ".join(f"--{corpus} FOLDER" for corpus in missing)
        print(f"{name} is left out; give {options} to run it.", flush=True)
        return True
    kept = RUNS / "vectors"
    kept.mkdir(parents=True, exist_ok=True)
    for command in commands:
        script, *arguments = (part.format(kept=kept, **folders) for part in shlex.split(command))
        print(f"\n{name}: {command}", flush=True)
        done = subprocess.run([sys.executable, HERE / script, *arguments, "--result", result])
        if done.returncode:
            print(f"{name} has failed; the others go on.", flush=True)
            return False
    return True


def show(chosen: dict[str, Benchmark], results: Path) -> None:
    """Make the tables and figures of the benchmarks that have records."""
    is_published = results.resolve() == RESULTS
    folder = FIGURES if is_published else results
    shown = {}
    for name, benchmark in recorded(results).items():
        if name in chosen:
            shown[name] = benchmark.table(results)
            figures.write(benchmark.draw, shown[name], folder / f"{name}.svg")
            if not is_published:
                print(f"\n{name}\n\n{records.simple_table(pages.format_table(shown[name]))}")
    if is_published:
        for page in PAGES.glob("*.rst"):
            page.write_text(pages.with_tables(page.read_text("utf-8"), shown), "utf-8")
    print(f"\nFigures of {', '.join(shown) or 'nothing yet'}: {folder}")


def main() -> int:
    """Run what is chosen, then show it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for corpus, repository in CORPORA.items():
        parser.add_argument(f"--{corpus}", type=Path, help=f"copy of {repository}")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="a smoke run, beside the records")
    parser.add_argument("--results", type=Path, help="folder of the records")
    parser.add_argument("--show", action="store_true", help="make tables and figures, run nothing")
    args = parser.parse_args()
    results = args.results or (RUNS / "quick" if args.quick else RESULTS)
    chosen = {name: BENCHMARKS[name] for name in BENCHMARKS if name in args.only}
    folders = {corpus: getattr(args, corpus) for corpus in CORPORA}
    failed = []
    if not args.show:
        for number, (name, benchmark) in enumerate(chosen.items(), start=1):
            print(f"[{number}/{len(chosen)}] {name}", flush=True)
            commands = benchmark.quick if args.quick else benchmark.commands
            if not run(name, commands, results / benchmark.file, folders, benchmark.on_gpu):
                failed.append(name)
    show(chosen, results)
    if failed:
        print(f"These have failed: {', '.join(failed)}.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
