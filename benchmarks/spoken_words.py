"""Spoken digits in 20 languages, by espeak-ng: voices that no model has heard are the test.

    apt-get install espeak-ng
    python benchmarks/spoken_words.py
    python benchmarks/spoken_words.py --report

A recording is one digit from 0 to 9, spoken by one of espeak-ng's voices at a random speed and
pitch, with a random silence before it and white noise, 3 to 18 dB below the voice. Four voices are
to train on, four others are the test. Nothing was chosen by the voices of the test.

Models learn 16 languages. Four others, chosen before any run, have no recording, or 1, 4 or 16 of
each digit, to learn from. The figures are the mean accuracy of the 16 languages, and of the new
ones.

The methods:

- MFCC: logistic regression on statistics of mel frequency cepstral coefficients (Davis &
  Mermelstein, 1980): their means in six equal parts of the recording, their standard deviations,
  and those of their differences. It learns a new language together with all others
- MFCC, each alone: a model for each language
- MetaNetClassifier on MFCC: the same statistics as numbers, with the language beside them
- TransferClassifier, MetaNetClassifier: with audio_column, encoder="scratch" and the defaults

MetaNetClassifier learns a new language by `adapt`.
"""

import argparse
import io
import shutil
import subprocess
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import records
from scipy.fft import dct
from scipy.signal import resample_poly, stft
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from metaling_sk import MetaNetClassifier, TransferClassifier
from metaling_sk.exceptions import InputWarning

KNOWN = [
    "en",
    "de",
    "fr",
    "it",
    "pt",
    "sv",
    "pl",
    "ru",
    "tr",
    "fi",
    "hu",
    "el",
    "id",
    "vi",
    "ja",
    "ar",
]
NEW = ["es", "nl", "hi", "sw"]
VOICES = {False: ["m1", "m3", "f1", "f3"], True: ["m7", "f5", "klatt3", "linda"]}
"""Variants of espeak-ng's voices, for the training and for the test."""

RATE, BANDS, COEFFICIENTS, PARTS = 16_000, 40, 13, 6
FRAME, HOP = 400, 160
N_TRAIN, N_TEST = 8, 5
"""Recordings of each digit of each language."""
SHOTS = [0, 1, 4, 16]
BASELINES = ("MFCC", "MFCC, each alone")
METHODS = (*BASELINES, "MetaNetClassifier on MFCC", "TransferClassifier", "MetaNetClassifier")
COLUMNS = ["audio", "language"]
RESULT = Path(__file__).parent / "results" / "spoken_words.json"


