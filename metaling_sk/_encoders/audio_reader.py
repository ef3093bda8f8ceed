"""Recordings become what an encoder takes: waves, or the strengths of frequency bands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import transformers
from scipy.signal import resample_poly

from metaling_sk._data.sounds import Sounds
from metaling_sk._encoders.cell_reader import CellReader

RECORDINGS_AT_A_TIME = 64
"""Number of recordings that are in memory for a frozen encoder."""

MIN_SECONDS = 0.1
"""Shorter recordings are filled up with silence."""

INPUT_NAMES = ("input_values", "input_features")
"""What extractors call waves, and the strengths of frequency bands."""

PROBE_SECONDS = (0.3, 0.5)
"""Lengths of recordings that show what an extractor does."""

WAVES_PER_VECTOR, FRAMES_PER_VECTOR = 320, 2
"""Usual encoders make a vector of 20 ms: of 320 numbers of a wave, or of two frames of 10 ms."""

LARGEST_FACTOR = 1000
"""Sampling rates are in the ratio of two integers, of which the second one is not larger."""


class AudioReader(CellReader[Sounds]):
    """Reads recordings, resamples them, and calls a feature extractor. It does not change.

    Parameters
    ----------
    processor : transformers feature extractor
    max_seconds : float
        What comes later in a recording is left out.

    Attributes
    ----------
    rate : int
        The sampling rate that the extractor takes, in Hz.
    input_name : str
        What the extractor calls its output, and a backbone its input.
    is_fixed : bool
        Whether the output has one size, whatever the length of the recording.
    n_steps : int or None
        The number of steps in time of this size.
    bands_first : bool
        Whether time is the second axis of the output.
    n_bands : int or None
        The number of frequency bands; None for waves.

    Raises
    ------
    ValueError
        If the processor makes anything else of recordings than steps in time.
    """

    processor_name = "feature extractor"
    dtype = np.float32
    unit = "recording"
    n_at_once = RECORDINGS_AT_A_TIME

    def __init__(self, processor, max_seconds: float):
        super().__init__(processor)
        self.max_seconds = max_seconds
        try:
            self.rate = int(processor.sampling_rate)
            outputs = [self._call(wave) for wave in self.noise()]
            self.input_name = next(name for name in INPUT_NAMES if name in outputs[0])
            (short, _), (long, mask) = (self._steps_of(output) for output in outputs)
        except (AttributeError, StopIteration, TypeError, ValueError) as error:
            raise self._refusal(f"it makes no steps in time of recordings ({error})") from error
        if not 1 <= short.ndim <= 2 or short.shape[1:] != long.shape[1:]:
            raise self._refusal(f"it makes arrays of shape {short.shape} of recordings")
        self.is_fixed = short.shape == long.shape
        self.n_steps: int | None = None
        # Where some steps are silence that fills up, the mask tells which axis is time.
        self.bands_first = self.is_fixed and len(mask) == long.shape[-1] != len(long)
        self.n_bands = None if long.ndim == 1 else long.shape[0 if self.bands_first else 1]
        if self.is_fixed:
            self.n_steps = long.shape[1 if self.bands_first else 0]

    @staticmethod
    def read_processor(name, **options) -> Any:  # noqa: D102
        # transformers imports its models with the class.
        return transformers.AutoFeatureExtractor.from_pretrained(name, **options)

    @property
    def settings(self) -> dict[str, Any]:  # noqa: D102
        return {"max_seconds": self.max_seconds}

    def noise(self) -> list[np.ndarray]:
        """Return two recordings of noise, the second one longer."""
        rng = np.random.default_rng(0)
        rate = getattr(self.processor, "sampling_rate", 16_000)
        sizes = (ceil(rate * seconds) for seconds in PROBE_SECONDS)
        return [rng.normal(0, 0.1, size).astype(np.float32) for size in sizes]

    def extract(self, waves: list[np.ndarray]) -> Sounds:
        """Return what the extractor makes of waves of its own sampling rate."""
        return self._join(map(self._to_row, waves))

    def _read(self, recordings: np.ndarray) -> Iterator[np.ndarray]:
        waves = (self._resample(*each.read(self.max_seconds)) for each in recordings)
        return map(self._to_row, waves)

    def _resample(self, wave: np.ndarray, rate: float) -> np.ndarray:
        if rate == self.rate:
            return wave
        ratio = Fraction(self.rate / rate).limit_denominator(LARGEST_FACTOR)
        return resample_poly(wave, ratio.numerator, ratio.denominator).astype(np.float32)

    def _to_row(self, wave: np.ndarray) -> np.ndarray:
        """The steps in time of a recording, flat.

        Where all have one size, without those that repeat the last one, but with the number of
        those that are heard at the end.
        """
        n_least = ceil(MIN_SECONDS * self.rate)
        if len(wave) < n_least:
            wave = np.pad(wave, (0, n_least - len(wave)))
        steps, mask = self._steps_of(self._call(wave))
        steps = (steps.T if self.bands_first else steps).astype(np.float32)
        if not self.is_fixed:
            return steps.ravel()
        differs = (steps != steps[-1]).reshape(len(steps), -1).any(axis=1)
        n_stored = np.flatnonzero(differs).max(initial=-1) + 2
        return np.append(steps[:n_stored].ravel(), np.float32(mask.sum()))

    def _join(self, rows: Iterable[np.ndarray]) -> Sounds:
        """The inverse of `_to_row`, for many recordings."""
        bands = () if self.n_bands is None else (self.n_bands,)
        per_vector = WAVES_PER_VECTOR if self.n_bands is None else FRAMES_PER_VECTOR
        if not self.is_fixed:
            return Sounds.join((row.reshape(-1, *bands) for row in rows), per_vector)
        n_heard: list[int] = []

        def steps() -> Iterator[np.ndarray]:
            for row in rows:
                n_heard.append(int(row[-1]))
                yield row[:-1].reshape(-1, *bands)

        return Sounds.join(steps(), per_vector, n_heard, self.n_steps)

    def _call(self, wave: np.ndarray) -> Any:
        options = {"return_tensors": "np", "return_attention_mask": True}
        return self.processor(wave, sampling_rate=self.rate, **options)

    def _steps_of(self, output) -> tuple[np.ndarray, np.ndarray]:
        """The steps of a recording, and a mask of those that are heard."""
        (steps,) = np.asarray(output[self.input_name])
        mask = output.get("attention_mask")
        return steps, np.ones(len(steps)) if mask is None else np.asarray(mask)[0]
