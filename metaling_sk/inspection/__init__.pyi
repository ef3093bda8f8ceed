from ._source_ranking import rank_source_languages as rank_source_languages
from ._top_features import top_features as top_features
from ._transfer_matrix import transfer_matrix as transfer_matrix
