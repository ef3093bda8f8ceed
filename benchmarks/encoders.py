"""What is trained of an encoder: multilingual-e5-small on SIB-200, from some languages to others.

    python benchmarks/encoders.py FOLDER_OF_SIB200
    python benchmarks/encoders.py FOLDER_OF_SIB200 --labels 16
    python benchmarks/encoders.py FOLDER_OF_SIB200 --languages many --rows 40 --texts 20
    python benchmarks/encoders.py FOLDER_OF_SIB200 --methods head lora --seeds 0 --split dev
    python benchmarks/encoders.py --report

There are 701 English training rows with labels, and 200 training texts without labels of each of
seven languages. With `--labels` each of the seven also has so many other rows with labels. With
`--languages many` there are 25 languages instead of English, with `--rows` labels each, and 175
instead of the seven. The score is the accuracy on the test rows, as the mean of the languages to
learn from and of the others. The methods:

- head, lora, adapter, all: TransferClassifier with its defaults and this `trainable`. half: with
  trainable=0.5.
- meta, meta-head: MetaNetClassifier on all these rows, which is the source of a TransferClassifier.
  Both have trainable="all" or "head". Without labels in the seven languages the second one trains
  nothing: its model is the meta-model.
- union: MetaNetClassifier with its defaults on character n-grams and frozen vectors.
- vote: the mean of the probabilities of half and union.
- logistic-regression: on frozen vectors of length 1. 5-fold cross-validation on the rows of the
  languages to learn from chooses C.
- trainer: the Trainer of Hugging Face transformers, with 4 epochs, learning rate 5e-5 and batches
  of 16. It needs `accelerate`.
- setfit: SetFit with 10 pairs for each row with labels. It needs `setfit`.

The last three use no text without labels. All read "query: " before a text, and 64 tokens. All
compute in bfloat16 where the hardware has it.

The time of a fit includes loading the encoder. What is trained are the weights that have a
gradient, or the coefficients. What is saved is all that a prediction needs. Each run is written to
benchmarks/results/encoders.json at once. A benchmark that was stopped goes on where it was. A GPU
is used where there is one.
"""

import argparse
import gc
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import records
import torch
from peers import installed
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union

from metaling_sk import EncoderVectorizer, MetaNetClassifier, TransferClassifier
from metaling_sk._encoders.memory_cache import CACHE
from metaling_sk._utils.device import autocast_dtype, find_device
from metaling_sk.datasets import load_encoder
from metaling_sk.exceptions import InputWarning

LARGE = """arb_Arab ben_Beng deu_Latn eng_Latn fra_Latn hau_Latn hin_Deva ind_Latn ita_Latn jpn_Jpan
kor_Hang nld_Latn pes_Arab pol_Latn por_Latn rus_Cyrl spa_Latn swh_Latn tam_Taml tha_Thai tur_Latn
ukr_Cyrl vie_Latn yor_Latn zho_Hans"""
SOURCES = {"seven": ["eng_Latn"], "many": LARGE.split()}
SEVEN = ["zho_Hans", "arb_Arab", "hin_Deva", "swh_Latn", "tur_Latn", "ind_Latn", "yor_Latn"]
N_NEW = 175
"""Number of languages that are new for "many": all but the 25 and the last five."""
PROMPT, MAX_LENGTH = "query: ", 64
RESULT = Path(__file__).parent / "results" / "encoders.json"
COLUMNS = ["text", "language"]


@dataclass
class Fitted:
    """A fitted model: what predicts a table, the number of trained weights, what saves it."""

    predict: Callable[[pd.DataFrame], np.ndarray]
    n_trained: int
    save: Callable[[Path], object]


def count(module) -> int:
    """Count the weights with a gradient."""
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)


def network_parameters(seed: int, epochs: int | None) -> dict:
    """Return the parameters of our classifiers that are not about the encoder."""
    return {"verbose": 0, "random_state": seed} | ({"max_epochs": epochs} if epochs else {})


