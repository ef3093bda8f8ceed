"""Loaders of real multilingual data and of bilingual dictionaries."""

from metaling_sk.datasets._dictionary import load_dictionary
from metaling_sk.datasets._reviews import load_reviews

__all__ = ["load_dictionary", "load_reviews"]
