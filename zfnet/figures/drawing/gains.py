"""How strongly a projection is drawn: from signed numbers to -1 (black) to 1 (white), and the words that say how."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

GAIN = "p99.9"
CHOICES = "largest, p99.9 (a percentile from p50 to p100) or power0.7 (a power above 0, up to 1)"
TINY = float(np.finfo(np.float32).tiny)  # what a picture of nothing is divided by
NUMBER = re.compile(r"(p|power)(\d+(?:\.\d+)?)")


def gained(values: NDArray[np.floating], gain: str = GAIN) -> NDArray[np.float64]:
    """Signed pictures (N, C, h, w) scaled to about -1..1, each by its own numbers and all its channels alike.

    largest: by its largest |value|, the paper's look, in which a projection from an upper layer is faint where a few
    pixels tower above all others. p99.9: by the |value| below which 99.9 % of its numbers other than zero lie; what is
    beyond exceeds 1. power0.7: by its largest |value|, and |value| to the power of 0.7, which lifts what is faint,
    noise included. Raises ValueError for another gain.
    """
    percent, power = _parsed(gain)
    scale = np.array([_reach(picture, percent) for picture in values], np.float64).reshape(-1, 1, 1, 1)
    scaled = values / np.maximum(scale, TINY)
    return np.asarray(scaled if power == 1 else np.sign(scaled) * np.abs(scaled) ** power)


def gain_in_words(gain: str = GAIN) -> str:
    """What a figure's note says of the gain. Raises ValueError for one that is none."""
    percent, power = _parsed(gain)
    start = f"gain={gain}: zero is mid-grey; each projection is scaled, its three channels alike, by "
    if power != 1:
        return f"{start}its largest |value|, and |value| raised to the power of {power:g}."
    if percent == 100:
        return f"{start}its largest |value|, which is black or white."
    return (
        f"{start}the |value| that {percent:g} % of its numbers other than 0 do not exceed; beyond it: black or white."
    )


def check_gain(gain: str) -> None:
    """Raise ValueError for a gain that is none, with the choices: before anything is computed."""
    _parsed(gain)


def _parsed(gain: str) -> tuple[float, float]:
    """The percentile that is black or white, and the power."""
    if gain == "largest":
        return 100.0, 1.0
    found = NUMBER.fullmatch(str(gain))
    number = float(found[2]) if found else 0.0
    if found and found[1] == "p" and 50 <= number <= 100:
        return number, 1.0
    if found and found[1] == "power" and 0 < number <= 1:
        return 100.0, number
    raise ValueError(f"gain={gain} is not one of {CHOICES}")


def _reach(picture: NDArray[np.floating], percent: float) -> float:
    there = np.abs(picture[picture != 0])
    return float(np.percentile(there, percent)) if there.size else 0.0
