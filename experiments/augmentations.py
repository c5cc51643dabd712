"""One image as training sees it epoch after epoch: python experiments/augmentations.py image=cat.jpg"""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.augmentations:augmentations")

from dataclasses import dataclass

import numpy as np
import torch
from omegaconf import DictConfig

from experiments.common.config import check_least, pick
from experiments.common.network import ModelChoice
from experiments.common.publish import publish
from zfnet.data import centre_views, crop_views, decode_square, one_photograph, plain_frame, training_views
from zfnet.figures.augmentations import Variants, draw_variants, load_variants, save_variants
from zfnet.training import Recipe


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/augmentations.yaml says of the image, its views and the sheet."""

    image: str | list[str] | None
    side: int | None
    count: int
    columns: int
    seed: int
    model: ModelChoice
    training: Recipe

    def __post_init__(self) -> None:
        check_least(self, side=1, count=1, columns=1)


def augmentations(config: DictConfig, run: Run) -> None:
    """Draw the views, save the arrays and the sheet; or draw the sheet again from saved arrays."""
    if not run.world.first:
        return
    settings = pick(Settings, config)
    if config.redraw is None:
        variants = compute(settings)
        save_variants(run.folder / "augmentations.npz", variants)
    else:
        variants = load_variants(config.redraw)
    publish({"augmentations": draw_variants(variants, settings.columns)}, run.folder)


def compute(settings: Settings) -> Variants:
    """The image as it is, and its views in the first epochs, cut and warped as in training, but not normalised."""
    recipe, size_px = settings.training, settings.model.size_px
    side_px = size_px if settings.side is None else settings.side
    path = one_photograph(settings.image, "image")
    square = torch.from_numpy(decode_square(path, side_px).copy()).permute(2, 0, 1)[None]
    plain = plain_frame(side_px, size_px)
    seen = [crop_views(square, centre_views(1, side_px, size_px), plain)]
    for epoch in range(settings.count):
        views = training_views(
            recipe.views, 1, side_px=side_px, size_px=size_px, seed=settings.seed, epoch=epoch,
            augmentation=recipe.augmentation,
        )  # fmt: skip
        seen.append(crop_views(square, views, plain))
    pictures = torch.cat(seen).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    limits = {name: getattr(recipe, name) for name in ("views", "rotation_deg", "shift", "shear", "zoom")}
    limits_line = ", ".join(f"{name} {value}" for name, value in limits.items())
    return Variants(pictures=pictures, path=np.array(path), told=np.array(limits_line))
