"""What the library finds, as figures in one line: values of ours, or arrays, to zfnet.figures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
