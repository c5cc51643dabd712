"""Networks as others take them: a folder of safetensors and plain text, a model card, the Hugging Face Hub."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