def speak(text: str, voice: str, speed: int, pitch: int) -> np.ndarray:
    """Let espeak-ng say a text."""
    import soundfile

    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    done = subprocess.run(command, check=True, capture_output=True)
    sound, rate = soundfile.read(io.BytesIO(done.stdout))
    heard = np.flatnonzero(abs(sound) > 1e-3)
    return resample_poly(sound[heard[0] : heard[-1] + 1], RATE // 50, rate // 50)


def spoil(sound: np.ndarray, rng: np.random.RandomState) -> dict:
    """Put silence and noise to what was said."""
    silence = np.zeros(int(RATE * rng.uniform(0, 0.3)))
    sound = np.concatenate([silence, sound, np.zeros(RATE // 20)])
    loudness = np.sqrt(np.mean(np.square(sound)))
    noise = rng.normal(0, loudness * 10 ** (-rng.uniform(3, 18) / 20), len(sound))
    array = ((sound + noise) * rng.uniform(0.3, 1)).astype(np.float32)
    return {"array": array, "sampling_rate": RATE}


@cache
def make_recordings(seed: int, is_test: bool, n_recordings: int) -> pd.DataFrame:
    """Make so many recordings of each digit of each language; more of the new ones to train on."""
    if shutil.which("espeak-ng") is None:
        raise SystemExit("espeak-ng is missing; install Debian's package espeak-ng.")
    rng = np.random.RandomState([seed, is_test])
    variants, rows = VOICES[is_test], []
    for language in [*KNOWN, *NEW]:
        n_each = max(SHOTS) if language in NEW and not is_test else n_recordings
        for digit in range(10):
            for nth in range(n_each):
                voice = f"{language}+{variants[nth % len(variants)]}"
                rows.append((voice, rng.randint(130, 220), rng.randint(25, 75), language, digit))
    table = pd.DataFrame(rows, columns=["voice", "speed", "pitch", "language", "digit"])
    with ThreadPoolExecutor(8) as pool:  # Each sentence is a process.
        said = pool.map(
            speak, table["digit"].map(str), *table[["voice", "speed", "pitch"]].T.values
        )
        table["audio"] = [spoil(sound, rng) for sound in said]
    return table[["audio", "language", "digit"]]


@cache
def mel_filters() -> np.ndarray:
    """Return the weights of the frequencies in each band."""
    to_mel, to_hertz = (lambda f: np.log1p(f / 700)), (lambda mel: 700 * np.expm1(mel))
    edges = to_hertz(np.linspace(to_mel(40), to_mel(RATE / 2), BANDS + 2))
    frequencies = np.fft.rfftfreq(FRAME, 1 / RATE)[:, None]
    rising = (frequencies - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequencies) / np.diff(edges)[1:]
    return np.minimum(rising, falling).clip(0)


def mfcc_statistics(recordings) -> np.ndarray:
    """Return the statistics of each recording, shape (n_recordings, n_statistics)."""
    rows = []
    for recording in recordings:
        _, _, spectrum = stft(recording["array"], RATE, nperseg=FRAME, noverlap=FRAME - HOP)
        bands = np.square(abs(spectrum)).T @ mel_filters()
        frames = dct(np.log(bands + 1e-8), norm="ortho")[:, 1 : COEFFICIENTS + 1]
        frames -= frames.mean(axis=0)
        parts = np.array_split(frames, PARTS)
        spreads = [frames.std(axis=0), np.diff(frames, axis=0).std(axis=0)]
        rows.append(np.concatenate([part.mean(axis=0) for part in parts] + spreads))
    return np.stack(rows)


class Baseline:
    """A logistic regression on MFCC that knows nothing of languages."""

    def __init__(self, seed: int):
        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.1))

    def fit(self, rows: pd.DataFrame):
        """Fit on rows with labels."""
        self.rows = rows
        self.model.fit(mfcc_statistics(rows["audio"]), rows["digit"])
        return self

    def adapted(self, few: pd.DataFrame):
        """Return a model of all rows and those of a new language."""
        return Baseline(0).fit(pd.concat([self.rows, few]))

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Predict the digits of rows."""
        return self.model.predict(mfcc_statistics(rows["audio"]))


class Ours:
    """An estimator of this package, on recordings or on MFCC."""

    def __init__(self, method: str, seed: int):
        kind = TransferClassifier if method.startswith("Transfer") else MetaNetClassifier
        self.on_numbers = method.endswith("MFCC")
        column = None if self.on_numbers else "audio"
        self.model = kind(audio_column=column, random_state=seed, verbose=0, device="cpu")

    def as_input(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return X."""
        if not self.on_numbers:
            return rows[COLUMNS]
        numbers = pd.DataFrame(mfcc_statistics(rows["audio"]), index=rows.index)
        return numbers.rename(columns=str).assign(language=rows["language"])

    def fit(self, rows: pd.DataFrame):
        """Fit on rows with labels."""
        self.model.fit(self.as_input(rows), rows["digit"])
        return self

    def adapted(self, few: pd.DataFrame):
        """Return this model, which has learnt a new language from a few rows alone."""
        language = few["language"].iloc[0]
        if language in self.model.languages_:
            self.model.forget(language)
        self.model.adapt(self.as_input(few), few["digit"])
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Predict the digits of rows."""
        return self.model.predict(self.as_input(rows))


def accuracy(model, test: pd.DataFrame) -> float:
    """Return the mean of the languages of the percentage of recordings that a model predicts."""
    is_right = model.predict(test) == test["digit"]
    return 100 * float(is_right.groupby(test["language"]).mean().mean())


def measure(run: dict) -> dict:
    """Return the figures of a run."""
    method, seed, n_train = run["method"], run["seed"], run["arguments"]["recordings"]
    train = make_recordings(seed, False, n_train)
    test = make_recordings(seed, True, min(N_TEST, n_train))
    start = time.perf_counter()
    languages = {name: test[test["language"] == name] for name in [*KNOWN, *NEW]}
    is_known, is_alone = train["language"].isin(KNOWN), method == "MFCC, each alone"
    figures, model = {}, None
    if is_alone:
        alone = [
            accuracy(Baseline(seed).fit(train[train["language"] == name]), languages[name])
            for name in KNOWN
        ]
        figures["accuracy"] = np.mean(alone)
    else:
        model = Baseline(seed) if method in BASELINES else Ours(method, seed)
        model.fit(train[is_known])
        figures["accuracy"] = accuracy(model, test[test["language"].isin(KNOWN)])
    for shots in SHOTS:
        if (is_alone and not shots) or (method == "TransferClassifier" and shots):
            continue
        scores = []
        for name in NEW:
            few = train[train["language"] == name].groupby("digit").head(shots)
            fitted = model
            if shots:
                fitted = Baseline(seed).fit(few) if is_alone else model.adapted(few)
            scores.append(accuracy(fitted, languages[name]))
        figures[f"{shots} recordings"] = np.mean(scores)
    return figures | {"seconds": time.perf_counter() - start}


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    records.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--recordings", type=int, default=N_TRAIN, help="of each digit to train on")
    args = parser.parse_args()
    if not args.report:
        warnings.simplefilter("ignore", InputWarning)
        runs = [
            records.new_record(method, seed, {"recordings": args.recordings})
            for seed in args.seeds
            for method in args.methods
        ]
        records.run_unknown(args.result, runs, measure)
    for setting, by_method in records.settings(args.result):
        print(f"\n{setting}")
        for method, found in by_method.items():
            cells = (
                f"{name} {records.mean_and_std([one['figures'][name] for one in found])}"
                for name in found[0]["figures"]
                if name != "seconds"
            )
            print(f"{method}: {', '.join(cells)}")


if __name__ == "__main__":
    main()
