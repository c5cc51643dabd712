"""The deconvnet: what a unit answered to, as pixels."""

from zfnet.deconv.deconvnet import Deconvnet
from zfnet.deconv.geometry import Field, cut, paste
from zfnet.deconv.mine import Indexed, mine_top
from zfnet.deconv.mined import Mined, TopUnits, merge, weights_fingerprint
from zfnet.deconv.record import Record
from zfnet.deconv.traced import field_of

__all__ = [
    "Deconvnet",
    "Field",
    "Indexed",
    "Mined",
    "Record",
    "TopUnits",
    "cut",
    "field_of",
    "merge",
    "mine_top",
    "paste",
    "weights_fingerprint",
]
