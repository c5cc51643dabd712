"""The atlas of a network: a site of files, a page for every map, from arrays and small pictures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
