"""Networks of others by name: torchvision's, timm's and pytorchcv's, and how each hub prepares pictures for them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
