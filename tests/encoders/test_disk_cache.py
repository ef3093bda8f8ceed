import os
import pickle
import shutil
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from disk_cache_jobs import X, Y, double
from sklearn.base import clone
from tiny import DEVICE, ODD_TEXTS, make_classifier, make_config
from tokenizers import normalizers

import metaling_sk._data.tokens as token_ids
import metaling_sk._encoders.scratch as scratch
from metaling_sk import EncoderVectorizer
from metaling_sk._data.samples import Samples
from metaling_sk._data.tokens import Tokens, tokenize, tokenizer_digest
from metaling_sk._encoders.disk_cache import (
    ARRAY_BYTES,
    FILE_BYTES,
    MAX_BYTES,
    DiskCache,
    active_disk_cache,
    use_disk_cache,
)
from metaling_sk._encoders.encode import encode
from metaling_sk._encoders.encoding_parameters import EncodingParameters
from metaling_sk._encoders.memory_cache import CACHE, keys_of
from metaling_sk._encoders.modalities import MODALITIES
from metaling_sk._encoders.text_encoder import TextEncoder

TEXTS = np.array([*X["text"][25:35], *ODD_TEXTS.values(), "room " * 200, ""], dtype=object)
LANGUAGE = np.array(["en"] * len(TEXTS), dtype=object)
PLAIN = {"device": DEVICE, "dtype": "float32", "verbose": 0}
pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture
def calls(monkeypatch):
    """How many texts are encoded and tokenised, and how many tokenizers trained."""
    counts = {"encode": 0, "tokenize": 0, "train": 0}

    def count(module, name, what, size):
        function = getattr(module, name)

        def counted(*args, **parameters):
            counts[what] += size(*args, **parameters)
            return function(*args, **parameters)

        monkeypatch.setattr(module, name, counted)

    count(TextEncoder, "forward", "encode", lambda self, input_ids, **rest: len(input_ids))
    count(
        token_ids, "call_tokenizer", "tokenize", lambda columns, *rest, **options: len(columns[0])
    )
    count(scratch, "_train", "train", lambda *args: 1)
    return counts


def make_encoder(texts=TEXTS, **parameters):
    samples = Samples(texts, None, LANGUAGE[: len(texts)])
    return MODALITIES["texts"].make_encoder(
        EncodingParameters(make_config(), **parameters), samples
    )


def files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.suffix in (".arrays", ".tmp"))


# The store


def test_rows_are_computed_once(tmp_path):
    store = DiskCache(tmp_path)
    keys = keys_of(b"key", ["a", "b", "", "\ud800", "b"])
    log = tmp_path / "log"
    log.mkdir()
    for asked in (keys[:2], keys, keys[::-1], []):
        rows = store.get_or_compute("numbers", asked, double(asked, log))
        assert [row.tobytes() for row in rows] == asked
    assert len(list(log.iterdir())) == 4
    assert not store.is_full
    store.get_or_compute("others", keys, double(keys, log))
    assert len(list(log.iterdir())) == 8


def test_keys_may_end_in_zeros_and_rows_be_ragged_or_empty(tmp_path):
    keys = [bytes(16), bytes(15) + b"\1", b"\1" + bytes(15)]
    rows = [np.arange(size, dtype=np.int32) for size in (3, 0, 1)]
    for _ in range(2):
        found = DiskCache(tmp_path).get_or_compute("rows", keys, lambda positions: rows)
        for row, expected in zip(found, rows, strict=True):
            np.testing.assert_array_equal(row, expected, strict=True)
    only_empty = keys[1:2]
    for _ in range(2):
        assert (
            len(DiskCache(tmp_path).get_or_compute("empty", only_empty, lambda _: rows[1:2])[0])
            == 0
        )


def test_damaged_files_are_computed_again(tmp_path):
    """Bits that flipped anywhere, files that were cut off, and files of other content."""
    rng = np.random.default_rng(0)
    keys = keys_of(b"key", map(str, range(20)))
    expected = [
        row.copy() for row in DiskCache(tmp_path).get_or_compute("numbers", keys, double(keys))
    ]
    (path,) = files(tmp_path)
    intact = path.read_bytes()
    for number in range(200):
        damaged = bytearray(intact)
        if number % 4 == 3:
            damaged = damaged[: rng.integers(len(intact))]
        else:
            damaged[rng.integers(len(intact))] ^= 1 << rng.integers(8)
        for old in files(tmp_path):
            old.unlink()
        path.write_bytes(damaged)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = DiskCache(tmp_path).get_or_compute("numbers", keys, double(keys))
        for row, right in zip(found, expected, strict=True):
            np.testing.assert_array_equal(row, right, strict=True)
        assert all(str(path) in str(warning.message) for warning in caught)


