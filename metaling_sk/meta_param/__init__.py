"""A search for the parameters that control learning."""

from metaling_sk.meta_param._search_cv import MetaParamSearchCV

__all__ = ["MetaParamSearchCV"]
