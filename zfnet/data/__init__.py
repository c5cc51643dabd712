"""Images: ImageNet-format folders, the pack, the parts world, views and batches.

What is asked for is imported on first use: drawing and packing do without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
