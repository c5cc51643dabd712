"""ZFNet and the tools that look inside it: Zeiler & Fergus, Visualizing and Understanding Convolutional Networks.

Names are imported on first use, here and in the face of every room, whose `__init__.pyi` lists them: drawing and
packing images need no torch, which takes seconds and 600 MB a process.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
