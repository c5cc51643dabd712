"""ZFNet and the tools that look inside it: Zeiler & Fergus, Visualizing and Understanding Convolutional Networks."""

from zfnet.deconv import Deconvnet, mine_top
from zfnet.models import build_model

__all__ = ["Deconvnet", "build_model", "mine_top"]
