"""Reviews for searches, apart from `search_cases`: the workers of a search on numbers need none."""

from tiny import make_pair

PAIR, PAIR_Y = make_pair(20, 20, n_labelled=12)
TEXTS, TEXT_LANGUAGE = PAIR["text"].tolist(), PAIR["language"].to_numpy()
