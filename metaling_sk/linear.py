"""The linear recipe of cross-lingual transfer: a strong, quick baseline and source model."""

from metaling_sk.transfer._linear import LinearTransferClassifier

__all__ = ["LinearTransferClassifier"]
