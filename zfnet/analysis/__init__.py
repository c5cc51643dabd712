"""What a trained network does: occlusion and what is to be read off it."""

from zfnet.analysis.occlusion.pointing import Pointing, averaged_drop, drops, greatest_drop, part_drops, pointing_game
from zfnet.analysis.occlusion.sliding_square import Occlusion, occlude

__all__ = ["Occlusion", "Pointing", "averaged_drop", "drops", "greatest_drop", "occlude", "part_drops", "pointing_game"]
