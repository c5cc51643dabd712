"""Data sets as they lie on a disk: ImageNet's folders, the official validation folder, Caltech, VOC, MNIST."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
