"""One optimiser step as a whole, on the CPU and, where there is one, on a GPU in every precision."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from array_source import ArraySource

from zfnet import build_model
from zfnet.data.frame import make_frame
from zfnet.data.loader import Batch
from zfnet.data.views import crop_views, training_views
from zfnet.training import Hardware, Recipe, World, evaluate
from zfnet.training.recipe import filter_rms, prepare
from zfnet.training.step import Stepper

on_gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
GPU = pytest.param("cuda", marks=on_gpu)
VIEWS = training_views("anywhere", 8, 72, 64, 0, 0)
RECIPE = Recipe(
    epochs=1, batch_size=8, learning_rate=0.01, init="kaiming", input_scale="unit", dropout=0.0, schedule="constant",
    filter_rms_limit=None,
)  # fmt: skip


@pytest.fixture
def source() -> ArraySource:
    return ArraySource(8, 4, 72, 0)


def stepper_on(source: ArraySource, device: str = "cpu", recipe: Recipe = RECIPE, double: bool = False, **hardware):
    model = build_model("zfnet", 4, width=0.05, input_px=64)
    prepare(model, recipe, torch.Generator().manual_seed(0))
    if double:
        model = model.double()
        model.register_forward_pre_hook(lambda _module, inputs: (inputs[0].double(),))
    world = World(device=torch.device(device))
    frame = make_frame("unit", source, 64)
    made = Stepper(model, recipe, frame, hardware=Hardware(**hardware), world=world, steps_per_epoch=5)
    made.forward.train()
    return made


def batch_of(source: ArraySource) -> Batch:
    return Batch(*source.read(range(len(source))), torch.arange(len(source)))


def weights(stepper: Stepper) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in stepper.model.state_dict().items()}


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_a_filter_over_the_limit_is_brought_back_by_the_step(source, device: str):
    for limit, largest in ((0.1, 0.1), (None, 0.5)):
        recipe = Recipe(**{**RECIPE.__dict__, "learning_rate": 1e-9, "filter_rms_limit": limit})
        stepper = stepper_on(source, device, recipe)
        weight = stepper.model.get_submodule("conv2").weight
        with torch.no_grad():
            weight[3] *= 0.5 / filter_rms(weight)[3]
        stepper(batch_of(source), VIEWS)
        found = np.sqrt(np.mean(weight.detach().cpu().numpy()[3].astype(np.float64) ** 2))
        assert found == pytest.approx(largest, rel=1e-4)


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("accumulate", [1, 4])
def test_a_step_in_float64_is_that_of_autograd_and_of_arithmetic_written_out(source, device: str, accumulate: int):
    stepper = stepper_on(source, device, double=True, accumulate=accumulate)
    twin, batch = copy.deepcopy(stepper.model).cpu(), batch_of(source)
    images = crop_views(batch.images, VIEWS, make_frame("unit", source, 64))
    for _ in range(2):  # momentum shows from the second on
        counted = stepper(batch, VIEWS)
    velocity: dict[str, torch.Tensor] = {}
    for _ in range(2):
        scores = twin(images)
        loss = F.cross_entropy(scores, batch.labels)
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for (name, parameter), gradient in zip(twin.named_parameters(), gradients, strict=True):
                decayed = gradient + 5e-4 * parameter if parameter.ndim > 1 else gradient
                velocity[name] = 0.9 * velocity.get(name, 0) + decayed
                parameter -= 0.01 * velocity[name]
    assert counted.images == 8
    assert counted.means().loss == pytest.approx(loss.item(), rel=1e-9)
    assert counted.means().top1_error == (scores.argmax(1) != batch.labels).double().mean().item()
    for name, tensor in twin.state_dict().items():
        assert (weights(stepper)[name] - tensor).norm() <= 1e-9 * tensor.norm(), name


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_steps_close_to_full_ones_and_learns(source, device: str, precision: str):
    full, half = stepper_on(source, device), stepper_on(source, device, precision=precision)
    batch, losses = batch_of(source), []
    for step in range(12):
        losses.append((full(batch, VIEWS).means().loss, half(batch, VIEWS).means().loss))
        if step == 0:
            for name, tensor in weights(full).items():
                assert (weights(half)[name] - tensor).norm() <= 0.02 * tensor.norm().clamp(min=1e-2), name
    assert losses[0][1] == pytest.approx(losses[0][0], rel=0.02)
    assert losses[-1][1] < 0.97 * losses[0][1]
    assert all(tensor.dtype == torch.float32 for tensor in weights(half).values())
    assert half.scaler.is_enabled() == (precision == "float16")


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_a_step_that_overflows_in_float16_is_left_out_and_the_scale_halved(source, device: str):
    stepper = stepper_on(source, device, precision="float16")
    stepper.scaler = torch.amp.GradScaler(device, init_scale=2.0**24)
    before = weights(stepper)
    stepper(batch_of(source), VIEWS)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(stepper).items())
    assert stepper.scaler.get_scale() == 2.0**23
    for _ in range(16):
        stepper(batch_of(source), VIEWS)
    assert not torch.equal(weights(stepper)["fc8.bias"], before["fc8.bias"])
    assert all(tensor.isfinite().all() for tensor in weights(stepper).values())


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_large_activations_pass_contrast_normalisation_in_float16(source, device: str):
    """The second layer's input at 100 times its size: squares that float16 does not hold."""
    full, half = stepper_on(source, device), stepper_on(source, device, precision="float16")
    for stepper in (full, half):
        with torch.no_grad():
            stepper.model.get_submodule("conv1").weight *= 100
    ours, theirs = (stepper(batch_of(source), VIEWS).means().loss for stepper in (half, full))
    assert ours == pytest.approx(theirs, rel=0.05)


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("views", [1, 10])
def test_the_class_scores_of_an_evaluation_are_those_of_float64_on_the_cpu(source, device: str, views: int):
    exact, plain = stepper_on(source, double=True), stepper_on(source, device)
    plain.model.load_state_dict(exact.model.state_dict())
    kept: dict[str, list[torch.Tensor]] = {"exact": [], "plain": []}
    for name, stepper in (("exact", exact), ("plain", plain)):
        evaluate(
            (stepper.model, stepper.frame), source, views=views, batch_size=3, world=World(device=stepper.device),
            on_batch=lambda indices, labels, logs, name=name: kept[name].append(logs.cpu()),
        )  # fmt: skip
    assert torch.allclose(torch.cat(kept["plain"]), torch.cat(kept["exact"]), atol=5e-3 if device == "cuda" else 1e-4)


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), pytest.param("cuda", "nccl", marks=on_gpu)])
def test_several_processes_step_and_agree_through_their_backend(source, tmp_path, device: str, backend: str):
    """A group of one, which does all that a larger one does but wait: DistributedDataParallel, no_sync, reductions."""
    alone = stepper_on(source, device, double=True, accumulate=2)
    dist.init_process_group(backend, init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    try:
        world = World(rank=0, size=2, device=torch.device(device, 0) if device == "cuda" else torch.device("cpu"))
        model = copy.deepcopy(alone.model)
        frame, hardware = make_frame("unit", source, 64), Hardware(accumulate=2)
        several = Stepper(model, RECIPE, frame, hardware=hardware, world=world, steps_per_epoch=5)
        several.forward.train()
        tallies = [stepper(batch_of(source), VIEWS) for stepper in (alone, several)]
        assert torch.equal(world.sum(tallies[1].sums), tallies[1].sums)
        assert torch.allclose(tallies[0].sums, tallies[1].sums)
        assert world.max(torch.tensor([2.0], device=device)).item() == 2.0
        assert world.any(True)
        world.wait()
    finally:
        dist.destroy_process_group()
    for name, tensor in weights(alone).items():
        assert (weights(several)[name] - tensor).norm() <= 1e-9 * tensor.norm().clamp(min=1e-9), name
