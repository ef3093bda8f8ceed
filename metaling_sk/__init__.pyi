from . import datasets as datasets
from . import exceptions as exceptions
from . import linear as linear
from . import meta_net as meta_net
from . import meta_param as meta_param
from . import metrics as metrics
from . import model_selection as model_selection
from . import persistence as persistence
from . import plotting as plotting
from . import preprocessing as preprocessing
from . import transfer as transfer
from .meta_net import MetaNetClassifier as MetaNetClassifier
from .meta_param import MetaParamSearchCV as MetaParamSearchCV
from .metrics import language_report as language_report
from .model_selection import LeaveOneLanguageOut as LeaveOneLanguageOut
from .model_selection import StratifiedLanguageKFold as StratifiedLanguageKFold
from .persistence import load as load
from .plotting import MetaParamDisplay as MetaParamDisplay
from .preprocessing import DictionaryTranslator as DictionaryTranslator
from .preprocessing import EncoderVectorizer as EncoderVectorizer
from .preprocessing import LanguageStandardScaler as LanguageStandardScaler
from .transfer import LinearTransferClassifier as LinearTransferClassifier
from .transfer import TransferClassifier as TransferClassifier

__version__: str
