"""The tables of the documentation that are made from the records in benchmarks/results.

Each function reads the records of a benchmark from a folder. It returns a table whose cells are the
figures of the seeds.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import records
from encoders import SOURCES

from metaling_sk.meta_net import _uriel

CODE = "``{}``"
"""How the name of a method is written."""

TASKS = {
    "sib200": "SIB-200",
    "nusax": "NusaX",
    "afrisenti": "AfriSenti",
    "reviews": "reviews",
}
"""How tasks are written."""

MIN_FAMILY = 3
"""Number of languages from which on a family has a row of its own."""

ACCURACIES = {"accuracy before": "before (%)", "accuracy": "accuracy (%)"}
"""Titles of the figures beside a time."""


def collect(frame: pd.DataFrame, index, columns, values: str, *, order=None) -> pd.DataFrame:
    """Return a table of the values of each row and column, in the order in which they appear."""
    cells = frame.groupby([index, columns], sort=False)[values].apply(np.asarray).unstack()
    rows, names = frame[index].unique(), frame[columns].unique()
    names = names if order is None else [name for name in order if name in names]
    return cells.loc[rows, names].rename_axis(index=None, columns=None)


def reviews(folder: Path) -> pd.DataFrame:
    """Models of Chinese reviews, by the number of Chinese labels."""
    rows = records.read_table(folder / "reviews.json")
    titles = {
        ("scratch", "TF-IDF + LR"): "TF-IDF + LR",
        ("scratch", "linear recipe"): "linear recipe",
        ("scratch", "TransferClassifier"): "from scratch",
        ("multilingual-e5-small", "TransferClassifier"): "words, frozen e5-small",
    }
    rows["column"] = [titles[key] for key in zip(rows["encoder"], rows["method"], strict=True)]
    return collect(rows, "labels", "column", "zh").rename_axis("Chinese labels")


def reviews_in_english(folder: Path) -> pd.DataFrame:
    """The same models on English reviews, without Chinese labels."""
    rows = records.read_table(folder / "reviews.json")
    return collect(rows[rows["labels"] == 0], "encoder", "method", "en")


META_NETS = {
    "alone": "each alone",
    "pooled": "all pooled",
    "averaged": "averaged",
    "meta-net": "MetaNetClassifier",
    "no residual": "no residual heads",
}


def _meta_nets(folder: Path) -> pd.DataFrame:
    """MetaNetClassifier and linear models on test rows, with the mean of the languages."""
    rows = records.read_table(folder / "meta_net.json")
    rows = rows[(rows["split"] == "test") & rows["method"].isin(META_NETS)].copy()
    others = {"task", "representation", "split", "method", "seed", "seconds"}
    rows["mean"] = rows[[name for name in rows if name not in others]].mean(axis=1)
    rows["column"] = rows["method"].map(META_NETS)
    return rows


def meta_net(folder: Path) -> pd.DataFrame:
    """MetaNetClassifier and linear models, by task and representation."""
    rows = _meta_nets(folder)
    rows = rows[rows["task"].isin(TASKS)]
    rows["row"] = rows["task"].map(TASKS) + ", " + rows["representation"]
    ranks = {"n-grams": 0, "vectors": 1, "both": 2}
    rows = rows.sort_values(
        ["task", "representation"], key=lambda names: names.replace(ranks), kind="stable"
    )
    return collect(rows, "row", "column", "mean", order=META_NETS.values())


def few_labels(folder: Path) -> pd.DataFrame:
    """The same with few labels in each language of NusaX."""
    rows = _meta_nets(folder)
    rows = rows[rows["task"].str.startswith("nusax-")]
    rows["labels"] = rows["task"].str.split("-").str[1].astype(int)
    rows["row"] = rows["labels"].astype(str) + " labels, " + rows["representation"]
    rows = rows.sort_values(["representation", "labels"], kind="stable", ascending=[False, True])
    return collect(rows, "row", "column", "mean", order=[*META_NETS.values()][:4])


def trained_meta_net(folder: Path) -> pd.DataFrame:
    """MetaNetClassifier, without some of its parts, where an encoder is trained."""
    rows = records.read_table(folder / "trained_meta_net_gpu.json")
    rows = rows[rows["split"] == "test"]
    scores = collect(rows, "method", "task", "mean")
    scores = scores.rename(columns={task: f"{name} (%)" for task, name in TASKS.items()})
    return scores.assign(seconds=collect(rows, "method", "split", "seconds")["test"])


def transfer_defaults(folder: Path, seeds: list[int]) -> pd.DataFrame:
    """Settings of TransferClassifier with a frozen encoder, on validation rows."""
    rows = records.read_table(folder / "transfer_defaults.json")
    is_asked = (rows["encoder"] == "frozen") & (rows["split"] == "dev")
    rows = rows[is_asked & rows["seed"].isin(seeds)]
    rows = rows.assign(column=rows["task"].map(TASKS) + " (%)")
    order = [f"{name} (%)" for name in TASKS.values()]
    return collect(rows, "method", "column", "others", order=order)


def encoders(folder: Path, languages: str, labels: int, name: str = "encoders") -> pd.DataFrame:
    """What is trained of an encoder on SIB-200."""
    columns = {
        "sources": "sources",
        "others": "others",
        "seconds of fit": "fit, s",
        "trained weights": "trained weights",
        "saved MB": "saved, MB",
    }
    rows = records.read_table(folder / f"{name}.json")
    is_asked = (rows["languages"] == languages) & (rows["labels"] == labels)
    rows = rows[is_asked & (rows["split"] == "test")]
    rows = rows.rename(columns=columns).melt(["method", "seed"], list(columns.values()))
    return collect(rows, "method", "variable", "value").rename(index=CODE.format)


def families(folder: Path) -> pd.DataFrame:
    """The accuracy in the 175 languages without labels, by the family and its languages."""
    rows = records.read_table(folder / "encoders.json")
    rows = rows[(rows["languages"] == "many") & (rows["split"] == "test")]
    accuracy = pd.DataFrame(dict(zip(rows["method"], rows["accuracy"], strict=True)))
    accuracy = accuracy.drop(index=SOURCES["many"])
    family = largest_families(accuracy.index)
    n_languages = family.map(family.value_counts())
    family = family.where(n_languages >= MIN_FAMILY, "others")
    table = accuracy.groupby(family).mean().rename(columns=CODE.format)
    sizes = family.value_counts().sort_values(ascending=False, kind="stable")
    sizes = sizes[[*sizes.index.drop("others", errors="ignore"), "others"]]
    table = table.loc[sizes.index].set_axis([f"{name} ({size})" for name, size in sizes.items()])
    return table.map(lambda value: [value])


def largest_families(languages) -> pd.Series:
    """Return the largest family in URIEL of each language, "others" where it has none."""
    members = _uriel.read_families()
    families = members.columns[np.argsort(-members.sum(), kind="stable")]
    codes = {language: _uriel.find_code(language) for language in languages}
    known = {language: code for language, code in codes.items() if code in members.index}
    of_known = members.loc[list(known.values()), families].set_axis(list(known))
    names = of_known.idxmax(axis=1).where(of_known.any(axis=1), "others")
    return names.str.removeprefix("F_").reindex(list(codes), fill_value="others")


def descriptions(folder: Path) -> pd.DataFrame:
    """What descriptions of the classes are worth, by the number of labels."""
    titles = {
        "labels": "labels only",
        "templates": "templates",
        "descriptions": "descriptions",
        "self-training": "self-training",
        "all": "all weights",
    }
    rows = records.read_table(folder / "descriptions.json")
    rows = rows[rows["split"] == "test"]
    rows["column"] = rows["method"].map(titles)
    table = collect(rows.sort_values("labels"), "labels", "column", "mean", order=titles.values())
    return table.rename_axis("labels of each class")


def several_labels(folder: Path) -> pd.DataFrame:
    """What is predicted where rows have several labels, by the number of English rows."""
    titles = {
        "source F1": "English, F1",
        "source rows": "rows",
        "source share of labels": "labels",
        "others F1": "others, F1",
        "others rows": "rows of others",
        "others share of labels": "labels of others",
    }
    rows = records.read_table(folder / "several_labels.json")
    rows = rows[rows["split"] == "test"]
    rows["row"] = rows["method"] + ", " + rows["labels"].astype(str)
    for name in titles:
        if name.endswith("labels"):
            rows[name] *= 100
    rows = rows.sort_values("labels", kind="stable").melt(["row"], list(titles))
    rows["column"] = rows["variable"].map(titles)
    return collect(rows, "row", "column", "value", order=titles.values())


def several_labels_everywhere(folder: Path) -> pd.DataFrame:
    """The same where all of five languages have labels."""
    titles = {"F1": "F1", "rows": "rows", "share of labels": "labels", "log-loss": "log-loss"}
    rows = records.read_table(folder / "several_labels_everywhere.json")
    rows = rows[rows["split"] == "dev"].melt(["method"], list(titles))
    rows["column"] = rows["variable"].map(titles)
    return collect(rows, "method", "column", "value", order=titles.values())


def sentence_pairs(folder: Path) -> pd.DataFrame:
    """Which sentences are the same in two languages, by pair of languages and kind of row."""
    titles = {
        "seen": "3 pairs",
        "unseen": "6 unseen pairs",
        "worst": "worst of them",
        "same": "translations",
        "topic": "same topic",
        "nearest": "nearest",
    }
    rows = records.read_table(folder / "sentence_pairs.json")
    rows = rows[rows["split"] == "test"].assign(row=lambda rows: rows["method"].map(CODE.format))
    cells = rows.melt(id_vars="row", value_vars=[*titles], var_name="column")
    cells["column"] = cells["column"].map(titles)
    return collect(cells, "row", "column", "value", order=titles.values())


def pairs_of_languages(folder: Path) -> pd.DataFrame:
    """The same in each pair of languages."""
    accuracy = {
        one["method"]: one["figures"]["accuracy"]
        for one in records.read(folder / "sentence_pairs.json")
        if one["arguments"]["split"] == "test"
    }
    return pd.DataFrame(accuracy).T.map(lambda value: [value])


def fine_tuning(folder: Path) -> pd.DataFrame:
    """Ideas to gain accuracy where all weights are trained, first on validation rows."""
    rows = records.read_table(folder / "fine_tuning_gpu.json")
    titles = TASKS | {"sib200-16": "SIB-200, 16 labels"}
    is_test = rows["split"] == "test"
    rows["column"] = rows["task"].map(titles) + np.where(is_test, ", test (%)", " (%)")
    return collect(rows, "method", "column", "mean")


def vote(folder: Path) -> pd.DataFrame:
    """All labels of NusaX: frozen encoders, a trained one, and their votes."""
    trained = "2 epochs, rate 4e-5"
    titles = {
        "union": "n-grams and e5",
        "two encoders": "n-grams, e5 and gemma",
        trained: "e5, trained",
        f"{trained}, vote 1": "vote, equal weights",
        f"{trained}, vote 3": "vote, weights 3 and 1",
    }
    rows = records.read_table(folder / "fine_tuning.json")
    rows["title"] = rows["method"].map(titles)
    rows["column"] = rows["split"].map({"dev": "validation (%)", "test": "test (%)"})
    return collect(rows, "title", "column", "mean", order=["validation (%)", "test (%)"])


def prediction(folder: Path) -> pd.DataFrame:
    """How long predictions take."""
    rows = (
        records.read_table(folder / "prediction.json").drop(columns="rows").melt(["method", "seed"])
    )
    return collect(rows, "method", "variable", "value")


def rows(folder: Path) -> pd.DataFrame:
    """Time and peak memory by the number of rows, and the bytes that a further row takes."""
    frame = records.read_table(folder / "rows.json")
    frame["place"] = pd.factorize(frame["method"])[0]
    frame = frame.sort_values(["place", "rows"])
    frame["row"] = [
        f"{method}, {n_rows:,}" for method, n_rows in frame[["method", "rows"]].to_numpy()
    ]
    further = frame.groupby("method")[["rows", "fit, MB", "predict, MB"]].diff()
    for call in ("fit", "predict"):
        frame[f"{call}, bytes a row"] = 1e6 * further[f"{call}, MB"] / further["rows"]
    names = [
        f"{call}, {unit}" for unit in ("s", "MB", "bytes a row") for call in ("fit", "predict")
    ]
    frame = frame.melt(["method", "seed", "row"], names)
    return collect(frame.dropna(subset="value"), "row", "variable", "value", order=names)


def speed(folder: Path, name: str, reference: str, *, by: str | None = None) -> pd.DataFrame:
    """Ours beside its peers: median time, how many times that of a reference, and the accuracy.

    Parameters
    ----------
    folder : Path
        The folder of the records.
    name : str
        The name of the benchmark.
    reference : str
        The method whose time is 1.
    by : str, optional
        The argument of the benchmark that has several values. Each has rows of its own.
    """
    times = f"times {reference}"
    rows = records.read_table(folder / f"{name}.json")
    values = rows[by].unique() if by else [None]
    table = {}
    for value in values:
        part = rows if by is None else rows[rows[by] == value]
        medians = part.groupby("method")["seconds"].median()
        for method, of_method in part.groupby("method", sort=False):
            row = method if len(values) == 1 else f"{value}, {method}"
            table[row] = {
                "median, s": [medians[method]],
                times: [medians[method] / medians.get(reference, np.nan)],
                **{x: of_method[x].to_numpy() for x in ACCURACIES if x in of_method},
            }
    return pd.DataFrame(table).T.rename(columns=lambda x: ACCURACIES.get(x, x))


def meta_param(folder: Path, name: str = "meta_param.json") -> pd.DataFrame:
    """Our search and others: how soon it is as good as they are in the end."""
    rows = records.read_table(folder / name)
    settings = [x for x in rows if x not in ("method", "course", "seconds", "epochs", "loss")]
    is_ours = rows["method"] == "metaling_sk"
    ours, table = rows[is_ours], {}
    for (task, peer), of_peer in rows[~is_ours].groupby(["task", "method"], sort=False):
        both = ours.merge(of_peer, on=settings, suffixes=("", " of peer"))
        steps = [
            next(((at, done) for at, done, loss in course if loss <= goal), (np.inf, np.inf))
            for course, goal in zip(both["course"], both["loss of peer"], strict=True)
        ]
        at, done = np.array(steps).reshape(-1, 2).T
        table[f"{task}, {peer}"] = {
            "as good (%)": [100 * np.isfinite(at).mean()],
            # A search that is never as good counts as infinitely slow.
            "times fewer epochs": [np.median(both["epochs of peer"] / done)],
            "times sooner": [np.median(both["seconds of peer"] / at)],
            "whole search": [np.median(both["seconds of peer"] / both["seconds"])],
            "our loss": both["loss"].to_numpy(),
            "their loss": both["loss of peer"].to_numpy(),
            "worst difference": [(both["loss"] - both["loss of peer"]).max()],
        }
    return pd.DataFrame(table).T


def imports(folder: Path) -> pd.DataFrame:
    """How long imports take."""
    medians = (
        records.read_table(folder / "imports.json")
        .groupby("method", sort=False)[["ms", "loads torch"]]
        .median()
    )
    return medians.rename_axis(None).rename(columns={"ms": "median, ms"}).map(lambda x: [x])


def nusax(folder: Path) -> pd.DataFrame:
    """A new language on NusaX."""
    rows = records.read_table(folder / "nusax.json")
    rows = rows[rows["split"] == "test"]
    means = rows.groupby(["k", "method", "seed"], as_index=False)["macro-F1"].mean()
    methods = ["adapt", "adapt, two encoders", "labels only", "pooled", "own and pooled"]
    return collect(means, "k", "method", "macro-F1", order=methods).rename_axis("labels")


def sentiment_scores(folder: Path) -> pd.DataFrame:
    """Sentiment as a number, by the number of labels in the other languages."""
    titles = {
        "ridge": "ridge, all pooled",
        "ridge alone": "ridge, each alone",
        "ridge averaged": "ridge, averaged",
        "ridge, raw vectors": "ridge, raw vectors",
        "meta network": CODE.format("MetaNetRegressor"),
        "transfer": CODE.format("TransferRegressor"),
        "trained": "trained",
        "huber": CODE.format('loss="huber"'),
        "distill": CODE.format('"distill"'),
        "mmd": CODE.format('"mmd"'),
    }
    rows = records.read_table(folder / "sentiment_scores.json")
    rows = rows[rows["split"] == "test"]
    rows = rows.assign(row=rows["method"].map(titles), column=[f"k = {k}" for k in rows["k"]])
    table = collect(rows, "row", "column", "R2")
    return table.reindex([title for title in titles.values() if title in table.index])


def afrisenti(folder: Path) -> pd.DataFrame:
    """Linear models and MetaNetClassifier on AfriSenti."""
    new, table = ("orm", "tir"), {}
    for one in records.read(folder / "afrisenti.json"):
        figures = one["figures"]
        all_rows, without = figures["all rows"], figures["without repeated rows"]
        old = [name for name in all_rows if name not in new]
        table[one["method"]] = {
            f"mean of {len(old)}": np.mean([all_rows[name] for name in old]),
            "without repeated rows": np.mean([without[name] for name in old]),
            **{name: all_rows.get(name) for name in new},
            "seconds": figures["seconds"],
        }
    return pd.DataFrame(table).T.map(lambda value: [value]).rename(index=CODE.format)


def digits(folder: Path) -> pd.DataFrame:
    """Digits in 15 scripts, in percent of the images."""
    rows = records.read_table(folder / "digits.json")
    new = {f"{shots} images": f"new, {shots}" for shots in (0, 1, 4, 16)}
    rows = rows.rename(columns=new).melt(["method", "task", "seed"], ["accuracy", *new.values()])
    rows = rows.dropna(subset="value")
    is_new = rows["task"] == "new script"
    rows["column"] = rows["variable"].where(is_new, rows["task"])
    order = ["all scripts", *new.values(), "scikit-learn"]
    return collect(rows, "method", "column", "value", order=order)


def spoken_words(folder: Path) -> pd.DataFrame:
    """Spoken digits in 20 languages, in percent of the recordings."""
    rows = records.read_table(folder / "spoken_words.json")
    names = {"accuracy": "16 languages"}
    names |= {f"{shots} recordings": f"new, {shots}" for shots in (0, 1, 4, 16)}
    order = list(names.values())
    rows = rows.rename(columns=names).melt(["method", "seed"], order).dropna(subset="value")
    return collect(rows, "method", "variable", "value", order=order)


def translation(folder: Path) -> pd.DataFrame:
    """chrF of translations from Indonesian, in percent."""
    rows = records.read_table(folder / "translation.json")
    rows = rows[rows["split"] == "test"]
    rows = pd.concat([rows, rows.assign(language="mean")])
    means = rows.groupby(["language", "method", "seed"], sort=False, as_index=False)["chrF"].mean()
    methods = ["copy", "word for word", "alone", "pooled", "transfer"]
    return collect(means, "language", "method", "chrF", order=methods)


def spoken_phrases(folder: Path) -> pd.DataFrame:
    """Word and character error rates of transcriptions of spoken phrases, in percent."""
    rows = records.read_table(folder / "spoken_phrases.json")
    rows = rows.melt(["method", "language", "seed"], ["WER", "CER"])
    rows["column"] = rows["variable"] + ", " + rows["language"]
    return collect(rows, "method", "column", "value")


def source_languages(folder: Path) -> pd.DataFrame:
    """What tells which language helps which."""
    tasks = {
        one["method"]: one["figures"]["correlation"]
        for one in records.read(folder / "source_languages.json")
    }
    return pd.DataFrame(tasks).map(lambda value: [value])


def languages(folder: Path) -> pd.DataFrame:
    """How the time of a fit grows with the languages and with the rows."""
    frame = records.read_table(folder / "languages.json")
    seconds = frame.pivot_table("seconds", ["method", "seed"], ["languages", "rows"])
    few, many, twice = seconds  # In the order of the languages, then of the rows.
    table = {
        f"{few[0]} languages, s": seconds[few],
        f"{many[0]} languages, s": seconds[many],
        f"times {few[0]} languages": seconds[many] / seconds[few],
        "twice the rows, s": seconds[twice],
        "times half the rows": seconds[twice] / seconds[many],
    }
    medians = pd.DataFrame(table).groupby("method").median()
    return medians.rename_axis(None).map(lambda value: [value])


def priors(folder: Path) -> pd.DataFrame:
    """Searches that know those of other languages: medians of their fits, means of their losses."""
    frame = records.read_table(folder / "priors.json")
    by_language = frame.groupby("language")
    table = pd.DataFrame(
        {
            "fits (%)": by_language["share"].median(),
            "loss without": by_language["without"].mean(),
            "loss with": by_language["with"].mean(),
        }
    ).rename_axis(None)
    table.loc["all"] = [table["fits (%)"].median(), *table[["loss without", "loss with"]].mean()]
    return table.map(lambda value: [value])


def unsupervised_scores(folder: Path) -> pd.DataFrame:
    """How scorers without target labels rank candidates, and the accuracy of what they choose."""
    rows = records.read_table(folder / "unsupervised_scores.json")
    titles = {"correlation": "correlation", "chosen": "chosen (%)"}
    cells = rows.melt(["task", "method", "seed"], list(titles)).dropna(subset="value")
    cells["column"] = cells["task"].map(TASKS) + ", " + cells["variable"].map(titles)
    order = [
        f"{TASKS[task]}, {title}" for task in rows["task"].unique() for title in titles.values()
    ]
    return collect(cells, "method", "column", "value", order=order)


def language_identification(folder: Path) -> pd.DataFrame:
    """How well the languages of the corpora are identified, in percent."""
    rows = records.read_table(folder / "language_identification.json")
    table = {}
    for corpus, part in rows.groupby("corpus", sort=False):
        of_all, of_known = (part[part["method"] == name].iloc[0] for name in ("all", "known"))
        name = TASKS[corpus]
        table[f"{name}, {of_all['known']} of {of_all['languages']} known"] = {
            "accuracy among all": of_all["accuracy"],
            "among known": of_known["accuracy"],
            "get a language": of_all["given"],
            "unknown that get one": of_all["given to unknown"],
        }
    return pd.DataFrame(table).T.map(lambda value: [value])
