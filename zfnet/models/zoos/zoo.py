"""What every zoo offers: its networks' names, a network by name, and how its hub prepares pictures for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torchvision
from torch import nn

IMAGENET_CLASSES = 1000


@dataclass(frozen=True, kw_only=True)
class HubConfig:
    """How a hub itself shows pictures to a network: the centre crop of a square, normalised.

    size_px: the crop. side_px: the square, which the shortest side is brought to. mean, std: of red, green and blue,
    for pixels in 0..1. interpolation: "bilinear", "bicubic" or another name that the hub has for it. names: of the
    classes; empty for a network without a classifier. odd: why this is no centre crop of such a square; empty if it is.
    unknown: what of this the hub does not tell; empty where it tells all.
    """

    size_px: int
    side_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    names: tuple[str, ...]
    odd: str = ""
    unknown: str = ""


Builder = Callable[[str, int, str | None, int | None], nn.Module]


@dataclass(frozen=True, kw_only=True)
class Zoo:
    """A package with networks, which go by "package:NAME".

    build: name, num_classes, weights (a file, "DEFAULT" or None) and input_px (None: the hub's own) to a network.
    config: how the hub shows pictures to a network. Both take names without the prefix; neither downloads anything
    but for "DEFAULT".
    """

    package: str
    names: Callable[[], list[str]]
    build: Builder
    config: Callable[[str], HubConfig]

    @property
    def prefix(self) -> str:
        """What its names begin with."""
        return f"{self.package}:"

    @property
    def installed(self) -> bool:
        """Whether it is there; nothing is imported."""
        return find_spec(self.package) is not None

    def full_names(self) -> list[str]:
        """Every name, with the prefix. Raises ValueError where the package is missing."""
        return [full_name(self.package, name) for name in self.names()]


def full_name(package: str, name: str) -> str:
    """As build_model and open_network take it: "timm:resnet18"."""
    return f"{package}:{name}"


def required(package: str) -> ModuleType:
    """A zoo's package, or a module of it. Raises ValueError, with the command that installs it, where it is missing."""
    top = package.split(".")[0]
    try:
        import_module(top)
        return import_module(package)
    except ImportError as error:
        raise ValueError(
            f"networks called {top}:NAME need the {top} package: pip install 'zfnet[{top}]' ({error})"
        ) from error


@cache
def imagenet_names() -> tuple[str, ...]:
    """The 1000 classes of ImageNet-1k in the standard order, which all three hubs keep."""
    return tuple(torchvision.models.get_model_weights("alexnet")["DEFAULT"].meta["categories"])


def class_names(count: int) -> tuple[str, ...]:
    """ImageNet's for 1000 classes; of other sets they are counted."""
    return imagenet_names() if count == IMAGENET_CLASSES else tuple(f"class {number}" for number in range(count))


@contextmanager
def building(name: str, num_classes: int, input_px: int | None) -> Iterator[None]:
    """What a builder trips over inside is told as a ValueError that names the network and what was asked of it."""
    try:
        yield
    except (TypeError, AssertionError, ArithmeticError, RuntimeError, ValueError, AttributeError, KeyError) as error:
        size = "its own size" if input_px is None else f"{input_px} px"
        raise ValueError(
            f"{name} cannot be built for {num_classes} classes and {size} "
            f"({type(error).__name__}: {' '.join(str(error).split())[:300]})"
        ) from error


def not_downloaded(name: str, address: str, error: Exception, way_out: str) -> ValueError:
    """For weights=DEFAULT: which weights did not come from where, and how to go on."""
    why = " ".join(str(error).split())[:300] or type(error).__name__
    return ValueError(
        f"weights=DEFAULT: the weights of {name} could not be downloaded from {address} ({why}): {way_out}"
    )


def check_classes(name: str, has: int, num_classes: int) -> None:
    """Raise ValueError where published weights tell another number of classes apart than was asked for."""
    if has != num_classes:
        package, _, own = name.partition(":")
        raise ValueError(f"{package}'s weights of {own} tell {has} classes apart, num_classes is {num_classes}")
