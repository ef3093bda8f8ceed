"""Which languages are likely to help."""

import numpy as np
import pandas as pd
import pytest

from metaling_sk.inspection import rank_source_languages

TEXTS = ["el hotel bueno", "la comida", "o hotel bom", "a comida", "das gute hotel", "das essen"]
LANGUAGE = ["es", "es", "pt", "pt", "de", "de"]


def test_a_transfer_matrix_decides():
    matrix = pd.DataFrame(
        [[0.9, 0.6, 0.7], [0.5, 0.9, 0.8], [0.4, 0.6, 0.9]], list("abc"), list("abc")
    )
    table = rank_source_languages("a", matrix=matrix)
    assert table.index.tolist() == ["b", "c"]
    assert table["score"].tolist() == [0.5, 0.4]
    table = rank_source_languages("c", matrix=matrix)
    assert table.index.tolist() == ["b", "a"]


def test_texts_decide_where_there_are_no_labels():
    table = rank_source_languages("pt", texts=TEXTS, language=LANGUAGE)
    assert table.index.tolist() == ["es", "de"]
    # "hotel" and "comida", of 5 words in one language and 3 in the other.
    assert table.loc["es", "words"] == pytest.approx(1 - 2 * 2 / (5 + 3))
    assert 0 < table.loc["es", "characters"] < table.loc["de", "characters"] < 1


def test_tables_and_rows_have_their_languages():
    table = pd.DataFrame({"text": TEXTS, "language": LANGUAGE})
    expected = rank_source_languages("pt", texts=TEXTS, language=LANGUAGE)
    vectors = np.eye(6)
    for texts in (table, table.to_numpy(dtype=object)):
        pd.testing.assert_frame_equal(rank_source_languages("pt", texts=texts), expected)
        both = rank_source_languages("pt", texts=texts, representations=vectors)
        assert "representations" in both


@pytest.mark.parametrize("texts", [["", "", ""], ["a b", "b c", "?"], ["hotel", "", ""]])
def test_languages_without_a_word(texts):
    table = rank_source_languages("a", texts=texts, language=["a", "b", "c"])
    assert sorted(table.index) == ["b", "c"] and table["rank"].notna().all()
    assert ((table["words"] == 1) if texts[0] == "hotel" else table["words"].isna()).all()


def test_representations_decide():
    vectors = np.array([[1.0, 0], [1, 0.1], [0.9, 0], [1, 0.2], [-1, 0], [-1, 0.1]])
    vectors += [0, 9]  # What all have in common does not count.
    table = rank_source_languages("de", representations=vectors, language=LANGUAGE)
    assert table.columns.tolist() == ["representations", "rank"]
    assert (table["representations"] > 1.9).all()
    table = rank_source_languages("es", representations=vectors, language=LANGUAGE)
    assert table.index.tolist() == ["pt", "de"]


def test_families_decide():
    pytest.importorskip("lang2vec")
    matrix = pd.DataFrame(0.5, ["es", "de", "zh"], ["es", "de", "zh"])
    table = rank_source_languages("pt", matrix=matrix, uriel=True)
    assert table.index.tolist() == ["es", "de", "zh"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to rank"),
        ({"texts": TEXTS}, "`language` must name"),
        ({"texts": TEXTS, "language": ["es"] * 6}, "no row of 'pt'"),
        ({"texts": TEXTS, "language": ["pt"]}, "inconsistent numbers"),
        ({"texts": [*TEXTS[1:], None], "language": LANGUAGE}, "`texts` must be strings.*row 5"),
        ({"representations": [[np.nan]] * 6, "language": LANGUAGE}, "`representations`.*NaN"),
        ({"matrix": pd.DataFrame([[1.0]], [0], ["pt"])}, "name each language once"),
        ({"matrix": pd.DataFrame([[1.0]] * 2, ["es", "es"], ["pt"])}, "name each language once"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        rank_source_languages("pt", **arguments)
