"""Digits in 15 scripts: the script is the language, and fonts that no model has seen are the test.

    apt-get install fonts-noto-core          # or, without rights:
    apt-get download fonts-noto-core && dpkg -x fonts-noto-core_*.deb FOLDER_OF_FONTS
    python benchmarks/digits.py FOLDER_OF_FONTS
    python benchmarks/digits.py --report

The images are 32 pixels high and wide, each a digit of random size, place, slant, contrast and
noise. Those to train on are in two weights of a font without serifs (of Noto Sans; for Arabic of
Noto Sans Arabic), those of the test in two weights of one with serifs (Noto Serif; Noto Naskh).
Nothing was chosen by the test images. The tasks:

- all scripts: trained on all 15
- new script: trained on 11; the four others have no image, or 1, 4 or 16 of each digit, to learn
  from. The score is their mean
- scikit-learn: its 1,797 digits of 8 x 8 pixels, a third of them as the test

The methods:

- pixels: logistic regression on the pixels
- HOG: logistic regression on histograms of oriented gradients (Dalal & Triggs, 2005)
- each alone: the two, with a model for each script instead of one for all
- TransferClassifier, MetaNetClassifier: with image_column, encoder="scratch" and the defaults
- MetaNetClassifier on HOG: the same histograms as numbers, with the script as the language

MetaNetClassifier learns a new script by `adapt`. The models that are one for all predict it without
having seen it.
"""

import argparse
import time
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import records
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from metaling_sk import MetaNetClassifier, TransferClassifier
from metaling_sk.exceptions import InputWarning

SCRIPTS = {
    "Latin": ("", "0"),
    "Arabic": ("Arabic", "٠"),
    "Persian": ("Arabic", "۰"),
    "Devanagari": ("Devanagari", "०"),
    "Bengali": ("Bengali", "০"),
    "Gurmukhi": ("Gurmukhi", "੦"),
    "Gujarati": ("Gujarati", "૦"),
    "Tamil": ("Tamil", "௦"),
    "Telugu": ("Telugu", "౦"),
    "Kannada": ("Kannada", "೦"),
    "Malayalam": ("Malayalam", "൦"),
    "Thai": ("Thai", "๐"),
    "Lao": ("Lao", "໐"),
    "Khmer": ("Khmer", "០"),
    "Myanmar": ("Myanmar", "၀"),
}
"""The part of the name of a font, and the digit zero; the others follow it in Unicode."""

NEW = ["Persian", "Gujarati", "Thai", "Khmer"]
"""The scripts that are new in the second task, chosen before any run."""

WEIGHTS = ("Regular", "Bold")
SIZE, MARGIN = 32, 3
"""Pixels of an image, and how far a digit may be from its middle."""
N_TRAIN, N_TEST = 10, 10
"""Images of each digit of each script."""
SHOTS = [0, 1, 4, 16]
TASKS = ("all scripts", "new script", "scikit-learn")
BASELINES = ("pixels", "HOG", "pixels, each alone", "HOG, each alone")
METHODS = (*BASELINES, "MetaNetClassifier on HOG", "TransferClassifier", "MetaNetClassifier")
COLUMNS = ["image", "language"]
RESULT = Path(__file__).parent / "results" / "digits.json"


def find_fonts(folder: Path, name: str, is_test: bool) -> list[Path]:
    """Find the fonts of a script that models train on, or those of the test."""
    style = ("Naskh" if name == "Arabic" else "Serif") if is_test else "Sans"
    paths = [next(folder.rglob(f"Noto{style}{name}-{weight}.ttf"), None) for weight in WEIGHTS]
    if None in paths:
        raise SystemExit(
            f"{folder} lacks Noto{style}{name}-Regular.ttf or -Bold.ttf; install Debian's "
            "fonts-noto-core, or name the folder where it is."
        )
    return paths


