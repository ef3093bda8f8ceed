"""`language_features`: what is known of a language before its first sample."""

import numpy as np
import pandas as pd
import pytest
from marks import predicts_unseen_languages
from meta_net_cases import FEATURES, LANGUAGES, fit, fitted, make_model, make_numbers


@predicts_unseen_languages
def test_features_place_a_language_without_rows():
    X, y, language = make_numbers()
    X_new, y_new, new = make_numbers(["as is 3", "opposite 3"], seed=7)
    without = make_model("numbers").fit(X, y, language=language)
    with_twin = pd.concat([FEATURES, FEATURES.loc[["as is 3"]].set_axis(["twin"])])
    placed = make_model("numbers", language_features=with_twin).fit(X, y, language=language)
    assert placed.languages_ == [*LANGUAGES, "as is 3", "opposite 3", "twin"]
    assert placed.architecture_.keys() == set(placed.languages_)
    assert placed.score(X_new, y_new, language=new) > 0.9
    assert without.score(X_new, y_new, language=new) < 0.7
    # Nothing but the features counts.
    np.testing.assert_array_equal(
        placed.predict_proba(X_new, language="as is 3"),
        placed.predict_proba(X_new, language="twin"),
    )
    # A language of which nothing is said is one of no language in particular.
    assert placed.score(X_new, y_new, language="unseen") < 0.7


def test_languages_without_features_or_values():
    X, y, language = make_numbers()
    gaps = FEATURES.drop(index="as is 2").assign(nothing=np.nan, same=3.0)
    gaps.loc["as is 3", "number"] = np.nan
    model = make_model("numbers", language_features=gaps).fit(X, y, language=language)
    X_new, y_new, new = make_numbers(["as is 3", "opposite 3", "as is 2"], seed=7)
    assert model.score(X_new, y_new, language=new) > 0.9
    assert np.isfinite(model.embeddings_).all(axis=None)


def test_features_are_standardised_and_not_written_to():
    X, y, language = make_numbers()
    given_ones = FEATURES.copy()
    one = make_model("numbers", language_features=given_ones, max_epochs=1)
    one.fit(X, y, language=language)
    pd.testing.assert_frame_equal(given_ones, FEATURES)
    shifted = make_model("numbers", language_features=100 * FEATURES + 7, max_epochs=1)
    shifted.fit(X, y, language=language)
    np.testing.assert_allclose(
        one.predict_proba(X, language=language), shifted.predict_proba(X, language=language)
    )


BAD_FEATURES = {
    "text": (FEATURES.assign(family="Sinitic"), "must hold numbers only"),
    "twice": (FEATURES.rename({"as is 2": "as is 1"}), r"has more than one row for \['as is 1'\]"),
    "infinite": (FEATURES.assign(speakers=np.inf), "holds infinity; use NaN for what is not"),
}


@pytest.mark.parametrize("name", BAD_FEATURES)
def test_bad_features(name):
    features, message = BAD_FEATURES[name]
    model = make_model("numbers", language_features=features)
    with pytest.raises(ValueError, match=f"`language_features` {message}"):
        fit(model, *make_numbers())


@pytest.mark.parametrize("features", [{"en": [1]}, np.eye(2), "wals"])
def test_other_types(features):
    model = make_model("numbers", language_features=features)
    with pytest.raises(ValueError, match="'language_features' .* 'pandas.DataFrame', .* {'uriel'}"):
        fit(model, *make_numbers())


def test_embeddings():
    model = fitted("numbers")
    embeddings = model.embeddings_
    assert embeddings.index.tolist() == model.languages_ == ["as is 1", "opposite 1"]
    assert not np.allclose(*embeddings.to_numpy())
