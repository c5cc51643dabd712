"""The deconvnet: what a unit answered to, as pixels."""

from zfnet.deconv.deconvnet import Deconvnet
from zfnet.deconv.geometry import Field, cut, paste
from zfnet.deconv.record import Record

__all__ = ["Deconvnet", "Field", "Record", "cut", "paste"]
