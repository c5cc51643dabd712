"""A network as a graph of operations: recorded while it runs, with the geometry of every one of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
