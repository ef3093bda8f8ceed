"""
English labels, Chinese text
============================

*I have labelled English reviews and Chinese reviews without a label.* A frozen multilingual encoder
turns both into vectors, and one head learns from the English labels.
"""

# %%
# 400 reviews of each language are enough to see how it goes. The Chinese labels are for the test
# alone. This needs the extra ``demo``.

import numpy as np
import pandas as pd

from metaling_sk.datasets import load_reviews

X_en, y_en = load_reviews("en", return_X_y=True)
X_zh, _ = load_reviews("zh", return_X_y=True)
X = pd.concat([X_en[:400], X_zh[:400]], ignore_index=True)
y = np.r_[y_en[:400], np.full(400, np.nan)]  # no label in Chinese
X["language"].value_counts().to_frame()

# %%
# The test rows are 200 of each language.

tests = [load_reviews(language, subset="test", return_X_y=True) for language in ("en", "zh")]
X_test = pd.concat([X.iloc[::10] for X, _ in tests], ignore_index=True)
y_test = np.concatenate([y[::10] for _, y in tests])

# %%
# Fit
# ---
# :func:`~metaling_sk.datasets.load_encoder` makes multilingual-e5-small from a package that pip has
# installed. With ``trainable="head"`` each text is encoded once, so this runs on a CPU.
# The head then learns from its surest predictions for Chinese, too.

from metaling_sk import TransferClassifier
from metaling_sk.datasets import load_encoder

clf = TransferClassifier(
    encoder=load_encoder("multilingual-e5-small"),
    trainable="head",
    max_length=64,
    verbose=0,
    random_state=0,
)
clf.fit(X, y)

# %%
# Scores
# ------
# The black lines are confidence intervals of 95 %.

from metaling_sk import LanguageReportDisplay

display = LanguageReportDisplay.from_estimator(clf, X_test, y_test, score="accuracy")

# %%
# What would words alone have done? Chinese has hardly a word in common with English, so a
# classifier of English words guesses.

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

words = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
words.fit(X_en["text"][:400], y_en[:400])
is_chinese = X_test["language"] == "zh"
pd.Series(
    {
        "English words": words.score(X_test["text"][is_chinese], y_test[is_chinese]),
        "multilingual encoder": clf.score(X_test[is_chinese], y_test[is_chinese]),
    },
    name="accuracy on Chinese reviews",
).to_frame().round(3)

# %%
# With so few test rows the standard error is about 3 points. The :ref:`benchmark
# <english-to-chinese-reviews>` has more rows. See :doc:`/user_guide/transfer` for a few Chinese
# labels, for dictionaries and for teachers. :class:`~metaling_sk.DictionaryTranslator` translates
# word for word before any classifier.
