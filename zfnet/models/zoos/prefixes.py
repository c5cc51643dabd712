"""The zoos by the prefix of their names."""

from __future__ import annotations

from zfnet.models.zoos.of_pytorchcv import PYTORCHCV_ZOO
from zfnet.models.zoos.of_timm import TIMM_ZOO
from zfnet.models.zoos.of_torchvision import TORCHVISION_ZOO
from zfnet.models.zoos.zoo import Zoo

ZOOS = (TORCHVISION_ZOO, TIMM_ZOO, PYTORCHCV_ZOO)


def zoo_of(name: str) -> Zoo | None:
    """The zoo whose prefix a name has; None where it has none of them."""
    return next((zoo for zoo in ZOOS if name.startswith(zoo.prefix)), None)


def zoos_name_of(bare: str) -> str | None:
    """The full name of an installed zoo's network that is called so, whatever stands before a ":"."""
    name = bare.rpartition(":")[2]
    return next((zoo.prefix + name for zoo in ZOOS if zoo.installed and name in zoo.names()), None)
