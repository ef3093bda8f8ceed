import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from metaling_sk import TransferMatrixDisplay
from metaling_sk.plotting._fonts import _find_font, show_scripts

SCRIPTS = {
    "Chinese": "中文",
    "Arabic": "العربية",
    "Devanagari": "हिन्दी",
    "Amharic": "አማርኛ",
}


def drawn(figure):
    """Draw a figure; matplotlib warns of every character that becomes a box."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()


@pytest.mark.parametrize("name", SCRIPTS.values(), ids=SCRIPTS)
def test_names_in_any_script_have_no_boxes(name):
    if any(_find_font(character) is None for character in name):
        pytest.skip("no font of this script is installed")
    figure, axis = plt.subplots()
    axis.set_title(f"accuracy in {name}")
    axis.set_yticks([0, 1], [name, "en"])
    axis.plot([0, 1], label=name)
    axis.legend()
    show_scripts(figure)
    drawn(figure)
    assert axis.yaxis.get_majorticklabels()[1].get_fontfamily() == ["sans-serif"]


def test_a_font_is_taken_that_has_the_characters():
    with plt.rc_context({"font.family": "STIXSizeOneSym"}):
        figure, axis = plt.subplots()
        axis.set(xticks=[], yticks=[])
        title = axis.set_title("Ελληνικά")
        show_scripts(figure)
        assert title.get_fontfamily()[0] == "STIXSizeOneSym"
        assert len(title.get_fontfamily()) > 1
        drawn(figure)


def test_a_script_without_a_font_is_warned_of():
    figure, axis = plt.subplots()
    axis.set_title("\U000f0000")
    with pytest.warns(UserWarning, match="fonts-noto-core and fonts-noto-cjk"):
        show_scripts(figure)


def test_displays_look_for_fonts():
    matrix = pd.DataFrame(np.eye(2), index=["en", "\U000f0000"], columns=["en", "\U000f0000"])
    with pytest.warns(UserWarning, match="No installed font has the characters") as record:
        TransferMatrixDisplay(matrix).plot()
    assert record[0].filename == __file__  # the line of the user
