"""
Many languages, and a new one
=============================

*I have labels in several languages. Tomorrow there will be one more, with a dozen labels.*
:class:`~metaling_sk.MetaNetClassifier` generates a model for each language, and learns a new one
without touching the others.
"""

# %%
# The data are made up, so that we know what there is to learn. A text is a word and a thing. The
# words of the first group mean the same everywhere. The others are false friends: each group has
# the opposite meaning in some of the languages, as *gift* has in English and in German. One label
# in ten is wrong.

import numpy as np
import pandas as pd

groups = {
    "everywhere": {"super": 1, "perfekt": 1, "horribel": 0, "miserabel": 0},
    "first": {"gift": 1, "fast": 1, "art": 1, "rot": 0, "bald": 0, "mist": 0},
    "second": {"rolig": 1, "glad": 1, "slim": 1, "dark": 0, "full": 0, "kind": 0},
}
things = ["hotel", "bar", "sauna", "menu", "taxi", "bus", "film", "radio"]
opposite = {
    "en": [],
    "sco": [],
    "de": ["first"],
    "nds": ["first"],
    "sv": ["second"],
    "da": ["second"],
    "nl": ["first", "second"],
    "af": ["first", "second"],
}
rng = np.random.default_rng(0)


def make_rows(language, opposite):
    """All texts of a language."""
    table = pd.DataFrame(
        [
            (f"{word} {thing}", language, 1 - label if group in opposite else label)
            for group, words in groups.items()
            for word, label in words.items()
            for thing in things
        ],
        columns=["text", "language", "label"],
    )
    wrong = rng.random(len(table)) < 0.1
    return table.assign(label=np.where(wrong, 1 - table["label"], table["label"]))


data = pd.concat([make_rows(*item) for item in opposite.items()], ignore_index=True)
X, y = data[["text", "language"]], data["label"]
data.sample(4, random_state=0)

# %%
# One model for all, or one for each
# ----------------------------------

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from metaling_sk import MetaNetClassifier, StratifiedLanguageKFold, language_report

folds = list(StratifiedLanguageKFold(4, random_state=0).split(X, y))
one_for_all = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
meta_net = MetaNetClassifier(encoder=TfidfVectorizer(), verbose=0, random_state=0)
predictions = {
    "one for all": cross_val_predict(one_for_all, X["text"], y, cv=folds),
    "MetaNetClassifier": cross_val_predict(meta_net, X, y, cv=folds),
}
pd.DataFrame(
    {
        name: language_report(y, y_pred, X["language"])["accuracy"]
        for name, y_pred in predictions.items()
    }
).round(2)

# %%
# One model for all averages over the contradictions. No model can do better than about 0.9.
#
# What it has learnt of each language
# -----------------------------------
# Each language has a vector, from which its model is generated. Languages that agree are near each
# other.

from metaling_sk import LanguageEmbeddingDisplay

meta_net.fit(X, y)
display = LanguageEmbeddingDisplay.from_estimator(meta_net)

# %%
# ``architecture_`` says of how many parts each model is made.

pd.DataFrame(meta_net.architecture_).T

# %%
# Which words speak for a class? In the model of all languages (``meta_weight``) a false friend has
# a weight near 0, in that of a language it has one.

from metaling_sk.inspection import top_features

top_features(meta_net, n_features=3, languages=["en", "de"]).round(2)

# %%
# One more language
# -----------------
# The new language is like German. Before it has labels, the meta-model predicts.

new = "frr"
new_rows = make_rows(new, ["first"])
few = new_rows.groupby("label").sample(6, random_state=0).index
rest = new_rows.index.difference(few)
X_few, y_few = new_rows.loc[few, ["text", "language"]], new_rows.loc[few, "label"]
X_rest, y_rest = new_rows.loc[rest, ["text", "language"]], new_rows.loc[rest, "label"]

before, others = meta_net.score(X_rest, y_rest), meta_net.predict_proba(X)
meta_net.adapt(X_few, y_few)
after = meta_net.score(X_rest, y_rest)
print(f"accuracy in {new}: {before:.2f} before, {after:.2f} after 12 labels")
print("the others are the same to the last bit:", (meta_net.predict_proba(X) == others).all())

# %%
# Where is it now?

display = LanguageEmbeddingDisplay.from_estimator(meta_net)

# %%
# Real languages contradict each other less than these. On real corpora the gain over one model for
# all is a point or two, see :ref:`parts-of-the-meta-network`. Corpora of many languages are read by
# :func:`~metaling_sk.datasets.fetch_nusax`, :func:`~metaling_sk.datasets.fetch_sib200` and
# :func:`~metaling_sk.datasets.fetch_afrisenti`. More: :doc:`/user_guide/meta_net`.
