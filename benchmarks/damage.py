"""Damage saved folders, and kill processes while they save; count what `load` makes of it.

A damaged folder must give a ValueError that names a file of it, or an estimator that predicts
exactly the same. A folder whose save was killed must give the old estimator or the new one.

    python benchmarks/damage.py --damages 500 --kills 100 --seed 0
"""

import argparse
import json
import multiprocessing
import os
import shutil
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from transformers import BertConfig

from metaling_sk import MetaNetClassifier, MetaParamSearchCV, TransferClassifier, load

TEXTS = ["great day", "awful day", "great room", "awful room"] * 8
LABELS = ["good", "bad", "good", "bad"] * 8
LANGUAGE = ["en", "en", "de", "de"] * 8
PRELOADED = ["metaling_sk.transfer._classifier", "transformers.models.bert.modeling_bert"]
SETTINGS = {"max_epochs": 1, "device": "cpu", "dtype": "float32", "verbose": 0}


def make_encoder(width=16):
    """An architecture that is trained in a moment."""
    return BertConfig(
        vocab_size=99,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )


def make_models():
    """One fitted estimator of each kind that can be saved."""
    numbers = np.random.default_rng(0).normal(size=(len(TEXTS), 5))
    makers = {
        "trained": (TransferClassifier(encoder=make_encoder(), **SETTINGS), TEXTS),
        "frozen": (TransferClassifier(encoder=make_encoder(), trainable="head", **SETTINGS), TEXTS),
        "numbers": (TransferClassifier(**SETTINGS), numbers),
        "meta": (MetaNetClassifier(encoder=make_encoder(), **SETTINGS), TEXTS),
    }
    models = {
        name: (model.set_params(random_state=0).fit(X, LABELS, language=LANGUAGE), X)
        for name, (model, X) in makers.items()
    }
    table = pd.DataFrame({"text": TEXTS, "language": LANGUAGE})
    trained = TransferClassifier(encoder=make_encoder(), **SETTINGS)
    search = MetaParamSearchCV(
        trained, {"batch_size": [8, 16]}, n_iter=2, cv=2, verbose=0, random_state=0
    )
    return models | {"search": (search.fit(table, LABELS), table)}


def probabilities(model, X):
    """What a model predicts. A search takes the language from the table."""
    return model.predict_proba(X, **({} if isinstance(X, pd.DataFrame) else {"language": LANGUAGE}))


# Damages


def flip_bit(path, rng):
    data = bytearray(path.read_bytes())
    position = rng.integers(len(data))
    data[position] ^= 1 << rng.integers(8)
    path.write_bytes(data)


def truncate(path, rng):
    os.truncate(path, rng.integers(path.stat().st_size))


def overwrite(path, rng):
    data = bytearray(path.read_bytes())
    start = rng.integers(len(data))
    data[start : start + 64] = rng.bytes(min(64, len(data) - start))
    path.write_bytes(data)


def append(path, rng):
    with path.open("ab") as file:
        file.write(rng.bytes(10))


def delete(path, rng):
    path.unlink()


def empty(path, rng):
    path.write_bytes(b"")


def become_fifo(path, rng):
    path.unlink()
    os.mkfifo(path)


def become_folder(path, rng):
    path.unlink()
    path.mkdir()


def become_link(path, rng):
    outside = Path(tempfile.mkdtemp()) / path.name
    shutil.move(path, outside)
    path.symlink_to(outside)


def edit_json(path, rng):
    """Change, remove or exchange one value anywhere in a JSON file."""
    if path.suffix != ".json":
        return flip_bit(path, rng)
    content = json.loads(path.read_text(encoding="utf-8"))
    places = list(_places(content))
    holder, key = places[rng.integers(len(places))]
    new = [None, -1, 0, 1, 10**6, 10**12, 0.5, "", "x", [], {}, True, [1, 2], "../../x"]
    choice = rng.integers(3)
    if choice == 0:
        del holder[key]
    elif choice == 1:
        holder[key] = new[rng.integers(len(new))]
    else:
        other, other_key = places[rng.integers(len(places))]
        holder[key] = other[other_key]
    try:
        path.write_text(json.dumps(content), encoding="utf-8")
    except (ValueError, RecursionError):  # It contains itself now.
        flip_bit(path, rng)