def new_transfer(seed, epochs, trainable, max_length=MAX_LENGTH) -> TransferClassifier:
    """Return an unfitted TransferClassifier."""
    return TransferClassifier(
        encoder=load_encoder("multilingual-e5-small"),
        trainable=trainable,
        prompt=PROMPT,
        max_length=max_length,
        **network_parameters(seed, epochs),
    )


def fit_transfer(train, seed, epochs, trainable, max_length=MAX_LENGTH) -> Fitted:
    """Fit a TransferClassifier."""
    clf = new_transfer(seed, epochs, trainable, max_length)
    clf.fit(train[COLUMNS], train["label"].to_numpy(dtype=object))
    return Fitted(lambda X: clf.predict(X[COLUMNS]), count(clf.net_.module_), clf.save)


def fit_meta(train, seed, epochs, trainable) -> Fitted:
    """Fit a MetaNetClassifier, and a TransferClassifier that starts from its meta-model."""
    X, y = train[COLUMNS], train["label"].to_numpy(dtype=object)
    source = MetaNetClassifier(
        encoder=load_encoder("multilingual-e5-small"),
        trainable=trainable,
        prompt=PROMPT,
        max_length=MAX_LENGTH,
        **network_parameters(seed, epochs),
    ).fit(X, y)
    clf = TransferClassifier(
        source=source,
        trainable=trainable,
        **network_parameters(seed, epochs),
    ).fit(X, y)
    return Fitted(lambda X: clf.predict(X[COLUMNS]), count(source.net_.module_), clf.save)


def new_union(seed, epochs) -> MetaNetClassifier:
    """Return an unfitted MetaNetClassifier on n-grams and frozen vectors."""
    encoder = make_union(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), min_df=2, sublinear_tf=True),
        EncoderVectorizer(
            load_encoder("multilingual-e5-small"), prompt=PROMPT, max_length=MAX_LENGTH, verbose=0
        ),
    )
    return MetaNetClassifier(encoder=encoder, **network_parameters(seed, epochs))


def fit_union(train, seed, epochs) -> Fitted:
    """Fit a MetaNetClassifier on n-grams and frozen vectors."""
    clf = new_union(seed, epochs)
    clf.fit(train[COLUMNS], train["label"].to_numpy(dtype=object))
    return Fitted(
        lambda X: clf.predict(X[COLUMNS]),
        count(clf.net_.module_),
        lambda folder: joblib.dump(clf, folder / "model.joblib"),
    )


def fit_vote(train, seed, epochs) -> Fitted:
    """Fit half and union on all rows, and average their probabilities."""
    X, y = train[COLUMNS], train["label"].to_numpy(dtype=object)
    models = {
        "half": new_transfer(seed, epochs, 0.5).fit(X, y),
        "union": new_union(seed, epochs).fit(X, y),
    }
    # A VotingClassifier refuses missing labels.
    labelled = train["label"].notna()
    vote = VotingClassifier(
        [(name, FrozenEstimator(model)) for name, model in models.items()], voting="soft"
    ).fit(X[labelled], y[labelled].astype(str))
    return Fitted(
        lambda X: vote.predict(X[COLUMNS]),
        sum(count(model.net_.module_) for model in models.values()),
        lambda folder: joblib.dump(vote, folder / "model.joblib"),
    )


def fit_logistic_regression(train, seed, epochs) -> Fitted:
    """Fit a logistic regression on frozen vectors."""
    vectorizer = EncoderVectorizer(
        load_encoder("multilingual-e5-small"), prompt=PROMPT, max_length=MAX_LENGTH, verbose=0
    )
    labelled = train[train["label"].notna()]
    vectors, y = vectorizer.fit_transform(labelled["text"]), labelled["label"]
    is_source = labelled["is_source"].to_numpy(bool)
    search = GridSearchCV(
        LogisticRegression(max_iter=1000), {"C": [0.1, 1, 10, 100, 1000]}, refit=False
    ).fit(vectors[is_source], y[is_source])
    model = LogisticRegression(max_iter=1000, **search.best_params_).fit(vectors, y)
    both = make_pipeline(vectorizer, model)
    return Fitted(
        lambda X: both.predict(X["text"]),
        model.coef_.size + model.intercept_.size,
        lambda folder: joblib.dump(both, folder / "model.joblib"),
    )


