"""How long an import takes in a fresh process, beside its peers.

    python benchmarks/imports.py

Each repetition is a process of its own. Figures: the milliseconds, and whether torch is loaded
afterwards (0 or 1). The names of our package are imported when they are first used.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import peers

METHODS = {
    "metaling_sk": "import metaling_sk",
    "LinearTransferClassifier": "from metaling_sk import LinearTransferClassifier",
    "TransferClassifier": "from metaling_sk import TransferClassifier",
    "LogisticRegression of sklearn": "from sklearn.linear_model import LogisticRegression",
    "torch": "import torch",
    "Trainer of transformers": "from transformers import Trainer",
    "SentenceTransformer": "from sentence_transformers import SentenceTransformer",
    "SetFitModel": "from setfit import SetFitModel",
}
NEEDS = {
    "Trainer of transformers": "accelerate",
    "SentenceTransformer": "sentence-transformers",
    "SetFitModel": "setfit",
}
RESULT = Path(__file__).parent / "results" / "imports.json"
PROGRAM = """
import json, sys, time
start = time.perf_counter()
{}
ms = 1000 * (time.perf_counter() - start)
print(json.dumps({{"ms": ms, "loads torch": "torch" in sys.modules}}))
"""


def measure(method: str, seed: int) -> dict[str, float]:
    """Return the figures of an import."""
    program = PROGRAM.format(METHODS[method])
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peers.add_arguments(parser, METHODS, RESULT)
    peers.run(parser.parse_args(), [{}], measure, NEEDS)


if __name__ == "__main__":
    main()
