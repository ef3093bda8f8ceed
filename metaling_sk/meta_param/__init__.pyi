from ._search_cv import MetaParamSearchCV as MetaParamSearchCV
