"""Networks: layer tables as data, one ConvNet built from them, other zoos, and weight files."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
