"""Networks: layer tables as data, one ConvNet built from them, torchvision's classifiers, and weight files."""

from zfnet.models.build import build_model, model_names
from zfnet.models.convnet import ConvNet
from zfnet.models.convolutional import FullyConvolutional, convolutionalize
from zfnet.models.layer_summary import summary
from zfnet.models.norm import ContrastNorm
from zfnet.models.table import ALEXNET, TABLES, ZFNET

__all__ = [
    "ALEXNET",
    "TABLES",
    "ZFNET",
    "ContrastNorm",
    "ConvNet",
    "FullyConvolutional",
    "build_model",
    "convolutionalize",
    "model_names",
    "summary",
]
