"""metaling_sk: meta-learning across languages with scikit-learn's habits.

The public names are listed in ``__init__.pyi`` and imported when they are first used: torch takes
seconds to load.
"""

import warnings

import lazy_loader

__version__ = "0.1.0"

# In notebooks without ipywidgets there are lines instead of bars, of which tqdm need not warn.
warnings.filterwarnings("ignore", message="IProgress not found")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
