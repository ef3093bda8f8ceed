"""Input that is valid but looks like a mistake: each kind is warned of in a sentence.

An estimator says the same only once after it was fitted.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

import numpy as np
import pandas as pd

from metaling_sk._data.languages import UNNAMED_LANGUAGE
from metaling_sk._utils.language_codes import three_letter_code
from metaling_sk._utils.messages import name_some, warn_user

LANGUAGE_COLUMN = re.compile(
    r"(text|source|src|target|tgt|detected)?(lang|langs|language|languages|locale)"
    r"(code|codes|id|tag|name)?|iso639"
)
"""Names of columns that hold languages, in small letters and without anything else."""

REGION = re.compile("[a-z]{2}|[0-9]{3}")
"""Subtags of a region, in small letters."""

ANY_SCRIPT = "*"
"""In the place of the script in the tag of a name."""

USUAL_COLUMN = "language"
"""The default of `language_column`; another name was chosen by the user."""

MARKER = -1
"""The label of unlabelled samples in scikit-learn's self-training."""

MISSING_STRINGS = ("", "nan", "nat", "<na>")
"""What missing labels become as strings, in small letters."""

MISSING_WORDS = (*MISSING_STRINGS, "none", "null", "na", "n/a")
"""These and words that may be the name of a class, too."""

MANY_CLASSES = 4
"""The marker beside so few classes may be one of them, such as -1, 0, 1 for sentiment."""


MANY_TEXTS, FEW_TRANSLATIONS = 10, 0.2
"""Translations look like classes from so many texts on, and up to this share of them."""


def suspect_lost(estimator) -> None:
    """Warn if an estimator is fitted without parameters that were lost when it was saved.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    """
    for name in getattr(estimator, "_lost_parameters", ()):
        warn_user(
            f"`{name}` was not saved with this {type(estimator).__name__}, and has its default "
            f"since it was loaded: {name}={getattr(estimator, name)!r}. Before another fit set it "
            "as it was, or filter this InputWarning.",
            estimator,
        )


def suspect_columns(estimator, X, *, uses_language: bool) -> None:
    """Warn if a table lacks the language column that was named, or has one that looks like it.

    Parameters
    ----------
    estimator : estimator
        Gives the name of the language column.
    X : object
        What `unwrap` returned.
    uses_language : bool
        Whether the estimator uses the column, which it may also add.
    """
    language_column = estimator.language_column
    if not isinstance(X, pd.DataFrame) or language_column in X.columns:
        return
    unnamed = "without languages all rows count as one unnamed language"
    alike = [name for name in X.columns if _names_languages(name) and _holds_strings(X[name])]
    for name in alike:
        warn_user(
            f"X has no column {language_column!r}, and its column {name!r} looks like the one of "
            f"the languages. If it is, pass language_column={name!r}: {unnamed}. If it is not, "
            "drop it.",
            estimator,
        )
    if uses_language and language_column != USUAL_COLUMN and not alike:
        warn_user(
            f"X has no column {language_column!r}, which `language_column` names: {unnamed}. Keep "
            "this column in the steps before, or pass `language`.",
            estimator,
        )


def suspect_swapped(estimator, texts: np.ndarray, language: np.ndarray) -> None:
    """Warn if texts seem to stand in the place of languages, and these in that of texts.

    Languages repeat and their names are short. It seems so if there are more languages than
    texts, and their names are longer than the texts.

    Parameters
    ----------
    estimator : estimator
        What was given the samples.
    texts : ndarray of str objects, shape (n_samples,)
        The text of each sample.
    language : ndarray of str objects, shape (n_samples,)
        The language of each sample.
    """
    are_longer = sum(map(len, language)) > sum(map(len, texts))
    if are_longer and len(set(language)) > max(len(set(texts)), MANY_TEXTS):
        warn_user(
            f"X has {len(set(language))} languages, such as {language[0]!r}, and "
            f"{len(set(texts))} texts, such as {texts[0]!r}, as if they had changed places. An "
            "array has the texts in its first column and the languages in the second; in a "
            "DataFrame the columns are named.",
            estimator,
        )


