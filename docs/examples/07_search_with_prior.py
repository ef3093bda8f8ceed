"""
Tune once, reuse in the next language
=====================================

*I have tuned a model for one language. Must I start again for the next?* Give the first search to
the second one as its ``prior``.
"""

# %%
# Tune on English
# ---------------
# Any estimator of scikit-learn can be tuned, here a linear model that is trained by gradients, on
# vectors of multilingual-e5-small. The learning rate may be anything from 0.0001 to 10,000.

import pandas as pd
from scipy.stats import loguniform
from sklearn.linear_model import SGDClassifier

from metaling_sk import EncoderVectorizer, MetaParamSearchCV
from metaling_sk.datasets import load_encoder, load_reviews

encoder = EncoderVectorizer(load_encoder("multilingual-e5-small"), max_length=64, verbose=0)
data = {}
for language in ("en", "zh"):
    X, y = load_reviews(language, return_X_y=True)
    data[language] = encoder.fit_transform(X["text"][:400]), y[:400]

model = SGDClassifier(
    loss="log_loss", learning_rate="constant", max_iter=20, tol=None, random_state=0
)
space = {
    "eta0": loguniform(1e-4, 1e4),
    "alpha": loguniform(1e-7, 1),
    "penalty": ["l1", "l2"],
}
english = MetaParamSearchCV(model, space, n_iter=30, cv=3, random_state=0, verbose=0)
english.fit(*data["en"])
pd.Series(english.best_params_, name="best in English").to_frame()

# %%
# The star is the best candidate. Most learning rates are useless: the good ones are near 0.3. The
# score is that of :func:`~metaling_sk.metrics.log_loss_scorer`, which is the default.

from metaling_sk import MetaParamDisplay

display = MetaParamDisplay.from_estimator(english)

# %%
# Reuse for Chinese
# -----------------
# Five candidates, with and without the prior, and five seeds, because one search is a matter of
# luck.

curves = {}
for name, prior in {"without prior": None, "prior=english": english}.items():
    for seed in range(5):
        search = MetaParamSearchCV(
            model, space, n_iter=5, prior=prior, cv=3, random_state=seed, verbose=0
        )
        search.fit(*data["zh"])
        best_so_far = pd.Series(-search.cv_results_["mean_test_score"]).cummin()
        curves[name, seed] = best_so_far.set_axis(range(1, 6))
table = pd.DataFrame(curves).T.rename_axis(index=["search", "seed"])
table.groupby("search", sort=False).mean().rename_axis(columns="candidates").round(3)

# %%
# The table has the lowest log-loss so far, in the mean of the seeds; guessing has 0.69. With the
# prior the first candidate is good already, because both languages have the same encoder. Where the
# best values of two languages differ, a prior helps less. A wrong one costs at most two of three
# candidates.

import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, style in {"without prior": "o--", "prior=english": "s-"}.items():
    axis.semilogy(table.loc[name].mean(), style, label=name)
axis.set(
    xlabel="candidates tried",
    ylabel="log-loss of the best so far",
    title="Chinese reviews, mean of 5 searches",
    xticks=range(1, 6),
)
axis.set_yticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
axis.minorticks_off()
legend = axis.legend(frameon=False)

# sphinx_gallery_thumbnail_number = 2

# %%
# :ref:`earlier-searches` has this for twelve languages, and :doc:`/user_guide/meta_param` the other
# forms of a prior.
