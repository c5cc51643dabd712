"""What a caller asks for: layers, units and maps, checked, with errors that name the value and the choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zfnet.deconv.explicit import Seeds
from zfnet.forward import Record, are_whole


def check_units(record: Record, layer: str, units: Any) -> Tensor:
    """Units (N, 4), a tensor, an array or a list, as int64 on the CPU.

    Raises ValueError for another shape or type, or a unit that is not there.
    """
    names, bounds = ("image", "map", "row", "column"), _bounds(record, layer)
    return _checked(_tensor(units, 4), names, bounds, layer)


def check_maps(record: Record, layer: str, chosen: Any) -> Tensor:
    """Whole maps (N, 2), image and map, as int64 on the CPU. Takes and raises what `check_units` does."""
    return _checked(_tensor(chosen, 2), ("image", "map"), _bounds(record, layer)[:2], layer)


def check_seeds(record: Record, layer: str, seeds: Tensor) -> Tensor:
    """Seeds of a whole layer, (B, C, h, w) or (B, C). Raises ValueError for another shape, and for no such layer."""
    _bounds(record, layer)
    expected = (record.batch, *record.sizes[layer])
    if tuple(seeds.shape) != expected:
        raise ValueError(f"seeds are {tuple(seeds.shape)}, expected {expected}: a signal of layer {layer!r} an image")
    return seeds.detach()


def _tensor(chosen: Any, columns: int) -> Tensor:
    if isinstance(chosen, Tensor):
        return chosen
    try:
        tensor = torch.as_tensor(np.asarray(chosen))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{chosen!r} was given; expected whole numbers (N, {columns})") from error
    return tensor.reshape(0, columns).to(torch.int64) if tensor.numel() == 0 else tensor


def _bounds(record: Record, layer: str) -> tuple[int, ...]:
    size = record.sizes.get(layer)
    if size is None:
        raise ValueError(f"the record ends below layer {layer!r}: record again with layers=[{layer!r}]")
    if len(size) not in (1, 3):
        raise ValueError(
            f"layer {layer!r} gives {size} an image; units are places of (maps, rows, columns) or (units,)"
        )
    return (record.batch, *size) if len(size) == 3 else (record.batch, size[0], 1, 1)


def _checked(chosen: Tensor, names: Sequence[str], bounds: Sequence[int], layer: str) -> Tensor:
    if chosen.ndim != 2 or chosen.shape[1] != len(names) or not are_whole(chosen):
        raise ValueError(
            f"{tuple(chosen.shape)} of {chosen.dtype} was given; expected whole numbers (N, {len(names)}): "
            + ", ".join(names)
        )
    chosen = chosen.detach().to("cpu", torch.int64)
    wrong = ((chosen < 0) | (chosen >= torch.tensor(bounds))).nonzero()  # (wrong ones, 2): row of `chosen`, column
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ValueError(
            f"{names[column]} {chosen[row, column].item()} of {chosen[row].tolist()} is not in layer {layer!r}: "
            f"expected 0 to {bounds[column] - 1}"
        )
    return chosen


def unit_values(record: Record, layer: str, units: Tensor) -> Tensor:
    """The recorded activation (N,) of each unit (N, 4). Raises ValueError if the record does not hold it."""
    maps = kept(record, layer)
    image, map_, row, column = units.unbind(1)
    return maps[image, map_, row, column] if maps.ndim == 4 else maps[image, map_]  # (N,)


def kept(record: Record, layer: str) -> Tensor:
    """A layer's recorded maps, (B, C, H, W) or (B, C). Raises ValueError if they were not kept."""
    if layer not in record.maps:
        raise ValueError(
            f"the record does not hold the maps of layer {layer!r}, only of {', '.join(record.maps) or 'none'}: "
            f"record again with keep including {layer!r}, or give a scale for the seed"
        )
    return record.maps[layer]


def seeds_of_units(values: Tensor, units: Tensor, size: tuple[int, ...]) -> Seeds:
    """Signals (n, C, h, w) or (n, C) of that size, each a value (N,) at its unit (N, 4) and zero elsewhere."""

    def seeds(part: slice | Tensor) -> Tensor:
        signal = values.new_zeros((len(units[part]), *size))
        _, maps, rows, columns = units[part].unbind(1)  # (n,) each
        order = torch.arange(len(signal))
        signal[(order, maps, rows, columns)[: 1 + len(size)]] = values[part]
        return signal

    return seeds


def seeds_of_maps(maps: Tensor, chosen: Tensor) -> Seeds:
    """Signals (n, C, h, w) or (n, C), each a chosen map (N, 2) as it was recorded and zero elsewhere."""

    def seeds(part: slice | Tensor) -> Tensor:
        images, numbers = chosen[part].unbind(1)
        order = torch.arange(len(images))
        signal = maps.new_zeros((len(images), *maps.shape[1:]))
        signal[order, numbers] = maps[images, numbers]
        return signal

    return seeds
