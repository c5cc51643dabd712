"""Checkpoints: whole or not at all, damaged ones named, the one before used."""

import logging
import shutil
from pathlib import Path

import pytest
import torch

from zfnet import build_model
from zfnet.data.frame import make_frame
from zfnet.network import Network, network_of, open_network
from zfnet.training import (
    Checkpoints,
    DamagedCheckpoint,
    NonFiniteLoss,
    Recipe,
    Trainer,
    load_checkpoint,
    newest_checkpoint,
)
from zfnet.training.checkpoint import save_checkpoint, step_checkpoints

ARGUMENTS = {"name": "zfnet", "num_classes": 4, "width": 0.05, "input_px": 64}


def run(folder: Path, array_source, epochs: int = 3, chosen: tuple[int, ...] = (), **options) -> Trainer:
    source, val = array_source(24), array_source(8, seed=1)
    recipe = Recipe(epochs=epochs, batch_size=8, init="kaiming", input_scale="unit")
    network = Network(build_model(**ARGUMENTS), make_frame("unit", source, 64), source.wnids, source.names, ARGUMENTS)
    observer = Checkpoints(folder, network, epochs=chosen, **options)
    return Trainer(network.model, recipe, network.frame, source, val, observers=[observer])


def test_the_newest_the_best_and_chosen_epochs_are_kept(tmp_path: Path, array_source):
    trainer = run(tmp_path, array_source, epochs=4, chosen=(1, 3))
    trainer.fit()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best.pt", "epoch-0001.pt", "epoch-0003.pt", "step-00000009.pt", "step-00000012.pt"]
    best = min(trainer.history, key=lambda report: report.val_top1_error)
    assert load_checkpoint(tmp_path / "best.pt")["trainer"]["position"]["epoch"] == best.epoch


def test_a_checkpoint_is_tensors_and_plain_types_and_opens_as_a_network(tmp_path: Path, array_source):
    trainer = run(tmp_path, array_source, epochs=1)
    trainer.fit()
    path = tmp_path / "best.pt"
    content = torch.load(path, weights_only=True)
    assert not any(key.startswith(("module.", "_orig_mod.")) for key in content["model"])
    network = open_network(path)
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(network.model.state_dict()[name], tensor)
    assert torch.equal(network.frame.mean, trainer.frame.mean)
    assert network.wnids == trainer.train.wnids
    images = torch.zeros(1, 3, 64, 64)
    loaded = build_model("zfnet", 4, weights=path, width=0.05, input_px=64).eval()
    assert torch.equal(loaded(images), network.model(images))


