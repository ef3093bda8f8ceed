"""
Choosing without target labels
==============================

*I have no Chinese labels at all. Which of my models is the best one for Chinese?*
:class:`~metaling_sk.CircularValidation` scores a model by labels of the source language alone.
"""

# %%
# The rows are English with labels and Chinese without. The true Chinese labels are kept apart, to
# check the choice at the end.

import numpy as np
import pandas as pd

from metaling_sk import EncoderVectorizer
from metaling_sk.datasets import load_encoder, load_reviews

X_en, y_en = load_reviews("en", return_X_y=True)
X_zh, y_zh = load_reviews("zh", return_X_y=True)
texts = pd.concat([X_en[:400], X_zh[:400]], ignore_index=True)
encoder = EncoderVectorizer(load_encoder("multilingual-e5-small"), max_length=64, verbose=0)
vectors = encoder.fit_transform(texts["text"])
X = pd.DataFrame(vectors).add_prefix("v").assign(language=texts["language"])
y = np.r_[y_en[:400], np.full(400, np.nan)]
chinese, truth = X[400:], y_zh[:400]

# %%
# The search
# ----------
# The candidates differ in training, in the normalisation by language, in self-training and in the
# term of transfer.

from scipy.stats import loguniform

from metaling_sk import CircularValidation, MetaParamSearchCV, TransferClassifier

space = {
    "learning_rate": loguniform(1e-6, 1e-2),
    "language_norm": [False, True],
    "self_training": [0, 3],
    "transfer": [None, "coral"],
}
model = TransferClassifier(
    source_languages="en", target_languages="zh", max_epochs=5, verbose=0, random_state=0
)
search = MetaParamSearchCV(
    model, space, n_iter=10, scoring=CircularValidation(), cv=2, random_state=0, verbose=0
)
search.fit(X, y)
search.best_params_