def test_a_damaged_file_is_removed_with_a_warning(tmp_path):
    keys = keys_of(b"key", ["a", "b"])
    DiskCache(tmp_path).get_or_compute("numbers", keys, double(keys))
    (path,) = files(tmp_path)
    content = bytearray(path.read_bytes())
    content[130] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=f"{path} was damaged"):
        rows = DiskCache(tmp_path).get_or_compute("numbers", keys, double(keys))
    assert [row.tobytes() for row in rows] == keys
    assert path not in files(tmp_path) and len(files(tmp_path)) == 1


def test_rows_are_views_of_a_memory_map_that_closes(tmp_path):
    keys = keys_of(b"key", map(str, range(10)))
    store = DiskCache(tmp_path)
    n_open = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else None
    for number in range(50):
        store.get_or_compute(f"number-{number}", keys, double(keys))
        rows = store.get_or_compute(f"number-{number}", keys, double(keys))
    assert not rows[0].flags.owndata and not rows[0].flags.writeable
    shutil.rmtree(tmp_path)
    assert [row.tobytes() for row in rows] == keys
    del rows
    if n_open is not None:
        assert len(os.listdir("/proc/self/fd")) == n_open


def test_the_size_is_bounded(tmp_path):
    keys = keys_of(b"key", map(str, range(100)))
    max_bytes = 2 * FILE_BYTES + 70 * (ARRAY_BYTES + 16) + 5
    for start in (0, 50):
        store = DiskCache(tmp_path, max_bytes)
        asked = keys[start : start + 50]
        rows = store.get_or_compute("numbers", asked, double(asked))
        assert [row.tobytes() for row in rows] == asked
        assert store.is_full == (start == 50)
    assert sum(path.stat().st_size for path in files(tmp_path)) == max_bytes - 5
    missing = []
    rows = store.get_or_compute(
        "numbers", keys, lambda where: missing.extend(where) or double(keys)(where)
    )
    assert [row.tobytes() for row in rows] == keys
    assert missing == list(range(70, 100))


