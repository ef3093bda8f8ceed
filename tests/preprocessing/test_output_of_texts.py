"""What transformers of texts return, as `set_output` says."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from marks import requires
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from tiny import DICTIONARY, make_pair
from tiny_translators import make_pairs, make_quick

from metaling_sk import DictionaryTranslator, LanguageIdentifier, LinearTransferClassifier

X, Y = make_pair(10, 10)
X.index = range(100, 100 + len(X))
PAIRS, TRANSLATIONS = make_pairs()
NAMES = ["text", "language"]


@pytest.fixture(
    params=["dictionary", "network", pytest.param("identifier", marks=requires("py3langid"))]
)
def fitted(request):
    if request.param == "network":
        return make_quick(target_language="jav").fit(PAIRS, TRANSLATIONS)
    if request.param == "identifier":
        return LanguageIdentifier(on_conflict="ignore").fit(X)
    return DictionaryTranslator(DICTIONARY, target_language="zh", random_state=0).fit(X)


def table_of(fitted):
    return PAIRS[NAMES] if hasattr(fitted, "net_") else X


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_tables_of_every_form(fitted, kind):
    table = table_of(fitted)
    expected = fitted.transform(table)
    fitted.set_output(transform=kind.__module__.split(".")[0]).set_output()
    assert isinstance(clone(fitted).set_output(transform="default"), type(fitted))
    forms = {"table": table, "rows": table.to_numpy(), "texts": table["text"], "polars": None}
    forms["polars"] = pl.from_dict(table.to_dict("list"))
    for form in forms.values():
        found = fitted.transform(form)
        assert isinstance(found, kind) and list(found.columns) == NAMES[: found.shape[1]]
    found = fitted.transform(table)
    assert {name: list(found[name]) for name in NAMES} == expected.to_dict("list")
    if kind is pd.DataFrame:
        pd.testing.assert_frame_equal(found, expected)
        assert fitted.transform(table["text"]).index.equals(table.index)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_pipelines_and_column_transformers(fitted, kind):
    table = table_of(fitted)
    columns = ColumnTransformer([("texts", fitted, NAMES)], verbose_feature_names_out=False)
    y = TRANSLATIONS if table is not X else None
    for around in (make_pipeline(fitted), columns):
        around = clone(around).set_output(transform=kind.__module__.split(".")[0])
        found = around.fit(table, y).transform(table)
        assert isinstance(found, kind) and list(found.columns) == NAMES


def test_the_output_that_is_set_for_all_changes_no_prediction():
    model = LinearTransferClassifier(dictionary=DICTIONARY, n_topics=1, random_state=0, verbose=0)
    expected = model.fit(X, Y).predict_proba(X)
    with config_context(transform_output="pandas"):
        np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X), expected)
        assert isinstance(model.translator_.transform(["good"], language=["en"]), pd.DataFrame)
