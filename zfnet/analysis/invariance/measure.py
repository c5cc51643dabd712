"""Invariance (Fig. 5): how far features and class probabilities go while an image moves, grows or turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zfnet.analysis.invariance.layers import default_layers
from zfnet.analysis.invariance.transforms import check_setting, default_settings, transform, transform_called
from zfnet.data import InputFrame
from zfnet.forward import are_whole, check_images, check_scores, layer_outputs, modules_of, slices_that_fit
from zfnet.forward.graph import trace
from zfnet.models import like_parameters, undisturbed
from zfnet.progress import Progress

SCORES = "the class scores"


@dataclass(frozen=True, kw_only=True)
class Invariance:
    """What the network answered to B images under V settings of a transform, on the CPU.

    values: (V,) float64 the settings. distance: by layer (B, V) the Euclidean distance of the feature vector to the
    untransformed image's, whose norm is norm, (B,). probability: (B, V) softmax probability of the target; label:
    (B, V) most probable class, int64; clean_probability, clean_label: (B,) of the untransformed image. target: (B,).

    Settings that change nothing (0 px, scale 1, 0 and 360 degrees) have exactly the untransformed image's answers.
    """

    transform: str
    values: Tensor
    distance: dict[int | str, Tensor]
    norm: dict[int | str, Tensor]
    probability: Tensor
    label: Tensor
    clean_probability: Tensor
    clean_label: Tensor
    target: Tensor

    def relative(self, layer: int | str) -> Tensor:
        """The distance as a share of the untransformed feature vector's norm: (B, V)."""
        return self.distance[layer] / self.norm[layer][:, None]


def invariance(
    model: nn.Module,
    images: Tensor,
    targets: Sequence[int] | Tensor,
    transform: str,
    values: Sequence[float] | Tensor | None = None,
    layers: Sequence[int | str] | None = None,
    frame: InputFrame | None = None,
    progress: bool = True,
) -> Invariance:
    """Transform images (B, 3, H, W), normalised as the network takes them, and see what it makes of them.

    targets: the class of each image. transform: translation_y, translation_x, scale, rotation, brightness or blur, with
    the conventions of transforms.py. values: its settings, the paper's by default.
    layers: numbers of Fig. 3 in our own networks, or names of modules; by default the first and the last before the
    class scores, 1 and 7 in ZFNet. The feature vector of a layer is the one of `feature_vectors`.
    frame: how the images were cut and normalised; needed where the mean differs between pixels, and for brightness.

    Settings and images run together, in batches that memory bounds; the network runs in eval mode and is left as it was
    found. Zeiler & Fergus 2013, section 4 and Fig. 5.
    Raises ValueError for unknown transforms and layers, settings they cannot have, targets that are no class, and
    answers that are not finite.
    """
    check_images(images)
    if len(images) == 0 or (layers is not None and len(layers) == 0):
        raise ValueError(f"{len(images)} images and layers {layers}: expected at least one of each")
    size = (images.shape[2], images.shape[3])
    settings = default_settings(transform, size) if values is None else _settings(transform, values, size)
    images = like_parameters(model, images.detach())
    with undisturbed(model):
        chosen = default_layers(model, images[:1]) if layers is None else list(layers)
        network = _Watched(model, images, chosen)
        target = _targets(targets, *network.scores.shape)
        return _swept(network, target, name=transform, settings=settings, frame=frame, progress=progress)


