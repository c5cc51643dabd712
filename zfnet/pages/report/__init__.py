"""The report of a network: one page with its figures, tables and claims in it, that asks for nothing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
