"""Speech to text: phrases of one to three digits, few recordings of a language. Word error rate.

    apt-get install espeak-ng
    python benchmarks/spoken_phrases.py --seeds 0
    python benchmarks/spoken_phrases.py --report

A phrase is one to three random digits, which one of espeak-ng's voices says at a random speed and
pitch, with a random silence before it and white noise, 10 to 25 dB below the voice. It is to be
written in words. Eight voices are to train on, four others are the test. Nothing was chosen by the
voices of the test.

Of each of three languages there are 60 phrases to train on, and 40 to write down; of each of four
other languages 120 to train on. The methods:

- most frequent: the phrase that is most frequent in the training
- MFCC: a logistic regression for each place of a phrase, on statistics of mel frequency cepstral
  coefficients (see spoken_words.py). Its classes are the words of the training and "no word", so it
  writes no other word, as the networks may
- alone: TransferTranslator from scratch, 40 epochs on the phrases of the language
- pooled: one TransferTranslator, 15 epochs on the phrases of all seven languages
- transfer: TransferTranslator, 40 epochs on the phrases of the language, whose `source` has had 15
  epochs on those of the four others
"""

import argparse
import functools
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import records
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from spoken_words import RATE, RESULT, mfcc_statistics, speak

from metaling_sk import TransferTranslator, word_error_rate
from metaling_sk.exceptions import InputWarning

DIGITS = {
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "id": "nol satu dua tiga empat lima enam tujuh delapan sembilan",
    "nl": "nul een twee drie vier vijf zes zeven acht negen",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
    "pt": "zero um dois três quatro cinco seis sete oito nove",
    "sv": "noll ett två tre fyra fem sex sju åtta nio",
}
TARGETS, SOURCES = ["es", "id", "nl"], ["de", "it", "pt", "sv"]
VOICES = {
    False: ["m1", "m2", "m3", "m4", "m5", "f1", "f2", "f3"],
    True: ["m7", "f5", "klatt3", "linda"],
}
"""Variants of espeak-ng's voices, for the training and for the test."""

NOISE = 10, 25
"""How many dB the noise is below the voice."""

MAX_DIGITS = 3
FEW_EPOCHS, MANY_EPOCHS = 15, 40
"""Epochs on several languages, in which an epoch is several times as long, and on one."""

METHODS = ["most frequent", "MFCC", "alone", "pooled", "transfer"]
RESULT = RESULT.with_name("spoken_phrases.json")


def spoil(sound: np.ndarray, rng: np.random.RandomState) -> dict:
    """Put silence and noise to what was said."""
    silence = np.zeros(int(RATE * rng.uniform(0, 0.3)))
    sound = np.concatenate([silence, sound, np.zeros(RATE // 20)])
    loudness = np.sqrt(np.mean(np.square(sound)))
    noise = rng.normal(0, loudness * 10 ** (-rng.uniform(*NOISE) / 20), len(sound))
    return {"array": (sound + noise).astype(np.float32), "sampling_rate": RATE}


@functools.cache
def make_phrases(language: str, seed: int, is_test: bool, n_phrases: int) -> pd.DataFrame:
    """Let the voices of a part say random phrases."""
    rng = np.random.RandomState([seed, is_test, [*DIGITS].index(language)])
    words, variants = DIGITS[language].split(), VOICES[is_test]
    rows = [
        (
            " ".join(rng.choice(words, rng.randint(1, MAX_DIGITS + 1))),
            f"{language}+{variants[nth % len(variants)]}",
            rng.randint(130, 200),
            rng.randint(25, 75),
        )
        for nth in range(n_phrases)
    ]
    with ThreadPoolExecutor(4) as pool:  # Each phrase is a process.
        said = pool.map(lambda row: speak(*row), rows)
        audio = [spoil(sound, rng) for sound in said]
    return pd.DataFrame({"audio": audio, "language": language, "text": [row[0] for row in rows]})


def training_phrases(languages, seed: int, n_phrases: int) -> pd.DataFrame:
    """Return the phrases of some languages, twice as many of those that are no targets."""
    parts = [
        make_phrases(name, seed, False, n_phrases * (1 if name in TARGETS else 2))
        for name in languages
    ]
    return pd.concat(parts, ignore_index=True)


def fit_translator(rows: pd.DataFrame, seed: int, epochs: int, source=None) -> TransferTranslator:
    """Fit a translator with the defaults of all else."""
    translator = TransferTranslator(
        audio_column="audio",
        source=source,
        max_epochs=epochs,
        verbose=0,
        random_state=seed,
        device="cpu",
    )
    return translator.fit(rows[["audio", "language"]], rows["text"])


@functools.cache
def fit_many(languages: tuple, seed: int, n_phrases: int) -> TransferTranslator:
    """Fit one translator of several languages."""
    return fit_translator(training_phrases(languages, seed, n_phrases), seed, FEW_EPOCHS)


def write_by_places(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """Write down by a logistic regression for each place of a phrase."""
    X, X_test = mfcc_statistics(train["audio"]), mfcc_statistics(test["audio"])
    places = train["text"].str.split(expand=True).reindex(columns=range(MAX_DIGITS)).fillna("")
    found = [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.1))
        .fit(X, places[place])
        .predict(X_test)
        for place in places
    ]
    return [" ".join(filter(None, words)) for words in zip(*found, strict=True)]


def write_down(method: str, language: str, seed: int, n_phrases: int):
    """Return what is right for the phrases of the test, and what a method writes down."""
    train = training_phrases([language], seed, n_phrases)
    test = make_phrases(language, seed, True, min(40, n_phrases))
    if method == "most frequent":
        return test["text"], np.full(len(test), train["text"].mode()[0])
    if method == "MFCC":
        return test["text"], write_by_places(train, test)
    many = functools.partial(fit_many, seed=seed, n_phrases=n_phrases)
    if method == "pooled":
        translator = many(languages=(*TARGETS, *SOURCES))
    else:
        source = many(languages=tuple(SOURCES)) if method == "transfer" else None
        translator = fit_translator(train, seed, MANY_EPOCHS, source)
    return test["text"], translator.predict(test[["audio", "language"]])


def measure(run: dict) -> dict:
    """Return error rates in percent, and the seconds that it took, those of a source among them."""
    start = time.process_time()
    arguments = run["arguments"]
    right, found = write_down(
        run["method"], arguments["language"], run["seed"], arguments["phrases"]
    )
    rates = {
        name: round(100 * word_error_rate(right, found, unit=unit), 2)
        for name, unit in (("WER", "word"), ("CER", "character"))
    }
    return rates | {"seconds": round(time.process_time() - start, 1)}


def report(path) -> None:
    """Print the error rates of each language."""
    rows = records.read_table(path)
    for rate in ("WER", "CER"):
        print(f"\n{rate} (%)")
        cells = rows.pivot_table(rate, "method", "language").reindex(METHODS).dropna()
        print(cells.assign(mean=cells.mean(axis=1)).round(1).to_string())


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    records.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--languages", nargs="+", choices=TARGETS, default=TARGETS)
    parser.add_argument("--phrases", type=int, default=60, help="of a language to train on")
    args = parser.parse_args()
    if not args.report:
        warnings.simplefilter("ignore", InputWarning)
        runs = [
            records.new_record(method, seed, {"language": language, "phrases": args.phrases})
            for seed in args.seeds
            for method in args.methods
            for language in args.languages
        ]
        records.run_unknown(args.result, runs, measure)
    report(args.result)


if __name__ == "__main__":
    main()
