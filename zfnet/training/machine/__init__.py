"""What a training runs on: precision and workers, several processes, the C library's memory."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
