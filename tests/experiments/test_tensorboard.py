"""A training's TensorBoard: speed over steps, maps that answer to nothing, and what is taken for what."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import confusion_matrix
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torchvision.models import resnet18

from experiments.common.events import events_folder
from experiments.common.publish import publish
from experiments.observers.dead_maps import StrongestActivations
from experiments.observers.mistakes import PAIRS, WORST, Mistakes
from experiments.observers.pace import Pace
from experiments.observers.tensorboard import STEPS_BETWEEN_POINTS, Board
from zfnet import build_model
from zfnet.data import UNREADABLE
from zfnet.data.frame import InputFrame, make_frame
from zfnet.training import Recipe, StepReport, Tally, Trainer, World


def run(folder: Path, array_source, epochs: int = 3, **options) -> Trainer:
    source, val = array_source(16), array_source(24, seed=1)
    recipe = Recipe(epochs=epochs, batch_size=8, init="kaiming", input_scale="unit", learning_rate=0.003)
    model = build_model("zfnet", 4, width=0.02, input_px=64)
    board = Board(folder, configuration="model: zfnet", hparams={"rate": 0.1, "alike": True}, **options)
    return Trainer(model, recipe, make_frame("unit", source, 64), source, val, observers=[board])


def events_of(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"images": 0, "tensors": 0}).Reload()


def test_speed_is_that_of_all_steps_between_two_points(tmp_path: Path, array_source):
    trainer = run(tmp_path, array_source)
    (board,) = trainer.observers
    board.on_start(trainer)
    tally = Tally(torch.tensor([8.0, 4.0, 2.0, 8.0], dtype=torch.float64))
    for step in range(1, STEPS_BETWEEN_POINTS + 1):
        waits = step % STEPS_BETWEEN_POINTS == 0  # for the device, at the step that is looked at
        report = StepReport(step=step, tally=tally, learning_rate=0.1, wall_s=2.1 if waits else 0.1, wait_s=0.02)
        board.on_step(trainer, report)
    board.on_end(trainer, False)
    events = events_of(tmp_path)
    assert events.Scalars("speed/images_per_s")[0].value == pytest.approx(8 * 20 / 4.0)
    assert events.Scalars("speed/share_waiting_for_data")[0].value == pytest.approx(0.4 / 4.0)
    assert events.Scalars("step/loss")[0].value == 1.0
    assert Pace().images_per_s == Pace().wait_share == 0


class CountingWorld(World):
    """One of many processes; what the others have is all below what this one has."""

    calls = 0

    def max(self, values):
        type(self).calls += 1
        return values


def test_maps_that_answer_to_nothing_are_found_and_a_process_without_images_waits_for_no_one():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5), nn.Linear(5, 2))
    with torch.no_grad():
        model[0].weight[1], model[0].bias[1] = 0, -1
    images = torch.randn(6, 3, 8, 8)
    strongest, seen = StrongestActivations(), model[0](images)
    strongest.begin(model)
    for batch in images.split(2):
        model(batch)
    found = strongest.end(CountingWorld())
    assert list(found) == ["0", "3", "4"]
    torch.testing.assert_close(found["0"], seen.amax((0, 2, 3)))
    assert (found["0"] <= 0).tolist() == [False, True, False, False]
    assert CountingWorld.calls == 1
    assert not any(module._forward_hooks for module in model)

    strongest.begin(model)
    assert strongest.end(CountingWorld()) == {}  # no layer saw an image, here or elsewhere
    assert CountingWorld.calls == 2  # and yet as many exchanges as on a process that has images


def test_maps_that_batch_normalisation_silences_are_dead():
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.ReLU()).eval()
    with torch.no_grad():
        model[1].bias[0] = -100
    images, strongest = torch.randn(4, 3, 8, 8), StrongestActivations()
    strongest.begin(model)
    with torch.no_grad():
        expected = model[1](model[0](images)).amax((0, 2, 3)), model[3](model[:3](images)).amax((0, 2, 3))
    found = strongest.end(World())
    assert found["0"].tolist() == expected[0].tolist()
    assert found["3"].tolist() == expected[1].tolist()
    assert (found["0"] <= 0).tolist() == [True, False]


def test_maps_that_a_shortcut_carries_are_not_dead():
    model, strongest = resnet18(num_classes=4, zero_init_residual=True).eval(), StrongestActivations()
    strongest.begin(model)
    with torch.no_grad():
        model(torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    found = strongest.end(World())
    assert sum(int((found[f"layer{at}.0.conv2"] > 0).sum()) for at in (1, 2, 3, 4)) > 500  # of 960


def test_units_of_a_linear_layer_are_its_last_axis():
    layer, strongest = nn.Linear(3, 2), StrongestActivations()
    strongest.begin(layer)
    tokens = torch.randn(4, 7, 3)
    expected = layer(tokens).amax((0, 1))
    torch.testing.assert_close(strongest.end(World())[""], expected)


@pytest.fixture
def answers(array_source):
    """A source of 90 images, what a network says of each as log-probabilities, and two that cannot be read."""
    source, generator = array_source(90, 5), torch.Generator().manual_seed(0)
    logs = (3 * torch.randn(90, 5, generator=generator)).log_softmax(1)
    logs[[7, 8]] = torch.nan
    return source, logs


def test_the_matrix_is_scikit_learns_and_the_worst_are_those_of_the_largest_loss(answers):
    source, logs = answers
    mistakes = Mistakes(source)
    labels = torch.from_numpy(source.labels).clone()
    labels[[7, 8]] = UNREADABLE
    for indices in torch.randperm(90, generator=torch.Generator().manual_seed(1)).split(16):
        mistakes.see(indices, labels[indices], logs[indices])
    mistakes.gather(World())
    there = [index for index in range(90) if index not in (7, 8)]
    said = logs.argmax(1).numpy()
    np.testing.assert_array_equal(mistakes.confusion, confusion_matrix(source.labels[there], said[there]))
    losses = {
        index: -logs[index, source.labels[index]].item() for index in there if said[index] != source.labels[index]
    }
    assert [image for _, image, _, _ in mistakes._worst] == sorted(losses, key=losses.get, reverse=True)[:WORST]
    worst = mistakes._mistakes(InputFrame(72, 64, torch.zeros(3, 1, 1), torch.ones(3, 1, 1)))[0]
    image = max(losses, key=losses.get)
    np.testing.assert_array_equal(worst.picture, source.images[image, 4:68, 4:68])
    assert worst.truth == source.names[source.labels[image]]
    assert worst.answer == source.names[said[image]]
    assert worst.answer_probability == pytest.approx(logs[image].exp().max().item())


def test_an_answer_that_is_no_number_is_the_worst_mistake(answers):
    source, logs = answers
    mistakes = Mistakes(source)
    mistakes.see(torch.arange(90), torch.from_numpy(source.labels), logs)
    assert sorted(image for _, image, _, _ in mistakes._worst[:2]) == [7, 8]


def test_the_first_process_shows_what_all_have_counted(answers):
    source, logs = answers
    whole, *parts = (Mistakes(source) for _ in range(3))
    whole.see(torch.arange(90), torch.from_numpy(source.labels), logs)
    for rank, part in enumerate(parts):
        part.see(torch.arange(rank, 90, 2), torch.from_numpy(source.labels[rank::2]), logs[rank::2])

    class Two(World):
        def sum(self, values):
            return values + torch.from_numpy(parts[1].confusion)

        def gather(self, value):
            return [value, parts[1]._worst]

    parts[0].gather(Two())
    np.testing.assert_array_equal(parts[0].confusion, whole.confusion)
    np.testing.assert_equal(parts[0]._worst, whole._worst)  # one answer is NaN


def test_the_pairs_that_are_confused_most_come_first(answers):
    source, _ = answers
    mistakes = Mistakes(source)
    mistakes.confusion[:] = np.diag([9, 9, 9, 9, 9])
    mistakes.confusion[2, 0], mistakes.confusion[1, 4] = 3, 5
    lines = mistakes._table().splitlines()[2:]
    assert lines == ["| n00000001 | n00000004 | 5 | 14 |", "| n00000002 | n00000000 | 3 | 12 |"]
    assert len(lines) <= PAIRS


@pytest.mark.parametrize(("every", "epochs"), [(2, [2, 3]), (0, [])])
def test_mistakes_are_shown_each_few_epochs_and_after_the_last(
    tmp_path: Path, array_source, monkeypatch, every: int, epochs
):
    trainer = run(tmp_path, array_source, mistakes_every=every, histograms_every=0)
    gathered: list[int] = []
    monkeypatch.setattr(Mistakes, "gather", lambda self, world: gathered.append(int(self.confusion.sum())))
    trainer.fit()
    assert gathered == [24] * len(epochs)  # each image once, anew each time
    events = events_of(tmp_path)
    for name in ("mistakes/confusion", "mistakes/worst"):
        assert (
            [image.step for image in events.Images(name)] == epochs if epochs else name not in events.Tags()["images"]
        )
    assert [point.step for point in events.Scalars("epoch/val_loss")] == [1, 2, 3]


def test_a_figure_of_two_names_is_drawn_once_and_photographs_are_kept_small(tmp_path: Path):
    drawn = []

    def photograph() -> Figure:
        figure = Figure(figsize=(3, 2))
        noise = np.random.default_rng(0).random((200, 300, 3)) * np.linspace(0, 1, 300)[:, None]
        figure.add_axes((0, 0, 1, 1)).imshow(noise)
        drawn.append(figure)
        return figure

    line = Figure(figsize=(3, 2))
    line.add_axes((0, 0, 1, 1)).plot([0, 1])
    publish({"page": photograph, "line": line, "layer": photograph}, tmp_path)
    assert len(drawn) == 1
    for suffix in ("png", "pdf"):
        assert (tmp_path / f"page.{suffix}").read_bytes() == (tmp_path / f"layer.{suffix}").read_bytes()
    events = events_of(tmp_path / "figures")
    assert set(events.Tags()["images"]) == {"page", "line", "layer"}
    kept = {tag: events.Images(tag)[0] for tag in ("page", "line", "layer")}
    assert kept["page"].encoded_image_string == kept["layer"].encoded_image_string
    assert len(kept["page"].encoded_image_string) < 300 * 200 * 3 / 2.5  # its colours fill nearly 180 kB
    for tag, most in (("page", 8), ("line", 0)):  # of 255, on average
        with (
            Image.open(io.BytesIO(kept[tag].encoded_image_string)) as shown,
            Image.open(tmp_path / f"{tag}.png") as file,
        ):
            assert shown.size == (kept[tag].width, kept[tag].height) == (300, 200)
            apart = np.asarray(shown, np.float64) - np.asarray(file.convert("RGB").reduce(3), np.float64)
            assert np.abs(apart).mean() <= most


def test_figures_of_an_earlier_run_of_the_job_go_and_all_others_stay(tmp_path: Path):
    def draw(*names: str) -> None:
        publish({name: Figure(figsize=(1, 1)) for name in names}, tmp_path)

    draw("fig2", "fig2_page2", "fig2_conv5")
    draw("fig7", "fig7_page2")  # another job's, put beside
    (tmp_path / "fig2_of_mine.png").touch()
    draw("fig2", "fig2_conv4")
    kept = ["fig2", "fig2_conv4", "fig7", "fig7_page2"]
    assert sorted(path.stem for path in tmp_path.glob("*.pdf")) == kept
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == sorted([*kept, "fig2_of_mine"])


def test_events_lie_in_the_folder_whose_name_the_run_has(tmp_path: Path):
    assert events_folder(tmp_path) == tmp_path
    assert events_folder(tmp_path, "evolution") == tmp_path / "evolution"
    (tmp_path / "tensorboard" / "evolution").mkdir(parents=True)
    assert events_folder(tmp_path) == tmp_path
    (tmp_path / "tensorboard" / "events.out.tfevents.1.host").touch()  # a run that an earlier version began
    assert events_folder(tmp_path, "evolution") == tmp_path / "tensorboard" / "evolution"
