"""Fonts for the scripts of languages and classes."""

from __future__ import annotations

from functools import cache, lru_cache
from unicodedata import category

from metaling_sk._utils.messages import warn_user

LAST_RESORT = "Last Resort"
"""The name of fonts that have a box for every character."""

BLANK = {"Cc", "Cf", "Zl", "Zp", "Zs"}
"""Unicode's categories of characters that need no glyph."""


def show_scripts(figure) -> None:
    """Give the texts of a figure fonts that have their characters.

    Texts that the usual font can show are left as they are. matplotlib shapes Arabic and Indic
    scripts from version 3.11 on.

    Parameters
    ----------
    figure : matplotlib Figure
        A figure in which everything is drawn.

    Warns
    -----
    UserWarning
        If no installed font has a character.
    """
    from matplotlib.text import Text

    lacking: set[str] = set()
    for text in figure.findobj(Text):
        missing = {character for character in text.get_text() if category(character) not in BLANK}
        for path in _paths_of(text):
            missing = {character for character in missing if not _has(path, character)}
        if missing:
            families = []
            while missing and (font := _find_font(min(missing))):
                families.append(font.name)
                missing = {character for character in missing if not _has(font.fname, character)}
            lacking |= missing
            text.set_fontfamily([*text.get_fontfamily(), *families])
    if lacking:
        characters = "".join(sorted(lacking)[:10])
        warn_user(
            f"No installed font has the characters {characters!r}, which are drawn as boxes. "
            "Install a font of this script, such as those in the Debian packages fonts-noto-core "
            "and fonts-noto-cjk (Chinese, Japanese, Korean), and start Python anew.",
            category=UserWarning,
        )


def _paths_of(text) -> list[str]:
    """The files of the fonts that a text is drawn with."""
    from matplotlib.font_manager import FontProperties, findfont

    return [findfont(FontProperties(family=[name])) for name in text.get_fontfamily()]


def _find_font(character: str):
    """Return the best installed font that has a character, or None."""
    return next((font for font in _fonts() if _has(font.fname, character)), None)


@lru_cache(maxsize=1)
def _fonts() -> tuple:
    """The installed fonts of normal weight and style, the best first.

    matplotlib keeps a list of fonts, in which those are missing that were installed later.
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}
    for path in set(findSystemFonts()) - known:
        try:
            fontManager.addfont(path)
        except Exception:  # a file that FreeType cannot read
            continue
    usable = [
        font
        for font in fontManager.ttflist
        if font.style == "normal"
        and font.weight in (400, "normal", "regular")
        and not font.name.startswith(LAST_RESORT)
    ]
    return tuple(sorted(usable, key=_rank))


def _rank(font) -> tuple:
    """Sort fonts without serifs first, and those of simplified Chinese before their relatives."""
    is_sans = "Sans" in font.name and "Mono" not in font.name
    return not is_sans, "CJK" in font.name and "SC" not in font.name, len(font.name), font.name


@cache
def _characters_of(path: str) -> frozenset[int]:
    """The code points for which a font has a glyph."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except Exception:  # a file that FreeType cannot read
        return frozenset()


def _has(path: str, character: str) -> bool:
    return ord(character) in _characters_of(path)
