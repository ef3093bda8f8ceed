"""Measure how many fits a search saves by knowing searches of other languages, on NusaX.

Each of the 12 languages is searched once without a prior and once with the searches of the other
11 languages as prior. The benchmark counts the candidates until the second search is at least as
good as the first one at its end, as a share of all candidates. The features are dense, and only
training rows are used.

    python benchmarks/priors.py PATH_OF_nusax_gemma-3-270m_layer9.npz
"""

import argparse
import sys

import numpy as np
import pandas as pd
from scipy.stats import loguniform
from tqdm.auto import tqdm

from metaling_sk import MetaParamSearchCV, TransferClassifier

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("features", help="file (.npz) with X, language, split and label of NusaX")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--n-iter", type=int, default=16)
parser.add_argument("--jobs", type=int, default=2)
args = parser.parse_args()

with np.load(args.features, allow_pickle=True) as arrays:
    is_train = arrays["split"] == "train"
    X, language, y = (arrays[name][is_train] for name in ("X", "language", "label"))
X = X.astype(np.float32)
languages = sorted(set(language))
distributions = {
    "learning_rate": loguniform(1e-6, 1e-1),
    "batch_size": [8, 16, 32, 64, 128],
    "weight_decay": loguniform(1e-4, 1e2),
    "warmup": [0.0, 0.1, 0.5],
}


def search(code, seed, prior):
    """Search the parameters for one language."""
    own = language == code
    return MetaParamSearchCV(
        TransferClassifier(max_epochs=5, verbose=0, random_state=0),
        distributions,
        n_iter=args.n_iter,
        cv=3,
        n_jobs=args.jobs,
        prior=prior,
        refit=False,
        random_state=seed,
        verbose=0,
    ).fit(X[own], y[own])


rows = []
for seed in range(args.seeds):
    # The searches have different seeds, so each language has candidates of its own.
    alone = {
        code: search(code, 1000 * seed + number, None)
        for number, code in enumerate(tqdm(languages, file=sys.stderr))
    }
    for number, code in enumerate(tqdm(languages, file=sys.stderr)):
        prior = [found for other, found in alone.items() if other != code]
        informed = search(code, 1000 * seed + 500 + number, prior)
        scores = informed.cv_results_["mean_test_score"]
        goal = alone[code].best_score_
        reached = np.flatnonzero(scores >= goal)
        rows.append(
            {
                "language": code,
                "seed": seed,
                "without": goal,
                "with": scores.max(),
                "share": (reached[0] + 1) / args.n_iter if reached.size else np.nan,
            }
        )
table = pd.DataFrame(rows)
by_language = table.groupby("language")[["without", "with"]].mean()
# A search that never becomes as good counts as more than all fits.
by_language["share of the fits, median of seeds"] = (
    table.assign(share=table["share"].fillna(np.inf)).groupby("language")["share"].median()
)
print(by_language.round(3).to_string())
print(f"median over the languages: {by_language.iloc[:, -1].median():.2f}")
print(f"not reached: {table['share'].isna().sum()} of {len(table)}")
