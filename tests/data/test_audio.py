"""Recordings in a table: every form of them, and what is wrong with others."""

import io
import struct

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from metaling_sk import TransferClassifier
from metaling_sk._data.audio import RECORDINGS, AudioCell
from metaling_sk._data.samples import check_samples
from metaling_sk._data.sounds import Sounds

RATE = 8_000
TONE = (0.5 * np.sin(np.arange(4000) / 5)).astype(np.float32)
ESTIMATOR = TransferClassifier(audio_column="audio")


def written(sound=TONE, rate=RATE, **options):
    file = io.BytesIO()
    soundfile.write(file, sound, rate, **{"format": "WAV", "subtype": "FLOAT"} | options)
    return file.getvalue()


def read(value, max_seconds=30.0):
    ((cell,), _) = RECORDINGS.read(pd.DataFrame({"audio": [value]}), ESTIMATOR)
    return cell.read(max_seconds)


@pytest.mark.parametrize(
    ("form", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "FLOAT", 0),
        ("FLAC", "PCM_24", 1e-6),
        ("OGG", "VORBIS", 0.1),
    ],
)
def test_files_paths_and_bytes_are_the_same_recording(tmp_path, form, subtype, tolerance):
    content = written(format=form, subtype=subtype)
    path = tmp_path / "one.wav"
    path.write_bytes(content)
    for value in (path, str(path), content, {"bytes": content, "path": None}):
        sound, rate = read(value)
        assert rate == RATE and sound.dtype == np.float32
        np.testing.assert_allclose(sound, TONE, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_numbers_of_every_size(dtype):
    scale = -float(np.iinfo(dtype).min) if np.issubdtype(dtype, np.integer) else 1
    array = (TONE * scale).astype(dtype)
    before = array.copy()
    sound, _ = read({"array": array, "sampling_rate": RATE})
    np.testing.assert_allclose(sound, TONE, atol=1e-4)
    np.testing.assert_array_equal(array, before)
    if scale == 1:
        sound, _ = read({"array": array.tolist(), "sampling_rate": RATE, "path": None})
        np.testing.assert_allclose(sound, TONE, atol=1e-4)


def test_floats_somewhat_above_1_are_read():
    np.testing.assert_allclose(read({"array": TONE * 4, "sampling_rate": RATE})[0], TONE * 4)


def test_channels_are_averaged():
    both = np.stack([TONE, np.zeros_like(TONE)])
    for value in (
        {"array": both, "sampling_rate": RATE},
        {"array": both.T, "sampling_rate": RATE},
        written(both.T),
    ):
        np.testing.assert_allclose(read(value)[0], TONE / 2, atol=1e-6)


def test_what_comes_after_some_seconds_is_not_read(tmp_path):
    """An hour, of which the memory holds a second."""
    import tracemalloc

    path = tmp_path / "hour.wav"
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(60):
            file.write(np.zeros(60 * RATE, np.int16))
    tracemalloc.start()
    assert len(read(path, 1.0)[0]) == RATE
    ((cell,), _) = RECORDINGS.read([path], ESTIMATOR)
    cell.key(b"key")
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    assert len(read({"array": TONE, "sampling_rate": RATE}, 0.1)[0]) == RATE // 10


def test_the_channels_of_a_file_are_not_in_memory_at_once(tmp_path):
    import tracemalloc

    n_channels, minute = 16, np.zeros((60 * RATE, 16), np.int16)
    path = tmp_path / "many.wav"
    with soundfile.SoundFile(path, "w", RATE, n_channels, "PCM_16") as file:
        for _ in range(3):
            file.write(minute)
    ((cell,), _) = RECORDINGS.read([path], ESTIMATOR)
    tracemalloc.start()
    sound, _ = cell.read(180.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(sound) == 180 * RATE
    assert peak < n_channels * sound.nbytes / 2


def test_the_key_of_a_recording_tells_its_rate():
    values = [{"array": TONE, "sampling_rate": rate} for rate in (8_000, 8_001)]
    assert len({AudioCell(value, None, 0).key(b"key") for value in values}) == 2


def rated(array, rate=RATE):
    return {"array": array, "sampling_rate": rate}


WRONG = {
    "missing": (None, "NaN or None"),
    "not a number": (np.nan, "NaN or None"),
    "no file": ("there-is-none.wav", "'there-is-none.wav' does not exist"),
    "a number": (3, "a value of type int"),
    "no rate": (TONE, "an array without its sampling rate"),
    "other keys": ({"samples": TONE}, r"a dictionary with the keys \['samples'\]"),
    "rate of zero": (rated(TONE, 0), "a sampling rate of 0 Hz"),
    "rate of nothing": (rated(TONE, None), "a sampling rate of type NoneType"),
    "empty": (rated(np.zeros(0)), "an empty array"),
    "uneven": (rated([[1.0], [1.0, 2.0]]), "an empty array, or none of numbers"),
    "nan": (rated(np.array([0.1, np.nan])), "an array with NaN or infinity"),
    "hidden numbers": (rated(np.ma.masked_equal(TONE, TONE[1])), "an array with NaN"),
    "floats of int16": (
        rated(TONE * 32768),
        r"an array with floats up to 1\S*, which are from -1 to 1; .* divided by",
    ),
    "unsigned": (rated(np.zeros(9, np.uint8)), "an array of uint8; pass floats"),
    "integers of no known scale": (rated([100, -200] * 9), "an array of int64; pass floats"),
    "a number as array": (rated(np.float64(1)), r"an array of shape \(\)"),
    "an array alone": ({"array": TONE}, r"a dictionary with the keys \['array'\]"),
    "words": (rated(["a", "b"]), "an array of <U1"),
    "a picture": (rated(np.zeros((50, 50))), r"an array of shape \(50, 50\)"),
}


@pytest.mark.parametrize(("value", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_no_recording_is_named_with_its_column_and_row(value, reason):
    values = np.empty(3, dtype=object)
    values[:] = [rated(TONE), value, value]
    with pytest.raises(
        ValueError, match=rf"the column 'audio' of X .*rows 1, 2 \(row 1: .*{reason}"
    ):
        RECORDINGS.read(pd.DataFrame({"audio": values}), ESTIMATOR)
    with pytest.raises(ValueError, match="but X holds something else in rows 1, 2"):
        RECORDINGS.read(list(values), ESTIMATOR)


NO_RATE = bytearray(written(subtype="PCM_16"))
NO_RATE[24:28] = struct.pack("<I", 0)
DAMAGED = {
    "text": (b"not a sound", "no recording of a format that soundfile knows"),
    "nothing": (b"", "no recording of a format that soundfile knows"),
    "cut off": (written(subtype="PCM_16")[:4000], "cut off: it has 3956 of 8000 bytes"),
    "cut off, AU": (written(format="AU")[:9024], "cut off: it has 9000 of 16000 bytes"),
    "cut off, AIFF": (written(format="AIFF")[:9054], "cut off: it has .* of 16008 bytes"),
    "cut off, packed": (written(format="FLAC", subtype="PCM_16")[:2000], "cut off|flac|decoder"),
    "no samples": (written(TONE[:0]), "it is empty"),
    "nan": (written(np.array([0.1, np.nan])), "it holds NaN or infinity"),
    "floats of int16": (written(TONE * 32768), "it holds floats up to 1.*, which are from -1 to 1"),
    "rate of zero": (bytes(NO_RATE), "a sampling rate of 0 Hz"),
}


@pytest.mark.parametrize(("content", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_named_with_their_column_and_row(tmp_path, content, reason):
    path = tmp_path / "one.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"one.wav' in row 0 of the column 'audio'.*({reason})"):
        read(path)


def test_a_page_that_was_saved_as_mp3(tmp_path):
    path = tmp_path / "one.mp3"
    path.write_text("<html>not found</html>")
    with pytest.raises(ValueError, match="one.mp3' in row 0 .* no recording of a format"):
        read(path)


@pytest.mark.parametrize("size", [0x7FFFF000, 0xFFFFFFFF])
def test_files_of_a_pipe_do_not_know_their_size(size):
    content = bytearray(written(subtype="PCM_16"))
    place = content.index(b"data") + 4
    content[place : place + 4] = struct.pack("<I", size)
    assert len(read(bytes(content))[0]) == len(TONE)


FORMS = {
    "list": lambda values: values,
    "series": pd.Series,
    "frame": lambda values: pd.DataFrame({"audio": values, "language": "en"}),
    "polars": lambda values: pl.DataFrame({"audio": values, "language": ["en"] * len(values)}),
    "dataset": lambda values: datasets.Dataset.from_dict({"audio": values}),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_tables(form):
    values = [rated(TONE.tolist()), rated(TONE[:9].tolist())]
    samples = check_samples(ESTIMATOR, form(values), [0, 1], reset=True)
    assert samples.kind == "recordings"
    for cell, value in zip(samples.cells, values, strict=True):
        np.testing.assert_allclose(cell.read(9)[0], value["array"], rtol=1e-6)


def test_a_dataset_with_a_column_of_audio(tmp_path):
    path = tmp_path / "one.wav"
    path.write_bytes(written())
    table = datasets.Dataset.from_dict({"audio": [str(path)] * 2, "language": ["en"] * 2})
    table = table.cast_column("audio", datasets.Audio())
    samples = check_samples(ESTIMATOR, table, [0, 1], reset=True)
    for cell in samples.cells:
        np.testing.assert_array_equal(cell.read(9)[0], TONE)


@pytest.mark.parametrize(
    ("X", "reason"),
    [
        (pd.DataFrame({"text": ["a"]}), r"X must have one column 'audio'.*\['text'\]"),
        (rated(TONE), "X is one recording"),
        ("one.wav", "X is of type str.*a list of recordings"),
        ([], "0 sample"),
        (np.zeros((4, 9)), "an array without its sampling rate"),
    ],
)
def test_what_is_no_table_of_recordings(X, reason):
    with pytest.raises(ValueError, match=reason):
        check_samples(ESTIMATOR, X, [0], reset=True)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.sampled_from([(), (3,)]), st.data())
def test_sounds_are_padded_and_selected(lengths, bands, data):
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(length, *bands)).astype(np.float32) for length in lengths]
    sounds = Sounds.join(iter(rows), 2)
    indices = np.array(data.draw(st.lists(st.sampled_from(range(len(rows))), min_size=1)))
    arrays = sounds.take(indices).arrays()
    assert arrays["sounds"].shape[:2] == (len(indices), max(lengths[i] for i in indices))
    for index, padded, mask in zip(indices, *arrays.values(), strict=True):
        np.testing.assert_array_equal(padded[: lengths[index]], rows[index])
        assert not padded[lengths[index] :].any()
        assert mask.sum() == lengths[index]
    assert sounds.take(indices[:0]).array.shape == (0, *bands)