def spoil(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        data[len(data) // 3] ^= 0xFF
        path.write_bytes(data)
    else:
        path.write_bytes(b"")


@pytest.mark.parametrize("how", ["cut", "flipped", "empty"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_used(tmp_path: Path, array_source, caplog, how: str):
    run(tmp_path, array_source).fit()
    older, newer = sorted(tmp_path.glob("step-*.pt"))
    spoil(newer, how)
    with caplog.at_level(logging.WARNING):
        found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[0] == older
    assert str(newer) in caplog.text
    assert "trying the one before" in caplog.text
    spoil(older, "cut")
    with pytest.raises(DamagedCheckpoint, match="none of the 2 checkpoints in"):
        newest_checkpoint(tmp_path)


def test_a_changed_file_is_refused_wherever_it_is_opened(tmp_path: Path, array_source):
    run(tmp_path, array_source, epochs=1).fit()
    spoil(tmp_path / "best.pt", "flipped")
    with pytest.raises(ValueError, match=r"best\.pt is damaged"):
        open_network(tmp_path / "best.pt")
    with pytest.raises(ValueError, match=r"best\.pt is damaged"):
        build_model("zfnet", 4, weights=tmp_path / "best.pt", width=0.05, input_px=64)


def test_going_on_from_an_earlier_checkpoint_sets_the_later_ones_aside(tmp_path: Path, array_source):
    run(tmp_path, array_source, chosen=(1, 2, 3)).fit()
    earlier = load_checkpoint(tmp_path / "epoch-0001.pt")
    (tmp_path / "best.pt").unlink()  # a hard link to the best epoch
    shutil.copyfile(tmp_path / "epoch-0003.pt", tmp_path / "best.pt")
    again = run(tmp_path, array_source, keep=1)
    again.load_state({**earlier["trainer"], "model": earlier["model"]})
    again._stop = lambda: again.position.step == 4
    again.fit()
    names = sorted(path.name for path in tmp_path.glob("*step-*"))
    assert names == ["set-aside-step-00000006.pt", "set-aside-step-00000009.pt", "step-00000004.pt"]
    names = sorted(path.name for path in tmp_path.iterdir() if path.name not in names)
    assert names == ["epoch-0001.pt", "set-aside-best.pt", "set-aside-epoch-0002.pt", "set-aside-epoch-0003.pt"]
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[1]["trainer"]["position"]["step"] == 4


def test_a_file_that_is_only_called_like_one_is_left_alone(tmp_path: Path, array_source):
    (tmp_path / "step-latest.pt").write_text("notes")
    run(tmp_path, array_source, keep=1).fit()
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000009.pt", "step-latest.pt"]
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[0].name == "step-00000009.pt"


def test_an_empty_folder_has_none_and_other_files_are_no_checkpoints(tmp_path: Path):
    assert newest_checkpoint(tmp_path) is None
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "none.pt")
    torch.save({"format": "another"}, tmp_path / "other.pt")
    with pytest.raises(DamagedCheckpoint, match=r"not a checkpoint of ours \(format 'another'"):
        load_checkpoint(tmp_path / "other.pt")
    command = r"in a command checkpoint=torchvision:NAME weights=\S+other\.pt, in Python build_model\(name, weights='"
    with pytest.raises(ValueError, match=f"is not a checkpoint of ours: for a bare state_dict .*, {command}"):
        open_network(tmp_path / "other.pt")


def without(content: dict, *place: str) -> dict:
    """A copy of nested dicts without the entry at `place`."""
    first, *rest = place
    if not rest:
        return {name: value for name, value in content.items() if name != first}
    return {**content, first: without(content[first], *rest)}


PLACES = [
    ("network",), ("model",), ("network", "arguments"), ("network", "frame"), ("network", "frame", "scale"),
    ("network", "wnids"), ("network", "names"),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_checkpoint_without_one_of_its_keys_is_named_with_the_key(tmp_path: Path, array_source, place):
    run(tmp_path, array_source, epochs=1).fit()
    content = load_checkpoint(tmp_path / "best.pt")
    with pytest.raises(ValueError, match=rf"best\.pt lacks '{place[-1]}'"):
        network_of(without(content, *place), tmp_path / "best.pt")
    if len(place) == 1:
        torch.save(without(content, *place), tmp_path / "odd.pt")
        with pytest.raises(DamagedCheckpoint, match=rf"odd\.pt lacks {place[0]}: was it made by hand"):
            load_checkpoint(tmp_path / "odd.pt")


@pytest.mark.parametrize("name", ["position", "settings", "random", "optimizer"])
def test_a_checkpoint_that_nothing_can_go_on_from_opens_but_is_passed_over(tmp_path: Path, array_source, caplog, name):
    run(tmp_path, array_source).fit()
    older, newer = sorted(tmp_path.glob("step-*.pt"))
    torch.save(without(load_checkpoint(newer), "trainer", name), newer)
    load_checkpoint(newer)
    with pytest.raises(DamagedCheckpoint, match=rf"step-00000009\.pt lacks trainer\.{name}:"):
        load_checkpoint(newer, to_resume=True)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[0] == older
    assert f"lacks trainer.{name}" in caplog.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"arguments": {**ARGUMENTS, "depth": 3}}, "unknown arguments depth, expected name, num_classes, width"),
        ({"arguments": {**ARGUMENTS, "weights": "DEFAULT"}}, "unknown arguments weights"),
        ({"arguments": {**ARGUMENTS, "name": "zfnet9"}}, "model 'zfnet9' is not known"),
        ({"arguments": {**ARGUMENTS, "num_classes": "4"}}, "num_classes is '4', expected a whole number"),
        ({"arguments": ["zfnet"]}, "dictionary"),
        ({"frame": []}, "list indices"),
        ({"wnids": 4}, "iterable"),
    ],
)
def test_a_network_that_cannot_be_built_is_named_with_its_file(tmp_path: Path, array_source, change, told: str):
    run(tmp_path, array_source, epochs=1).fit()
    content = load_checkpoint(tmp_path / "best.pt")
    torch.save({**content, "network": {**content["network"], **change}}, tmp_path / "odd.pt")
    with pytest.raises(
        ValueError, match=rf"odd\.pt describes no network that this version can build \(.*{told}|{told}"
    ):
        open_network(tmp_path / "odd.pt")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("not enough\nmemory")])
def test_a_network_that_memory_has_no_room_for_is_named_on_one_line(tmp_path: Path, array_source, monkeypatch, error):
    run(tmp_path, array_source, epochs=1).fit()

    def build(**_: object) -> None:
        raise error

    monkeypatch.setattr("zfnet.network.build_model", build)
    with pytest.raises(ValueError, match=r"best\.pt describes no network .*\((MemoryError|not enough memory)\)$"):
        open_network(tmp_path / "best.pt")


def test_a_frame_that_no_pixels_can_be_brought_to_is_refused(tmp_path: Path, array_source):
    run(tmp_path, array_source, epochs=1).fit()
    content = load_checkpoint(tmp_path / "best.pt")
    frame = content["network"]["frame"]
    for change in (
        {"mean": frame["mean"] * float("nan")},
        {"scale": frame["scale"] * 0},
        {"mean": frame["mean"].long()},
    ):
        odd = {**content["network"], "frame": {**frame, **change}}
        with pytest.raises(ValueError, match=r"x\.pt describes .*a finite mean and a scale above 0"):
            network_of({**content, "network": odd}, "x.pt")


