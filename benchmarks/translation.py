"""Indonesian to 11 languages with few translations: alone, pooled, and by transfer. chrF.

    python benchmarks/translation.py FOLDER_OF_NUSAX --seeds 0 --sentences 100
    python benchmarks/translation.py FOLDER_OF_NUSAX --split dev --methods alone transfer
    python benchmarks/translation.py --report

The 500 sentences of NusaX's datasets/mt/train.csv are in 12 languages. 400 of them are there to
train on, or the first of these by --sentences, and the other 100 to translate. With --split dev the
last 80 of the 400 are translated, and the others are there to train on; nothing was chosen by the
100. A sentence is on the same side in all languages. The methods:

- copy: the Indonesian sentence itself
- word for word: DictionaryTranslator with the lexicon of NusaX, which keeps words that it lacks
- alone: TransferTranslator on the translations into one language
- pooled: one TransferTranslator on the translations into all 11 languages
- transfer: TransferTranslator on the translations into one language, whose `source` was fitted on
  those into other languages. There are two such sources, each of about half of the languages, from
  which the others go on. They have more sentences than the language, by --source-sentences, of
  which the first ones are those of the language
"""

import argparse
import functools
import time
from pathlib import Path

import numpy as np
import pandas as pd
import records

from metaling_sk import DictionaryTranslator, TransferTranslator
from metaling_sk.metrics import translation_report

LANGUAGES = [
    "acehnese",
    "balinese",
    "banjarese",
    "buginese",
    "english",
    "javanese",
    "madurese",
    "minangkabau",
    "ngaju",
    "sundanese",
    "toba_batak",
]
N_SOURCES = 2

METHODS = ["copy", "word for word", "alone", "pooled", "transfer"]
RESULT = Path(__file__).parent / "results" / "translation.json"


@functools.cache
def read(folder: Path) -> pd.DataFrame:
    """Read the sentences, a column for each language, in a random order."""
    table = pd.read_csv(folder / "datasets/mt/train.csv", index_col=0)
    return table.sample(frac=1, random_state=0, ignore_index=True)


def rows_of(folder: Path, split: str, part: str, languages, n_sentences: int) -> pd.DataFrame:
    """Return the sentences of a part, "train" or "test", and their translations."""
    n_train = {"dev": 320, "test": 400}[split]
    ranges = {"train": range(min(n_train, n_sentences)), "test": range(n_train, n_train + 100)}
    if split == "dev":
        ranges["test"] = range(n_train, 400)
    table = read(folder).iloc[list(ranges[part])]
    parts = [
        pd.DataFrame(
            {"text": table["indonesian"], "language": "indonesian", "to": name, "y": table[name]}
        )
        for name in languages
    ]
    return pd.concat(parts, ignore_index=True)


def word_for_word(folder: Path, train: pd.DataFrame, test: pd.DataFrame, name: str) -> np.ndarray:
    """Translate with the lexicon of a language."""
    lexicon = pd.read_csv(folder / f"datasets/lexicon/{name}.csv", index_col=0).dropna()
    dictionary = lexicon.groupby("indonesian")[name].apply(lambda words: [*map(str.strip, words)])
    translator = DictionaryTranslator(
        dictionary.to_dict(), target_language=name, unknown="keep", random_state=0
    )
    texts = [*train["text"], *train["y"]]
    translator.fit(texts, language=["indonesian"] * len(train) + [name] * len(train))
    return translator.transform(test["text"], language="indonesian")


def new_translator(seed: int, source=None) -> TransferTranslator:
    """Make a translator with the defaults of all else."""
    return TransferTranslator(target_language="to", source=source, verbose=0, random_state=seed)


@functools.cache
def fit_many(folder: Path, split: str, languages: tuple, seed: int, n_sentences: int):
    """Fit one translator into several languages."""
    train = rows_of(folder, split, "train", languages, n_sentences)
    return new_translator(seed).fit(train, train["y"])


def translate(
    folder: Path,
    method: str,
    seed: int,
    *,
    split: str,
    language: str,
    sentences: int,
    source_sentences: int | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Fit on the training sentences; return the test sentences and their translations."""
    train, test = (
        rows_of(folder, split, part, [language], sentences) for part in ("train", "test")
    )
    if method == "copy":
        return test, test["text"].to_numpy()
    if method == "word for word":
        return test, word_for_word(folder, train, test, language)
    if method == "pooled":
        return test, fit_many(folder, split, tuple(LANGUAGES), seed, sentences).predict(test)
    source = None
    if method == "transfer":
        group = LANGUAGES.index(language) % N_SOURCES
        others = tuple(name for i, name in enumerate(LANGUAGES) if i % N_SOURCES != group)
        source = fit_many(folder, split, others, seed, source_sentences)
    translator = new_translator(seed, source)
    return test, translator.fit(train, train["y"]).predict(test)


def measure(folder: Path, run: dict) -> dict:
    """Return chrF in percent, and the seconds that it took, those of a new source among them."""
    start = time.process_time()
    test, found = translate(folder, run["method"], run["seed"], **run["arguments"])
    seconds = time.process_time() - start
    chrf = translation_report(test["y"], found, test["to"]).loc[
        run["arguments"]["language"], "chrf"
    ]
    return {"chrF": round(100 * float(chrf), 2), "seconds": round(seconds, 1)}


def report(path: Path) -> None:
    """Print chrF of each language."""
    for split, found in records.read_table(path).groupby("split"):
        cells = found.groupby(["language", "method"])["chrF"].mean().unstack()
        cells = cells.reindex(columns=[name for name in METHODS if name in cells])
        cells.loc["mean"] = cells.mean().where(cells.notna().all())
        table = [[split, *cells]]
        for name, values in cells.iterrows():
            table.append([name, *("" if pd.isna(value) else f"{value:.1f}" for value in values)])
        print(f"{records.simple_table(table)}\n")


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of IndoNLP/nusax")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.add_argument("--sentences", type=int, default=400, help="training sentences")
    parser.add_argument(
        "--source-sentences", type=int, default=320, help="training sentences of sources"
    )
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    args = parser.parse_args()
    if not args.report:
        if args.folder is None:
            parser.error("the copy of IndoNLP/nusax is missing")
        arguments = {"split": args.split, "sentences": args.sentences}
        more = {"transfer": {"source_sentences": args.source_sentences}}
        runs = [
            records.new_record(
                method, seed, arguments | {"language": language} | more.get(method, {})
            )
            for seed in args.seeds
            for method in args.methods
            for language in args.languages
        ]
        records.run_unknown(args.result, runs, functools.partial(measure, args.folder))
    report(args.result)


if __name__ == "__main__":
    main()
