"""Table 1: whether a layer answers alike when the same part is hidden in different images."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
