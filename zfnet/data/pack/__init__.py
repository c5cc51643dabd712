"""The pack: the paper's preprocessing done once, into one array file that training reads without decoding."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