def _places(content):
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(items):
        yield content, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


DAMAGES = [
    *[flip_bit] * 6,
    *[edit_json] * 6,
    *[truncate] * 3,
    overwrite,
    append,
    delete,
    empty,
    become_fifo,
    become_folder,
    become_link,
]


def judge_load(folder, X, expected, names):
    """What `load` makes of a folder, in one word."""
    try:
        loaded = load(folder)
    except ValueError as error:
        is_named = any(name in str(error) for name in names)
        return "refused" if is_named else f"unexplained: {error}"
    except BaseException as error:
        return f"unexplained: {type(error).__name__}: {error}"
    same = np.array_equal(probabilities(loaded, X), expected)
    same &= set(loaded.classes_) <= set(LABELS)
    return "same" if same else "wrong"


def run_damages(n_damages, seed):
    """Count the outcomes of random damages."""
    rng = np.random.default_rng(seed)
    counts = Counter()
    with tempfile.TemporaryDirectory() as parent:
        models = make_models()
        for name, (model, _) in models.items():
            for _ in range(
                2 if name in ("trained", "search") else 1
            ):  # Saved again, it lies in a subfolder.
                model.save(Path(parent) / name)
        for number in range(n_damages):
            name = list(models)[rng.integers(len(models))]
            model, X = models[name]
            folder = Path(parent) / f"damaged {number}"
            shutil.copytree(Path(parent) / name, folder)
            paths = sorted(path for path in folder.rglob("*") if path.is_file())
            names = [path.name for path in paths] + ["encoder/tokenizer"]
            damage = DAMAGES[rng.integers(len(DAMAGES))]
            damage(paths[rng.integers(len(paths))], rng)
            expected = probabilities(model, X)
            outcome = judge_load(folder, X, expected, names)
            counts[outcome] += 1
            if outcome not in ("refused", "same"):
                print(damage.__name__, name, outcome)
            shutil.rmtree(folder)
    return counts


# Kills


def save_for_ever(target, sources, connection):
    """Save one estimator over another until the process is killed."""
    models = [load(source) for source in sources]
    connection.send("ready")
    while True:
        for model in models:
            model.save(target)


def run_kills(n_kills, seed):
    """Count what is loaded after a process was killed while it saved one model over another."""
    rng = np.random.default_rng(seed)
    counts = Counter()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)  # Processes then start in a moment.
    with tempfile.TemporaryDirectory() as parent:
        target, sources = Path(parent) / "target", [Path(parent) / name for name in "ab"]
        expected = []
        for number, source in enumerate(sources):
            model = TransferClassifier(
                encoder=make_encoder(16 + 16 * number), random_state=number, **SETTINGS
            ).fit(TEXTS, LABELS, language=LANGUAGE)
            model.save(source)
            expected.append(model.predict_proba(TEXTS, language=LANGUAGE))
        load(sources[0]).save(target)
        (target / "notes.txt").write_text("mine")
        for _ in range(n_kills):
            receiver, sender = context.Pipe(duplex=False)
            saver = context.Process(target=save_for_ever, args=(target, sources, sender))
            saver.start()
            sender.close()
            receiver.recv()  # An EOFError if the process has failed.
            end = time.monotonic() + rng.uniform(0, 0.5)
            while True:  # A reader beside the writer sees one of the two as well.
                counts[_judge_target(target, expected)] += 1
                if time.monotonic() >= end:
                    break
            saver.kill()
            saver.join()
            receiver.close()
            counts[f"{_judge_target(target, expected)} after a kill"] += 1
        counts["lost files of the user"] += (target / "notes.txt").read_text() != "mine"
        counts["left subfolders"] = len([path for path in target.iterdir() if path.is_dir()])
    return counts


def _judge_target(target, expected):
    try:
        probabilities = load(target).predict_proba(TEXTS, language=LANGUAGE)
    except BaseException as error:
        return f"lost: {error}"
    return "right" if any(np.array_equal(probabilities, each) for each in expected) else "wrong"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--damages", type=int, default=500)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.damages:
        print("damages:", dict(run_damages(arguments.damages, arguments.seed)))
    if arguments.kills:
        print("kills:", dict(run_kills(arguments.kills, arguments.seed)))


if __name__ == "__main__":
    main()