def draw(digit: str, font: Path, rng: np.random.RandomState) -> np.ndarray:
    """Draw a digit, and spoil it."""
    from PIL import Image, ImageDraw, ImageFont

    size = rng.randint(20, 27)
    drawer = ImageFont.truetype(font, size)
    left, top, right, bottom = drawer.getbbox(digit)
    image = Image.new("L", (SIZE, SIZE), 0)
    place = ((SIZE - left - right) / 2, (SIZE - top - bottom) / 2)
    moved = [each + rng.uniform(-MARGIN, MARGIN) for each in place]
    ImageDraw.Draw(image).text(moved, digit, fill=255, font=drawer)
    image = image.rotate(rng.uniform(-10, 10), Image.Resampling.BILINEAR)
    ink = np.asarray(image) / 255
    paper, contrast = rng.uniform(0.8, 1), rng.uniform(0.5, 0.8)
    values = paper - contrast * ink + rng.normal(0, rng.uniform(0.01, 0.06), ink.shape)
    return (255 * values.clip(0, 1)).round().astype(np.uint8)


@cache
def make_images(folder: Path, seed: int, is_test: bool, n_images: int) -> pd.DataFrame:
    """Make so many images of each digit of each script."""
    rng = np.random.RandomState([seed, is_test])
    rows = []
    for script, (name, zero) in SCRIPTS.items():
        fonts = find_fonts(folder, name, is_test)
        for digit in range(10):
            for number in range(n_images):
                image = draw(chr(ord(zero) + digit), fonts[number % len(fonts)], rng)
                rows.append((image, script, digit))
    return pd.DataFrame(rows, columns=["image", "language", "digit"])


def stack(images) -> np.ndarray:
    """Return the pixels of images of one size, as rows from 0 to 1."""
    return np.stack([np.asarray(image) for image in images]).reshape(len(images), -1) / 255


def hog(images) -> np.ndarray:
    """Return histograms of nine directions of the gradient in 4 x 4 cells, by blocks of 2 x 2."""
    pixels = np.stack([np.asarray(image) for image in images]).astype(float)
    n_images, size, _ = pixels.shape
    cell = size // 4
    along_y, along_x = np.gradient(pixels, axis=(1, 2))
    bins = (np.arctan2(along_y, along_x) % np.pi / np.pi * 9).astype(int) % 9
    strength = np.hypot(along_x, along_y)[..., None] * (bins[..., None] == np.arange(9))
    n_cells = size // cell
    strength = strength[:, : n_cells * cell, : n_cells * cell]
    cells = strength.reshape(n_images, n_cells, cell, n_cells, cell, 9).sum(axis=(2, 4))
    blocks = np.concatenate(
        [cells[:, i : n_cells - 1 + i, j : n_cells - 1 + j] for i in (0, 1) for j in (0, 1)], axis=3
    )
    blocks /= np.linalg.norm(blocks, axis=3, keepdims=True) + 1e-6
    return blocks.reshape(n_images, -1)


def fit_linear(features, images, y):
    """Fit a logistic regression on features of images.

    Whether features are standardised, the cells of HOG and C=1 were chosen by models of the regular
    fonts on the bold ones, both of the training.
    """
    steps = [StandardScaler()] if features is stack else []
    model = make_pipeline(FunctionTransformer(features), *steps, LogisticRegression(max_iter=500))
    return model.fit(list(images), y)


