"""Occlusion (Fig. 7): what a network makes of an image while a square hides one place after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.analysis import Fill, canvas_of
from zfnet.analysis.occlusion.default_layer import last_convolution
from zfnet.analysis.occlusion.glance import OcclusionGlance
from zfnet.analysis.occlusion.grid import grid
from zfnet.analysis.occlusion.incremental import IncrementalOcclusion, can_be_run_again
from zfnet.analysis.occlusion.method import OcclusionMethod
from zfnet.analysis.occlusion.plain import PlainOcclusion
from zfnet.forward import are_whole, check_layers, check_plain, named_layers
from zfnet.forward.graph import LAST, Graph, Unknown, described, trace
from zfnet.models import full_float32, like_parameters, undisturbed
from zfnet.progress import Progress, Told

OF_EACH_IMAGE = (
    "probability", "label", "activity", "map", "clean_probability", "clean_label", "clean_activity", "target",
    "score", "clean_score",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Occlusion(OcclusionGlance):
    """What the network answered with the square at each of R x C places, on the CPU. Several images: a leading B.

    probability: (R, C) softmax probability of the target. label: (R, C) most probable class, int64.
    activity: (R, C) sum over the layer's map that is strongest (largest sum) on the clean image; map: its number, ().
    rows, columns: (R,) and (C,), the squares' first pixels, also for several images.
    clean_probability, clean_label, clean_activity: () the same of the image without a square.
    target: () the class. layer, size_px: what was asked for. score, clean_score: (R, C) and () the target's class
    score, which enters the softmax; None where they were not kept.
    """

    probability: Tensor
    label: Tensor
    activity: Tensor
    map: Tensor
    rows: Tensor
    columns: Tensor
    clean_probability: Tensor
    clean_label: Tensor
    clean_activity: Tensor
    target: Tensor
    layer: str
    size_px: int
    score: Tensor | None = None
    clean_score: Tensor | None = None

    def of(self, number: int) -> Occlusion:
        """One of several images."""
        there = [name for name in OF_EACH_IMAGE if getattr(self, name) is not None]
        return replace(self, **{name: getattr(self, name)[number] for name in there})


def occlude(
    model: nn.Module,
    image: Tensor,
    target: int | Sequence[int] | Tensor,
    size_px: int = 48,
    stride_px: int = 8,
    fill: Fill = 0.0,
    layer: str | None = None,
    generator: torch.Generator | None = None,
    progress: bool | Told = True,
    incremental: bool = True,
) -> Occlusion:
    """Slide a square over an image and see what becomes of the target, the label and the layer's strongest map.

    image: (3, H, W), normalised as the network takes it, with one target class; or (B, 3, H, W) with B targets.
    fill: what the square shows: a number (0.0 after the mean is subtracted is the paper's grey), one a channel, the
    image's 'mean', its 'blur', or 'noise' from the generator (see `canvas_of`).
    layer: by default the last convolution on every path to the scores, shortcuts of sums left out. In our own networks
    its maps are rectified, as `Deconvnet.activations` gives them; in other networks it is any module, and its output as
    the module returned it.
    progress: whether a bar is drawn; or a function that is called with how many of how many places are done.
    incremental: where all operations are known compute only what the square changes: the same numbers, several times
    faster. Networks that end in a softmax are asked for what enters it.

    The network runs in eval mode and is left as it was found. Zeiler & Fergus 2013, section 4.2 and Fig. 7.
    Raises ValueError for what is no network, or a compiled or scripted one; for a square larger than the image, an
    unknown layer or fill, targets that are no class, a fill that is not finite, and NaN among the answers.
    """
    check_plain(model)
    _check(image)
    images = image[None] if image.ndim == 3 else image
    images = like_parameters(model, images.detach())
    rows, columns = grid((images.shape[2], images.shape[3]), size_px, stride_px)
    with (
        undisturbed(model),
        full_float32(),
        Progress("occluding", len(images) * len(rows) * len(columns), unit="place", enabled=progress) as bar,
    ):
        canvases = canvas_of(images, fill, size_px, generator)  # (B, 3, H, W)
        if not canvases.isfinite().all():
            raise ValueError(f"fill={fill!s:.60} is not finite: expected finite numbers, also in the images")
        method = _method_of(model, layer, images[0], incremental)
        targets = _targets(target, len(images))
        heats = [
            _of_image(method, image, canvas=canvas, target=target, rows=rows, columns=columns, size_px=size_px, bar=bar)
            for image, canvas, target in zip(images, canvases, targets, strict=True)
        ]
    return heats[0] if image.ndim == 3 else _joined(heats)


def _of_image(
    method: OcclusionMethod, image: Tensor, *, canvas: Tensor, target: Tensor, rows: Tensor, columns: Tensor,
    size_px: int, bar: Progress,
) -> Occlusion:  # fmt: skip
    """One image (3, H, W) with a square showing its canvas (3, H, W) at each of the rows (R,) x columns (C,)."""
    scores, sums = method.clean(image)
    if not 0 <= target < len(scores):
        raise ValueError(f"target {int(target)} is not a class of the network: expected 0 to {len(scores) - 1}")
    map_ = sums.argmax()
    clean_probability, clean_label, clean_activity, clean_score = clean = [
        value[0] for value in _read(scores[None], sums[map_][None], target)
    ]
    if any(value.isnan() for value in clean):
        raise ValueError(
            f"without a square the target has probability {clean_probability:g}, the strongest map {clean_activity:g}: "
            "look for NaN or infinity in the image and in the weights"
        )
    parts = []
    for covered_scores, covered_sums in method.covered(canvas, torch.cartesian_prod(rows, columns), size_px, map_):
        parts.append(_read(covered_scores, covered_sums, target))
        bar.advance(len(covered_scores))
    probability, label, activity, score = (
        torch.cat(values).reshape(len(rows), len(columns)) for values in zip(*parts, strict=True)
    )  # (R, C) each
    return Occlusion(
        probability=probability, label=label, activity=activity, map=map_.cpu(), rows=rows, columns=columns,
        clean_probability=clean_probability, clean_label=clean_label, clean_activity=clean_activity,
        target=target, layer=method.layer, size_px=size_px, score=score, clean_score=clean_score,
    )  # fmt: skip


def _read(scores: Tensor, activity: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Probability of the target, most probable class, activity and the target's score, (N,) each, on the CPU."""
    wide = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return wide.softmax(1)[:, target].cpu(), scores.argmax(1).cpu(), activity.cpu(), wide[:, target].cpu()


def _joined(heats: Sequence[Occlusion]) -> Occlusion:
    """Several images' results as one with a leading B."""
    stacked: dict[str, Any] = {name: torch.stack([getattr(heat, name) for heat in heats]) for name in OF_EACH_IMAGE}
    return replace(heats[0], **stacked)


def _method_of(model: nn.Module, layer: str | None, image: Tensor, incremental: bool) -> OcclusionMethod:
    """The way to run the model on images like this one, (3, H, W)."""
    graph = trace(model, image[None])
    layer = last_convolution(graph, type(model).__name__) if layer is None else layer
    module = named_layers(model).module_of(layer)
    check_layers(graph, {layer: module})
    _refuse_batch_statistics(graph)
    tap, scores = graph.outputs[module][0], graph.scores()
    known = tap is not None and scores and all(can_be_run_again(graph, top) for top in (tap, scores[-1]))
    if incremental and known and not graph.reads and tap is not None and graph.layout(tap) != LAST:
        return IncrementalOcclusion(model, layer, module, graph)
    return PlainOcclusion(model, layer, module, graph)


def _refuse_batch_statistics(graph: Graph) -> None:
    for node in graph.nodes:
        if node.operation.name == "batch_norm" and isinstance(node.operation, Unknown):
            raise ValueError(
                f"{described(node)}: each answer would depend on the other squares of its batch. Give the layer "
                "running statistics (track_running_stats=True and a pass in training mode)"
            )


def _check(image: Tensor) -> None:
    if not isinstance(image, Tensor):
        raise ValueError(f"image is {type(image).__name__}, expected a tensor (3, H, W): torch.as_tensor makes one")
    if image.ndim not in (3, 4) or not image.is_floating_point() or len(image) == 0:
        raise ValueError(
            f"image is {tuple(image.shape)} of {image.dtype}; expected (3, H, W) or a batch (B, 3, H, W), "
            "normalised to floats"
        )


def _targets(target: int | Sequence[int] | Tensor, count: int) -> Tensor:
    """Targets as (count,) int64 on the CPU."""
    targets = torch.as_tensor(target).detach().cpu()
    if not are_whole(targets) or targets.numel() != count or targets.ndim > 1:
        raise ValueError(f"target is {target}, expected the number of a class for each of {count} images")
    return targets.to(torch.int64).reshape(count)
