"""
Numbers instead of classes
==========================

*My texts have ratings, not classes.* :class:`~metaling_sk.TransferRegressor` carries numbers from
one language to others.
"""

# %%
# Ratings of hotels, made up, so that we know what there is to learn. A text praises or blames two
# things. Its stars are the mean of what the two adjectives say, and how the guest felt that day.

import numpy as np
import pandas as pd

adjectives = {  # from five stars down to one
    "en": ["wonderful excellent", "good pleasant", "average passable", "bad poor", "awful"],
    "es": ["maravilloso excelente", "bueno agradable", "normal regular", "malo", "horrible"],
    "de": ["wunderbar ausgezeichnet", "gut angenehm", "mittelmäßig", "schlecht", "furchtbar"],
}
things = {
    "en": "room breakfast staff pool view",
    "es": "cuarto desayuno personal baño precio",
    "de": "Zimmer Frühstück Personal Bad Preis",
}
rng = np.random.default_rng(0)


def make_rows(language, n_rows):
    """Texts with their stars."""
    rows = []
    for _ in range(n_rows):
        levels = rng.integers(5, size=2)
        words = [rng.choice(adjectives[language][level].split()) for level in levels]
        first, second = rng.choice(things[language].split(), size=2, replace=False)
        text = f"{first}: {words[0]}, {second}: {words[1]}"
        rows.append((text, language, 5 - levels.mean() + rng.normal(scale=0.5)))
    return pd.DataFrame(rows, columns=["text", "language", "stars"])


data = pd.concat([make_rows(language, 150) for language in adjectives], ignore_index=True)
test = pd.concat([make_rows(language, 100) for language in adjectives], ignore_index=True)
X, X_test = data[["text", "language"]], test[["text", "language"]]
data.groupby("language").head(1).round(1)

# %%
# English stars for all languages
# -------------------------------
# The stars of the other languages are left out: NaN. On the vectors of a frozen encoder the model
# is a ridge regression, whose penalty is chosen by cross-validation.

from metaling_sk import TransferRegressor
from metaling_sk.datasets import load_encoder

y = data["stars"].where(data["language"] == "en")
reg = TransferRegressor(
    encoder=load_encoder("multilingual-e5-small"),
    trainable="head",
    transfer=None,
    max_length=32,
    verbose=0,
    random_state=0,
)
reg.fit(X, y)
test.assign(predicted=reg.predict(X_test)).groupby("language").head(1).round(1)

# %%
# How good is it in each language? The score is R². "all stars" is a
# :class:`~metaling_sk.MetaNetRegressor` that has learnt the stars of all languages. The last column
# is what the mood of the guests, which no text tells, leaves to any model. Of predictions that you
# have, :func:`~metaling_sk.regression_report` makes the same report.

from metaling_sk import MetaNetRegressor, language_report_from_estimator

as_they_are = TransferRegressor(**(reg.get_params(deep=False) | {"language_norm": False}))
all_stars = MetaNetRegressor(
    encoder=reg.encoder, trainable="head", max_length=32, verbose=0, random_state=0
)
models = {
    "standardised by language": reg,
    "as they are": as_they_are.fit(X, y),
    "all stars": all_stars.fit(X, data["stars"]),
}
table = pd.DataFrame(
    {
        name: language_report_from_estimator(model, X_test, test["stars"])["r2"]
        for name, model in models.items()
    }
).drop(["mean", "worst", "gap"])
table["possible"] = 1 - 0.5**2 / test.groupby("language")["stars"].var()
table.round(2)

# %%
# In English, of which it has the stars, the model is near what is possible. Spanish and German get
# a good part of it. To standardise each language by its own texts helps Spanish, and leaves German
# as it is. With their own stars they are near what is possible, too.
#
# What are German labels worth?
# -----------------------------
# With German labels there is the transfer term "labels". The dashed line is the model without any.

from metaling_sk import FewShotCurveDisplay

german = test["language"] == "de"
curve = FewShotCurveDisplay.from_estimator(
    reg.set_params(transfer="labels", target_languages=["de", "es"]),
    X,
    data["stars"].where(data["language"] != "es"),
    target_language="de",
    X_test=X_test[german],
    y_test=test.loc[german, "stars"],
    ks=(10, 40, 150),
    baseline=table.loc["de", "standardised by language"],
)

# %%
# What ten labels are worth depends on which ones they are; forty help, and with 150 little is left
# to learn. See :ref:`numbers` for ratings on different scales and for outliers, and
# :ref:`sentiment-as-a-number` for a real corpus, where all of it is harder.
