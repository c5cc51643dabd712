"""Options that a job does not have, or that are of another kind, end in one line that says what was meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.common.config import build, pick
from experiments.common.options import options_of

Here = Callable[..., tuple[int, str]]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("layr=conv2", "layr is no option of fig7_occlusion.py: did you mean layer?"),
        ("+layr=conv2", "layr is no option of fig7_occlusion.py: did you mean layer?"),
        ("++layr=conv2", "layr is no option of fig7_occlusion.py: did you mean layer?"),
        ("hardware.workrs=3", "did you mean hardware.workers?"),
        ("workers=3", "did you mean hardware.workers?"),
        ("xyz=3", "xyz is no option of fig7_occlusion.py; it has run_dir,"),
        ("+seed=3", "has the option seed: leave out the +"),
        ("data=imagenett", "data=imagenett is not there: did you mean imagenet_pack?"),
        ("pictures=a b=c", "quoted for Hydra and again for the shell"),
        ("hardware.accumulate=abc", "hardware.accumulate=abc, expected a whole number"),
        ("square_px=wide", "square_px=wide, expected a whole number"),
    ],
)
def test_a_misspelt_option_is_told_in_a_line(tmp_path: Path, carry_out_here: Here, word: str, expected: str):
    code, said = carry_out_here("fig7_occlusion", f"run_dir={tmp_path}/run", word)
    assert code == 2
    assert expected in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_an_option_of_another_choice_is_told(tmp_path: Path, carry_out_here: Here):
    words = ["data=imagenet_pack", "data.root=nowhere", "training=modern", "data.side=64", f"run_dir={tmp_path}/run"]
    code, said = carry_out_here("train", *words)
    assert code == 2
    assert "data.side is no option with this choice of data=...: conf/data says" in said


@pytest.mark.parametrize("job", ["train", "evaluate", "duplicates", "tab2_imagenet", "pointing"])
def test_help_needs_no_choice(carry_out_here: Here, job: str):
    code, said = carry_out_here(job, "--help")
    assert code == 0, said
    assert f"python experiments/{job}.py" in said
    assert ("one must be given" in said) == (job != "pointing")


def test_options_are_listed_by_the_names_that_one_writes():
    known = options_of("train")
    assert {"seed", "training.learning_rate", "data.root", "model.name", "checkpoints.keep"} <= set(known)


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.1
    name: str = "a"


@dataclass(frozen=True, kw_only=True)
class Outer:
    count: int
    inner: Inner | None = None
    flag: bool = False
    fill: float | str = 0.0


def test_what_a_dataclass_has_no_field_for_is_left_at_the_top_and_refused_within():
    config = OmegaConf.create({"count": 3, "other": 1, "inner": {"rate": 1, "name": "b"}, "fill": "mean"})
    assert pick(Outer, config) == Outer(count=3, inner=Inner(rate=1, name="b"), fill="mean")
    with pytest.raises(ValueError, match="Inner has no rat; it has rate, name"):
        pick(Outer, OmegaConf.create({"count": 3, "inner": {"rat": 1}}))
    with pytest.raises(ValueError, match="Inner has no x"):
        build(Inner, OmegaConf.create({"x": 1}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": "three"}, "count=three, expected a whole number"),
        ({"count": 1.5}, "count=1.5, expected a whole number"),
        ({"count": True}, "count=True, expected a whole number"),
        ({"count": 1, "flag": 1}, "flag=1, expected true or false"),
        ({"count": 1, "inner": {"rate": "fast"}}, "inner.rate=fast, expected a number"),
        ({"count": 1, "fill": [1, 2]}, r"fill=\[1, 2\], expected a number or a word"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_place(values: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        pick(Outer, OmegaConf.create(values))


@dataclass(frozen=True, kw_only=True)
class Lists:
    epochs: list[int]
    layers: Sequence[str] | None
    maps: int | Sequence[int]


def test_one_value_is_a_list_of_one_where_a_list_is_wanted():
    config = OmegaConf.create({"epochs": 5, "layers": "conv5", "maps": 3})
    assert pick(Lists, config) == Lists(epochs=[5], layers=["conv5"], maps=3)
    config = OmegaConf.create({"epochs": [1, 2], "layers": None, "maps": [3]})
    assert pick(Lists, config) == Lists(epochs=[1, 2], layers=None, maps=[3])


def test_a_value_where_a_group_is_wanted_names_its_parts():
    with pytest.raises(ValueError, match=r"inner=a\.txt, expected inner\.rate=\.\.\. or inner\.name=\.\.\."):
        pick(Outer, OmegaConf.create({"count": 3, "inner": "a.txt"}))