def suspect_names(
    estimator, names: Iterable[str], others: Iterable[str], parameter: str | None = None
) -> None:
    """Warn if a language seems to stand among others under another name.

    Parameters
    ----------
    estimator : estimator or None
        What was given the names.
    names, others : iterable of str
        Languages. One name stands for the other if they differ in case, in blanks around them or
        in - and _ alone, if they are codes of one language in several standards, as "zh" and "zho"
        are, or the English name and a code, as "Chinese" and "zh", or if one has more subtags, as
        "zh-CN" has more than "zh", or if one names a script and the other a region, as "eng_Latn"
        and "en-US" do. "zho_Hans" and "zho_Hant" are two.
    parameter : str or None, default=None
        The parameter that has the names; None where they are those of samples.
    """
    if pairs := _look_alikes(names, others):
        both = dict.fromkeys(name for pair in pairs for name in pair)
        where = "" if parameter is None else f", in `{parameter}` as in X"
        warn_user(
            f"These look like several names of one language, but count as different languages: "
            f"{name_some(both)}. Give each language one name{where}.",
            estimator,
        )


def suspect_absent(estimator, targets: Collection[str], present: Collection[str]) -> None:
    """Warn if only some of the target languages have samples.

    None of them needs any, for a transfer without samples of the target.

    Parameters
    ----------
    estimator : estimator
        What was given the names.
    targets, present : collection of str
        The target languages, and the languages of the samples.
    """
    absent = sorted(set(targets) - set(present))
    if 0 < len(absent) < len(set(targets)):
        warn_user(
            f"`target_languages`: X has no row in {name_some(absent)}, of which nothing is learnt; "
            f"its languages are {name_some(sorted(present))}. Leave out what has no rows, or name "
            "it as X does.",
            estimator,
        )


def suspect_unnamed(estimator, names: Collection[str], known: Collection[str]) -> None:
    """Warn if samples name no language and the model treats languages differently.

    Parameters
    ----------
    estimator : estimator
        The model.
    names : collection of str
        The languages of the samples.
    known : collection of str
        The languages between which the model tells.
    """
    if UNNAMED_LANGUAGE in names and UNNAMED_LANGUAGE not in known and len(known) > 1:
        warn_user(
            "X has rows without a language, but the model treats languages differently: "
            f"{name_some(sorted(known))}. Pass a DataFrame with a language column, or `language`, "
            "which the tools of scikit-learn pass on only with metadata routing.",
            estimator,
        )


def suspect_unseen(estimator, lacking: Iterable[str], known: Collection[str], way_out: str) -> None:
    """Warn of languages that the model could have statistics of, but has not.

    Parameters
    ----------
    estimator : estimator
        The model.
    lacking : iterable of str
        The languages of samples that have no statistics.
    known : collection of str
        The languages of the model. Other names of these are left to `suspect_names`.
    way_out : str
        What gives a language statistics.
    """
    named = {name for name in lacking if name != UNNAMED_LANGUAGE}
    alike = {name for pair in _look_alikes(named, known) for name in pair}
    unseen = sorted(named - (alike - set(known)))
    if unseen:
        warn_user(
            f"There are no statistics of the language of some rows: {name_some(unseen)}. "
            "These rows take those of all languages together, which often costs much accuracy. "
            f"Give text of the language to {way_out} first.",
            estimator,
        )


def suspect_marker(estimator, labels: np.ndarray, language: np.ndarray) -> None:
    """Warn if a label looks like the mark of samples without a label.

    -1 and words such as "none" do if they are the label of most samples of some languages and of
    no sample of the others; -1 also if there are three or more classes besides, none of them
    negative; and strings such as "" and "nan" always. In one language, -1 beside 1, or beside 0 and
    1, is taken for a class.

    Parameters
    ----------
    estimator : estimator
        What was given the labels.
    labels : ndarray of shape (n_samples,)
        The label of each sample, none of them missing.
    language : ndarray of str objects, shape (n_samples,)
        The language of each sample.
    """
    if labels.dtype.kind in "iuf" and not (labels == MARKER).any():
        return  # Numbers of a regressor may be as many as there are samples.
    classes = sorted(pd.unique(labels).tolist())
    for marker in filter(_may_be_marker, classes):
        shares = pd.Series(labels == marker).groupby(language).mean()
        of_most, of_none = shares[shares > 0.5].index, shares[shares == 0].index
        if len(of_none) and len(of_most) + len(of_none) == len(shares):
            reason = f"it is the label of most rows in {name_some(of_most)}, and of none elsewhere"
        elif marker == classes[0] == MARKER and len(classes) >= MANY_CLASSES:
            reason = f"the other labels are {name_some(classes[1:])}"
        elif isinstance(marker, str) and _plain(marker) in MISSING_STRINGS:
            reason = "missing values look so as strings"
        else:
            continue
        marker = MARKER if marker == MARKER else marker  # -1.0
        warn_user(
            f"y holds {marker!r}, which counts as a label, but looks like the mark of rows without "
            f"one: {reason}. If it is, pass missing_label={marker!r}. If it is a label, filter "
            "this InputWarning.",
            estimator,
        )


