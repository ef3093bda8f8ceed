"""
Descriptions instead of labels
==============================

*I have texts in two languages and no label at all, but I can say what the classes are about.* Pass
the words as ``class_descriptions``.
"""

# %%
# Reviews in English and Chinese. Their labels are kept apart, to measure the accuracy.

import numpy as np
import pandas as pd

from metaling_sk.datasets import load_encoder, load_reviews

reviews = {language: load_reviews(language, return_X_y=True) for language in ("en", "zh")}
X = pd.concat([rows[:300] for rows, _ in reviews.values()], ignore_index=True)
truth = np.concatenate([labels[:300] for _, labels in reviews.values()])
X.head()

# %%
# No label
# --------
# A sentence encoder tells how near a text is to a description, also across languages. The model
# starts with the nearest description, and goes on from its surest predictions.

from metaling_sk import TransferClassifier, language_report_from_estimator

words = {
    1: "very good, excellent, I love it, highly recommended",
    0: "very bad, terrible, I hate it, a waste of money",
}
parameters = {
    "encoder": load_encoder("multilingual-e5-small"),
    "trainable": "head",
    "max_length": 64,
    "verbose": 0,
    "random_state": 0,
}
described = TransferClassifier(class_descriptions=words, **parameters)
described.fit(X)
report = language_report_from_estimator(described, X, truth)
report.round(2)

# %%
# A few labels
# ------------
# Are they worth more? Chinese rows get labels, in three draws, with and without the descriptions.
# The baseline has no label.

from metaling_sk import FewShotCurveDisplay

X_zh, y_zh = reviews["zh"]
display = FewShotCurveDisplay.from_estimator(
    {
        "labels and descriptions": described,
        "labels": TransferClassifier(**parameters),
    },
    X,
    np.where(X["language"] == "zh", truth.astype(object), None),
    target_language="zh",
    X_test=X_zh[300:600],
    y_test=y_zh[300:600],
    ks=(8, 32, 128),
    baseline=described.score(X_zh[300:600], y_zh[300:600]),
)
limits = display.ax_.set_ylim(0.65, 0.9)

# %%
# Here no number of labels is worth more than the descriptions. The standard error is about 2 points
# with 300 test rows, so differences of 2 points may be chance. How good descriptions are depends on
# their words and on the encoder: a few labelled rows to check are worth having.
# :ref:`class-descriptions` says what can be described, and how descriptions and labels go together.
