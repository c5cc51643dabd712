"""Fig. 5: how far features and class probabilities go while an image moves, grows or turns."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
