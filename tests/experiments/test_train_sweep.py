"""A sweep of the training command: where its runs lie, and Ctrl-C, which ends all of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser

from zfnet.training import Trainer

SMALL = (
    "data=imagenet_folder", "data.side=72", "model.width=0.05", "model.input_px=64", "training=modern",
    "training.batch_size=8", "training.epochs=1", "hardware.workers=0", "evolution=null",
    "tensorboard.images_every=0", "tensorboard.histograms_every=0", "tensorboard.mistakes_every=0",
    "hydra.job.config.override_dirname.exclude_keys="
    "[run_dir,resume,data.root,data,data.side,model.width,model.input_px,training,training.batch_size,training.epochs,"
    "hardware.workers,evolution,tensorboard.images_every,tensorboard.histograms_every,tensorboard.mistakes_every]",
)  # fmt: skip


def outcome(folder: Path) -> str:
    return json.loads((folder / "manifest.json").read_text())["outcome"]


def sub_folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def configurations(folder: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in folder.glob("*/.hydra/*.yaml")}


@pytest.fixture
def fresh_hydra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra as a new process has it: an earlier sweep in this one leaves its configuration."""
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)


@pytest.mark.usefixtures("fresh_hydra")
def test_without_run_dir_a_sweep_has_a_dated_folder_and_each_run_its_own_in_it(
    image_root: Path, carry_out_here, tmp_path: Path
):
    code, printed = carry_out_here("train", "-m", *SMALL, f"data.root={image_root}", "model=zfnet", "seed=0,1")
    assert code == 0, printed
    (sweep,) = (tmp_path / "runs" / "train").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{6}", sweep.name)
    assert sub_folders(sweep) == ["model=zfnet,seed=0", "model=zfnet,seed=1"]
    for seed in (0, 1):
        run = sweep / f"model=zfnet,seed={seed}"
        assert outcome(run) == "finished"
        assert json.loads((run / "manifest.json").read_text())["seed"] == seed
        assert [path.name for path in (run / "checkpoints").glob("step-*.pt")] == ["step-00000006.pt"]
    before = configurations(sweep)
    words = (*SMALL, f"data.root={image_root}", "model=zfnet", "seed=0,1", "training.epochs=2", f"run_dir={sweep}")
    code, printed = carry_out_here("train", "-m", *words)
    assert code == 1, printed
    assert f"{sweep}/model=zfnet,seed=1 already holds a run: give resume=auto" in printed
    assert configurations(sweep) == before


@pytest.mark.usefixtures("fresh_hydra")
def test_a_sweep_of_many_options_over_two_roots_keeps_both_runs_and_finds_them_again(
    image_root: Path, carry_out_here, tmp_path: Path
):
    (tmp_path / "other").symlink_to(image_root)
    roots = f"data.root={image_root},{tmp_path / 'other'}"
    words = ["train", "-m", *SMALL[:-1], "model=zfnet", roots, "resume=auto", "run_dir=sweep"]
    code, printed = carry_out_here(*words)
    assert code == 0, printed
    folders = sub_folders(tmp_path / "sweep")
    assert len(folders) == 2
    for name in folders:
        assert re.fullmatch(r"data\.root=_[^/]*-[0-9a-f]{8}", name)
        assert outcome(tmp_path / "sweep" / name) == "finished"
    assert carry_out_here(*words)[0] == 0
    assert sub_folders(tmp_path / "sweep") == folders


@pytest.mark.usefixtures("signals_heard")
@pytest.mark.parametrize(("during", "ended"), [("_seen", "stopped"), ("_end_epoch", "finished")])
def test_ctrl_c_ends_the_sweep_and_the_printed_command_goes_on_with_its_run(
    image_root: Path, carry_out_here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, during: str, ended: str
):
    """In a step, and after the last one, when there is nothing more to stop in the run itself."""
    work = getattr(Trainer, during)

    def interrupted(self: Trainer, value: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        work(self, value)

    folder = tmp_path / "sweep of two"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, during, interrupted)
        words = [*SMALL, f"data.root={image_root}", "model=zfnet", "seed=0,1", f"run_dir={folder}"]
        code, printed = carry_out_here("train", "-m", *words)
    assert code == 130, printed
    assert sub_folders(folder) == ["model=zfnet,seed=0"]
    run = folder / "model=zfnet,seed=0"
    assert outcome(run) == ended
    assert not list(run.glob("error-*.txt"))
    assert ("go on with:" in printed) == (ended == "stopped")
    if ended == "finished":
        return
    again = shlex.split(next(line for line in printed.splitlines() if "resume=auto" in line))
    assert again[0] == "python"
    parsed = {one.key_or_group: one.value() for one in OverridesParser.create().parse_overrides(again[2:])}
    assert (parsed["run_dir"], parsed["resume"], parsed["seed"]) == (str(run), "auto", 0)
    code, printed = carry_out_here("train", *again[2:])
    assert code == 0, printed
    assert "going on after step 1" in printed
    assert outcome(run) == "finished"


@pytest.mark.parametrize("path", ["/x/runs/a", "/x/a=b,c", '/x/it\'s "a" {b}', "/x/back\\", "/x/ümlaut [1]", "/x/$(a)"])
def test_a_folder_is_quoted_as_hydra_reads_it(path: str):
    from experiments.common.config import quote_override

    word = f"run_dir={quote_override(path)}"
    (pasted,) = shlex.split(shlex.join([word]))
    assert OverridesParser.create().parse_override(pasted).value() == path
    assert ('"' in word) == (path != "/x/runs/a")
