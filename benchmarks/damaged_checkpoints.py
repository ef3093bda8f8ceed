"""Damage the checkpoint folders of killed searches, and let the searches go on.

The results have to be those of a search without any damage. Every damaged record has to be warned
of, or refused, by the name of its file. The damages that are not are counted by their kind.

    python benchmarks/damaged_checkpoints.py --damages 300 --seed 0
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # A process with more threads cannot be forked.

import numpy as np
from damage import append, become_folder, delete, empty, flip_bit, overwrite, truncate
from kills import make_data, make_search
from transformers import BertConfig

from metaling_sk import MetaParamSearchCV, TransferClassifier
from metaling_sk._encoders.memory_cache import CACHE


def cut_out(path, rng):
    """Remove a part of a file."""
    data = bytearray(path.read_bytes())
    start = rng.integers(len(data))
    del data[start : start + rng.integers(1, 600)]
    path.write_bytes(data)


def repeat_part(path, rng):
    """Append a part of a file to it."""
    data = path.read_bytes()
    start = rng.integers(len(data))
    path.write_bytes(data + data[start : start + rng.integers(1, 600)])


def repeat_line(path, rng):
    """Append a line of a file to it."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[rng.integers(len(lines))]]))


def drop_line(path, rng):
    """Remove a line of a file."""
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[rng.integers(len(lines))]
    path.write_bytes(b"".join(lines))


DAMAGES = [
    *[flip_bit] * 8,
    *[truncate, overwrite, cut_out, repeat_part] * 2,
    *[append, repeat_line, drop_line, delete, empty, become_folder],
]


def search_numbers(checkpoint):
    """A search whose candidates go on from their states."""
    return make_search("halving", 1, checkpoint, nap=0.01)


def search_texts(checkpoint):
    """A search whose fits share vectors."""
    config = BertConfig(
        vocab_size=99,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    clf = TransferClassifier(
        encoder=config, trainable="head", max_epochs=4, device="cpu", verbose=0, random_state=0
    )
    return MetaParamSearchCV(
        clf,
        {"learning_rate": [0.01, 0.1, 0.3]},
        search="halving",
        n_iter=3,
        factor=2,
        cv=2,
        random_state=0,
        checkpoint=checkpoint,
        verbose=0,
    )


TEXTS = [f"{word} {number}" for number in range(12) for word in ("great day", "awful day")]
SEARCHES = {
    "numbers": (search_numbers, *make_data()),
    "texts": (search_texts, TEXTS, [1, 0] * 12),
}


def results_of(name: str, checkpoint=None) -> dict:
    """The results of a search but its times, as text."""
    make, X, y = SEARCHES[name]
    CACHE.clear()
    search = make(checkpoint).fit(X, y)
    columns = search.cv_results_.items()
    results = {key: repr(column) for key, column in columns if not key.endswith("_time")}
    return results | {"best": repr(search.best_estimator_.predict_proba(X).tolist())}


def kill_search(name: str, folder: Path, n_lines: int) -> None:
    """Search in a process that is killed as soon as the journal has some lines."""
    process = get_context("fork").Process(target=results_of, args=(name, folder))
    process.start()
    journal = folder / "journal.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < n_lines:
        assert process.is_alive(), f"the search ended before its journal had {n_lines} lines"
    process.kill()
    process.join()


opened: set[str] = set()
"""The files that were opened since this was empty."""


def note_opened(event: str, arguments: tuple) -> None:
    """Note a file that is opened; a hook of `sys.addaudithook`."""
    if event == "open" and isinstance(arguments[0], str | os.PathLike):
        opened.add(os.fspath(arguments[0]))


def judge(name: str, folder: Path, damaged: Path, expected: dict) -> str:
    """What a search makes of a damaged folder, in a word or two."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        opened.clear()
        try:
            results = results_of(name, folder)
        except ValueError as error:
            return "refused" if str(folder) in str(error) else f"unexplained: {error}"
        except Exception as error:
            return f"unexplained: {type(error).__name__}: {error}"
    if results != expected:
        return f"other results: {[key for key in results if results[key] != expected[key]]}"
    if any(str(damaged) in str(warning.message) for warning in caught):
        return "warned of"
    return "silent" if str(damaged) in opened else "not read"


def main() -> Counter:
    """Run the campaign; returns the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--damages", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--searches", nargs="+", default=list(SEARCHES))
    options = parser.parse_args()
    sys.addaudithook(note_opened)
    rng = np.random.default_rng(options.seed)
    counts: Counter = Counter()
    silent: Counter = Counter()
    with tempfile.TemporaryDirectory() as parent:
        killed = {}
        for name in options.searches:
            n_lines = {"numbers": 34, "texts": 9}[name]
            killed[name] = Path(parent) / name
            kill_search(name, killed[name], n_lines)
        expected = {name: results_of(name) for name in options.searches}
        for number in range(options.damages):
            name = options.searches[rng.integers(len(options.searches))]
            folder = Path(parent) / f"damaged {number}"
            shutil.copytree(killed[name], folder)
            paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
            paths = [path for path in paths if path.stat().st_size]
            # As many journals as other files.
            journal = folder / "journal.jsonl"
            path = journal if rng.random() < 0.5 else paths[rng.integers(len(paths))]
            damage = DAMAGES[rng.integers(len(DAMAGES))]
            damage(path, rng)
            outcome = judge(name, folder, path, expected[name])
            counts[outcome] += 1
            if outcome == "silent":
                silent[f"{damage.__name__} of {path.suffix}"] += 1
            elif outcome not in ("warned of", "refused", "not read"):
                print(damage.__name__, name, path.relative_to(folder), outcome, flush=True)
            shutil.rmtree(folder)
    print("damages:", dict(counts))
    print("silent:", dict(silent))
    return counts


if __name__ == "__main__":
    main()
