"""What a trained network does: occlusion and what is to be read off it."""

from zfnet.analysis.occlusion import Occlusion, occlude

__all__ = ["Occlusion", "occlude"]
