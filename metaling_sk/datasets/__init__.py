"""Loaders of real multilingual data, of bilingual dictionaries and of a multilingual encoder."""

from metaling_sk.datasets._afrisenti import fetch_afrisenti
from metaling_sk.datasets._dictionary import load_dictionary
from metaling_sk.datasets._encoders import load_encoder
from metaling_sk.datasets._nusax import fetch_nusax
from metaling_sk.datasets._reviews import load_reviews
from metaling_sk.datasets._sib200 import fetch_sib200

__all__ = [
    "fetch_afrisenti",
    "fetch_nusax",
    "fetch_sib200",
    "load_dictionary",
    "load_encoder",
    "load_reviews",
]
