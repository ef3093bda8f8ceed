"""A meta network that generates each language's model."""

from metaling_sk.meta_net._classifier import MetaNetClassifier

__all__ = ["MetaNetClassifier"]
