"""How soon a search finds what other searches find, on reviews in English and Chinese.

    python benchmarks/meta_param.py
    python benchmarks/meta_param.py --tasks trained --seeds 0 --rows 500 --max-length 256
    python benchmarks/meta_param.py --report

All searches of a seed have the same rows, folds, encoder, distributions and number of candidates.
They minimise the log-loss, in the mean of the folds, and no refit is counted:

- metaling_sk: MetaParamSearchCV(search="freeze-thaw") over TransferClassifier
- halving: MetaParamSearchCV(search="halving") over TransferClassifier
- RandomizedSearchCV: that of scikit-learn, over skorch's documented recipe for Transformers (a
  tokenizer that pads to `max_length`, a DataLoader, float32)
- HalvingRandomSearchCV: that of scikit-learn, over TransferClassifier
- Optuna: TPE over TransferClassifier, whose epochs a MedianPruner follows; the best epoch counts

The tasks are a small encoder with random weights, frozen or trained, and multilingual-e5-small,
trained. A record holds the seconds and the epochs of a whole search, and the best loss. Those of
MetaParamSearchCV also hold its course: seconds, epochs and loss whenever a candidate had all its
folds.
"""

import argparse
import time
import warnings
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pages
import pandas as pd
import peers
import records
import tables
import torch
import transformers
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from skorch import NeuralNetClassifier
from skorch.hf import HuggingfacePretrainedTokenizer
from torch import nn
from transformers import AutoModel, BertConfig

from metaling_sk import MetaParamSearchCV, StratifiedLanguageKFold, TransferClassifier
from metaling_sk._encoders.scratch import train_tokenizer
from metaling_sk.datasets import load_encoder, load_reviews
from metaling_sk.meta_param._journal import read_results
from metaling_sk.metrics import log_loss_scorer

POOL = 2000
"""Number of reviews of each language from which the seeds draw; how a search chooses was decided on
others."""

SMALL = "small"
RESULT = Path(__file__).parent / "results" / "meta_param.json"
NEEDS = {"Optuna": "optuna"}
CHANGEABLE = ("rows", "max_length", "max_epochs", "n_iter")
"""The parts of a task that arguments may change."""


@dataclass(frozen=True)
class Task:
    """What is searched for.

    Attributes
    ----------
    encoder : str
        `SMALL`, or the name of an encoder that `load_encoder` knows.
    trainable : {"head", "all"}
        What is trained of it.
    learning_rates : (float, float)
        The limits of the learning rates, which are drawn from a log-uniform distribution.
    batch_sizes : list of int
    rows : int
        Reviews of each language.
    max_length : int
        Tokens of a text.
    max_epochs, n_iter, n_folds : int
        The most epochs of a candidate, the number of candidates and that of folds.
    methods : tuple of str
        The searches, ours last.
    """

    encoder: str
    trainable: str
    learning_rates: tuple[float, float]
    batch_sizes: tuple[int, ...]
    rows: int
    max_length: int
    max_epochs: int
    n_iter: int
    n_folds: int
    methods: tuple[str, ...]

    @property
    def distributions(self) -> dict:
        """The distributions of the parameters of a TransferClassifier."""
        return {
            "learning_rate": loguniform(*self.learning_rates),
            "batch_size": list(self.batch_sizes),
        }


