"""
Images
======

*My images come from several places.* Here digits are written on white and on grey paper, and only
those on white paper have labels. The paper is the language.
"""

# %%
# 900 of scikit-learn's digits are there to learn from: half on white paper with labels, half on
# grey paper without. Of the others every image is read on both papers.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

images, digits = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8)


def on_paper(images, paper):
    """Dark digits on white paper, or pale ones on grey paper, as arrays of 0 to 255."""
    ink = images / 16
    values = 255 - 255 * ink if paper == "white" else 140 - 80 * ink
    return pd.DataFrame({"image": list(values.astype(np.uint8)), "language": paper})


train = pd.concat(
    [on_paper(images[:450], "white"), on_paper(images[450:900], "grey")], ignore_index=True
)
y = np.where(train["language"] == "white", digits[:900].astype(object), None)
test = {paper: on_paper(images[900:], paper) for paper in ("white", "grey")}
truth = digits[900:]

figure, axes = plt.subplots(2, 8, figsize=(8, 2.4))
for row, (paper, rows) in zip(axes, test.items(), strict=True):
    row[0].set_ylabel(paper)
    for axis, image in zip(row, rows["image"], strict=False):
        axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        axis.set(xticks=[], yticks=[])

# %%
# Numbers
# -------
# Small images that are centred can be passed as numbers: one column for each pixel. By default
# each language is standardised by the statistics of its own rows, with labels or without.

from sklearn.linear_model import LogisticRegression

from metaling_sk import TransferClassifier


def pixels(X):
    """One row of numbers for each image."""
    return np.stack(X["image"]).reshape(len(X), -1) / 255


is_labelled = train["language"] == "white"
plain = LogisticRegression(max_iter=1000).fit(pixels(train[is_labelled]), digits[:450])
numbers = TransferClassifier(verbose=0, random_state=0)
numbers.fit(pixels(train), y, language=train["language"])

# %%
# A column of images
# ------------------
# ``image_column`` reads arrays, paths and PIL images of any size. Without a checkpoint a small
# Vision Transformer is trained from scratch.

scratch = TransferClassifier(
    image_column="image", max_epochs=20, self_training=1, verbose=0, random_state=0
)
scratch.fit(train, y)

# %%
# Accuracy
# --------

scores = pd.DataFrame(
    {
        paper: {
            "logistic regression": plain.score(pixels(rows), truth),
            "TransferClassifier, numbers": numbers.score(
                pixels(rows), truth, language=rows["language"]
            ),
            "TransferClassifier, from scratch": scratch.score(rows, truth),
        }
        for paper, rows in test.items()
    }
)
scores.round(2)

# %%
ax = scores[::-1].plot.barh(color={"white": "0.75", "grey": "0.35"}, figsize=(8, 3))
ax.set(xlabel="accuracy", xlim=(0, 1))
ax.legend(title="paper", loc="center left", bbox_to_anchor=(1, 0.5))
ax.figure.tight_layout()

# %%
# On grey paper numbers that are standardised by language are read best, on white paper, where there
# is nothing to transfer, plain numbers. From scratch a few hundred images are not enough. A column
# of images is for large or varied ones, with a checkpoint that has seen many:
# ``TransferClassifier(image_column="image", encoder="models/dinov2-small", trainable="head")``.
# :doc:`/user_guide/images` has more.