def suspect_numbered(estimator, classes: np.ndarray) -> None:
    """Warn if the mark of samples without a label seems to have become a class.

    The tools of scikit-learn that number the labels take it for one. No sample has the mark then,
    and the labels are 0, 1, ...

    Parameters
    ----------
    estimator : estimator
        What was given the labels. Its `missing_label` is the mark.
    classes : ndarray of shape (n_classes,)
        The distinct labels, where all samples have one.
    """
    marker = estimator.missing_label
    is_numbered = classes.dtype.kind in "iu" and np.array_equal(classes, range(len(classes)))
    if is_numbered and not pd.isna(marker):
        warn_user(
            f"No row of y has missing_label={marker!r}, and the labels are 0 to {classes[-1]}, as "
            "VotingClassifier, StackingClassifier, OneVsRestClassifier and other tools of "
            f"scikit-learn number them, which take {marker!r} for a class. Give such a tool the "
            "rows with labels alone. If all rows have labels, leave `missing_label` out.",
            estimator,
        )


def suspect_order(estimator, first: str, **given) -> None:
    """Warn if rows seem to have another order than those that they belong to.

    They are matched by position. Where their index is that of the others in another order, as after
    `pandas.DataFrame.sample` of one of them, this is hardly meant.

    Parameters
    ----------
    estimator : estimator or None
        What was given the rows.
    first : str
        The name of what the others are compared with.
    **given : object
        By name, what has the same rows, such as X, y and the languages, as the user gave it.
    """
    for name, other in given.items():
        if _is_reordered(other, given[first]):
            warn_user(
                f"The index of {name} is that of {first} in another order, but rows are matched by "
                f"position. Pass {name}.loc[{first}.index], or {name}.to_numpy() if the positions "
                "are right.",
                estimator,
            )


def suspect_classes(estimator, classes: np.ndarray) -> None:
    """Warn if classes differ in case or in blanks around them alone.

    Parameters
    ----------
    estimator : estimator
        What was given the labels.
    classes : ndarray of shape (n_classes,)
        The distinct labels.
    """
    names = defaultdict(list)
    for label in classes:
        if isinstance(label, str):
            names[_plain(label)].append(str(label))
    if alike := [name for group in names.values() if len(group) > 1 for name in group]:
        warn_user(
            f"These classes differ in case or blanks alone: {name_some(alike)}. If they are "
            "misspelt, give each class one name, for example by y.str.strip().str.lower().",
            estimator,
        )


def suspect_translations(
    estimator, texts: np.ndarray, translations: np.ndarray, is_same: np.ndarray
) -> None:
    """Warn of translations that teach what can hardly be meant.

    Parameters
    ----------
    estimator : estimator
        What was given the translations.
    texts, translations : ndarrays of str objects, shape (n_samples,)
        Texts, and the translation of each.
    is_same : ndarray of bool, shape (n_samples,)
        Whether the language of each text is its target language.
    """
    pairs = zip(texts, translations, strict=True)
    n_empty = sum(bool(text.strip()) and not translation.strip() for text, translation in pairs)
    if n_empty:
        warn_user(
            f"{n_empty} of {len(texts)} translations in y are empty, and such texts are learnt "
            "to have none. If they stand for missing translations, put None in their place or pass "
            "missing_label=''.",
            estimator,
        )
    n_texts, n_translations = len(set(texts)), len(set(translations))
    if n_texts >= MANY_TEXTS and n_translations <= FEW_TRANSLATIONS * n_texts:
        warn_user(
            f"y has {n_translations} translations of {n_texts} texts, as if these were classes. In "
            "a pipeline the y of the classifier reaches every step: put a fitted translator into a "
            "FrozenEstimator there.",
            estimator,
        )
    changed = is_same & (texts != translations)
    if changed.any():
        warn_user(
            f"{changed.sum()} of {len(texts)} texts are in their target language already, but have "
            "another translation in y. `predict` leaves such texts as they are. If they are to be "
            "changed, give the languages of X and y different names.",
            estimator,
        )


