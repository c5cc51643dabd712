from .deconvnet import Deconvnet as Deconvnet
from .soundness import NoReverseRule as NoReverseRule
