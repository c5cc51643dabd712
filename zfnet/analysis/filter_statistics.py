"""What Fig. 6 shows, in numbers: do a few filters dominate, and which frequencies do they cover?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NYQUIST = 0.5  # cycles a pixel
SIDE_PX = 64  # pictures are put on a ground of zeros this large, so that all are seen at the same frequencies


def band_shares(pictures: NDArray[np.floating]) -> NDArray[np.float64]:
    """The share (3,) of energy in low, middle and high frequencies, as a mean over pictures (N, channels, h, w).

    The bands are thirds of the radial frequencies up to NYQUIST; what lies beyond, in the corners of the square of
    frequencies, counts as high. White noise has 8.7 %, 26.2 % and 65.1 %. Pictures of nothing but zeros do not count;
    where there are no others the shares are nan.
    """
    side = max(SIDE_PX, *pictures.shape[2:])
    energy = (np.abs(np.fft.fft2(pictures, s=(side, side))) ** 2).sum(1)  # (N, side, side)
    frequency = np.fft.fftfreq(side)
    band = np.minimum(np.hypot(frequency[:, None], frequency) // (NYQUIST / 3), 2)
    sums = np.stack([energy[:, band == third].sum(1) for third in range(3)], axis=1)  # (N, 3)
    sums = sums[sums.sum(1) > 0]
    if not len(sums):
        return np.full(3, np.nan)
    shares: NDArray[np.float64] = (sums / sums.sum(1, keepdims=True)).mean(0)
    return shares


def largest_over_median(filters: NDArray[np.floating]) -> float:
    """The largest filter's norm over the median one's, of filters (N, ...); infinite where that is zero."""
    norms = np.sqrt((filters.reshape(len(filters), -1).astype(np.float64) ** 2).sum(1))  # (N,)
    return float(norms.max() / np.median(norms)) if np.median(norms) > 0 else float("inf")