def fit_trainer(train, seed, epochs) -> Fitted:
    """Fine-tune with the Trainer of transformers."""
    from huggingface import new_trainer, predicted, tokenized
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

    labelled = train[train["label"].notna()]
    classes, y = np.unique(labelled["label"].to_numpy(str), return_inverse=True)
    set_seed(seed)
    encoder = load_encoder("multilingual-e5-small")
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=len(classes))
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    trainer = new_trainer(
        model,
        tokenizer,
        tokenized(tokenizer, PROMPT + labelled["text"], MAX_LENGTH, y),
        find_device("auto"),
        num_train_epochs=epochs or 4,
        learning_rate=5e-5,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=64,
        seed=seed,
    )
    trainer.train()
    return Fitted(
        lambda X: classes[predicted(trainer, tokenized(tokenizer, PROMPT + X["text"], MAX_LENGTH))],
        count(model),
        lambda folder: trainer.save_model(str(folder)),
    )


def fit_setfit(train, seed, epochs, max_length=MAX_LENGTH, num_iterations=5) -> Fitted:
    """Fine-tune on pairs with SetFit."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    labelled = train[train["label"].notna()]
    classes, y = np.unique(labelled["label"].to_numpy(str), return_inverse=True)
    encoder, device = load_encoder("multilingual-e5-small"), find_device("auto")
    model = SetFitModel.from_pretrained(encoder, device=str(device))
    dtype = autocast_dtype("auto", device)
    # With its cache, low precision would go on with the weights that it met first.
    low_precision = torch.autocast(
        device.type, dtype=dtype, enabled=dtype is not None, cache_enabled=False
    )
    # The texts have their prompt already, as training would not add it.
    model.model_body.default_prompt_name = None
    model.model_body.max_seq_length = max_length
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model,
            TrainingArguments(
                folder,
                batch_size=16,
                num_epochs=1,
                num_iterations=num_iterations,
                seed=seed,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                show_progress_bar=False,
            ),
            train_dataset=Dataset.from_dict({"text": PROMPT + labelled["text"], "label": y}),
        )
        with low_precision:
            trainer.train()

    def predict(X) -> np.ndarray:
        with low_precision:
            return classes[np.asarray(model.predict((PROMPT + X["text"]).tolist()))]

    head = model.model_head
    return Fitted(
        predict,
        count(model.model_body) + head.coef_.size + head.intercept_.size,
        lambda folder: model.save_pretrained(str(folder)),
    )


METHODS: dict[str, Callable[..., Fitted]] = {
    **{name: partial(fit_transfer, trainable=name) for name in ("head", "lora", "adapter", "all")},
    "half": partial(fit_transfer, trainable=0.5),
    "meta": partial(fit_meta, trainable="all"),
    "meta-head": partial(fit_meta, trainable="head"),
    "union": fit_union,
    "vote": fit_vote,
    "logistic-regression": fit_logistic_regression,
    "trainer": fit_trainer,
    "setfit": fit_setfit,
}
NEEDS = {"lora": "peft", "trainer": "accelerate", "setfit": "setfit"}
"""Packages that a method needs, besides those of metaling_sk."""


def read_sib200(args, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows, with None where the label is not given, and the test rows."""
    sources = SOURCES[args.languages]
    names = sorted(path.name for path in args.folder.glob("data/annotated/*/"))
    new = SEVEN if args.languages == "seven" else [x for x in names if x not in sources][:N_NEW]
    training, evaluation = [], []
    for language in [*sources, *new]:
        train, test = (
            pd.read_csv(args.folder / f"data/annotated/{language}/{split}.tsv", sep="\t", quoting=3)
            .rename(columns={"category": "label"})
            .assign(language=language, is_source=language in sources)
            for split in ("train", args.split)
        )
        # Languages of "many" get different sentences.
        draw = seed if args.languages == "seven" else seed * len(names) + names.index(language)
        train = train.sample(frac=1, random_state=draw).astype({"label": object})
        if language in sources:
            train = train[: args.rows]
        else:
            train = train[: args.labels + args.texts].reset_index(drop=True)
            train.loc[args.labels :, "label"] = None
        training.append(train)
        evaluation.append(test.sample(args.test_rows or len(test), random_state=0))
    return pd.concat(training, ignore_index=True), pd.concat(evaluation, ignore_index=True)


