"""From English to Chinese reviews: the accuracy of examples/english_to_chinese_reviews.py.

    python benchmarks/reviews.py
    python benchmarks/reviews.py --report

The example runs once for each encoder and seed, with all numbers of Chinese labels. A record is of
a model with a number of labels and a seed. TF-IDF + LR and the linear recipe have no encoder, and
are recorded with the encoder from scratch.
"""

import argparse
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import records

EXAMPLE = Path(__file__).parents[1] / "examples" / "english_to_chinese_reviews.py"
NETWORK = "TransferClassifier"
METHODS = {"scratch": ["TF-IDF + LR", "linear recipe", NETWORK], "multilingual-e5-small": [NETWORK]}
LABELS = [0, 16, 64, 256]
RESULT = Path(__file__).parent / "results" / "reviews.json"


def run_example(args, encoder: str, seed: int) -> pd.Series:
    """Run the example, and return the accuracy in percent by model, labels and language."""
    with tempfile.TemporaryDirectory() as folder:
        scores = Path(folder) / "scores.json"
        options = ["--encoder", encoder, "--first-seed", str(seed), "--output", folder]
        options += ["--test-rows", str(args.test_rows), "--labels", *map(str, args.labels)]
        options += ["--json", str(scores), *(["--quick"] if args.quick else [])]
        subprocess.run([sys.executable, EXAMPLE, *options], check=True)
        table = pd.DataFrame(json.loads(scores.read_text(encoding="utf-8"))["scores"])
    table["model"] = table["model"].str.removesuffix(f" ({encoder})")
    return 100 * table.set_index(["model", "labels", "language"])["accuracy"].sort_index()


def report(path: Path) -> None:
    """Print the accuracy in both languages."""
    groups = records.read_table(path).groupby(["encoder", "method", "labels"], sort=False)
    print(groups[["en", "zh"]].mean().round(1).to_string())


def main() -> None:
    """Run what is not known yet, then print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--labels", type=int, nargs="+", default=LABELS)
    parser.add_argument("--test-rows", type=int, default=2000, help="of each language")
    parser.add_argument("--quick", action="store_true", help="fewer rows, as in the example")
    parser.add_argument("--result", type=Path, default=RESULT, help="file (.json) of the records")
    parser.add_argument("--report", action="store_true", help="print the table and run nothing")
    args = parser.parse_args()
    if not args.report:
        accuracy = functools.cache(functools.partial(run_example, args))

        def measure(run: dict) -> dict:
            arguments = run["arguments"]
            table = accuracy(arguments["encoder"], run["seed"])
            scores = table[run["method"], arguments["labels"]]
            return {language: round(value, 2) for language, value in scores.items()}

        shared = {"test_rows": args.test_rows, "quick": args.quick}
        runs = [
            records.new_record(method, seed, {"encoder": encoder, "labels": k} | shared)
            for encoder, methods in METHODS.items()
            for seed in args.seeds
            for method in methods
            for k in args.labels
        ]
        records.run_unknown(args.result, runs, measure)
    report(args.result)


if __name__ == "__main__":
    main()
