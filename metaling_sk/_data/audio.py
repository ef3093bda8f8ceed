"""Recordings in a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from math import ceil
from numbers import Real
from typing import Any

import numpy as np

from metaling_sk._data.cells import Cell, CellKind
from metaling_sk._data.large_arrays import concatenate

MIN_RATE, MAX_RATE = 1_000, 768_000
"""The sampling rates that are plausible, in Hz."""

MAX_LOUDNESS = 16
"""Floats are from -1 to 1, and somewhat more after resampling or mixing. More are integers."""

MAX_CHANNELS = 32
"""An array of two dimensions has at most so many channels."""

UNKNOWN_SIZE = 0x7FF00000
"""A program that writes to a pipe puts such a number, or a larger one, for the size of a file."""

BLOCK_SIZE = 2**18
"""Number of samples of each channel that are read from a file at once."""

CUT_OFF = re.compile(r"(?:data|Data Size|SSND)\s*:\s*(\d+)\s*\(should be (\d+)\)")
"""What libsndfile notes of WAV, AU, AIFF: the bytes of sound by the header, and those there are."""


class AudioCell(Cell):
    """A recording in a table, which is not read yet: a path, bytes, or an array with its rate."""

    def read(self, max_seconds: float) -> tuple[np.ndarray, float]:
        """Read the beginning of the recording; the mean of its channels.

        Parameters
        ----------
        max_seconds : float
            What comes later is not read.

        Returns
        -------
        sound : ndarray of float32, shape (n_samples,)
            From -1 to 1.
        rate : float
            Samples per second.

        Raises
        ------
        ValueError
            If it cannot be read; the sentence names the column and the row.
        """
        if isinstance(self.value, Mapping):
            sound, rate = self.value["array"], float(self.value["sampling_rate"])
            if sound.ndim == 2 and len(sound) < sound.shape[1]:
                sound = sound.T
            sound = _to_float(sound[: ceil(max_seconds * rate)])
            sound = sound if sound.ndim == 1 else sound.mean(axis=1)
        else:
            try:
                sound, rate = self._read_file(max_seconds)
            except MemoryError:
                raise
            except Exception as error:  # soundfile raises errors of many types.
                raise self.failure("recording", _in_words(error)) from error
            if problem := _find_rate_problem(rate):
                raise self.failure("recording", f"it has {problem}")
            if not len(sound):
                raise self.failure("recording", "it is empty")
            if not np.isfinite(sound).all():
                raise self.failure("recording", "it holds NaN or infinity")
            if problem := _find_loudness_problem(sound):
                raise self.failure("recording", f"it holds {problem}")
        return sound, rate

    def _read_file(self, max_seconds: float) -> tuple[np.ndarray, float]:
        """Read the mean of the channels, some seconds at a time."""
        value = BytesIO(self.value) if isinstance(self.value, bytes) else self.value
        with import_soundfile().SoundFile(value) as file:
            n_wanted = ceil(max_seconds * file.samplerate)
            sound = concatenate(_blocks(file, n_wanted), np.float32)
            cut_off = CUT_OFF.search(file.extra_info)
            if cut_off and int(cut_off[1]) < UNKNOWN_SIZE:
                raise ValueError(
                    f"the file is cut off: it has {cut_off[2]} of {cut_off[1]} bytes of sound"
                )
            if len(sound) < min(n_wanted, file.frames):
                raise ValueError(
                    f"the file is cut off or damaged after {len(sound) / file.samplerate:.1f} "
                    "seconds"
                )
            return sound, file.samplerate

    def content(self) -> bytes:
        """Return what decides the vector of a recording in memory: its numbers and its rate."""
        sound = self.value["array"]
        form = f"{float(self.value['sampling_rate'])} {sound.dtype.str} {sound.shape}"
        return form.encode() + sound.tobytes()


class Recordings(CellKind):
    """Recordings, which soundfile reads."""

    name, unit, parameter = "recordings", "recording", "audio_column"
    forms = 'a path or a dictionary {"array": numbers, "sampling_rate": number}'
    own_parameters = ("max_seconds",)
    cell_class = AudioCell

    def check_available(self):  # noqa: D102
        import_soundfile()

    def check_several(self, X):  # noqa: D102
        if isinstance(X, Mapping) and "array" in X:
            raise ValueError("X is one recording; pass a list with one recording: X=[recording].")

    def plain(self, value):  # noqa: D102
        if isinstance(value, Mapping) and {"array", "sampling_rate"} <= set(value):
            return {"array": _as_array(value["array"]), "sampling_rate": value["sampling_rate"]}
        return super().plain(value)

    def find_problem(self, value):  # noqa: D102
        if isinstance(value, np.ndarray | list):
            return (
                'an array without its sampling rate; pass {"array": array, "sampling_rate": 16000}'
            )
        if not isinstance(value, Mapping):
            return f"a value of type {type(value).__name__}"
        if not {"array", "sampling_rate"} <= set(value):
            return f"a dictionary with the keys {sorted(map(str, value))}"
        return _find_rate_problem(value["sampling_rate"]) or _find_array_problem(value["array"])


RECORDINGS = Recordings()


def import_soundfile() -> Any:
    """Return the module soundfile.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(
            '`audio_column`: recordings need soundfile: pip install "metaling_sk[audio]"'
        ) from error
    return soundfile


