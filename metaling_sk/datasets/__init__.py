"""Loaders of real multilingual data, of bilingual dictionaries and of a multilingual encoder."""

from metaling_sk.datasets._dictionary import load_dictionary
from metaling_sk.datasets._encoders import load_encoder
from metaling_sk.datasets._reviews import load_reviews

__all__ = ["load_dictionary", "load_encoder", "load_reviews"]
