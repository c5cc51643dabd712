"""What a killed run kept is of its pictures: others under the same names are computed anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_network import small_network

from zfnet.figures.drawing import style
from zfnet.files import read_arrays

LAST = {"fig5_invariance": "subjects_of", "fig7_occlusion": "gathered", "audit": "pictures_shown"}
WORDS = {
    "fig5_invariance": ["classes=predicted", "rows=[scale]", "more=[]"],
    "fig7_occlusion": ["pictures=seen", "square_px=30", "stride_px=34", "layer=conv2", "others=0"],
    "audit": ["methods=[gradient]", "questions=[sensitivity]", "shown=0"],
}
FOUND = {"fig5_invariance": "fig5.npz", "fig7_occlusion": "fig7.npz", "audit": "audit.json"}


def draw(folder: Path, seed: int) -> None:
    folder.mkdir(exist_ok=True)
    for name in ("a.png", "b.png"):
        pixels = np.random.default_rng([seed, ord(name[0])]).integers(0, 255, (72, 72, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)


@pytest.mark.parametrize("job", LAST)
def test_other_pictures_under_the_same_names_are_not_taken_for_the_ones_before(
    carry_out_here, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(style, "DPI", 40)
    mined = "mined" if job == "fig7_occlusion" else "seen"  # other images than were mined are refused
    words = [f"checkpoint={small_network(tmp_path / 'a.pt')}", f"images={mined}", "hardware.workers=0"]
    for folder in ("seen", "mined"):
        draw(tmp_path / folder, 0)
    with monkeypatch.context() as patch:
        patch.setattr(f"experiments.{job}.{LAST[job]}", None)  # all pieces are there, but nothing is made of them
        assert carry_out_here(job, *words, *WORDS[job], "run_dir=run")[0] != 0
    assert list((tmp_path / "run" / "pieces").glob("*/*.npz"))
    draw(tmp_path / "seen", 1)
    for folder in ("run", "fresh"):
        code, printed = carry_out_here(job, *words, *WORDS[job], f"run_dir={folder}")
        assert code == 0, printed
    one, other = (tmp_path / folder / FOUND[job] for folder in ("run", "fresh"))
    if one.suffix == ".json":
        assert one.read_text() == other.read_text()
        return
    found, expected = read_arrays(one), read_arrays(other)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
