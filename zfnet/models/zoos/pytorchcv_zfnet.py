"""pytorchcv's ZFNet and ZFNet-b as rows of our own tables, so that our layer names and fast paths serve them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from zfnet.models.zoos.of_pytorchcv import CROP_FRACTION, MEAN, PACKAGE, STD, downloaded
from zfnet.models.zoos.zoo import IMAGENET_CLASSES, HubConfig, check_classes, full_name, imagenet_names

SIZE_PX = 224
SERVED = {  # full name -> the row of our tables that computes the same
    full_name(PACKAGE, "zfnet"): "zfnet_norm_first",
    full_name(PACKAGE, "zfnetb"): "zfnet_512_1024_512_norm_first",
}
_LAYERS = {  # theirs -> ours
    "features.stage1.unit1.conv": "conv1",
    "features.stage2.unit1.conv": "conv2",
    "features.stage3.unit1.conv": "conv3",
    "features.stage3.unit2.conv": "conv4",
    "features.stage3.unit3.conv": "conv5",
    "output.fc1.fc": "fc6",
    "output.fc2.fc": "fc7",
    "output.fc3": "fc8",
}


def served_config() -> HubConfig:
    """As pytorchcv evaluates both; the package is not asked."""
    return HubConfig(
        size_px=SIZE_PX, side_px=round(SIZE_PX / CROP_FRACTION), mean=MEAN, std=STD, interpolation="bilinear",
        names=imagenet_names(),
    )  # fmt: skip


def in_our_layout(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state_dict of pytorchcv's ZFNet with our names; names that are not theirs stay as they are."""
    return {_our_name(name): tensor for name, tensor in state.items()}


def _our_name(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    return f"{_LAYERS[layer]}.{kind}" if layer in _LAYERS else name


def downloaded_zfnet(name: str, num_classes: int) -> dict[str, Tensor]:
    """The weights that pytorchcv publishes for a name of SERVED, in our layout.

    Raises ValueError where they cannot be downloaded or tell another number of classes apart.
    """
    check_classes(name, IMAGENET_CLASSES, num_classes)
    return in_our_layout(downloaded(name.removeprefix(f"{PACKAGE}:"), {}).state_dict())
