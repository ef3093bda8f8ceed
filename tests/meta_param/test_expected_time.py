"""How long a search will take is said when it begins."""

import io
from contextlib import redirect_stderr

import pytest
from search_cases import Failing, X, Y
from search_cases import make_search as make_search_of
from searches import make_blobs, make_search
from sklearn.exceptions import FitFailedWarning

from metaling_sk._utils import progress
from metaling_sk._utils.progress import Progress

NAP = 0.005
N_FOLDS, N_EPOCHS, N_LAST = 3, 9 + 3 * 2 + 6, 9
REFIT = N_LAST * N_FOLDS / (N_FOLDS - 1)


@pytest.fixture
def expected(monkeypatch):
    """The calls of `expect`, with the units that were done before."""
    calls = []
    monkeypatch.setattr(
        Progress, "expect", lambda bar, seconds: calls.append((bar._n_done, seconds))
    )
    return calls


def test_the_whole_plan_is_expected_after_two_fits(expected):
    make_search(nap=NAP, verbose=1).fit(*make_blobs())
    ((n_done, seconds),) = expected
    assert n_done == 1  # The second fit is shown next.
    # Each epoch takes a nap at least, and every epoch to come counts, with those of the refit.
    assert seconds >= NAP * (N_FOLDS * N_EPOCHS - 2 + REFIT)


def test_what_the_checkpoint_has_is_not_expected_again(expected, tmp_path):
    search = make_search(tmp_path, nap=NAP).fit(*make_blobs())
    expected.clear()
    search.fit(*make_blobs())
    assert expected == []


def test_a_fit_that_failed_says_nothing_about_time(expected):
    with pytest.warns((FitFailedWarning, UserWarning)):
        make_search_of(Failing(), {"fail": ["fit", None]}, n_iter=2, verbose=1).fit(X, Y)
    ((n_done, _),) = expected
    assert n_done == 4


def test_the_time_is_written_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.0)
    with redirect_stderr(io.StringIO()) as pipe:
        make_search(nap=NAP, verbose=1).fit(*make_blobs())
    first, last = pipe.getvalue().splitlines()
    assert first.startswith("MetaParamSearchCV: about ") and first.endswith(" s to go")
    assert last.startswith(f"MetaParamSearchCV: cross-validation, {N_FOLDS * N_EPOCHS} epochs in ")
