"""
Pairs of texts
==============

*Each of my rows has two texts.* Name both columns in ``text_column``. Here the question is whether
one text is the translation of the other.
"""

# %%
# Sentences of three parts, in four languages. In half of the rows one part of the second text is
# another one.

import numpy as np
import pandas as pd

parts = {
    "en": [
        ["The dog", "My sister", "The doctor", "My neighbour", "The old man", "A child"],
        ["sleeps", "drinks tea", "sings a song", "reads the newspaper", "buys apples"],
        ["in the garden", "at the station", "in the kitchen", "at home"],
    ],
    "es": [
        ["El perro", "Mi hermana", "El médico", "Mi vecino", "El anciano", "Un niño"],
        ["duerme", "bebe té", "canta una canción", "lee el periódico", "compra manzanas"],
        ["en el jardín", "en la estación", "en la cocina", "en casa"],
    ],
    "de": [
        ["Der Hund", "Meine Schwester", "Der Arzt", "Mein Nachbar", "Der Alte", "Ein Kind"],
        ["schläft", "trinkt Tee", "singt ein Lied", "liest die Zeitung", "kauft Äpfel"],
        ["im Garten", "am Bahnhof", "in der Küche", "zu Hause"],
    ],
    "fr": [
        ["Le chien", "Ma sœur", "Le médecin", "Mon voisin", "Le vieil homme", "Un enfant"],
        ["dort", "boit du thé", "chante une chanson", "lit le journal", "achète des pommes"],
        ["dans le jardin", "à la gare", "dans la cuisine", "à la maison"],
    ],
}
rng = np.random.default_rng(0)
rows = []
for one, other in [("en", "es"), ("en", "de"), ("es", "fr"), ("de", "fr")]:
    for number in range(120):
        places = [rng.integers(len(part)) for part in parts["en"]]
        changed = list(places)
        if number % 2:
            which = rng.integers(3)
            n_others = len(parts["en"][which]) - 1
            changed[which] = (places[which] + rng.integers(1, n_others + 1)) % (n_others + 1)
        texts = [
            " ".join(part[place] for part, place in zip(parts[language], chosen, strict=True))
            for language, chosen in ((one, places), (other, changed))
        ]
        rows.append((*texts, f"{one}-{other}", "other" if number % 2 else "same"))
data = pd.DataFrame(rows, columns=["first", "second", "language", "label"])
X, truth = data.drop(columns="label"), data["label"].to_numpy()
data.head()

# %%
# A row has one language: that of the pair. Only English-Spanish rows have labels.

y = np.where(X["language"] == "en-es", truth, None)

# %%
# One sequence
# ------------
# A Transformer reads both texts as one sequence, and its vector goes into the head. A frozen
# encoder does not compare the texts, because nobody has taught it to.

from metaling_sk import TransferClassifier
from metaling_sk.datasets import load_encoder

columns = ["first", "second"]
encoder = load_encoder("multilingual-e5-small")
one_sequence = TransferClassifier(
    encoder=encoder,
    text_column=columns,
    trainable="head",
    max_length=32,
    verbose=0,
    random_state=0,
)
one_sequence.fit(X, y)

# %%
# Two vectors
# -----------
# Sentence encoders are made for vectors of single texts that are compared. As ``encoder`` a
# pipeline of scikit-learn does that: it gets a table of both columns.

from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from metaling_sk import EncoderVectorizer


def compare(both):
    """Where the two vectors differ, and where they agree."""
    first, second = np.split(both, 2, axis=1)
    return np.hstack([np.abs(first - second), first * second])


vectorizer = EncoderVectorizer(encoder, max_length=32, verbose=0)
of_both = make_column_transformer(*((vectorizer, column) for column in columns))
two_vectors = TransferClassifier(
    encoder=make_pipeline(of_both, FunctionTransformer(compare)),
    text_column=columns,
    verbose=0,
    random_state=0,
)
two_vectors.fit(X, y)

# %%
# Accuracy
# --------
# English-Spanish rows were trained on, the others are pairs of languages without a label.

from metaling_sk import LanguageReportDisplay, language_report

pd.DataFrame(
    {
        name: language_report(truth, model.predict(X), X["language"])["accuracy"]
        for name, model in {"one sequence": one_sequence, "two vectors": two_vectors}.items()
    }
).round(2)

# %%
display = LanguageReportDisplay.from_predictions(
    truth, two_vectors.predict(X), X["language"], score="accuracy"
)

# %%
# With a frozen sentence encoder compare vectors. To read pairs as one sequence pays where the
# encoder was made for pairs, or is trained on many of them (``trainable="all"`` or ``"lora"``).
# :doc:`/user_guide/pairs` has more.