def test_a_format_of_a_later_version_is_told_as_such_and_never_passed_over(tmp_path: Path, array_source):
    run(tmp_path, array_source).fit()
    newest = sorted(tmp_path.glob("step-*.pt"))[-1]
    torch.save({**load_checkpoint(newest), "format": "zfnet-checkpoint-12"}, newest)
    told = rf"{newest.stem}\.pt is of format zfnet-checkpoint-12, newer than zfnet-checkpoint-1"
    for use in (load_checkpoint, open_network, lambda path: newest_checkpoint(path.parent)):
        with pytest.raises(ValueError, match=told) as caught:
            use(newest)
        assert not isinstance(caught.value, DamagedCheckpoint)


def test_files_that_are_only_called_like_checkpoints_are_left_alone(tmp_path: Path, array_source):
    first = run(tmp_path, array_source)
    first._stop = lambda: first.position.step == 4
    first.fit()
    held = load_checkpoint(tmp_path / "step-00000004.pt")
    strays = ["step-latest.pt", "step-.pt", "step-4b.pt"]
    for name in strays:
        torch.save(held, tmp_path / name)
    (tmp_path / "step-100000000.pt").write_bytes(b"")  # beyond, with a digit more
    (tmp_path / "step-99999999.pt").write_bytes(b"")
    steps = [path.stem for path in step_checkpoints(tmp_path)]
    assert steps == ["step-00000003", "step-00000004", "step-99999999", "step-100000000"]
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[0].name == "step-00000004.pt"
    again = run(tmp_path, array_source, keep=1)
    again.load_state({**held["trainer"], "model": held["model"]})
    again.fit()
    names = {path.name for path in tmp_path.glob("*step-*")}
    assert names == {*strays, "step-00000009.pt", "set-aside-step-99999999.pt", "set-aside-step-100000000.pt"}


def test_a_full_disk_names_the_checkpoint_and_leaves_the_one_before(tmp_path: Path, array_source):
    run(tmp_path, array_source, epochs=1).fit()
    before = (tmp_path / "best.pt").read_bytes()
    (tmp_path / "best.pt.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: .*best\.pt'"):
        save_checkpoint(tmp_path / "best.pt", load_checkpoint(tmp_path / "best.pt"))
    assert (tmp_path / "best.pt").read_bytes() == before


def test_a_half_written_file_is_never_taken_for_a_checkpoint(tmp_path: Path, array_source):
    run(tmp_path, array_source, epochs=1).fit()
    whole = next(tmp_path.glob("step-*.pt"))
    (tmp_path / "step-99999999.pt.partial").write_bytes(whole.read_bytes()[:1000])
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found[0] == whole


def test_nothing_is_saved_once_a_weight_is_not_finite(tmp_path: Path, array_source):
    trainer = run(tmp_path, array_source, epochs=2)
    trainer.fit()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir())
    with torch.no_grad():
        trainer.model.get_submodule("fc8").bias[0] = float("nan")
    with pytest.raises(NonFiniteLoss, match="a weight is not finite after step 6"):
        trainer.observers[0].save(trainer)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir()) == before


def test_minutes_between_saves_are_kept(tmp_path: Path, array_source):
    trainer = run(tmp_path, array_source, epochs=1, every_minutes=0.0, keep=9)
    trainer.fit()
    steps = [int(path.stem.removeprefix("step-")) for path in sorted(tmp_path.glob("step-*.pt"))]
    assert steps == [1, 2, 3]
    with pytest.raises(ValueError, match=r"checkpoints.keep=0, expected 1 or more"):
        Checkpoints(tmp_path, None, keep=0)


def test_an_unknown_torchvision_network_is_told_its_neighbours():
    with pytest.raises(ValueError, match=r"'torchvision:resnet-18' is not known; close to it: torchvision:resnet18, "):
        open_network("torchvision:resnet-18")


def test_a_run_or_a_network_in_place_of_a_checkpoint_is_told_what_was_meant(tmp_path: Path):
    held = tmp_path / "run" / "checkpoints"
    held.mkdir(parents=True)
    for name in ("best.pt", "step-00000010.pt", "step-00000020.pt"):
        (held / name).touch()
    with pytest.raises(FileNotFoundError, match=r"did you mean .*run/checkpoints/best\.pt\?"):
        open_network(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*run: did you mean .*/step-00000020\.pt\?"):
        load_checkpoint(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match=r"at squeezenet1_0: did you mean torchvision:squeezenet1_0\?"):
        open_network("squeezenet1_0")
    with pytest.raises(FileNotFoundError, match=r"no weight file at squeezenet9$"):
        open_network("squeezenet9")
