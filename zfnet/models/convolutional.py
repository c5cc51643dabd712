"""Classifiers that answer at every place of a larger image: fully connected layers become convolutions."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict

import torch
from torch import nn
from torch.nn.utils import skip_init
from torchvision.models import VGG, AlexNet, ResNet, SqueezeNet

from zfnet.models.convnet import ConvNet
from zfnet.models.table import TABLES

Layers = OrderedDict[str, nn.Module]
TORCHVISION_PX = 224


class FullyConvolutional(nn.Sequential):
    """Images (B, channels, H, W) to class scores at every place (B, C, h, w), with a classifier's own weights.

    own_px: at this size h = w = 1 and the scores are the classifier's; larger images give more places. None where the
    classifier ended in a mean over places (SqueezeNet, ResNet): that mean of these scores is its answer, at any size.
    last: the name of the layer that gives the scores.
    """

    def __init__(self, layers: Layers, own_px: int | None) -> None:
        super().__init__(layers)
        self.own_px = own_px
        self.last = [n for n, module in self.named_modules() if isinstance(module, nn.Conv2d | nn.AvgPool2d)][-1]


def convolutionalize(model: nn.Module, average: int = 1) -> FullyConvolutional:
    """A fully convolutional copy of a classifier; the model itself stays as it is.

    Our networks: the first fully connected layer becomes a convolution as large as the maps it was made for (6x6 in
    ZFNet at 224 px), the others 1x1. torchvision's AlexNet and VGG the same: their adaptive pool, at 224 px an
    identity on maps of 6x6 and 7x7, is left out. torchvision's SqueezeNet and ResNet are convolutional but for the
    mean over all places at the end, which is left out; or, with `average`, taken over average x average neighbouring
    places. Their single places were never asked for an answer and are overconfident; the mean over as many as there
    are at 224 px, 13 in SqueezeNet and 7 in ResNet, is the classifier sliding over the image.

    Borders: layers pad with zeros, and pools with `ceil` end in a partial window, only where the image ends. So a
    place within a larger image sees real pixels where a crop of the own size would have had a border, and its scores
    are the crop's only in networks without either (the two small convnets).

    Raises ValueError for other networks, naming those above. Long, Shelhamer & Darrell 2015, section 3.1.
    """
    network = _network(model)
    if average != 1:
        if network.own_px is not None or average < 1:
            raise ValueError(
                f"average={average}: expected a number of places a side, 1 or more, and only of networks that end in "
                "a mean over places (SqueezeNet, ResNet)"
            )
        layers = OrderedDict(**_children(network), average=nn.AvgPool2d(average, stride=1))
        network = FullyConvolutional(layers, None)
    modes = {name: module.training for name, module in model.named_modules(remove_duplicate=False)}
    for name, module in network.named_modules():
        module.training = modes.get(name, model.training)  # each its own: frozen normalisation stays frozen
    return network


def _network(model: nn.Module) -> FullyConvolutional:
    forward = type(model).forward
    if isinstance(model, ConvNet):
        return FullyConvolutional(_convolved(_children(model), _maps(model)), model.input_px)
    if isinstance(model, AlexNet | VGG) and forward in (AlexNet.forward, VGG.forward) and _pools_nothing(model):
        layers = OrderedDict(features=model.features, classifier=model.classifier)
        return FullyConvolutional(_convolved(layers, _maps(model)), TORCHVISION_PX)
    if isinstance(model, SqueezeNet) and forward is SqueezeNet.forward:
        head = [part for part in model.classifier if not isinstance(part, nn.AdaptiveAvgPool2d)]
        layers = OrderedDict(features=model.features, classifier=nn.Sequential(*head))
        return FullyConvolutional(copy.deepcopy(layers), None)
    if isinstance(model, ResNet) and forward is ResNet.forward and isinstance(model.fc, nn.Linear):
        layers = OrderedDict((name, part) for name, part in _children(model).items() if name != "avgpool")
        return FullyConvolutional(_convolved(layers, _maps(model)), None)
    raise ValueError(
        f"{type(model).__name__} cannot be made fully convolutional: our own networks ({', '.join(TABLES)}) and "
        "torchvision's AlexNet, VGG, SqueezeNet and ResNet can, with the pool and the classifier that they come with"
    )


def _pools_nothing(model: AlexNet | VGG) -> bool:
    """Whether the adaptive pool is torchvision's own, an identity at 224 px, and not one put in its place."""
    return getattr(model.avgpool, "output_size", None) == ((6, 6) if isinstance(model, AlexNet) else (7, 7))


def _children(module: nn.Module) -> Layers:
    """The parts by name; one that stands in several places, as a shared ReLU may, in each of them."""
    return OrderedDict((name, part) for name, part in module._modules.items() if part is not None)


def _maps(model: nn.Module) -> int:
    """The number of maps that leave the last convolution."""
    return [module.out_channels for module in model.modules() if isinstance(module, nn.Conv2d)][-1]


def _convolved(layers: Layers, maps: int) -> Layers:
    """Copies of the layers, without flattening, and with convolutions for the fully connected ones.

    maps: how many come to the first fully connected layer.
    """
    convolved: Layers = OrderedDict()
    for name, module in layers.items():
        if isinstance(module, nn.Linear):
            convolved[name], maps = _convolution(module, _side(module, maps)), module.out_features
        elif type(module) is nn.Sequential:
            convolved[name] = nn.Sequential(_convolved(_children(module), maps))
        elif not isinstance(module, nn.Flatten):
            convolved[name] = copy.deepcopy(module)
    return convolved


def _side(layer: nn.Linear, maps: int) -> int:
    """How many places a side of the maps have that a fully connected layer sees."""
    side = math.isqrt(layer.in_features // maps)
    assert maps * side * side == layer.in_features, (layer, maps)
    return side


def _convolution(layer: nn.Linear, side: int) -> nn.Conv2d:
    """The same weights over windows of side x side places."""
    weight, bias = layer.weight, layer.bias
    maps = layer.in_features // side**2
    options = {"bias": bias is not None, "device": weight.device, "dtype": weight.dtype}
    conv: nn.Conv2d = skip_init(nn.Conv2d, maps, layer.out_features, side, **options)
    with torch.no_grad():
        conv.weight.copy_(weight.view(layer.out_features, maps, side, side))  # (units, maps * side^2), maps first
        if conv.bias is not None:
            conv.bias.copy_(bias)
            conv.bias.requires_grad_(bias.requires_grad)
    conv.weight.requires_grad_(weight.requires_grad)
    return conv