class Baseline:
    """A logistic regression that knows nothing of scripts."""

    def __init__(self, method: str, seed: int):
        self.features = hog if method.startswith("HOG") else stack

    def fit(self, rows: pd.DataFrame):
        """Fit on rows with labels."""
        self.model = fit_linear(self.features, rows["image"], rows["digit"])
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Predict the digits of rows."""
        return self.model.predict(list(rows["image"]))


class Ours:
    """An estimator of this package, on images or on HOG."""

    def __init__(self, method: str, seed: int):
        kind = TransferClassifier if method.startswith("Transfer") else MetaNetClassifier
        self.on_numbers = method.endswith("HOG")
        column = None if self.on_numbers else "image"
        self.model = kind(image_column=column, random_state=seed, verbose=0, device="cpu")

    def as_input(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return X."""
        if not self.on_numbers:
            return rows[COLUMNS]
        return pd.DataFrame(hog(rows["image"]), index=rows.index).assign(language=rows["language"])

    def fit(self, rows: pd.DataFrame):
        """Fit on rows with labels."""
        self.model.fit(self.as_input(rows).rename(columns=str), rows["digit"])
        return self

    def adapt(self, rows: pd.DataFrame) -> None:
        """Learn a script from rows with labels."""
        self.model.adapt(self.as_input(rows).rename(columns=str), rows["digit"])

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Predict the digits of rows."""
        return self.model.predict(self.as_input(rows).rename(columns=str))


def new_model(method: str, seed: int):
    """Return a model that is not fitted."""
    return (Baseline if method in BASELINES else Ours)(method, seed)


def accuracy(model, test: pd.DataFrame) -> float:
    """Return the percentage of the images that a model predicts."""
    return 100 * float(np.mean(model.predict(test) == test["digit"]))


def measure_all(method: str, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> dict:
    """Return the mean accuracy of the scripts of the training."""
    if not method.endswith("each alone"):
        return {"accuracy": accuracy(new_model(method, seed).fit(train), test)}
    scores = [
        accuracy(new_model(method, seed).fit(part), test[test["language"] == script])
        for script, part in train.groupby("language")
    ]
    return {"accuracy": np.mean(scores)}


def measure_new(
    method: str, known: pd.DataFrame, given: pd.DataFrame, test: pd.DataFrame, seed: int
) -> dict:
    """Return the mean accuracy of the new scripts, by the number of images of each digit."""
    is_alone, adapts = method.endswith("each alone"), method.startswith("MetaNet")
    model = None if is_alone else new_model(method, seed).fit(known)
    figures = {}
    for shots in SHOTS if adapts else SHOTS[1:] if is_alone else SHOTS[:1]:
        scores = []
        for script in NEW:
            few = given[given["language"] == script].groupby("digit").head(shots)
            if is_alone:
                model = new_model(method, seed).fit(few)
            elif shots:
                model.adapt(few)
            scores.append(accuracy(model, test[test["language"] == script]))
            if adapts and shots:
                model.model.forget(script)
        figures[f"{shots} images"] = np.mean(scores)
    return figures


def measure_sklearn(method: str, seed: int) -> dict:
    """Return the accuracy on scikit-learn's digits."""
    digits = load_digits()
    images = list((digits.images * 255 / 16).round().astype(np.uint8))
    rows = pd.DataFrame({"image": images, "language": "digits", "digit": digits.target})
    train, test = train_test_split(rows, test_size=1 / 3, random_state=seed)
    return measure_all(method, train, test, seed)


def measure(folder: Path, run: dict) -> dict:
    """Return the figures of a run."""
    method, seed, arguments = run["method"], run["seed"], run["arguments"]
    start = time.perf_counter()
    if arguments["task"] == "scikit-learn":
        figures = measure_sklearn(method, seed)
    else:
        train = make_images(folder, seed, False, max(arguments["images"], *SHOTS))
        test = make_images(folder, seed, True, N_TEST)
        given = train[train["language"].isin(NEW)]
        train = train.groupby(["language", "digit"], sort=False).head(arguments["images"])
        if arguments["task"] == "all scripts":
            figures = measure_all(method, train, test, seed)
        else:
            known = train[~train["language"].isin(NEW)]
            figures = measure_new(method, known, given, test, seed)
    return figures | {"seconds": time.perf_counter() - start}


def is_run(task: str, method: str) -> bool:
    """Return whether a method has anything to do in a task."""
    return task != "scikit-learn" or method in ("pixels", "HOG", "TransferClassifier")


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="folder of Debian's fonts-noto-core")
    records.add_arguments(parser, METHODS, RESULT)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--images", type=int, default=N_TRAIN, help="of each digit to train on")
    args = parser.parse_args()
    if not args.report:
        if args.folder is None:
            parser.error("the folder of Debian's fonts-noto-core is missing")
        warnings.simplefilter("ignore", InputWarning)
        runs = [
            records.new_record(method, seed, {"task": task, "images": args.images})
            for seed in args.seeds
            for task in args.tasks
            for method in args.methods
            if is_run(task, method)
        ]
        records.run_unknown(args.result, runs, lambda run: measure(args.folder, run))
    for setting, by_method in records.settings(args.result):
        print(f"\n{setting}")
        for method, found in by_method.items():
            names = [name for name in found[0]["figures"] if name != "seconds"]
            cells = (
                f"{name} {records.mean_and_std([one['figures'][name] for one in found])}"
                for name in names
            )
            print(f"{method}: {', '.join(cells)}")


if __name__ == "__main__":
    main()
