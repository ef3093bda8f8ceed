"""
Translations of a related language
==================================

*I have few translations into my language, and many into a related one.*
:class:`~metaling_sk.TransferTranslator` begins with what the related language has taught.
"""

# %%
# Two made-up languages that come from one, so that we know what there is to learn. Northern and
# Southern share sound changes and new words, and each has some words of its own.

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
consonants, vowels = list("bdgklmnprst"), list("aeiou")


def make_word():
    """Two or three syllables."""
    n_syllables = rng.integers(2, 4)
    return "".join(rng.choice(consonants) + rng.choice(vowels) for _ in range(n_syllables))


old = [make_word() for _ in range(150)]
shifts = str.maketrans({"s": "h", "o": "u"})
related = {word: word.translate(shifts) for word in old}
related |= {word: make_word() for word in rng.choice(old, 60, replace=False)}
lexicons = {
    name: related | {word: make_word() for word in rng.choice(old, 15, replace=False)}
    for name in ("northern", "southern")
}
sentences = [" ".join(rng.choice(old, 6)) for _ in range(500)]


def make_rows(language, part):
    """Sentences and their translations."""
    words = lexicons[language]
    rows = pd.DataFrame({"text": sentences[part], "language": "old", "to": language})
    rows["translation"] = [" ".join(map(words.get, text.split())) for text in rows["text"]]
    return rows


test = make_rows("southern", slice(400, 500))
test.head(3)

# %%
# Many translations into Northern
# -------------------------------
# Without a checkpoint the translator begins as a copy of the text, and learns what to change.

from metaling_sk import TransferTranslator

northern = make_rows("northern", slice(0, 300))
source = TransferTranslator(target_language="to", verbose=0, random_state=0)
source.fit(northern, northern["translation"]).history_.round(2)

# %%
# Few into Southern
# -----------------
# From ``source`` the translator goes on. It has never seen a word that only Southern has, but it
# knows what both languages have changed.

import matplotlib.pyplot as plt

from metaling_sk.metrics import translation_report

numbers = [25, 50, 100]
scores = {"alone": [], "transfer": []}
for n_sentences in numbers:
    few = make_rows("southern", slice(300, 300 + n_sentences))
    for name, its_source in (("alone", None), ("transfer", source)):
        translator = TransferTranslator(
            target_language="to", source=its_source, verbose=0, random_state=0
        ).fit(few, few["translation"])
        scores[name].append(translator.score(test, test["translation"]))

copied = translation_report(test["translation"], test["text"], test["to"]).loc["mean", "chrf"]
as_northern = source.predict(test.assign(to="northern"))
unchanged = translation_report(test["translation"], as_northern, test["to"]).loc["mean", "chrf"]

figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, values in scores.items():
    axis.plot(numbers, values, marker="o", label=name)
axis.axhline(unchanged, color="gray", linestyle="--", label="translator into Northern")
axis.axhline(copied, color="gray", linestyle=":", label="text as it is")
axis.set(xlabel="translations into Southern", ylabel="chrF", ylim=(0, 1.05), xticks=numbers)
_ = axis.legend()

# %%
# With few translations the related language is worth much. With 100 of these simple sentences the
# words of Southern have all been seen, and both are about as good. Real languages share less, and
# transfer may then be worth nothing: compare both on sentences that neither has seen.
#
# Translators of recordings are scored by words instead of characters, see
# :func:`~metaling_sk.word_error_rate`.
#
# A translator as a step
# ----------------------
# ``transform`` puts the translations in the place of the texts, and the language of each. A fitted
# one in a ``FrozenEstimator`` can be the first step of a pipeline, before a classifier that was
# trained on the other language.

translator.transform(test.drop(columns="translation")).head(3)