def test_a_full_disk(tmp_path, monkeypatch):
    def save(file, array):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    keys = keys_of(b"key", ["a", "b"])
    store = DiskCache(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", save)
        rows = store.get_or_compute("numbers", keys, double(keys))
    assert [row.tobytes() for row in rows] == keys
    assert store.is_full and files(tmp_path) == []


def test_a_folder_that_its_owner_removes(tmp_path):
    keys = keys_of(b"key", ["a", "b"])
    store = DiskCache(tmp_path / "store")
    (tmp_path / "store").mkdir()
    rows = store.get_or_compute("numbers", keys[:1], double(keys))

    def compute(positions):
        shutil.rmtree(tmp_path / "store")
        return double(keys)(positions)

    rows = store.get_or_compute("numbers", keys, compute)
    assert [row.tobytes() for row in rows] == keys
    assert not (tmp_path / "store").exists()
    rows = store.get_or_compute("numbers", keys, double(keys))
    assert [row.tobytes() for row in rows] == keys
    assert not (tmp_path / "store").exists()


def test_an_error_frees_the_lock(tmp_path):
    def fail(positions):
        raise ValueError("no")

    keys = keys_of(b"key", ["a"])
    with pytest.raises(ValueError, match="no"):
        DiskCache(tmp_path).get_or_compute("numbers", keys, fail)
    assert DiskCache(tmp_path).get_or_compute("numbers", keys, double(keys))[0].tobytes() == keys[0]


# Processes


KILLED = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from metaling_sk._encoders.disk_cache import DiskCache

def kill(*args):
    os.kill(os.getpid(), signal.SIGKILL)

def compute(positions):
    print("computing", flush=True)
    if sys.argv[2] == "compute":
        time.sleep(60)
    return np.ones((len(positions), 4))

Path.replace = kill
DiskCache(sys.argv[1]).get_or_compute("numbers", [bytes(16)], compute)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("when", ["compute", "write"])
def test_a_process_that_is_killed(tmp_path, when):
    command = [sys.executable, "-c", KILLED, str(tmp_path), when]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"computing\n"
        if when == "compute":
            process.kill()
        assert process.wait(60) == -signal.SIGKILL
    assert [path.suffix for path in files(tmp_path)] == ([".tmp"] if when == "write" else [])
    keys = [bytes(16), b"k" * 16]
    for _ in range(2):
        rows = DiskCache(tmp_path).get_or_compute("numbers", keys, double(keys))
        assert [row.tobytes() for row in rows] == keys
    assert [path.suffix for path in files(tmp_path)] == [".arrays"]


MAKER = """
import sys
from multiprocessing import get_context
from metaling_sk._encoders.disk_cache import use_disk_cache

def use(folder):
    with use_disk_cache(folder):
        print("made")

if __name__ == "__main__":
    process = get_context("spawn").Process(target=use, args=(sys.argv[1],))
    process.start()
    process.join()
"""


def test_who_makes_the_folder_removes_it_in_the_end(tmp_path):
    (tmp_path / "maker.py").write_text(MAKER)
    command = [sys.executable, str(tmp_path / "maker.py"), str(tmp_path / "new" / "store")]
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == b"made"
    assert not (tmp_path / "new" / "store").exists()
    (tmp_path / "new" / "store").mkdir()
    subprocess.run(command, capture_output=True, check=True)
    assert (tmp_path / "new" / "store").exists()


# use_disk_cache


def test_the_active_store(tmp_path):
    assert active_disk_cache() is None
    with use_disk_cache(None):
        assert active_disk_cache() is None
    with use_disk_cache(tmp_path / "a"):
        outer = active_disk_cache()
        assert (outer.folder, outer.remember) == (tmp_path / "a", False)
        assert outer.folder.is_dir() and outer.max_bytes == MAX_BYTES
        with use_disk_cache(None, remember=True):
            assert active_disk_cache() is outer
        with pytest.raises(KeyError), use_disk_cache(str(tmp_path / "b"), remember=True):
            assert active_disk_cache().folder == tmp_path / "b" and active_disk_cache().remember
            with ThreadPoolExecutor(1) as threads:
                assert threads.submit(active_disk_cache).result() is None
            raise KeyError
        assert active_disk_cache() is outer
    assert active_disk_cache() is None


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    encoder = make_encoder()
    expected = encode(TEXTS, encoder, 8)
    CACHE.clear()
    with use_disk_cache(tmp_path / "file" / "store"):
        np.testing.assert_array_equal(encode(TEXTS, encoder, 8), expected)


# Vectors


def test_vectors(tmp_path, calls):
    encoder = make_encoder()
    expected = encode(TEXTS, encoder, 8)
    n_texts = len(set(TEXTS))
    assert calls["encode"] == n_texts
    CACHE.clear()
    with use_disk_cache(tmp_path):
        np.testing.assert_array_equal(encode(TEXTS, encoder, 8), expected, strict=True)
        assert calls["encode"] == 2 * n_texts
        assert CACHE.get(keys_of(encoder.fingerprint, TEXTS)) == [None] * len(TEXTS)
        fresh = pickle.loads(pickle.dumps(encoder))
        vars(fresh).pop("fingerprint")
        vectors = encode(TEXTS[::-1], fresh, 3)
        np.testing.assert_array_equal(vectors[::-1], expected)
        vectors[0] = 7  # the caller's own
        other = encode(TEXTS, make_encoder(pooling="cls"), 8)
        assert not np.allclose(other, expected)
    assert calls["encode"] == 3 * n_texts
    with use_disk_cache(tmp_path, remember=True):
        np.testing.assert_array_equal(encode(TEXTS, encoder, 8), expected)
    shutil.rmtree(tmp_path)
    np.testing.assert_array_equal(encode(TEXTS, encoder, 8), expected)
    with use_disk_cache(tmp_path):
        np.testing.assert_array_equal(encode(TEXTS, encoder, 8), expected)
    assert calls["encode"] == 3 * n_texts


def test_what_the_store_has_no_room_for_stays_in_memory(tmp_path, calls, monkeypatch):
    monkeypatch.setattr(DiskCache.__init__, "__defaults__", (2000, False))
    encoder = make_encoder()
    vectors = []
    for _ in range(2):
        with use_disk_cache(tmp_path):
            vectors.append(encode(TEXTS, encoder, 8))
    np.testing.assert_array_equal(*vectors)
    assert calls["encode"] == len(set(TEXTS))


@pytest.mark.parametrize("trainable", ["head", "all"])
@pytest.mark.parametrize("kind", ["config", "checkpoint"])
def test_predictions_are_the_same(tmp_path, calls, bert, trainable, kind):
    encoder = make_config() if kind == "config" else bert
    model = make_classifier(encoder=encoder, trainable=trainable, target_languages="zh")
    expected = clone(model).fit(X, Y).predict_proba(X)
    CACHE.clear()
    with use_disk_cache(tmp_path):
        np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X), expected)
        before = dict(calls)
        np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X), expected)
    if trainable == "all":
        before["encode"] = calls["encode"]
    assert calls == before


