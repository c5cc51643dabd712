"""Images: ImageNet-format folders, the pack, the parts world, views and batches.

Import from the modules (zfnet.data.pack, zfnet.data.views ...): drawing and packing do without torch, which this
package must not import for them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
