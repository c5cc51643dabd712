"""The paper's sentences as measurements: an effect, its 95 % interval, what it is where nothing was learned."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
