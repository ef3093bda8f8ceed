"""Pairs of made-up reviews, of which only the second one has to do with the label."""

import numpy as np
import pandas as pd
from tiny import make_pair

COLUMNS = ["first", "second"]


def make_text_pairs(n_en=40, n_zh=40, n_labelled=0, seed=0):
    """English pairs with labels and Chinese ones, of which the first `n_labelled` have one."""
    first, _ = make_pair(n_en, n_zh, seed=seed + 100)
    second, y = make_pair(n_en, n_zh, n_labelled, seed)
    columns = {"first": first["text"], "second": second["text"], "language": second["language"]}
    return pd.DataFrame(columns, dtype=object), y


X, Y = make_text_pairs(40, 40, n_labelled=20)
X_TEST, Y_TEST = make_text_pairs(10, 10, n_labelled=10, seed=5)
LABELLED = ~np.isnan(Y)
