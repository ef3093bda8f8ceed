"""
Save and serve
==============

*I want to put a model into a service.* Save it to a folder without a pickle, load it elsewhere, and
wrap it in a function.
"""

# %%
# A model to serve
# ----------------
# A small Transformer from scratch, with a dictionary: it learns from a linear teacher that
# translates word for word. The texts are made up, and so small that this takes seconds.

import numpy as np
import pandas as pd

nouns = {"hotel": "酒店", "room": "房间", "staff": "员工", "food": "饭菜", "bath": "浴室"}
good = {"good": "不错", "clean": "干净", "great": "很棒", "quiet": "安静"}
bad = {"bad": "糟糕", "dirty": "肮脏", "awful": "可怕", "noisy": "吵闹"}
dictionary = {word: [translation] for word, translation in (nouns | good | bad).items()}
phrases = [
    (noun, word, label)
    for label, words in ((1, good), (0, bad))
    for word in words
    for noun in nouns
]

X = pd.DataFrame(
    [(f"{word} {noun}", "en") for noun, word, _ in phrases]
    + [(dictionary[noun][0] + dictionary[word][0], "zh") for noun, word, _ in phrases],
    columns=["text", "language"],
)
truth = np.array(["positive" if label else "negative" for *_, label in phrases] * 2)
y = np.where(X["language"] == "en", truth, None)  # no label in Chinese

from metaling_sk import TransferClassifier

clf = TransferClassifier(dictionary=dictionary, n_topics=1, verbose=0, random_state=0)
clf.fit(X, y)

# %%
# How did the training go?

from metaling_sk import HistoryDisplay

display = HistoryDisplay.from_estimator(clf)

# %%
# Save
# ----
# The scores go into the model card, the file ``README.md`` of the folder, which hubs show.

from pathlib import Path
from tempfile import TemporaryDirectory

from metaling_sk import language_report

report = language_report(truth, clf.predict(X), X["language"])
temporary = TemporaryDirectory()  # in real life: "models/reviews"
folder = Path(temporary.name)
clf.save(folder, report=report)
files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
print("\n".join(files))

# %%
# The card:

print((folder / "README.md").read_text())

# %%
# Serve
# -----
# Loading runs no code of the folder and asks nothing of the network. Load once, at the start of the
# service. Several threads may predict with one model. Other versions than those that saved it are
# warned of, see :class:`~metaling_sk.exceptions.SavedVersionWarning`.

from metaling_sk import load

served = load(folder, device="cpu")


def answer(texts, language):
    """The class and its probability for each text, ready for JSON."""
    probabilities = served.predict_proba(texts, language=language)
    best = probabilities.argmax(axis=1)
    return [
        {"text": text, "label": str(served.classes_[column]), "probability": round(float(p), 3)}
        for text, column, p in zip(texts, best, probabilities.max(axis=1), strict=True)
    ]


pd.DataFrame(answer(["酒店很棒", "房间吵闹"], "zh"))

# %%
# Bad input is an error that names the row, which a service can hand on:

try:
    answer(["good hotel", None], "en")
except ValueError as error:
    print(error)

# %%
# The loaded model predicts the same probabilities.

print(np.array_equal(served.predict_proba(X), clf.predict_proba(X)))
temporary.cleanup()

# %%
# :func:`~metaling_sk.save` takes pipelines, too, and ``push_to_hub`` uploads a folder: see
# :doc:`/user_guide/saving`.
