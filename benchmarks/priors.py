"""How many fits a search saves by knowing searches of other languages, on NusaX.

    python benchmarks/priors.py FOLDER_OF_NUSAX
    python benchmarks/priors.py --report

The 500 training rows of each of the 12 languages are searched once without a prior, and once with
the searches of the other 11 languages as prior. The classifier is a head on vectors of a frozen
multilingual-e5-small, trained for five epochs; its learning rate, batch size, weight decay and
warm-up are searched. The seed draws the candidates. Figures of a language:

- share: the candidates until the search with the prior is at least as good as the one without at
  its end, in percent of all candidates. If it never is, all and one more.
- without, with: the loss of the best candidate, which is the log-loss of the cross-validation
"""

import argparse
import functools
from pathlib import Path

import numpy as np
import pandas as pd
import records
from features import e5_vectors
from meta_net import read_nusax
from nusax import LANGUAGES
from scipy.stats import loguniform

from metaling_sk import MetaParamSearchCV, TransferClassifier

SEARCHED = {
    "learning_rate": loguniform(1e-6, 1e-1),
    "batch_size": [8, 16, 32, 64, 128],
    "weight_decay": loguniform(1e-4, 1e2),
    "warmup": [0.0, 0.1, 0.5],
}
RESULT = Path(__file__).parent / "results" / "priors.json"


class Searches:
    """The searches of all languages."""

    def __init__(self, folder: Path, kept: Path, n_candidates: int):
        data = read_nusax(folder)
        vectors = e5_vectors(kept / "nusax.npy", data["text"].tolist())
        is_train = (data["split"] == "train").to_numpy()
        self.X, data = vectors[is_train], data[is_train]
        self.y, self.language = data["label"].to_numpy(str), data["language"].to_numpy(str)
        self.n_candidates = n_candidates
        self.alone = functools.cache(self._search_alone)

    def _search(self, code: str, seed: int, prior) -> MetaParamSearchCV:
        own = self.language == code
        return MetaParamSearchCV(
            TransferClassifier(max_epochs=5, verbose=0, random_state=0),
            SEARCHED,
            n_iter=self.n_candidates,
            cv=3,
            prior=prior,
            refit=False,
            random_state=seed,
            verbose=0,
        ).fit(self.X[own], self.y[own])

    def _search_alone(self, code: str, seed: int) -> MetaParamSearchCV:
        # Each language has candidates of its own.
        return self._search(code, 1000 * seed + LANGUAGES.index(code), None)

    def measure(self, code: str, seed: int) -> dict[str, float]:
        """Return the figures of a language."""
        prior = [self.alone(other, seed) for other in LANGUAGES if other != code]
        goal = self.alone(code, seed).best_score_
        informed = self._search(code, 1000 * seed + 500 + LANGUAGES.index(code), prior)
        scores = informed.cv_results_["mean_test_score"]
        reached = np.flatnonzero(scores >= goal)
        n_fits = reached[0] + 1 if len(reached) else self.n_candidates + 1
        return {
            "share": round(100 * n_fits / self.n_candidates, 2),
            "without": round(-goal, 4),
            "with": round(-scores.max(), 4),
        }


def report(path: Path) -> None:
    """Print the figures of each language."""
    found = records.read_table(path).groupby("language")
    share, losses = found["share"].median(), found[["without", "with"]].mean()
    print(pd.concat([share, losses], axis=1).round(3).to_string())


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of the repository IndoNLP/nusax")
    records.add_arguments(parser, ["search"], RESULT)
    parser.add_argument("--languages", nargs="+", default=LANGUAGES, help="languages to search")
    parser.add_argument("--candidates", type=int, default=16)
    parser.add_argument("--vectors", type=Path, default=Path("vectors"), help="folder to keep them")
    args = parser.parse_args()
    if not args.report:
        if args.folder is None:
            parser.error("the copy of NusaX is missing")
        searches = functools.cache(lambda: Searches(args.folder, args.vectors, args.candidates))
        runs = [
            records.new_record(method, seed, {"language": code, "candidates": args.candidates})
            for seed in args.seeds
            for code in args.languages
            for method in args.methods
        ]
        records.run_unknown(
            args.result,
            runs,
            lambda run: searches().measure(run["arguments"]["language"], run["seed"]),
        )
    report(args.result)


if __name__ == "__main__":
    main()
