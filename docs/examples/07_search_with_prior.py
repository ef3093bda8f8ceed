"""
Tune once, reuse in the next language
=====================================

*I have tuned a model for one language. Must I start again for the next?* Give the first search to
the second one as its ``prior``.
"""

# %%
# Tune on English
# ---------------
# Any estimator of scikit-learn can be tuned, here n-grams and a linear model that is trained by
# gradients. The learning rate may be anything between 0.01 and 10,000.

import pandas as pd
from scipy.stats import loguniform
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline

from metaling_sk import MetaParamSearchCV
from metaling_sk.datasets import load_reviews

X_en, y_en = load_reviews("en", return_X_y=True)
X_zh, y_zh = load_reviews("zh", return_X_y=True)
sgd = SGDClassifier(
    loss="log_loss", learning_rate="constant", max_iter=20, tol=None, random_state=0
)
model = Pipeline([("ngrams", TfidfVectorizer(analyzer="char", ngram_range=(1, 2))), ("sgd", sgd)])
space = {"sgd__eta0": loguniform(1e-2, 1e4), "sgd__alpha": loguniform(1e-8, 1e-1)}

english = MetaParamSearchCV(model, space, n_iter=16, cv=3, random_state=0, verbose=0)
english.fit([text[:300] for text in X_en["text"][:400]], y_en[:400])
pd.Series(english.best_params_, name="best in English").to_frame()

# %%
# The star is the best candidate. The other panels show what matters: a small ``C`` is bad.

from metaling_sk import MetaParamDisplay

display = MetaParamDisplay.from_estimator(english)

# %%
# Reuse for Chinese
# -----------------
# Five candidates, with and without the prior, and five seeds, because one search is a matter of
# luck.

chinese = list(X_zh["text"][:400])
curves = {}
for name, prior in {"without prior": None, "prior=english": english}.items():
    for seed in range(5):
        search = MetaParamSearchCV(
            model, space, n_iter=5, prior=prior, cv=3, random_state=seed, verbose=0
        )
        search.fit(chinese, y_zh[:400])
        best_so_far = pd.Series(-search.cv_results_["mean_test_score"]).cummin()
        curves[name, seed] = best_so_far.set_axis(range(1, 6))
table = pd.DataFrame(curves).T.rename_axis(index=["search", "seed"])
table.groupby("search", sort=False).mean().rename_axis(columns="candidates").round(3)

# %%
# The table has the lowest log-loss so far, in the mean of the seeds. The prior makes a difference in
# the first candidates. After some more both searches get to the same place, and a wrong prior costs
# at most two of three candidates.

import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, style in {"without prior": "o--", "prior=english": "s-"}.items():
    axis.plot(table.loc[name].mean(), style, label=name)
axis.set(
    xlabel="candidates tried",
    ylabel="log-loss of the best so far",
    title="Chinese reviews, mean of 5 searches",
    xticks=range(1, 6),
)
axis.legend(frameon=False)

# %%
# :doc:`/benchmarks` has this for twelve languages, and :doc:`/user_guide/meta_param` the other
# forms of a prior.