TASKS = {
    "frozen": Task(
        SMALL, "head", (1e-4, 1e-1), (16, 32, 64), 300, 128, 9, 9, 3,
        ("RandomizedSearchCV", "metaling_sk"),
    ),
    "trained": Task(
        SMALL, "all", (1e-5, 1e-2), (16, 32, 64), 300, 128, 9, 9, 3,
        ("RandomizedSearchCV", "HalvingRandomSearchCV", "halving", "metaling_sk"),
    ),
    "e5-small": Task(
        "multilingual-e5-small", "all", (1e-5, 1e-3), (8, 16, 32), 75, 64, 9, 9, 2,
        ("RandomizedSearchCV", "Optuna", "metaling_sk"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """A task with the rows, the folds and the encoder of a seed.

    Attributes
    ----------
    task : Task
    seed : int
    X, y : DataFrame, ndarray
    folds : list of (train, test)
    folder : str
        The folder of the encoder.
    """

    task: Task
    seed: int
    X: pd.DataFrame
    y: np.ndarray
    folds: list
    folder: str


def search_recipe(setting: Setting) -> dict:
    """Search the parameters of skorch's recipe with RandomizedSearchCV."""
    task = setting.task
    net = NeuralNetClassifier(
        Recipe,
        module__folder=setting.folder,
        module__is_trained=task.trainable == "all",
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        max_epochs=task.max_epochs,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    padding = HuggingfacePretrainedTokenizer(
        setting.folder, max_length=task.max_length, return_token_type_ids=False, verbose=0
    )
    names = {"learning_rate": "lr", "batch_size": "batch_size"}
    search = RandomizedSearchCV(
        make_pipeline(padding, net),
        {
            f"neuralnetclassifier__{names[name]}": values
            for name, values in task.distributions.items()
        },
        n_iter=task.n_iter,
        scoring="neg_log_loss",
        cv=setting.folds,
        random_state=setting.seed,
        refit=False,
    )
    seconds, _ = peers.timed(search.fit, setting.X["text"].to_numpy(), setting.y)
    epochs = task.n_iter * task.max_epochs * task.n_folds
    return new_figures(seconds, epochs, best_loss(search))


class Recipe(nn.Module):
    """A Transformer with a linear head on the mean over the tokens."""

    def __init__(self, folder: str, is_trained: bool):
        super().__init__()
        encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False)
        self.encoder = encoder.requires_grad_(is_trained)
        self.head = nn.Linear(self.encoder.config.hidden_size, 2)

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(input_ids, attention_mask).last_hidden_state
        mask = attention_mask[..., None]
        return self.head((hidden * mask).sum(1) / mask.sum(1))


def search_halving(setting: Setting) -> dict:
    """Search with HalvingRandomSearchCV."""
    task = setting.task
    search = HalvingRandomSearchCV(
        new_classifier(setting),
        task.distributions,
        n_candidates=task.n_iter,
        resource="max_epochs",
        max_resources=task.max_epochs,
        min_resources=1,
        scoring="neg_log_loss",
        cv=setting.folds,
        random_state=setting.seed,
        refit=False,
    )
    seconds, _ = peers.timed(search.fit, setting.X, setting.y)
    epochs = np.dot(search.n_candidates_, search.n_resources_) * task.n_folds
    return new_figures(seconds, epochs, best_loss(search))


def search_optuna(setting: Setting) -> dict:
    """Let Optuna stop candidates that are worse than the median of those before."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    task, n_epochs, losses = setting.task, 0, []
    score = log_loss_scorer(np.unique(setting.y))

    def objective(trial):
        nonlocal n_epochs
        params = {
            "learning_rate": trial.suggest_float("learning_rate", *task.learning_rates, log=True),
            "batch_size": trial.suggest_categorical("batch_size", task.batch_sizes),
        }
        models = [new_classifier(setting).set_params(**params) for _ in setting.folds]
        for epoch in range(task.max_epochs):
            scores = []
            for model, (train, test) in zip(models, setting.folds, strict=True):
                model.partial_fit(
                    setting.X.iloc[train], setting.y[train], planned_epochs=task.max_epochs
                )
                scores.append(score(model, setting.X.iloc[test], setting.y[test]))
            n_epochs += task.n_folds
            losses.append(-float(np.mean(scores)))
            trial.report(losses[-1], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return losses[-1]

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=setting.seed), pruner=optuna.pruners.MedianPruner()
    )
    seconds, _ = peers.timed(study.optimize, objective, n_trials=task.n_iter)
    return new_figures(seconds, n_epochs, min(losses))


def search_ours(setting: Setting, search: str = "freeze-thaw") -> dict:
    """Search with MetaParamSearchCV."""
    task = setting.task
    with TemporaryDirectory() as folder:
        searching = MetaParamSearchCV(
            new_classifier(setting),
            task.distributions,
            search=search,
            n_iter=task.n_iter,
            checkpoint=folder,
            cv=setting.folds,
            random_state=setting.seed,
            refit=False,
            verbose=0,
        )
        start = time.time()
        seconds, _ = peers.timed(searching.fit, setting.X, setting.y)
        course = read_results(folder).sort_values("finished", ignore_index=True)
    n_before = course.groupby("candidate")["n_resources"].shift(fill_value=0)
    epochs = (course["n_resources"] - n_before).cumsum() * task.n_folds
    steps = zip(course["finished"] - start, epochs, -course["mean_test_score"], strict=True)
    figures = new_figures(seconds, epochs.iloc[-1], best_loss(searching))
    return figures | {"course": [list(new_figures(*step).values()) for step in steps]}


METHODS = {
    "RandomizedSearchCV": search_recipe,
    "HalvingRandomSearchCV": search_halving,
    "Optuna": search_optuna,
    "halving": partial(search_ours, search="halving"),
    "metaling_sk": search_ours,
}


def new_classifier(setting: Setting) -> TransferClassifier:
    """Return the model of the recipe as a TransferClassifier; all rows are source rows."""
    return TransferClassifier(
        source_languages=["en", "zh"],
        encoder=setting.folder,
        prompt="",
        trainable=setting.task.trainable,
        max_length=setting.task.max_length,
        max_epochs=setting.task.max_epochs,
        verbose=0,
        random_state=setting.seed,
    )


def new_figures(seconds: float, epochs: int, loss: float) -> dict:
    """Round the figures of a record."""
    return {"seconds": round(seconds, 2), "epochs": int(epochs), "loss": round(loss, 4)}


def best_loss(search) -> float:
    """Return the lowest mean loss of all candidates."""
    return -float(np.nanmax(search.cv_results_["mean_test_score"]))


@cache
def new_setting(task: Task, seed: int) -> Setting:
    """Draw the rows and the folds of a seed, and make the encoder."""
    X, y = load_reviews(return_X_y=True)
    pool = X.groupby("language").head(POOL)
    chosen = pool.groupby("language").sample(task.rows, random_state=seed).index
    X, y = X.loc[chosen].reset_index(drop=True), y[chosen]
    folds = list(StratifiedLanguageKFold(task.n_folds, random_state=seed).split(X, y))
    if task.encoder != SMALL:
        return Setting(task, seed, X, y, folds, load_encoder(task.encoder))
    return Setting(task, seed, X, y, folds, save_small_encoder(X, seed))


def save_small_encoder(X: pd.DataFrame, seed: int) -> str:
    """Save an encoder of one layer with random weights, and return its folder."""
    tokenizer = train_tokenizer(X["text"].to_numpy(), X["language"].to_numpy(), 16_000)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=256,
    )
    torch.manual_seed(seed)
    folder = temporary_folder() / str(seed)
    AutoModel.from_config(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


_KEPT: list[TemporaryDirectory] = []


def temporary_folder() -> Path:
    """Return a new folder, which is removed when the process ends."""
    _KEPT.append(TemporaryDirectory())
    return Path(_KEPT[-1].name)


@cache
def load_libraries() -> None:
    """Search once, so that what a process loads only once is loaded before a search is measured."""
    task = replace(TASKS["frozen"], rows=10, max_epochs=1, n_iter=1)
    setting = new_setting(task, seed=0)
    for search in (search_recipe, search_ours):
        search(setting)


def measure(method: str, seed: int, task: str, **changes) -> dict:
    """Return the figures of a search."""
    load_libraries()
    return METHODS[method](new_setting(replace(TASKS[task], **changes), seed))


def report(path: Path) -> None:
    """Print how soon ours was as good as each peer, in the median of the seeds."""
    print(records.simple_table(pages.format_table(tables.meta_param(path.parent, path.name))))


def main() -> None:
    """Run what is not known yet, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    records.add_arguments(parser, METHODS, RESULT)
    parser.set_defaults(seeds=list(range(5)))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    for name in CHANGEABLE:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help="instead of the task's")
    args = parser.parse_args()
    if not args.report:
        warnings.simplefilter("ignore")
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        changes = {name: getattr(args, name) for name in CHANGEABLE if getattr(args, name)}
        runs = [
            peers.new_record(method, seed, {"task": name} | changes, NEEDS.get(method))
            for name in args.tasks
            for seed in args.seeds
            for method in peers.installed(TASKS[name].methods, NEEDS)
            if method in args.methods
        ]
        records.run_unknown(
            args.result,
            runs,
            lambda run: measure(run["method"], run["seed"], **run["arguments"]),
        )
    report(args.result)


if __name__ == "__main__":
    main()
