"""Occlusion on the graph of a network: only what the square changes is computed anew, on top of the clean maps.

A square changes a small rectangle of each lower layer's maps. The rectangles of many squares form one loose list of
places, without a batch's common shape, so that each operation computes what may have changed and no more: the values
its windows see are gathered from a table of clean and changed places. Where branches join, each is looked up in its own
table. What has no places, or changes nearly everywhere, is computed on whole maps, and so is all above it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from zfnet.analysis.occlusion.fused import fused
from zfnet.analysis.occlusion.gathering import GATHERING, Gathering, each_place, gathering, is_pointwise, rows_of
from zfnet.analysis.occlusion.method import map_sums
from zfnet.analysis.occlusion.plain import PlainOcclusion
from zfnet.analysis.occlusion.rects import Rects
from zfnet.forward import Pair, check_scores, slices_that_fit
from zfnet.forward.graph import Graph, Unknown, trace_with_values

DENSE_FROM = 0.95  # where a larger share of the maps changes, whole maps cost no more
LEAST_BYTES = 2**20  # what a square is taken to need on whole maps, so that a long sweep shows its progress
APART = 1e-3  # of the largest score: what a network that does the same on every image is sure to keep


def can_be_run_again(graph: Graph, top: int) -> bool:
    """Whether every operation below a node is one that can be run on other signals."""
    return not any(isinstance(graph.nodes[position].operation, Unknown) for position in graph.below(top))


class IncrementalOcclusion:
    """The OcclusionMethod of networks whose operations are all known. module: whose output the layer is."""

    def __init__(self, model: nn.Module, layer: str, module: str, graph: Graph) -> None:
        self.layer, self._model, self._module = layer, model, module
        self._plain = PlainOcclusion(model, layer, module, graph)
        self._made: dict[int, Gathering] = {}
        self._clean: dict[int, Tensor] = {}

    def clean(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self._graph, values = trace_with_values(self._model, image[None], values=True)
        tap, last = self._graph.outputs[self._module][0], self._graph.scores()[-1]
        assert tap is not None
        self._tap, self._last, self._made = tap, last, {}
        self._plain.take(image)
        self._order = sorted({*self._graph.below(tap), *self._graph.below(last)})
        self._operations, pairs = fused(self._graph, self._order, apart=(tap, last))
        self._clean = {position: values[pairs.get(position, position)] for position in self._order}
        return check_scores(values[last].flatten(1))[0], map_sums(self.layer, values[tap])[0]

    def covered(self, canvas: Tensor, corners: Tensor, size_px: int, map_: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        answers = self._incremental(canvas, corners.to(canvas.device), size_px, map_)
        first = next(answers)
        if self._is_right(first[0][0], canvas, corners[:1], size_px):
            yield first
            yield from answers
        else:  # what the network does depends on what it sees
            yield from self._plain.covered(canvas, corners, size_px, map_)

    def _is_right(self, scores: Tensor, canvas: Tensor, corner: Tensor, size_px: int) -> bool:
        expected = next(self._plain.covered(canvas, corner, size_px, torch.tensor(0)))[0][0]
        return bool((scores - expected).abs().max() <= APART * expected.abs().max())

    def _incremental(
        self, canvas: Tensor, corners: Tensor, size_px: int, map_: Tensor
    ) -> Iterator[tuple[Tensor, Tensor]]:
        bounds = (canvas.shape[1], canvas.shape[2])
        listed, list_bytes = self._plan(Rects.of_squares(corners, size_px, bounds))
        whole = [position for position in self._order if position not in listed]
        ends = {source for position in whole for source in self._graph.nodes[position].inputs if source in listed}
        for part in slices_that_fit(len(corners), max(self._whole_bytes(whole), LEAST_BYTES), canvas.device):
            lists = [
                self._changed(canvas, Rects.of_squares(corners[part][short], size_px, bounds), listed, ends, map_)
                for short in slices_that_fit(len(corners[part]), list_bytes, canvas.device)
            ]
            maps = {end: torch.cat([given[end] for given, _ in lists]) for end in ends}  # (N, ..., H, W)
            outputs = self._run(maps, whole)
            if self._tap in outputs:
                activity = map_sums(self.layer, outputs[self._tap][:, map_[None]])[:, 0]  # (N, 1, h, w) to (N,)
            else:
                activity = torch.cat([sums for _, sums in lists])  # (N,)
            yield check_scores(outputs[self._last].flatten(1)), activity

    def _plan(self, squares: Rects) -> tuple[set[int], int]:
        """The nodes that run on lists of places, and about how many bytes the lists of one square take."""
        rects, listed, numbers = {0: squares}, {0}, 0.0
        for position in self._order[1:]:
            inputs = self._graph.nodes[position].inputs
            if not all(source in listed for source in inputs):
                continue
            above = self._rects(position, rects)
            if above is None or above.areas.float().mean() > DENSE_FROM * above.bounds[0] * above.bounds[1]:
                continue
            listed.add(position)
            rects[position] = above
            channels, maps = (rows_of(self._clean[at]).shape[1] for at in (inputs[0], position))
            held = 2 * int(above.areas.max()) * maps
            if position in self._made:
                held += int(self._made[position].holds(int(above.areas.max()), channels, maps))
            numbers = max(numbers, held + 2 * int(rects[inputs[0]].areas.max()) * channels)
        return listed, int(numbers) * self._clean[0].element_size()

    def _rects(self, position: int, below: dict[int, Rects]) -> Rects | None:
        """What may change in a node's output; None where nobody can tell which of its places depend on which."""
        node = self._graph.nodes[position]
        if is_pointwise(self._operations[position]):
            return Rects.around([below[source] for source in node.inputs])
        if not isinstance(self._operations[position], GATHERING):
            return None
        (source,) = node.inputs
        if position not in self._made:
            self._made[position] = gathering(self._operations[position], self._clean[source], self._clean[position])
        return below[source].through(self._made[position].windows, self._bounds(position))

    def _changed(
        self, canvas: Tensor, squares: Rects, listed: set[int], ends: set[int], map_: Tensor
    ) -> tuple[dict[int, Tensor], Tensor]:
        """The whole maps (N, ..., H, W) of the nodes `ends`, where lists end; the layer's activity (N,) if listed."""
        rects, rows, given, sums = {0: squares}, {0: rows_of(canvas[None])}, dict[int, Tensor](), canvas.new_empty(0)
        users = self._graph.users(listed)
        wanted = {position: len(users.get(position, ())) for position in listed}
        for position in self._order:
            if position not in listed:
                continue
            node = self._graph.nodes[position]
            if position:
                above = self._rects(position, rects)
                assert above is not None
                rects[position] = above
                own = wanted[node.inputs[0]] == 1 and node.inputs[0] != 0
                rows[position] = self._values(position, rects, rows, own=own)
            if position == self._tap:
                table = self._table(position, rows[position])[:, map_[None]]  # (rows, 1)
                sums = map_sums(self.layer, table[rects[position].everywhere()].permute(0, 3, 1, 2))[:, 0]  # (N,)
            if position in ends:
                maps = self._table(position, rows[position])[rects[position].everywhere()]  # (N, H, W, C)
                given[position] = maps.permute(0, 3, 1, 2).reshape(len(squares), *node.shape)
            for source in (position, *node.inputs):
                wanted[source] -= source != position
                if wanted[source] == 0:
                    rows.pop(source, None)
        return given, sums

    def _values(self, position: int, rects: dict[int, Rects], rows: dict[int, Tensor], *, own: bool) -> Tensor:
        """The places (M, C) of a node's rectangles, from its inputs'. own: the first one's may be overwritten."""
        node, above = self._graph.nodes[position], rects[position]
        if not is_pointwise(self._operations[position]):
            layer, (source,) = self._made[position], node.inputs
            return layer(self._table(source, rows[source], layer.beyond), rects[source], above)
        inputs = []
        for source in node.inputs:
            here = rects[source]
            if here is above or here.same_as(above):
                inputs.append(rows[source])
            else:
                places = here.lookup(*(above.tiles(1)[0], *(line[None] for line in above.tiles(1)[1:])))[0, 0]
                inputs.append(self._table(source, rows[source]).index_select(0, places))
        shapes = [self._graph.nodes[source].shape for source in node.inputs]
        return each_place(self._operations[position], inputs, shapes, own=own)

    def _table(self, position: int, changed: Tensor, beyond: float = 0.0) -> Tensor:
        """The table (rows, C) of Rects for the output of a node, whose changed places are `changed` (places, C)."""
        clean = rows_of(self._clean[position])
        return torch.cat([clean.new_full((1, clean.shape[1]), beyond), clean, changed])  # (1 + H * W + places, C)

    def _bounds(self, position: int) -> Pair:
        return self._clean[position].shape[-2], self._clean[position].shape[-1]

    def _whole_bytes(self, whole: list[int]) -> int:
        """About how much memory an image takes on whole maps."""
        return 4 * max(self._clean[position].numel() for position in whole) * self._clean[0].element_size()

    def _run(self, maps: dict[int, Tensor], whole: list[int]) -> dict[int, Tensor]:
        """The outputs of the layer and of the scores among the nodes `whole`, from the maps that enter them."""
        outputs = dict(maps)
        users = {source: len(above) for source, above in self._graph.users(whole).items()}
        for position in whole:
            node = self._graph.nodes[position]
            outputs[position] = self._operations[position](*(outputs[source] for source in node.inputs))
            for source in node.inputs:
                users[source] -= 1
                if users[source] == 0 and source not in (self._tap, self._last):
                    del outputs[source]
        return outputs
