"""A model of numbers knows them again in whatever form they come."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from input_kinds import outputs
from scipy import sparse
from sklearn.base import clone, is_classifier

from metaling_sk import (
    LanguageStandardScaler,
    LinearTransferClassifier,
    MetaNetClassifier,
    MetaNetRegressor,
    TransferClassifier,
    TransferRegressor,
)

RNG = np.random.default_rng(0)
LANGUAGE = np.repeat(["de", "en", "zh"], 20)
X = np.round(RNG.normal(size=(60, 6)), 1) + 3 * (LANGUAGE == "zh")[:, None]
X[:, 3:] *= RNG.random((60, 3)) < 0.2
STARS = X[:, 0] - X[:, 1]

FORMS = {
    "dense": np.asarray,
    "csr": sparse.csr_array,
    "csr of large indices": lambda X: _with_large_indices(sparse.csr_array(X)),
    "coo": sparse.coo_matrix,
    "read-only columns": lambda X: _read_only(np.asfortranarray(X)),
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "objects": lambda X: X.astype(object),
    "polars": pl.DataFrame,
    "torch": torch.tensor,
    "nullable": lambda X: pd.DataFrame(X).astype("Float64"),
}
MODELS = {
    "transfer": TransferClassifier(verbose=0, random_state=0),
    "trained": TransferClassifier(verbose=0, random_state=0, learning_rate=0.01, max_epochs=2),
    "linear": LinearTransferClassifier(verbose=0, random_state=0),
    "meta network": MetaNetClassifier(verbose=0, random_state=0),
    "regressor": TransferRegressor(verbose=0, random_state=0),
    "meta regressor": MetaNetRegressor(verbose=0, random_state=0),
    "scaler": LanguageStandardScaler(),
}


def _with_large_indices(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def _read_only(X):
    X.flags.writeable = False
    return X


def _compute(model, X, language):
    if hasattr(model, "predict"):
        return outputs(model, X, language=language)
    found = model.transform(X, language=language)
    return found.toarray() if sparse.issparse(found) else found


@pytest.mark.parametrize("fitted_on", ["dense", "csr"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_predictions_are_those_of_the_form_of_fit(name, fitted_on):
    model, form = clone(MODELS[name]), FORMS[fitted_on]
    y = (STARS > STARS.mean()).astype(int) if is_classifier(model) else STARS
    model.fit(form(X), y, language=LANGUAGE)
    expected = _compute(model, form(X[::2]), LANGUAGE[::2])
    for other in FORMS.values():
        np.testing.assert_allclose(
            _compute(model, other(X[::2]), LANGUAGE[::2]), expected, atol=1e-12
        )
    if not hasattr(model, "adapt"):
        return
    alike = clone(model).fit(form(X), y, language=LANGUAGE)
    for rows, other in ((slice(5), "dense"), (slice(20, 25), "csr"), (slice(40, 45), "dense")):
        model.adapt(FORMS[other](X[rows]), y[rows], language="nl")
        alike.adapt(form(X[rows]), y[rows], language="nl")
    np.testing.assert_allclose(_compute(model, X, "nl"), _compute(alike, X, "nl"), atol=1e-12)
