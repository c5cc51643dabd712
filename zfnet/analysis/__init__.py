"""What is read off a network: activations, pictures of units, what hiding does, and how sure a mean is."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
