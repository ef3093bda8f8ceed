"""`language_features="uriel"`: languages have their place before their first label."""

import sys
import warnings
from importlib import metadata
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from tiny import make_meta_net

from metaling_sk import load
from metaling_sk.exceptions import InputWarning
from metaling_sk.meta_net import _uriel
from metaling_sk.meta_net._uriel import uriel_features

needs_uriel = pytest.mark.skipif(
    not all(map(find_spec, ("lang2vec", "langcodes"))), reason="needs the extra `uriel`"
)


def make_samples(languages, n_rows=10):
    rng = np.random.default_rng(0)
    language = np.repeat(np.array(languages, dtype=object), n_rows)
    return rng.normal(size=(len(language), 3)), np.arange(len(language)) % 2, language


SAME = {
    "Javanese": ["jav", "jv", "jav_Latn", "jv-Latn", "JV", "jv_ID"],
    "Chinese": ["zh", "zho", "cmn", "zh-Hans", "zh_CN", "zho_Hant", "cmn_Hans"],
    "Portuguese": ["pt", "por", "pt-BR", "por_Latn"],
    "Swahili": ["sw", "swa", "swh", "swh_Latn"],
    "Arabic": ["ar", "ara", "arb", "arb_Arab", "ar-EG"],
    "Malay": ["ms", "msa", "zsm", "zsm_Latn"],
    "German": ["de", "deu", "ger", "de-AT"],
}


@needs_uriel
@pytest.mark.parametrize("name", SAME)
def test_all_codes_of_a_language_have_the_same_features(name):
    table = uriel_features(SAME[name])
    assert table.index.tolist() == SAME[name]
    assert table.drop_duplicates().shape == (1, 32)


@needs_uriel
def test_related_languages_stay_apart():
    # Each pair has a macrolanguage in common.
    table = uriel_features(["ind", "zsm", "min", "bjn", "yue", "cmn", "arz", "arb"])
    assert not table.duplicated().any()


def distance(table, first, second):
    return np.linalg.norm(table.loc[first] - table.loc[second])


@needs_uriel
def test_related_languages_are_near():
    table = uriel_features(["jav", "sun", "eng", "deu", "nld", "hin", "urd"])
    for first, near, far in [
        ("jav", "sun", "eng"),
        ("eng", "nld", "jav"),
        ("deu", "nld", "hin"),
        ("hin", "urd", "eng"),
    ]:
        assert distance(table, first, near) < distance(table, first, far)


@needs_uriel
def test_columns_have_the_same_variance():
    table = _uriel._read_table()
    assert np.isfinite(table).all(axis=None)
    np.testing.assert_allclose(table.var(), table.var().mean(), rtol=1e-4)


@needs_uriel
def test_languages_that_uriel_does_not_have():
    X, y, language = make_samples(["jv", "su", "en", "mul", "my dialect"])
    model = make_meta_net(language_features="uriel", residual_penalty=None)
    with pytest.warns(InputWarning, match="of the languages 'mul', 'my dialect', which start from"):
        model.fit(X, y, language=language)
    place = model.net_.module_.hypernetwork.features.any(dim=1).tolist()
    assert place == [False, *(name in ("en", "jv", "su") for name in model.languages_)]


@needs_uriel
@pytest.mark.parametrize("odd", ["", "und", "xx", "x-foo", "-", "日本語", "a" * 300])
def test_no_language_that_uriel_has(odd):
    model = make_meta_net(language_features="uriel")
    X, y, language = make_samples([odd])
    with pytest.raises(ValueError, match=f"features of any language of X: {odd!r}. Name lang"):
        model.fit(X, y, language=language)
    with pytest.raises(NotFittedError):
        model.predict(X)


@needs_uriel
def test_a_language_without_labels_has_its_place():
    X, y, language = make_samples(["jv", "en", "su"])
    y = np.where(language == "su", np.nan, y)
    placed = make_meta_net(language_features="uriel").fit(X, y, language=language)
    without = make_meta_net().fit(X, y, language=language)
    assert placed.languages_ == without.languages_ == ["en", "jv", "su"]
    assert "su" in placed.architecture_.keys() - without.architecture_.keys()


@needs_uriel
def test_it_is_what_the_table_gives():
    X, y, language = make_samples(["jv", "en", "zh-Hans"])
    table = uriel_features(["en", "jv", "zh-Hans"])
    named = make_meta_net(language_features="uriel").fit(X, y, language=language)
    given = make_meta_net(language_features=table).fit(X, y, language=language)
    pd.testing.assert_frame_equal(named.embeddings_, given.embeddings_)


@needs_uriel
def test_clone_save_and_load(tmp_path):
    X, y, language = make_samples(["jv", "su", "en"])
    model = clone(make_meta_net(language_features="uriel")).fit(X, y, language=language)
    model.save(tmp_path)
    loaded = load(tmp_path)
    assert loaded.language_features == "uriel"
    pd.testing.assert_frame_equal(loaded.embeddings_, model.embeddings_)
    np.testing.assert_array_equal(
        loaded.predict_proba(X, language=language), model.predict_proba(X, language=language)
    )
    loaded.adapt(X[:10], y[:10], language="ban")
    refitted = clone(loaded).fit(X, y, language=language)
    pd.testing.assert_frame_equal(refitted.embeddings_, model.embeddings_)


def test_a_package_is_missing(monkeypatch):
    model = make_meta_net(language_features="uriel")
    X, y, language = make_samples(["jv", "en"])
    message = r'"uriel" needs lang2vec and langcodes: pip install "metaling_sk\[uriel\]"$'
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "langcodes", None)
        with pytest.raises(ImportError, match=message):
            model.fit(X, y, language=language)

    def raise_not_found(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(_uriel, "_read_table", _uriel._read_table.__wrapped__)
    monkeypatch.setattr(metadata, "distribution", raise_not_found)
    with pytest.raises(ImportError, match=message):
        model.fit(X, y, language=language)


@needs_uriel
def test_the_package_is_not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "lang2vec", raising=False)  # Other tests may import it.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _uriel._read_table.__wrapped__()
    assert "lang2vec" not in sys.modules
