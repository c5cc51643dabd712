"""Activation maximisation: an image made so that a map answers strongly, by gradient ascent from noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zfnet.analysis.unit_pictures import smaller
from zfnet.data import InputFrame
from zfnet.deconv import Deconvnet
from zfnet.forward import cut_windows, named_layers, temporary_hooks
from zfnet.models import channels_of, like_parameters, undisturbed
from zfnet.progress import track

BASES = ("fourier", "pixels")
STEPS, RATE, START = 200, 0.05, 0.05  # START: standard deviation of the noise, before the logistic function


@dataclass(frozen=True, kw_only=True)
class Priors:
    """What an optimised image is held to, beside making the map answer. None of it is in the network.

    basis: "fourier" optimises the image's spectrum, every wavelength on a like footing, so that broad shapes come as
    fast as fine noise; "pixels" the pixels. jitter_px: each step sees the image moved by up to so much. variation:
    weight of the mean absolute difference between neighbours. After Olah et al., Feature Visualization (Distill 2017).
    """

    basis: str = "fourier"
    jitter_px: int = 8
    variation: float = 10.0

    def __post_init__(self) -> None:
        if self.basis not in BASES:
            raise ValueError(f"basis={self.basis} is not one of {', '.join(BASES)}")
        if self.jitter_px < 0 or self.variation < 0:
            raise ValueError(f"jitter_px={self.jitter_px} and variation={self.variation}, expected 0 or more")


def bare_priors() -> Priors:
    """None at all: gradient ascent on the pixels."""
    return Priors(basis="pixels", jitter_px=0, variation=0.0)


@dataclass(frozen=True, kw_only=True)
class Maximised:
    """N images, one a map: pixels (N, 3, H, W) uint8; maps (N,); value (N,) what the map's middle place answers to it.

    Values are those of the convolution or linear layer itself, before any ReLU; start (N,) those of the noise.
    """

    layer: str
    maps: Tensor
    pixels: Tensor
    value: Tensor
    start: Tensor
    priors: Priors


def maximise(
    model: nn.Module, layer: str, maps: Sequence[int], frame: InputFrame, *, priors: Priors | None = None,
    steps: int = STEPS, rate: float = RATE, seed: int = 0, progress: bool = True,
) -> Maximised:  # fmt: skip
    """For each map of a layer an image that its middle place answers to strongly.

    layer: a convolution or linear layer. frame: what the network sees; pixels stay within 0 to 255. By Adam, which
    raises the maps' answers by shares of what they are.

    The network runs in eval mode and is left as it was found. Raises ValueError for a layer that has no filters or
    gives tokens, for maps that are not there or whose answers are no numbers, and for fewer than one step.
    """
    priors = Priors() if priors is None else priors
    numbers = torch.tensor(list(maps))
    if steps < 1 or not len(numbers):
        raise ValueError(f"steps={steps} for maps {list(maps)}, expected at least one of each")
    generator, device = torch.Generator().manual_seed(seed), frame.mean.device
    size = (len(numbers), frame.channels, frame.size_px, frame.size_px)
    picture, parameter = _basis(priors.basis, size, generator, device)
    with undisturbed(model), _answers(model, layer, numbers.to(device)) as answer_to, torch.enable_grad():
        start = answer_to(normalised(picture(), frame)).detach()
        if not start.isfinite().all():
            raise ValueError(
                f"maps of {layer} answer {start.tolist()}, no numbers: look for NaN or infinity in weights"
            )
        least = start.abs().mean().clamp(min=1e-6)
        optimiser = torch.optim.Adam([parameter], lr=rate)
        for _ in track(range(steps), "optimising", unit="step", enabled=progress):
            image = picture()  # (N, C, H, W) in 0 to 1
            answers = answer_to(normalised(_moved(image, priors.jitter_px, generator), frame))  # (N,)
            gain = answers / answers.detach().abs().clamp(min=least)  # as shares, so that layers and maps are alike
            loss = priors.variation * _variation(image) - gain.sum()
            (parameter.grad,) = torch.autograd.grad(loss, [parameter])
            optimiser.step()
        final = picture().detach()
        value = answer_to(normalised(final, frame)).detach()
    pixels = (255 * final).round().to(torch.uint8).expand(-1, 3, -1, -1)
    return Maximised(
        layer=layer, maps=numbers, pixels=pixels.cpu(), value=value.cpu(), start=start.cpu(), priors=priors
    )


def filters_of(model: nn.Module, layer: str) -> int:
    """How many maps a layer has that can be maximised. Raises ValueError unless it is a convolution or linear layer."""
    named_layers(model).check(layer)
    module = model.get_submodule(layer)
    if not isinstance(module, nn.Conv2d | nn.Linear):
        raise ValueError(f"layer={layer} is a {type(module).__name__}; expected a convolution or linear layer")
    return module.out_channels if isinstance(module, nn.Conv2d) else module.out_features


def seen_by_the_middle(found: Maximised, deconvnet: Deconvnet) -> NDArray[np.uint8]:
    """Of each image (N, h, w, 3) what its map's middle place sees; all of it where that is not less."""
    images = torch.zeros(1, channels_of(deconvnet.model), *found.pixels.shape[2:])
    maps = deconvnet.activations(images, [found.layer])[found.layer]  # (1, C, rows, columns), or (1, C)
    field = smaller(deconvnet.field(found.layer), found.pixels)
    pixels = found.pixels
    if field is not None and maps.ndim == 4:
        corner = field.corners(torch.tensor([[maps.shape[2] // 2, maps.shape[3] // 2]])).expand(len(pixels), -1)
        pixels = cut_windows(pixels, torch.arange(len(pixels)), corner, field.size_px)
    return pixels.permute(0, 2, 3, 1).contiguous().numpy()


def normalised(image: Tensor, frame: InputFrame) -> Tensor:
    """Pixels (N, C, H, W) in 0 to 1 as the network takes them; the middle of the square where the mean has one."""
    margin = (frame.mean.shape[1] - image.shape[2]) // 2
    end = margin + image.shape[2]
    mean = frame.mean[:, margin:end, margin:end] if frame.mean.shape[1] > 1 else frame.mean
    return (255 * image - mean) / frame.scale


def _basis(
    basis: str, size: tuple[int, ...], generator: torch.Generator, device: torch.device
) -> tuple[Callable[[], Tensor], Tensor]:
    """A function that gives the images (N, C, H, W) in 0 to 1, and the numbers they are made of, to be optimised."""
    if basis == "pixels":
        noise = (START * torch.randn(size, generator=generator)).to(device).requires_grad_()
        return lambda: noise.sigmoid(), noise
    height, width = size[2:]
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    wave = (rows.square() + columns.square()).sqrt().clamp(min=1 / max(height, width))  # (H, W // 2 + 1)
    weight = (1 / wave / (1 / wave).square().mean().sqrt()).to(device)  # long waves are as cheap as the short ones
    shape = (*size[:2], height, width // 2 + 1, 2)
    spectrum = (START * torch.randn(shape, generator=generator)).to(device).requires_grad_()

    def picture() -> Tensor:
        waves = torch.view_as_complex(spectrum) * weight
        return torch.fft.irfft2(waves, s=(height, width), norm="ortho").sigmoid()

    return picture, spectrum


@contextmanager
def _answers(model: nn.Module, layer: str, maps: Tensor) -> Iterator[Callable[[Tensor], Tensor]]:
    """A function that runs images (N, C, H, W) and gives what the middle place of map n answers to image n, (N,)."""
    count, module = filters_of(model, layer), model.get_submodule(layer)
    if int(maps.min()) < 0 or int(maps.max()) >= count:
        raise ValueError(f"maps {maps.tolist()} of {layer}, expected some of 0 to {count - 1}")
    found: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        numbered = output.movedim(-1, 1) if isinstance(module, nn.Linear) else output  # ConvNeXt's hold maps last
        if numbered.ndim not in (2, 4):
            raise ValueError(
                f"layer {layer} gives {tuple(output.shape[1:])} an image, which have no middle place: expected maps of "
                "rows and columns, or units"
            )
        order = torch.arange(len(output), device=output.device)
        middle = numbered[:, :, numbered.shape[2] // 2, numbered.shape[3] // 2] if numbered.ndim == 4 else numbered
        found.append(middle[order, maps])  # a copy, before a ReLU in place can change it

    def answer_to(images: Tensor) -> Tensor:
        found.clear()
        model(like_parameters(model, images))
        if len(found) != 1:
            raise ValueError(f"layer {layer} ran {len(found)} times in one pass, expected once")
        return found[0]

    with temporary_hooks() as hooks:
        hooks.put(module.register_forward_hook, keep)
        yield answer_to


def _moved(image: Tensor, jitter_px: int, generator: torch.Generator) -> Tensor:
    if jitter_px == 0:
        return image
    down, right = torch.randint(-jitter_px, jitter_px + 1, (2,), generator=generator).tolist()
    return image.roll((down, right), (2, 3))


def _variation(image: Tensor) -> Tensor:
    """The sum over images (N, C, H, W) of the mean absolute difference between neighbours, in shares of the range."""
    return torch.stack([image.diff(dim=axis).abs().mean((1, 2, 3)) for axis in (2, 3)]).sum()
