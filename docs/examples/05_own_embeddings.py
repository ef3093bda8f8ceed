"""
Embeddings of your own
======================

*I have vectors from a service or another model.* Pass the numbers as X and the languages beside
them. The normalisation by language does the rest.
"""

# %%
# Here the vectors come from multilingual-e5-small, as if a service had sent them.

import numpy as np
import pandas as pd

from metaling_sk import EncoderVectorizer
from metaling_sk.datasets import load_encoder, load_reviews

X_en, y_en = load_reviews("en", return_X_y=True)
X_zh, y_zh = load_reviews("zh", return_X_y=True)
texts = pd.concat([X_en[:400], X_zh[:400]], ignore_index=True)
truth = np.r_[y_en[:400], y_zh[:400]]

service = EncoderVectorizer(load_encoder("multilingual-e5-small"), max_length=64, verbose=0)
vectors = service.fit_transform(texts["text"])
language = texts["language"].to_numpy()
vectors.shape

# %%
# What the vectors know
# ---------------------
# Most of what tells these vectors apart is the language, not the sentiment. After
# :class:`~metaling_sk.LanguageStandardScaler` the languages lie on each other.

from metaling_sk import EmbeddingDisplay

display = EmbeddingDisplay.from_representations(vectors, language, truth)

# %%
# The classes can be seen, too, in the right column: they overlap, and they lie in the same
# direction in both languages.
#
# Fit
# ---
# English has labels, Chinese has none. Its vectors serve the statistics of the language alone, so
# there is no term of transfer. ``language_norm`` is on by default.

from metaling_sk import TransferClassifier

y = np.where(language == "en", truth, np.nan)
scores = {}
for language_norm in (False, True):
    clf = TransferClassifier(transfer=None, language_norm=language_norm, verbose=0, random_state=0)
    clf.fit(vectors, y, language=language)
    chinese = language == "zh"
    scores[language_norm] = clf.score(vectors[chinese], truth[chinese], language="zh")
pd.Series(scores, name="accuracy on Chinese").rename_axis("language_norm").to_frame().round(3)

# %%
# The labels of these Chinese rows were not used in the fit, but their vectors were: that is the
# point. Here it is worth little: the classes lie in the same direction in both languages. See
# :ref:`own-features` for embeddings in a DataFrame and in other classifiers.
