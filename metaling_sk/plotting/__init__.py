"""Displays, which draw what the estimators have learnt."""

from metaling_sk.plotting._meta_param_display import MetaParamDisplay

__all__ = ["MetaParamDisplay"]
