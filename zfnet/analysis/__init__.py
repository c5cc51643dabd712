"""What a trained network does: occlusion and what is to be read off it."""

from zfnet.analysis.occlusion import Occlusion, occlude
from zfnet.analysis.occlusion_summary import Pointing, averaged_drop, drops, greatest_drop, part_drops, pointing_game

__all__ = ["Occlusion", "Pointing", "averaged_drop", "drops", "greatest_drop", "occlude", "part_drops", "pointing_game"]
