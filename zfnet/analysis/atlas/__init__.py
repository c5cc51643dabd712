"""What an atlas shows of every map: peaks over a data set, classes, likeness, wiring, its strongest places drawn."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
