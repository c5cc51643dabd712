"""The deconvnet: what a unit answered to, as pixels."""

from zfnet.deconv.chain import NotAChain
from zfnet.deconv.deconvnet import Deconvnet
from zfnet.deconv.geometry import Field, cut, paste
from zfnet.deconv.mine import Indexed, mine_top
from zfnet.deconv.mined import Mined, TopUnits, merge, weights_fingerprint
from zfnet.deconv.record import Record
from zfnet.deconv.soundness import NoReverseRule
from zfnet.deconv.traced import field_of

__all__ = [
    "Deconvnet",
    "Field",
    "Indexed",
    "Mined",
    "NoReverseRule",
    "NotAChain",
    "Record",
    "TopUnits",
    "cut",
    "field_of",
    "merge",
    "mine_top",
    "paste",
    "weights_fingerprint",
]
