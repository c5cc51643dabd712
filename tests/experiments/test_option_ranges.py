"""A number that an option cannot be ends its job in one line with the option's name, before anything is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Here = Callable[..., tuple[int, str]]
DATA = ("data=imagenet_folder", "data.root=none")
NEEDED = {  # what these jobs want beside, before they are begun
    "evaluate": (*DATA, "checkpoint=none.pt"),
    "tab1_correspondence": ("root=none", "checkpoint=none.pt"),
    "tab3_ablation": ("rows=none", "model=zfnet", "training=modern", *DATA),
    "tab4_caltech101": ("data.root=none", "checkpoint=none.pt", "training=modern"),
    "tab6_pascal": ("data.root=none", "checkpoint=none.pt"),
    "tab7_depth": (*DATA, "checkpoint=none.pt"),
    "train": ("model=zfnet", "training=modern", *DATA),
}


@pytest.mark.parametrize(
    ("job", "word", "expected"),
    [
        *(("fig2_features", f"batch_size={size}", f"batch_size={size}, expected 1 or more") for size in (0, -1)),
        *((job, "batch_size=0", "batch_size=0, expected 1 or more") for job in ("fig7_occlusion", "claims", "atlas")),
        *(("evaluate", f"batch_size={size}", f"batch_size={size}, expected 1 or more") for size in (0, -3)),
        ("tab1_correspondence", "batch_size=0", "batch_size=0, expected 1 or more"),
        ("tab3_ablation", "batch_size=0", "batch_size=0, expected 1 or more"),
        ("tab4_caltech101", "batch_size=0", "batch_size=0, expected 1 or more"),
        ("tab6_pascal", "batch_size=0", "batch_size=0, expected 1 or more"),
        ("tab7_depth", "batch_size=0", "batch_size=0, expected 1 or more"),
        ("evaluate", "views=[]", "views=[], expected one number or several, each 1 or more"),
        ("evaluate", "views=[1,0]", "views=[1, 0], expected one number or several, each 1 or more"),
        ("evaluate", "checkpoint=[]", "checkpoint=[], expected one or several: FILE, torchvision:NAME or a list"),
        *(("fig2_features", f"columns={given}", f"columns={given}, expected 1 or more") for given in (0, -1)),
        ("fig2_features", "top=0", "top=0, expected 1 or more"),
        ("project", "units=[]", "units=[], expected [map,row,column] of one or more, as [[5,3,4]], or null"),
        ("project", "top=0", "top=0, expected 1 or more"),
        ("fig4_evolution", "maps=0", "maps=0, expected 1 or more"),
        ("fig4_evolution", "epochs=[]", "epochs=[], expected one number or several, each 0 or more"),
        ("fig6_filters", "maps=0", "maps=0, expected 1 or more"),
        ("fig7_occlusion", "others=-1", "others=-1, expected 0 or more"),
        ("fig7_occlusion", "size_px=0", "size_px=0, expected 1 or more"),
        ("augmentations", "model.input_px=0", "model.input_px=0, expected 1 or more"),
        ("augmentations", "side=0", "side=0, expected 1 or more"),
        ("augmentations", "columns=0", "columns=0, expected 1 or more"),
        ("atlas", "shown=-1", "shown=-1, expected 0 or more"),
        ("audit", "shown=-1", "shown=-1, expected 0 or more"),
        ("pointing", "images=0", "images=0, expected 1 or more"),
        ("tab1_correspondence", "draws=0", "draws=0, expected 1 or more"),
        *((job, "seed=-1", "seed=-1, expected a whole number from 0 to") for job in ("train", "fig2_features")),
        ("fig2_features", f"seed={10**20 - 1}", f"seed={10**20 - 1}, expected a whole number from 0 to 4294967295"),
    ],
)
def test_a_number_out_of_range_is_told_by_its_option(
    tmp_path: Path, carry_out_here: Here, job: str, word: str, expected: str
):
    code, said = carry_out_here(job, *NEEDED.get(job, ()), word, f"run_dir={tmp_path}/run")
    assert code == 2, said
    assert f"error: {expected}" in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()
