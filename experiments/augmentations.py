"""One image as training sees it epoch after epoch: python experiments/augmentations.py image=cat.jpg"""

from __future__ import annotations

import numpy as np
import torch
from omegaconf import DictConfig
from torch.utils.tensorboard import SummaryWriter

from experiments.common.config import build
from experiments.common.job import Run, start
from zfnet.data import centre_views, crop_views, decode_square, one_photograph, plain_frame, training_views
from zfnet.figures.augmentations import Variants, draw_variants, load_variants, save_variants
from zfnet.figures.drawing import style
from zfnet.training import Recipe


def augmentations(config: DictConfig, run: Run) -> None:
    """Draw the views, save the arrays and the sheet; or draw the sheet again from saved arrays."""
    if not run.world.first:
        return
    if config.redraw is None:
        variants = compute(config)
        save_variants(run.folder / "augmentations.npz", variants)
    else:
        variants = load_variants(config.redraw)
    figure = draw_variants(variants, config.columns)
    print(f"drawn: {style.save(figure, run.folder, 'augmentations')}")
    with SummaryWriter(str(run.folder / "tensorboard")) as writer:
        writer.add_image("augmentations", style.pixels(figure), dataformats="HWC")


def compute(config: DictConfig) -> Variants:
    """The image as it is, and its views in the first epochs, cut and warped as in training, but not normalised."""
    if config.count < 1:
        raise ValueError(f"count={config.count}, expected 1 or more variants")
    recipe, size_px = build(Recipe, config.training), config.model.input_px
    side_px = size_px if config.side is None else config.side
    path = one_photograph(config.image, "image")
    square = torch.from_numpy(decode_square(path, side_px).copy()).permute(2, 0, 1)[None]
    plain = plain_frame(side_px, size_px)
    seen = [crop_views(square, centre_views(1, side_px, size_px), plain)]
    for epoch in range(config.count):
        views = training_views(recipe.views, 1, side_px, size_px, config.seed, epoch, recipe.augmentation)
        seen.append(crop_views(square, views, plain))
    pictures = torch.cat(seen).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    limits = {name: getattr(recipe, name) for name in ("views", "rotation_deg", "shift", "shear", "zoom")}
    told = ", ".join(f"{name} {value}" for name, value in limits.items())
    return Variants(pictures=pictures, path=np.array(path), told=np.array(told))


if __name__ == "__main__":
    start(augmentations, "augmentations")
