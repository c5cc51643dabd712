"""A network run forward with what must be kept: layers, geometry, receptive fields, records, checks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
