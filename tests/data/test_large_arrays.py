"""Arrays in temporary files, from a size on."""

import copy
import gc
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tiny_audio
import tiny_images
from full_disk import full_disk
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from skorch.callbacks import Callback
from tiny import make_classifier, make_meta_net, make_pair
from transformers import AutoTokenizer

from metaling_sk._data import large_arrays, tokens
from metaling_sk._data.large_arrays import collect, concatenate, new_array, take
from metaling_sk._data.tokens import call_tokenizer
from metaling_sk._encoders.memory_cache import CACHE

X, Y = make_pair(n_labelled=10)
IMAGES, RECORDINGS = tiny_images.make_pair(12, 12), tiny_audio.make_pair(12, 12)
MODELS = {
    "trained": (make_classifier(), X, Y),
    "frozen": (make_classifier(trainable="head"), X, Y),
    "meta network, frozen": (make_meta_net(trainable="head"), X, Y),
    "images": (tiny_images.make_classifier(), *IMAGES),
    "recordings": (tiny_audio.make_classifier(), *RECORDINGS),
    "waves": (tiny_audio.make_classifier(encoder=tiny_audio.make_wave_config()), *RECORDINGS),
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Put every array into a file of a folder; return the files that are mapped."""
    mapped = []

    def note(file, dtype):
        mapped.append(file)
        return map_file(file, dtype)

    map_file = large_arrays._map
    monkeypatch.setattr(large_arrays, "_map", note)
    monkeypatch.setattr(large_arrays, "BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield mapped
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    maps = Path("/proc/self/maps")
    if maps.exists():  # What is still mapped takes room on the disk.
        gc.collect()
        assert str(tmp_path) not in maps.read_text()


def fitted(name):
    model, X, y = MODELS[name]
    return clone(model).fit(X, y)


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_the_same_with_its_arrays_in_files(name, files, monkeypatch):
    X = MODELS[name][1]
    with monkeypatch.context() as patch:
        patch.setattr(large_arrays, "BYTES_IN_MEMORY", 1e9)
        expected = fitted(name).predict_proba(X)
    assert not files
    CACHE.clear()
    model = fitted(name)
    n_of_fit = len(files)
    for each in (model, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(each.predict_proba(X), expected)
    assert 0 < n_of_fit < len(files)


def test_no_file_is_left_after_an_error(files):
    class Fail(Callback):
        def on_batch_end(self, net, **kwargs):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        make_classifier(callbacks=[Fail()]).fit(X, Y)
    assert files


def test_no_file_is_left_if_the_tokenizer_fails(files, bert, monkeypatch):
    tokenizer = AutoTokenizer.from_pretrained(bert)
    texts = iter(["good hotel"] * 3 + ["broken"])

    def fail(columns, *args, **kwargs):
        if "broken" in columns[0]:
            raise RuntimeError("broken")
        return call_tokenizer(columns, *args, **kwargs)

    monkeypatch.setattr(tokens, "call_tokenizer", fail)
    monkeypatch.setattr(tokens, "TEXTS_AT_A_TIME", 1)
    with pytest.raises(RuntimeError, match="broken"):
        tokens.tokenize(texts, tokenizer, 8)


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("name", ["trained", "frozen", "recordings"])
def test_without_room_on_the_disk_arrays_are_in_memory(name, files):
    with full_disk():
        model = fitted(name)
    assert not files
    X = MODELS[name][1]
    np.testing.assert_array_equal(model.predict_proba(X), fitted(name).predict_proba(X))


def test_without_a_folder_arrays_are_in_memory(files, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert new_array((2, 3), np.float32).shape == (2, 3)
    assert concatenate([np.arange(3)], np.int64).tolist() == [0, 1, 2]
    assert not files


@given(
    st.lists(st.integers(0, 40), max_size=30),
    st.integers(0, 2000),
    st.sampled_from([None, 0, 300, 1000]),
)
def test_arrays_are_joined(sizes, n_bytes_in_memory, room):
    arrays = [np.arange(size, dtype=np.int32) + size for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_arrays, "BYTES_IN_MEMORY", n_bytes_in_memory)
        if room is None:
            joined = concatenate(arrays, np.int32)
        else:
            with full_disk(room):
                joined = concatenate(arrays, np.int32)
        parts = collect(arrays, np.int32) if arrays else []
    np.testing.assert_array_equal(joined, np.concatenate([np.empty(0, np.int32), *arrays]))
    assert joined.dtype == np.int32
    assert [part.tolist() for part in parts] == [array.tolist() for array in arrays]


def test_rows_are_taken_and_what_is_pickled_is_an_ordinary_array(files):
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    taken = take(values, np.array([3, 0, 3]))
    assert len(files) == 1
    taken[1] += 1
    again = pickle.loads(pickle.dumps(taken))
    for array in (taken, again, copy.deepcopy(taken)):
        assert array.tolist() == [[9, 10, 11], [1, 2, 3], [9, 10, 11]]
    assert values[0].tolist() == [0, 1, 2]


def test_a_system_that_cannot_reserve_room_writes_zeros(files, monkeypatch):
    monkeypatch.delattr("os.posix_fallocate", raising=False)
    array = new_array((3, 200_000), np.int64)
    assert len(files) == 1 and not array.any()
    with full_disk(1_000_000):
        assert new_array((3, 200_000), np.int64).shape == (3, 200_000)
    assert len(files) == 1
