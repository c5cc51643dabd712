"""The deconvnet: what a unit answered to, as pixels."""

from zfnet.deconv.deconvnet import Deconvnet
from zfnet.deconv.soundness import NoReverseRule
from zfnet.forward.chain import NotAChain
from zfnet.forward.geometry import Field, cut, paste
from zfnet.forward.receptive_fields import field_of
from zfnet.forward.record import Record
from zfnet.mining.mine import Indexed, mine_top
from zfnet.mining.top_units import Mined, TopUnits, merge, weights_fingerprint

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
