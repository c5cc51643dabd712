"""How much goes down at once, on a CPU and on a GPU that is made up."""

import pytest
import torch

from zfnet.forward.memory_budget import slices_that_fit


def test_slices_cover_all_units_and_fit() -> None:
    assert list(slices_that_fit(7, 10, torch.device("cpu"), host_bytes=39)) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert list(slices_that_fit(2, 40, torch.device("cpu"), host_bytes=39)) == [
        slice(0, 1),
        slice(1, 2),
    ]  # one, come what may


@pytest.mark.parametrize(("reserved", "most"), [(300, 25), (700, 35), (1100, 45)])
def test_memory_that_torch_keeps_for_itself_on_a_gpu_is_free(
    monkeypatch: pytest.MonkeyPatch, reserved: int, most: int
) -> None:
    """Of 2000 bytes 1000 are free to the driver, and of the reserved ones all but 300 to torch; a unit takes 10."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 2000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: reserved)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 300)
    slices = list(slices_that_fit(100, 10, torch.device("cuda")))
    assert slices[0] == slice(0, most)
    assert slices[-1].stop == 100
