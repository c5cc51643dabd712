"""The sizes at which the paper is reproduced: ImageNet, forty classes of Tiny ImageNet, the drawn parts world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Words = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What differs from one size to another.

    experiment: of conf/experiment, for the networks of Tables 2 and 3. training: words for all of them. side_px: of
    the pack. columns: epochs of Fig. 4. more: words by job. transfer: the experiment of Tables 4 and 5 on other
    classes in ImageNet format. drawn: the images are drawn, no root is needed.
    """

    experiment: str
    side_px: int
    columns: tuple[int, ...]
    training: Words = ()
    more: Mapping[str, Words] = field(default_factory=dict)
    transfer: str | None = None
    drawn: bool = False


SMALL_FIGURES: dict[str, Words] = {
    "fig2_features": ("maps=9",),
    "fig5_invariance": ("more=[]",),
    "fig7_occlusion": ("square_px=24", "stride_px=4"),
    "pointing": ("square_px=24", "stride_px=8"),
    "tab4_caltech101": ("folds=3",),
    "tab5_caltech256": ("folds=3", "methods=[pretrained]"),
    "tab7_depth": ("folds=3", "costs=[0.01,1]", "splits=2", "control=true"),
}

SCALES = {
    "imagenet": Scale(experiment="tab3_imagenet", side_px=256, columns=(1, 2, 5, 10, 20, 30, 40, 64)),
    # 18 trainings in the larger part of two hours of two cores: six epochs each
    "tiny": Scale(
        experiment="tab3_tiny_imagenet", side_px=112, columns=(1, 2, 4, 6), training=("training.epochs=6",),
        more={**SMALL_FIGURES, "tab3_ablation": ("train_images=4000",)}, transfer="transfer_tiny_imagenet",
    ),
    "parts": Scale(
        experiment="tab3_parts_world", side_px=112, columns=(1, 2, 5, 10), more=SMALL_FIGURES,
        transfer="transfer_parts_world", drawn=True,
    ),
}  # fmt: skip
