"""
Digits in five scripts
======================

*I have images, not texts.* ``image_column`` names their column, and the script takes the place of the
language. Then everything is as for texts.
"""

# %%
# The images are drawn here, in the font that comes with matplotlib: ten digits in each of five scripts,
# of random size, place and slant, with noise. The models learn from the regular font. The bold one is
# the test.

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

ZEROS = {"Latin": "0", "Arabic": "٠", "Persian": "۰", "N'Ko": "߀", "Lao": "໐"}
FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")


def draw(character, font, rng):
    """An image of 28 x 28 pixels."""
    image = Image.new("L", (28, 28), 255)
    middle = tuple(14 + rng.uniform(-2, 2, size=2))
    pen = ImageFont.truetype(FONTS / font, rng.integers(17, 23))
    ImageDraw.Draw(image).text(middle, character, fill=0, font=pen, anchor="mm")
    image = image.rotate(rng.uniform(-10, 10), Image.Resampling.BILINEAR, fillcolor=255)
    return (np.asarray(image) - rng.uniform(0, 40, size=image.size)).clip(0, 255).astype(np.uint8)


def make_images(font, n_images, seed):
    """Make so many images of each digit of each script."""
    rng = np.random.default_rng(seed)
    rows = [
        (draw(chr(ord(zero) + digit), font, rng), script, digit)
        for script, zero in ZEROS.items()
        for digit in range(10)
        for _ in range(n_images)
    ]
    return pd.DataFrame(rows, columns=["image", "language", "digit"])


train = make_images("DejaVuSans.ttf", 12, seed=0)
test = make_images("DejaVuSans-Bold.ttf", 6, seed=1)

figure, axes = plt.subplots(5, 10, figsize=(6, 3))
for axis, image in zip(axes.flat, train["image"][::12], strict=True):
    axis.imshow(image, cmap="gray")
    axis.axis("off")

# %%
# One model for all scripts
# -------------------------

from metaling_sk import LanguageReportDisplay, MetaNetClassifier, language_report

columns = ["image", "language"]
clf = MetaNetClassifier(image_column="image", verbose=0, random_state=0)
clf.fit(train[columns], train["digit"])

display = LanguageReportDisplay.from_estimator(clf, test[columns], test["digit"], score="accuracy")
