"""
Speech instead of text
======================

*My samples are recordings.* ``audio_column`` names their column. Everything else is as for texts:
here spoken words of one language teach another one, in which speakers say them with other vowels.
"""

# %%
# Spoken words, made up, so that nothing is downloaded: each word is a sequence of vowels. The
# pulses of a voice go through two resonances, the formants, that make a vowel. Voices have a pitch
# of their own, and there is noise. In the second language all vowels are shifted.

import numpy as np
import pandas as pd
from scipy.signal import lfilter

rate = 8_000
vowels = {"a": (800, 1300), "i": (300, 2300), "u": (320, 800)}  # Hz
words = {"yes": "ai", "no": "ua", "stop": "iu", "go": "aui"}
shift = {"north": 1.0, "south": 1.2}
rng = np.random.default_rng(0)


def resonate(sound, frequency, width=80):
    """Pass a sound through a resonance."""
    radius = np.exp(-np.pi * width / rate)
    filtered = [1, -2 * radius * np.cos(2 * np.pi * frequency / rate), radius**2]
    return lfilter([1 - radius], filtered, sound)


def say(word, language):
    """A recording of a word, by one of many voices."""
    pitch, parts = rng.uniform(90, 220), []
    for vowel in words[word]:
        pulses = np.arange(int(rate * rng.uniform(0.06, 0.15))) * pitch / rate % 1 < pitch / rate
        for formant in vowels[vowel]:
            pulses = resonate(pulses, formant * shift[language] * rng.uniform(0.95, 1.05))
        parts.append(pulses / np.abs(pulses).max())
    sound = np.concatenate(parts)
    return {"array": sound + rng.normal(0, 0.05, len(sound)), "sampling_rate": rate}


def make_rows(language, n_rows):
    """Recordings of random words."""
    said = rng.choice(list(words), n_rows)
    return pd.DataFrame(
        {"audio": [say(word, language) for word in said], "language": language, "word": said}
    )


data = pd.concat([make_rows("north", 160), make_rows("south", 80)], ignore_index=True)
test = pd.concat([make_rows(language, 80) for language in shift], ignore_index=True)
X, X_test = data[["audio", "language"]], test[["audio", "language"]]

# %%
# A word in both languages, as spectrograms: the bands of energy are the formants.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(7, 2.5), sharey=True, layout="constrained")
for axis, language in zip(axes, shift, strict=True):
    axis.specgram(say("go", language)["array"], NFFT=256, noverlap=192, Fs=rate)
    axis.set(title=f'"go", {language}', xlabel="seconds")
_ = axes[0].set_ylabel("Hz")

# %%
# From north to south
# -------------------
# The labels of the south are left out, except those of every fourth recording. The encoder is
# ``"scratch"``, the default: a small Conformer with random weights, on a log-mel spectrogram. In a
# column of your own may be the paths of WAV, FLAC or OGG files.

from metaling_sk import TransferClassifier

is_labelled = (data["language"] == "north") | (data.index % 4 == 0)
y = data["word"].where(is_labelled)
clf = TransferClassifier(
    audio_column="audio",
    target_languages=["south"],
    learning_rate=5e-3,
    batch_size=16,
    verbose=0,
    random_state=0,
)
clf.fit(X, y)
test.assign(predicted=clf.predict(X_test)).groupby("language").head(2)[
    ["language", "word", "predicted"]
]

# %%
# How good is it in each language?

from metaling_sk import LanguageReportDisplay

display = LanguageReportDisplay.from_estimator(clf, X_test, test["word"], score="accuracy")

# %%
# What is said, in letters
# ------------------------
# :class:`~metaling_sk.TransferTranslator` writes recordings down: y is the text of each, here its
# vowels. So it also writes words that it has never heard, such as "iua".

from metaling_sk import TransferTranslator

writer = TransferTranslator(audio_column="audio", verbose=0, random_state=0)
writer.fit(X, y.map(words))
words["new"] = "iua"
new = pd.DataFrame({"audio": [say("new", name) for name in shift], "language": list(shift)})
new.assign(written=writer.predict(new))[["language", "written"]]

# %%
# ``score`` is 1 minus the share of wrong words, and a report has that share in each language.

from metaling_sk.metrics import transcription_report

spelt = test["word"].map(words)
transcription_report(spelt, writer.predict(X_test), test["language"]).round(2)

# %%
# Pairs of clear vowels are easy. Words of a language, by many voices and in noise, are not: without
# a pretrained encoder see :doc:`/user_guide/speech` for what to expect.