def measure(args, method: str, seed: int) -> dict:
    """Fit, predict and save; return the figures."""
    train, test = read_sib200(args, seed)
    # A frozen encoder would not encode again what an earlier run has encoded.
    CACHE.clear()
    start = time.perf_counter()
    fitted = METHODS[method](train, seed, args.epochs)
    seconds_of_fit = time.perf_counter() - start
    start = time.perf_counter()
    is_right = pd.Series(fitted.predict(test) == test["label"].to_numpy())
    seconds_of_predict = time.perf_counter() - start
    accuracy = (100 * is_right.groupby(test["language"]).mean()).round(2)
    is_source = accuracy.index.isin(SOURCES[args.languages])
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return {
        "accuracy": accuracy.to_dict(),
        "sources": round(accuracy[is_source].mean(), 2),
        "others": round(accuracy[~is_source].mean(), 2),
        "seconds of fit": round(seconds_of_fit, 2),
        "seconds of predict": round(seconds_of_predict, 2),
        "trained weights": int(fitted.n_trained),
        "saved MB": round(size / 1e6, 1),
    }


def report(path: Path) -> None:
    """Print a table for each setting: mean and standard deviation of the seeds."""
    header = ["", "sources", "others", "fit, s", "predict, s", "trained weights", "saved, MB"]
    for setting, by_method in records.settings(path):
        rows = [header]
        for method in METHODS:
            figures = [record["figures"] for record in by_method.get(method, [])]
            if not figures:
                continue
            rows.append(
                [
                    f"``{method}``",
                    records.mean_and_std([one["sources"] for one in figures]),
                    records.mean_and_std([one["others"] for one in figures]),
                    records.mean_and_std([one["seconds of fit"] for one in figures]),
                    records.mean_and_std([one["seconds of predict"] for one in figures]),
                    f"{figures[0]['trained weights']:,}",
                    f"{figures[0]['saved MB']:.0f}",
                ]
            )
        print(f"{setting}\n\n{records.simple_table(rows)}\n")


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="copy of dadelani/sib-200")
    records.add_arguments(parser, METHODS, RESULT)
    records.add_split(parser)
    parser.add_argument("--languages", choices=SOURCES, default="seven")
    parser.add_argument("--labels", type=int, default=0, help="labelled rows of each new language")
    parser.add_argument(
        "--epochs", type=int, help="of our networks and the Trainer; default: that of each"
    )
    parser.add_argument("--rows", type=int, default=701, help="rows of each language to learn from")
    parser.add_argument("--texts", type=int, default=200, help="unlabelled rows of each other one")
    parser.add_argument("--test-rows", type=int, help="of each language; default all")
    args = parser.parse_args()
    if args.report:
        report(args.result)
        return
    if args.folder is None:
        parser.error("the copy of dadelani/sib-200 is missing")
    names = ("split", "languages", "labels", "epochs", "rows", "texts", "test_rows")
    arguments = {name: getattr(args, name) for name in names}
    methods = installed(args.methods, NEEDS)
    # Text without labels is used for the statistics of its language only, and that is meant.
    warnings.simplefilter("ignore", InputWarning)

    @cache
    def warm_up() -> None:
        # What a process does once, such as starting the GPU, is no part of the first fit.
        EncoderVectorizer(load_encoder("multilingual-e5-small")).fit_transform(["a text"])

    def measure_run(run: dict) -> dict:
        warm_up()
        figures = measure(args, run["method"], run["seed"])
        gc.collect()  # The Trainers hold their models in cycles.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return figures

    runs = [
        records.new_record(method, seed, arguments) for method in methods for seed in args.seeds
    ]
    records.run_unknown(args.result, runs, measure_run)
    report(args.result)


if __name__ == "__main__":
    main()
