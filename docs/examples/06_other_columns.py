"""
Text and other columns
======================

*My table has numbers beside the text.* A ``ColumnTransformer`` turns all columns into numbers and
keeps the language, and any classifier of this package takes the result.
"""

# %%
# Messages to a shop in three languages, made up. A message is urgent if something is broken, or if
# the customer has waited for more than ten days. One label in twenty is wrong.

import numpy as np
import pandas as pd

broken = {
    "en": "broken torn cracked",
    "es": "roto rasgado agrietado",
    "de": "kaputt gerissen defekt",
}
fine = {"en": "blue heavy late", "es": "azul pesado tardío", "de": "blau schwer spät"}
things = {"en": "lamp chair table", "es": "lámpara silla mesa", "de": "Lampe Stuhl Tisch"}

rng = np.random.default_rng(0)
rows = []
for language in broken:
    for _ in range(150):
        is_broken, days = rng.random() < 0.3, rng.integers(1, 16)
        word = rng.choice((broken if is_broken else fine)[language].split())
        text = f"{rng.choice(things[language].split())} {word}"
        urgent = (is_broken or days > 10) != (rng.random() < 0.05)
        rows.append((text, language, days, "urgent" if urgent else "later"))
data = pd.DataFrame(rows, columns=["text", "language", "days", "label"])
X, y = data.drop(columns="label"), data["label"]
data.head()

# %%
# The pipeline
# ------------
# ``set_output(transform="pandas")`` keeps names, and the column ``language`` passes through, so the
# classifier finds the language.

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from metaling_sk import EncoderVectorizer, MetaNetClassifier
from metaling_sk.datasets import load_encoder

text = EncoderVectorizer(load_encoder("multilingual-e5-small"), max_length=32, verbose=0)
days = StandardScaler()


def make_model(*columns):
    """A pipeline of these columns and a classifier."""
    known = {"text": ("text", text, "text"), "days": ("days", days, ["days"])}
    features = ColumnTransformer(
        [*(known[column] for column in columns), ("language", "passthrough", ["language"])],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return make_pipeline(features, MetaNetClassifier(verbose=0, random_state=0))


model = make_model("text", "days")
model.fit(X, y)

# %%
# Do both columns help?
# ---------------------

from sklearn.model_selection import cross_val_predict

from metaling_sk import LanguageReportDisplay, StratifiedLanguageKFold, language_report

folds = list(StratifiedLanguageKFold(3, random_state=0).split(X, y))
predictions = {
    " and ".join(columns): cross_val_predict(make_model(*columns), X, y, cv=folds)
    for columns in (["text"], ["days"], ["text", "days"])
}
pd.DataFrame(
    {
        name: language_report(y, y_pred, X["language"])["accuracy"]
        for name, y_pred in predictions.items()
    }
).round(2)

# %%
# They do. No model can reach more than 0.95.

display = LanguageReportDisplay.from_predictions(
    y, predictions["text and days"], X["language"], score="accuracy"
)

# %%
# A scorer of the worst language serves cross-validation and searches.

from sklearn.model_selection import cross_val_score

from metaling_sk import make_language_scorer

worst = make_language_scorer("accuracy", aggregate="min")
cross_val_score(model, X, y, cv=folds, scoring=worst).round(2)

# %%
# A ``OneHotEncoder`` for a category needs ``sparse_output=False`` here. ``TfidfVectorizer`` cannot
# return a DataFrame, and beside it the language would be lost: :ref:`which-tools` has what to do.
