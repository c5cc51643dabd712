"""Fig. 7: what a network makes of an image while a square hides one place after another."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
