from ._classifier import TransferClassifier as TransferClassifier
from ._linear import LinearTransferClassifier as LinearTransferClassifier
from ._regressor import TransferRegressor as TransferRegressor
