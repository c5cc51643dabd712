"""The live page as HTML, plain JavaScript and a style sheet; it asks nothing but the server that it came from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