def suspect_forgotten(estimator, names: Iterable[str], forgotten: Collection[str]) -> None:
    """Warn of target languages that a model knows from its start alone.

    Parameters
    ----------
    estimator : estimator
        The model.
    names : iterable of str
        The target languages of samples.
    forgotten : collection of str
        Those that the last training had no translations into.
    """
    if found := sorted(set(names) & set(forgotten)):
        warn_user(
            f"`fit` had no translations into {name_some(found)}, which only `source` had: the "
            "translator has probably forgotten them. Use the source for them, or give some of "
            "their translations to `fit`, too.",
            estimator,
        )


def _is_reordered(table, other) -> bool:
    """Whether a table has the index of another one, without repetitions, in another order."""
    if not all(isinstance(each, pd.DataFrame | pd.Series) for each in (table, other)):
        return False
    index, expected = table.index, other.index
    if len(index) != len(expected) or index.nlevels != expected.nlevels or index.equals(expected):
        return False
    return bool(index.is_unique and expected.is_unique and index.isin(expected).all())


def _may_be_marker(label) -> bool:
    """Whether a label may stand for none."""
    return _plain(label) in MISSING_WORDS if isinstance(label, str) else label == MARKER


def _plain(label: str) -> str:
    return label.strip().casefold()


def _look_alikes(names: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of one of the names and one of the others that seem to name one language."""
    names, others = set(names) - {UNNAMED_LANGUAGE}, set(others) - {UNNAMED_LANGUAGE}
    by_tag = defaultdict(list)
    for name in names | others:
        for tag in _own_tags(_subtags(name)):
            by_tag[tag].append(name)
    pairs = {
        (shorter, name)
        for name in names | others
        for tag in _shorter_tags(_subtags(name))
        for shorter in by_tag.get(tag, ())
        if shorter != name
        and ((name in names and shorter in others) or (name in others and shorter in names))
    }
    return sorted({tuple(sorted(pair)) for pair in pairs})  # type: ignore[misc]


def _names_languages(name) -> bool:
    letters = "".join(filter(str.isalnum, str(name))).rstrip("123").casefold()
    return LANGUAGE_COLUMN.fullmatch(letters) is not None


def _holds_strings(column: pd.Series | pd.DataFrame) -> bool:
    return column.ndim == 1 and any(isinstance(value, str) for value in column)


def _subtags(name: str) -> tuple[str, ...]:
    name = unicodedata.normalize("NFKC", name).strip().casefold()
    code, *others = name.replace("_", "-").split("-")
    return three_letter_code(code), *others


def _own_tags(subtags: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The tags under which a name is found by longer ones."""
    yield subtags
    if len(subtags) == 2 and _has_script(subtags):
        yield subtags[0], ANY_SCRIPT


def _shorter_tags(subtags: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The tags of names that may stand for the same language, itself among them."""
    for length in range(1, len(subtags) + 1):
        yield subtags[:length]
        if length > 2 and _has_script(subtags):
            yield subtags[0], *subtags[2:length]
    if len(subtags) > 1 and _has_region(subtags):
        yield subtags[0], ANY_SCRIPT


def _has_script(subtags: tuple[str, ...]) -> bool:
    return len(subtags[0]) == 3 and len(subtags[1]) == 4 and subtags[1].isalpha()


def _has_region(subtags: tuple[str, ...]) -> bool:
    return len(subtags[0]) == 3 and REGION.fullmatch(subtags[1]) is not None
