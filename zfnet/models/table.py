"""Architectures as data: ZFNet (pytorchcv's too), the AlexNet replication, Table 3's rows and two small convnets.

Zeiler & Fergus 2013, Fig. 3 and Tables 2 and 3. Layers are named as the paper numbers them, and a layer that stays
in a variant keeps its name: `alexnet_no_34` has conv1, conv2, conv5, fc6, fc7 and fc8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real


@dataclass(frozen=True)
class Conv:
    """A convolution with dense connections and biases, followed by a ReLU."""

    name: str
    maps: int
    kernel_px: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Pool:
    """A max pool; `ceil` keeps the last, partial window."""

    name: str
    kernel_px: int = 3
    stride: int = 2
    ceil: bool = False


@dataclass(frozen=True)
class Norm:
    """AlexNet's contrast normalisation across 5 neighbouring maps. alpha: the weight of the sum of their squares."""

    name: str
    alpha: float = 1e-4


@dataclass(frozen=True)
class Drop:
    """Dropout 0.5 of what comes from the layer before."""

    name: str


@dataclass(frozen=True)
class Full:
    """A fully connected layer with a ReLU and, unless told otherwise, dropout 0.5 after it.

    Without units it gives the class scores.
    """

    name: str
    units: int | None = None
    dropout: bool = True


Layer = Conv | Pool | Norm | Drop | Full
Table = tuple[Layer, ...]

_TOP: Table = (
    Conv("conv3", 384, 3, padding=1),
    Conv("conv4", 384, 3, padding=1),
    Conv("conv5", 256, 3, padding=1),
    Pool("pool5"),
    Full("fc6", 4096),
    Full("fc7", 4096),
    Full("fc8"),
)

ZFNET: Table = (
    Conv("conv1", 96, 7, stride=2, padding=1),
    Pool("pool1", ceil=True),
    Norm("norm1"),
    Conv("conv2", 256, 5, stride=2),
    Pool("pool2", ceil=True),
    Norm("norm2"),
    *_TOP,
)

ALEXNET: Table = (  # normalised before pooling, as Krizhevsky et al. 2012 did
    Conv("conv1", 96, 11, stride=4, padding=2),
    Norm("norm1"),
    Pool("pool1"),
    Conv("conv2", 256, 5, padding=2),
    Norm("norm2"),
    Pool("pool2"),
    *_TOP,
)

# As pytorchcv trained it on ImageNet: normalised before pooling, by torch's default alpha of 1e-4, which torch divides
# by the 5 neighbours. Sizes and parameters are the paper's: at 224 px pool5 has no partial window to keep.
ZFNET_NORM_FIRST: Table = (
    Conv("conv1", 96, 7, stride=2, padding=1),
    Norm("norm1", alpha=1e-4 / 5),
    Pool("pool1", ceil=True),
    Conv("conv2", 256, 5, stride=2),
    Norm("norm2", alpha=1e-4 / 5),
    Pool("pool2", ceil=True),
    *(replace(layer, ceil=True) if isinstance(layer, Pool) else layer for layer in _TOP),
)

# The convnets that people start with (Chollet, Deep Learning with Python, 2017, sections 5.1 and 5.2.3). No padding.
MNIST_CONVNET: Table = (  # 28 px, grey: 93,322 parameters
    Conv("conv1", 32, 3),
    Pool("pool1", kernel_px=2),
    Conv("conv2", 64, 3),
    Pool("pool2", kernel_px=2),
    Conv("conv3", 64, 3),
    Full("fc4", 64, dropout=False),
    Full("fc5"),
)

CATS_DOGS_CONVNET: Table = (  # 150 px, two classes: 3,453,634 parameters
    Conv("conv1", 32, 3),
    Pool("pool1", kernel_px=2),
    Conv("conv2", 64, 3),
    Pool("pool2", kernel_px=2),
    Conv("conv3", 128, 3),
    Pool("pool3", kernel_px=2),
    Conv("conv4", 128, 3),
    Pool("pool4", kernel_px=2),
    Drop("drop4"),
    Full("fc5", 512, dropout=False),
    Full("fc6"),
)


def without(table: Table, *names: str) -> Table:
    """The table with the named layers left out."""
    return tuple(layer for layer in table if layer.name not in names)


def resized(table: Table, sizes: Mapping[str, int]) -> Table:
    """The table with other numbers of maps or units: {"fc6": 2048, "conv3": 512}."""

    def resize(layer: Layer) -> Layer:
        if layer.name not in sizes:
            return layer
        if isinstance(layer, Conv):
            return replace(layer, maps=sizes[layer.name])
        assert isinstance(layer, Full), layer
        return replace(layer, units=sizes[layer.name])

    return tuple(resize(layer) for layer in table)


def widened(table: Table, width: float) -> Table:
    """The table with every number of maps and units times `width`, rounded, at least 1; the classes stay.

    Raises ValueError for a width that is not above 0, or infinite.
    """
    if not isinstance(width, Real) or not 0 < width < math.inf:
        raise ValueError(f"width {width!r} is not a positive factor; 1.0 is the paper's network, 0.5 half as wide")
    sizes = {
        layer.name: max(1, round(width * units))
        for layer in table
        if (units := layer.maps if isinstance(layer, Conv) else getattr(layer, "units", None)) is not None
    }
    return resized(table, sizes)


_WIDE = {"conv3": 512, "conv4": 1024, "conv5": 512}

TABLES: dict[str, Table] = {
    "zfnet": ZFNET,
    "alexnet": ALEXNET,
    "zfnet_fc2048": resized(ZFNET, {"fc6": 2048, "fc7": 2048}),
    "zfnet_fc8192": resized(ZFNET, {"fc6": 8192, "fc7": 8192}),
    "zfnet_512_1024_512": resized(ZFNET, _WIDE),
    "zfnet_512_1024_512_fc8192": resized(ZFNET, {**_WIDE, "fc6": 8192, "fc7": 8192}),
    "alexnet_no_34": without(ALEXNET, "conv3", "conv4"),
    "alexnet_no_7": without(ALEXNET, "fc7"),
    "alexnet_no_67": without(ALEXNET, "fc6", "fc7"),
    "alexnet_no_3467": without(ALEXNET, "conv3", "conv4", "fc6", "fc7"),
    "alexnet_fc2048": resized(ALEXNET, {"fc6": 2048, "fc7": 2048}),
    "alexnet_fc8192": resized(ALEXNET, {"fc6": 8192, "fc7": 8192}),
    "zfnet_norm_first": ZFNET_NORM_FIRST,
    "zfnet_512_1024_512_norm_first": resized(ZFNET_NORM_FIRST, _WIDE),
    "mnist_convnet": MNIST_CONVNET,
    "cats_dogs_convnet": CATS_DOGS_CONVNET,
}
