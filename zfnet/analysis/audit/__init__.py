"""Is a projection to be believed? What pictures of a network show of it, measured (docs/audit.md)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
