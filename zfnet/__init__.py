"""ZFNet and the tools that look inside it: Zeiler & Fergus, Visualizing and Understanding Convolutional Networks."""

from zfnet.models import build_model

__all__ = ["build_model"]
