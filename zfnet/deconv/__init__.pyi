from .deconvnet import Deconvnet as Deconvnet
from .rules import Rule as Rule
from .soundness import NoReverseRule as NoReverseRule
