"""Marks of tests that do on purpose what users are warned of."""

import pytest

predicts_unseen_languages = pytest.mark.filterwarnings("ignore:There are no statistics of the lang")
leaves_languages_out = pytest.mark.filterwarnings("ignore:X has rows without a language")
