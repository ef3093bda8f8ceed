"""Codes of one language in several standards."""

import pytest

from metaling_sk._data.suspicions import suspect_names
from metaling_sk._utils.language_codes import ISO_639_3, OTHER_NAMES
from metaling_sk.datasets._afrisenti import AFRISENTI
from metaling_sk.datasets._nusax import NUSAX
from metaling_sk.datasets._sib200 import SIB200


def test_a_library_knows_the_same_codes():
    Language = pytest.importorskip("langcodes").Language
    for code, expected in ISO_639_3.items():
        assert Language.get(code, normalize=False).to_alpha3() == expected
    for code, expected in OTHER_NAMES.items():
        assert Language.get(code).prefer_macrolanguage().to_alpha3() == expected


@pytest.mark.parametrize("corpus", [NUSAX, SIB200, AFRISENTI])
def test_no_corpus_names_a_language_twice(corpus):
    languages = corpus.languages("train")
    suspect_names(None, languages, languages)
