"""How much a layer's features tell of the classes: extraction, Gram matrices, linear SVM and softmax on top.

Zeiler & Fergus 2013, sections 4.2 and 4.3, Tables 4 to 7.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
