"""Several threads with one network, as the handlers of a web page have it."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from zfnet import Deconvnet, occlude
from zfnet.forward import temporary_hooks
from zfnet.models import evaluating, full_float32

torch.set_num_threads(1)
MEETING: list[threading.Barrier] = []


class Meets(nn.Module):
    """Waits in the middle of a pass until another thread is there too."""

    def forward(self, x):
        if MEETING:
            MEETING[0].wait(timeout=60)
        return x.clone()


def of_two_threads(work, given):
    """What some work gives of two things at once, each pass meeting one of the other's."""
    MEETING.append(threading.Barrier(2))
    try:
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(work, given))
    finally:
        MEETING.clear()


def test_threads_that_share_a_network_get_their_own_answers():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), Meets(), nn.Dropout(0.9), nn.Conv2d(4, 6, 3, 2), nn.SiLU(), nn.Conv2d(6, 3, 2),
        nn.Flatten(), nn.Linear(3 * 8 * 8, 5),
    ).double()  # fmt: skip
    images = torch.randn(2, 1, 3, 22, 22, dtype=torch.float64)
    deconvnet, plain = Deconvnet(model), Deconvnet(model, rule="gradient")
    jobs = [
        lambda one: deconvnet.activations(one, ["4"])["4"],
        lambda one: deconvnet.record(one, ["4"]).maps["4"],
        lambda one: deconvnet.project(deconvnet.record(one, ["4"]), "4", [[0, 1, 2, 3]], scale=1),
        lambda one: plain.project(plain.record(one, ["8"]), "8", [[0, 1, 0, 0]], scale=1),
        lambda one: occlude(model, one[0], 1, 11, 11, progress=False).probability,
        lambda one: Deconvnet(model).record(one, ["4"]).maps["4"],
    ]
    for job in jobs:
        alone = [job(one) for one in images]
        for found, expected in zip(of_two_threads(job, images), alone, strict=True):
            assert torch.equal(found, expected)
        assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_hooks_do_not_hear_another_threads_pass():
    model, images, heard = nn.Sequential(nn.Conv2d(3, 4, 3)), torch.randn(1, 3, 9, 9), []
    with temporary_hooks() as hooks, ThreadPoolExecutor(1) as threads:
        hooks.put(model[0].register_forward_hook, lambda *_: heard.append("after"))
        hooks.put(model[0].register_forward_pre_hook, lambda *_: heard.append("before"))
        threads.submit(model, images).result()
        assert heard == []
        model(images)
    assert heard == ["before", "after"]


def test_a_model_stays_in_eval_mode_until_the_last_is_done():
    model = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    first, second = evaluating(model), evaluating(model)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not any(module.training for module in model.modules())
    second.__exit__(None, None, None)
    assert [module.training for module in model.modules()] == [True, True, False]


def test_a_model_that_trains_within_is_left_so_by_whoever_evaluates_it_there():
    model = nn.Sequential(nn.Dropout())
    with evaluating(model):
        model.train()
        with evaluating(model):
            assert not model.training
        assert model[0].training
    assert model[0].training


def test_what_is_collected_while_a_model_is_entered_may_leave_one():
    def stays_inside(model):
        with evaluating(model):
            yield

    inside, big = nn.Sequential(nn.Dropout()), nn.Sequential(*(nn.Dropout() for _ in range(3000)))
    for _ in range(3):
        left = stays_inside(inside)
        next(left)
        circle = [left]
        circle.append(circle)  # which only the collector takes away
    del left, circle
    with evaluating(big):
        gc.collect()
    assert inside.training


def test_full_float32_lasts_until_the_last_is_out():
    backend = torch.backends.cuda.matmul
    before, backend.fp32_precision = backend.fp32_precision, "tf32"
    try:
        first, second = full_float32(), full_float32()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert backend.fp32_precision == "ieee"
        second.__exit__(None, None, None)
        assert backend.fp32_precision == "tf32"
    finally:
        backend.fp32_precision = before
