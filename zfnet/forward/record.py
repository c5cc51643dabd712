"""One forward pass kept as a value: maps, pooling switches and the graph of what ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from zfnet.forward.exchange import drawn_at_random, taken_from
from zfnet.forward.graph import Graph
from zfnet.forward.record_glance import RecordGlance

Version = tuple[int, int, bytes]


@dataclass(frozen=True, kw_only=True)
class Record(RecordGlance):
    """What a forward pass of B images left behind.

    maps: layer -> (B, C, H, W) or (B, C).
    sizes: layer -> the shape of its output without B.
    image_size: (3, H, W). batch: B.
    scores: the layers whose values are the class scores.
    rule: of the deconvnet that made it. explicit: the layers whose units go down by the graph.
    image_bytes: about how much memory a pass of one image holds that keeps all for its gradients.
    weights: which weights the network had, as `weights_versions` tells.
    graph: the operations that ran, of this very pass; where nobody asked for the switches those of one like it.
    nodes: layer -> the node of the graph that gives its maps; layers that are not of the graph are left out.
    turned: layers that the network holds as (B, H, W, C); maps and sizes have the maps first all the same.
    switches: by node of a max pool (B, C, h, w), the place of each maximum within its window, counted row by row; of a
    global one (B, C, 1, 1), its place in the map.
    images: (B, 3, H, W), kept only where the reverse pass of a layer runs the network again.
    exchanged: whether the switches are not those of its images: `with_switches_of`, `with_random_switches`.
    """

    maps: Mapping[str, Tensor]
    sizes: Mapping[str, tuple[int, ...]]
    image_size: tuple[int, ...]
    batch: int
    scores: frozenset[str]
    image_bytes: int
    weights: Mapping[str, Version]
    graph: Graph
    nodes: Mapping[str, int]
    switches: Mapping[int, Tensor]
    turned: frozenset[str]
    rule: str = ""
    explicit: frozenset[str] = frozenset()
    images: Tensor | None = None
    exchanged: bool = False

    def with_switches_of(self, other: Record, images: Sequence[int] | None = None) -> Record:
        """The same record with the switches of another's images (B,), by default those of the same numbers.

        Maps and seeds stay, so that a projection of it shows what is the switches' doing. A record may exchange its own
        images': record.with_switches_of(record, [1, 2, 0]). Layers that go down by autograd have no switches to
        exchange, and projecting them raises ValueError. Raises ValueError where the pools differ, or there are none.
        """
        switches = taken_from(self.switches, other.switches, range(self.batch) if images is None else images)
        return replace(self, switches=switches, exchanged=True)

    def with_random_switches(self, generator: torch.Generator) -> Record:
        """The same record with switches that point anywhere in their windows; else as `with_switches_of`."""
        return replace(self, switches=drawn_at_random(self.switches, self.graph, generator), exchanged=True)


def weights_versions(model: nn.Module) -> dict[str, Version]:
    """For each parameter and buffer where it lies and how often it was changed in place; a parameter's ends as well.

    Its first and last number are for changes that torch does not count: those of a fused optimiser on a CPU, and those
    through `.data`. Such a change of other numbers of one tensor alone does not show.
    """
    versions, ends = dict[str, Version](), dict[tuple[torch.device, torch.dtype], dict[str, Tensor]]()
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        versions[name] = tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version, b""
        if isinstance(tensor, nn.Parameter) and tensor.numel():
            ends.setdefault((tensor.device, tensor.dtype), {})[name] = _ends(tensor.detach())
    for some in ends.values():  # one copy from a GPU
        numbers = torch.cat(list(some.values())).cpu().view(torch.uint8).numpy().tobytes()
        size = len(numbers) // len(some)
        for at, name in enumerate(some):  # as bytes: a number that is none equals itself
            versions[name] = (*versions[name][:2], numbers[at * size : (at + 1) * size])
    return versions


def _ends(values: Tensor) -> Tensor:
    """The first and the last number (2,), as they lie in memory."""
    last = sum((size - 1) * step for size, step in zip(values.shape, values.stride(), strict=True))
    return values.as_strided((2,), (last,), values.storage_offset())


def check_weights(record: Record, model: nn.Module) -> None:
    """Raise ValueError where a record is of another network, or of other weights, of which it names the first."""
    now = weights_versions(model)
    changed = [name for name in now.keys() | record.weights.keys() if now.get(name) != record.weights.get(name)]
    if changed and all(now.get(name, (0,))[0] != place for name, (place, *_) in record.weights.items()):
        raise ValueError(
            f"the record was made by a deconvnet with another rule or network than this one ({type(model).__name__}), "
            "or with all its weights elsewhere: record again with this one"
        )
    if changed:
        first = next((name for name in now if name in changed), changed[0])
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ValueError(f"the weights changed since the record was made ({first}{more}): record the images again")
