"""A search for the parameters that control learning."""

import lazy_loader

# A worker process imports `_orphans` before all else, and has to be quick about it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