class _Watched:
    """A network, and what it answers to the untransformed images: features by layer (B, n), scores (B, classes)."""

    def __init__(self, model: nn.Module, images: Tensor, layers: Sequence[int | str]) -> None:
        self.model, self.images, self.names = model, images, modules_of(model, layers)
        self._modules = {**{name: name for name in self.names.values()}, SCORES: ""}
        self._graph = trace(model, images[:1])
        self.image_bytes = self._graph.numbers() * images.element_size()
        found = [self(images[part]) for part in slices_that_fit(len(images), self.image_bytes, images.device)]
        self.scores = torch.cat([scores for _, scores in found])  # (B, classes)
        self.features = {layer: torch.cat([features[layer] for features, _ in found]) for layer in self.names}  # (B, n)

    def __call__(self, images: Tensor) -> tuple[dict[int | str, Tensor], Tensor]:
        """Feature vectors (N, n) by layer and class scores (N, classes), at least in float32."""
        maps = layer_outputs(self.model, images, self._modules, graph=self._graph)
        wide = torch.promote_types(images.dtype, torch.float32)
        features = {layer: maps[name].flatten(1).to(wide) for layer, name in self.names.items()}  # (N, n)
        scores = check_scores(maps[SCORES]).to(wide)
        odd = [repr(layer) for layer, values in features.items() if not values.isfinite().all()]
        if odd or scores.isnan().any():
            raise ValueError(
                f"{f'features of layer {odd[0]}' if odd else SCORES} are not finite: look for NaN or infinity in the "
                "images and in the weights"
            )
        return features, scores


def _swept(
    network: _Watched, target: Tensor, *, name: str, settings: Tensor, frame: InputFrame | None, progress: bool
) -> Invariance:
    """What the network answers under the settings (V,) of the transform of that name. target: (B,)."""
    count = len(network.images)
    clean_probability, clean_label = _read(network.scores, target)
    norm = {layer: features.norm(dim=1).cpu() for layer, features in network.features.items()}  # (B,)
    probability, label = (clean[:, None].repeat(1, len(settings)) for clean in (clean_probability, clean_label))
    distance = {layer: torch.zeros_like(probability) for layer in network.names}  # (B, V), as these two
    kind = transform_called(name)
    run = torch.tensor([not kind.changes_nothing(value) for value in settings.tolist()]).nonzero()[:, 0]
    image, setting = torch.arange(count).repeat(len(run)), run.repeat_interleave(count)  # (B * settings to run,)
    with Progress(name, len(image), "image", enabled=progress) as bar:
        for part in slices_that_fit(len(image), network.image_bytes, network.images.device):
            at = image[part], setting[part]
            transformed = _transformed(network.images, *at, name, settings, frame)
            features, scores = network(torch.cat(list(transformed)))
            probability[at], label[at] = _read(scores, target[at[0]])
            for layer, values in features.items():
                distance[layer][at] = (values - network.features[layer][at[0]]).norm(dim=1).cpu()
            bar.advance(len(scores))
    return Invariance(
        transform=name,
        values=settings,
        distance=distance,
        norm=norm,
        probability=probability,
        label=label,
        clean_probability=clean_probability,
        clean_label=clean_label,
        target=target,
    )


def _transformed(
    images: Tensor, image: Tensor, setting: Tensor, name: str, settings: Tensor, frame: InputFrame | None
) -> Iterator[Tensor]:
    """The images (N,) under the settings (N,): each setting's at once, since torchvision takes one setting a call."""
    for number in setting.unique(sorted=True).tolist():
        yield transform(images[image[setting == number]], name, float(settings[number]), frame)


def _read(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Probability of the target and most probable class, (N,) each, on the CPU."""
    return scores.softmax(1).cpu().gather(1, target[:, None])[:, 0], scores.argmax(1).cpu()


def _settings(name: str, values: Sequence[float] | Tensor, size: tuple[int, int]) -> Tensor:
    """Settings as (V,) float64 on the CPU. Raises ValueError for those that images of a size (H, W) cannot have."""
    settings = torch.as_tensor(values, dtype=torch.float64).detach().cpu()
    if settings.ndim != 1 or len(settings) == 0:
        raise ValueError(f"values are {tuple(settings.shape)}; expected a list of settings of {name}")
    for value in settings.tolist():
        check_setting(name, value, size)
    return settings


def _targets(targets: Sequence[int] | Tensor, count: int, classes: int) -> Tensor:
    """Targets as (count,) int64 on the CPU."""
    target = torch.as_tensor(targets).detach().cpu()
    if target.shape != (count,) or not are_whole(target):
        raise ValueError(f"targets are {targets}, expected the number of a class for each of {count} images")
    wrong = target[(target < 0) | (target >= classes)]
    if len(wrong):
        raise ValueError(f"target {int(wrong[0])} is not a class of the network: expected 0 to {classes - 1}")
    return target.to(torch.int64)
