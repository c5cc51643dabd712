"""The live page: a network kept in memory, and what a browser may ask of it. Needs the extra zfnet[live]."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
