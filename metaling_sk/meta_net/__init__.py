"""A meta network that generates each language's model."""

from metaling_sk.meta_net._classifier import MetaNetClassifier
from metaling_sk.meta_net._regressor import MetaNetRegressor

__all__ = ["MetaNetClassifier", "MetaNetRegressor"]