# Tokens


def test_tokens(tmp_path, calls):
    encoder = make_encoder()
    expected = encoder.tokenize(TEXTS)
    with use_disk_cache(tmp_path):
        for _ in range(3):
            tokens = encoder.tokenize(TEXTS)
            for name in ("ids", "offsets"):
                np.testing.assert_array_equal(
                    getattr(tokens, name), getattr(expected, name), strict=True
                )
            tokens.ids[0] = 7  # the caller's own
        assert calls["tokenize"] == len(TEXTS) + len(set(TEXTS))
        short = make_encoder(max_length=2).tokenize(TEXTS)
        longer = make_encoder(prompt="good ").tokenize(TEXTS)
    assert short.lengths.max() == 2
    assert longer.lengths.sum() > expected.lengths.sum()


def test_rows_of_tokens():
    tokens = tokenize(TEXTS, make_encoder().tokenizer, 20)
    again = Tokens.from_rows(tokens.to_rows())
    np.testing.assert_array_equal(again.ids, tokens.ids, strict=True)
    np.testing.assert_array_equal(again.offsets, tokens.offsets, strict=True)
    none = Tokens.from_rows([])
    assert len(none) == 0 and none.to_rows() == [] and none.ids.dtype == np.int32


def test_the_digest_of_a_tokenizer():
    tokenizer = make_encoder().tokenizer
    digest = tokenizer_digest(tokenizer)
    tokenizer(["a text"], truncation=True, max_length=3, padding="max_length")
    assert tokenizer_digest(tokenizer) == digest
    assert tokenizer_digest(pickle.loads(pickle.dumps(tokenizer))) == digest
    assert tokenizer_digest(make_encoder(TEXTS[:5]).tokenizer) != digest
    tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()
    assert tokenizer_digest(tokenizer) != digest


def test_the_digest_of_a_tokenizer_in_python():
    class Words:
        unk_token_id, eos_token_id, pad_token_id = 0, None, None

        def __init__(self, **init_kwargs):
            self.init_kwargs = init_kwargs

        def get_vocab(self):
            return {"<unk>": 0, "a": 1}

    digest = tokenizer_digest(Words(lower=True))
    assert tokenizer_digest(Words(lower=True)) == digest
    assert tokenizer_digest(Words(lower=False)) != digest


# Tokenizers


def test_a_tokenizer_is_trained_once_per_texts(tmp_path, calls):
    expected = scratch.train_tokenizer(TEXTS, LANGUAGE, 300)
    with use_disk_cache(tmp_path):
        for _ in range(3):
            tokenizer = scratch.train_tokenizer(TEXTS, LANGUAGE, 300)
            assert tokenizer.backend_tokenizer.to_str() == expected.backend_tokenizer.to_str()
            assert tokenizer.special_tokens_map == expected.special_tokens_map
        assert calls["train"] == 2
        scratch.train_tokenizer(TEXTS, LANGUAGE, 299)
        scratch.train_tokenizer(TEXTS[::-1], LANGUAGE, 300)
        scratch.train_tokenizer(np.array(["ab", "c"], dtype=object), LANGUAGE[:2], 300)
        scratch.train_tokenizer(np.array(["a", "bc"], dtype=object), LANGUAGE[:2], 300)
        assert calls["train"] == 6


def test_the_vectorizer_finds_all_of_it(tmp_path, calls):
    vectorizer = EncoderVectorizer(make_config(), random_state=0, **PLAIN)
    expected = clone(vectorizer).fit_transform(TEXTS)
    CACHE.clear()
    with use_disk_cache(tmp_path):
        for _ in range(2):
            np.testing.assert_array_equal(clone(vectorizer).fit_transform(TEXTS), expected)
    n_texts = len(set(TEXTS))
    assert calls == {"encode": 2 * n_texts, "tokenize": 2 * n_texts, "train": 2}
