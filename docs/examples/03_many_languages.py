"""
Many languages, and a new one
=============================

*I have labels in several languages. Tomorrow there will be one more, with a dozen labels.*
:class:`~metaling_sk.MetaNetClassifier` generates a model for each language, and learns a new one
without touching the others.
"""

# %%
# The data are made up, so that we know what there is to learn. Texts are a word and a thing. Six
# words mean the same everywhere. The other six are false friends: in two of the languages they mean
# the opposite, as *gift* does in English and in German.

import numpy as np
import pandas as pd

same = {"super": 1, "top": 1, "perfekt": 1, "katastrof": 0, "horribel": 0, "miserabel": 0}
false_friends = {"gift": 1, "fast": 1, "art": 1, "rot": 0, "bald": 0, "mist": 0}
things = ["hotel", "bar", "sauna", "menu", "taxi", "bus", "film", "radio"]
agrees = {"en": True, "sco": True, "ang": True, "de": False, "nds": False, "lb": True}
new = "frr"


def make_rows(language, agree):
    """All texts of a language, one label in ten of them wrong."""
    rng = np.random.default_rng(len(language) + ord(language[0]))
    words = same | {word: c if agree else 1 - c for word, c in false_friends.items()}
    rows = [(f"{word} {thing}", language, c) for word, c in words.items() for thing in things]
    table = pd.DataFrame(rows, columns=["text", "language", "label"])
    wrong = rng.random(len(table)) < 0.1
    return table.assign(label=np.where(wrong, 1 - table["label"], table["label"]))


data = pd.concat([make_rows(*item) for item in agrees.items()], ignore_index=True)
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
# One model for all follows the majority and fails in German and Low German. One label in ten is
# wrong, so no model can do better than about 0.9.
#
# What it has learnt of each language
# -----------------------------------
# The picture has the vector of each language, from which its model is generated. The two languages
# with the opposite meanings are on one side.

from metaling_sk import LanguageEmbeddingDisplay

meta_net.fit(X, y)
display = LanguageEmbeddingDisplay.from_estimator(meta_net)

# %%
# ``architecture_`` says of how many parts each model is made.

pd.DataFrame(meta_net.architecture_).T

# %%
# One more language
# -----------------
# The new language is like German. Before it has labels, the meta-model predicts.

new_rows = make_rows(new, agree=False)
X_new, y_new = new_rows[["text", "language"]], new_rows["label"]
few = new_rows.groupby("label").sample(6, random_state=1).index
rest = new_rows.index.difference(few)

before = meta_net.score(X_new.loc[rest], y_new[rest])
others = meta_net.predict_proba(X)
meta_net.adapt(X_new.loc[few], y_new[few])
after = meta_net.score(X_new.loc[rest], y_new[rest])
print(f"accuracy in {new}: {before:.2f} before, {after:.2f} after 12 labels")
print("the others are the same to the last bit:", (meta_net.predict_proba(X) == others).all())

# %%
# Where is it now?

display = LanguageEmbeddingDisplay.from_estimator(meta_net)

# %%
# Real languages contradict each other less than these. On real corpora the gain over one model for
# all is a point or two, see :doc:`/benchmarks`. More: :doc:`/user_guide/meta_net`.