def _as_array(values) -> np.ndarray:
    if np.ma.is_masked(values):
        return np.ma.filled(values.astype(float), np.nan)
    try:
        return np.asarray(values)
    except ValueError:  # Lists of different lengths.
        return np.empty(0, dtype=object)


def _find_rate_problem(rate) -> str | None:
    if not isinstance(rate, Real) or isinstance(rate, bool):
        return f"a sampling rate of type {type(rate).__name__}"
    if not MIN_RATE <= float(rate) <= MAX_RATE:
        return f"a sampling rate of {rate} Hz; rates from {MIN_RATE} to {MAX_RATE} Hz are read"
    return None


def _find_array_problem(array: np.ndarray) -> str | None:
    if array.size == 0:
        return "an empty array, or none of numbers" if array.dtype == object else "an empty array"
    # Lists of any integers become 64 bits, of which none is known as loud.
    if array.dtype.kind not in "fi" or (array.dtype.kind == "i" and array.dtype.itemsize > 4):
        return (
            f"an array of {array.dtype}; pass floats from -1 to 1, or signed integers of up to 32 "
            "bits, such as int16"
        )
    if array.ndim not in (1, 2) or (array.ndim == 2 and min(array.shape) > MAX_CHANNELS):
        return f"an array of shape {array.shape} instead of (samples,) or (samples, channels)"
    if not np.isfinite(array).all():
        return "an array with NaN or infinity"
    if problem := _find_loudness_problem(array):
        return f"an array with {problem}"
    return None


def _find_loudness_problem(sound: np.ndarray) -> str | None:
    if sound.dtype.kind == "f" and (largest := max(sound.max(), -sound.min())) > MAX_LOUDNESS:
        return (
            f"floats up to {largest:g}, which are from -1 to 1; integers that were made floats "
            "must be divided by the greatest of their type, such as 32768 for int16"
        )
    return None


def _to_float(sound: np.ndarray) -> np.ndarray:
    """Integers of up to 32 bits become numbers from -1 to 1."""
    if sound.dtype.kind == "i":
        return np.divide(sound, -float(np.iinfo(sound.dtype).min), dtype=np.float32)
    return sound.astype(np.float32)


def _blocks(file, n_samples: int) -> Iterator[np.ndarray]:
    """Yield the mean of the channels of the beginning of a file that soundfile has opened."""
    n_left = n_samples
    while len(block := file.read(min(n_left, BLOCK_SIZE), dtype="float32", always_2d=True)):
        n_left -= len(block)
        yield block.mean(axis=1)


def _in_words(error: Exception) -> str:
    """Why a recording could not be read."""
    reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
    # Of a damaged MP3 file libsndfile says that it is no regular file.
    is_unknown = "Format not recognised" in reason or "not a regular file" in reason
    if is_unknown or isinstance(error, TypeError):
        return "it is no recording of a format that soundfile knows, such as WAV, FLAC or OGG"
    if "SF_INFO struct incomplete" in reason:
        return "its header names a sampling rate of 0 Hz, or no channel"
    return (reason[:1].lower() + reason[1:]) or type(error).__name__
