"""What makes it again: a line for the shell, and a few of Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zfnet.analysis.occlusion import Occlusion
from zfnet.live.hiding import Square, covered
from zfnet.live.lens import Lens
from zfnet.live.pictures import Picture

PLAIN = re.compile(r"[\w./:+@%-]+", re.ASCII)  # what Hydra reads as it stands


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a page shows: units (map, row, column) of a layer on a picture. hidden: a square that lies on it."""

    lens: Lens
    picture: Picture
    layer: str
    units: Sequence[Sequence[int]]
    rule: str
    hidden: Square | None = None

    @property
    def shown(self) -> Picture:
        return self.picture if self.hidden is None else covered(self.lens, self.picture, self.hidden)


@dataclass(frozen=True, kw_only=True)
class Words:
    """How to make it again. files: what the squares that it reads are saved as, and the page's addresses of them."""

    files: dict[str, str]
    command: str
    python: str

    def told(self) -> dict[str, Any]:
        files = [{"name": name, "address": address} for name, address in self.files.items()]
        return {"files": files, "command": self.command, "python": self.python}


def words_of(seen: Seen, figure: str = "projection.png") -> Words:
    """For units of a layer. The picture is the square that the page saves as a file."""
    lens, layer, file = seen.lens, seen.layer, file_of(seen.picture, seen.lens.number)
    listed = "[" + ",".join("[" + ",".join(map(str, unit)) + "]" for unit in seen.units) + "]"
    square = [] if seen.hidden is None else [f"hide=[{','.join(map(str, seen.hidden))}]"]
    command = [
        "zfnet",
        "project",
        option("image", file),
        *network_words(lens),
        option("layer", layer),
        f"units={listed}",
    ]
    places = [[0, *unit] for unit in seen.units]
    python = [
        "from zfnet import Deconvnet, open_network, plot",
        "from zfnet.data import read_photographs",
        *opened(lens),
        f"images = read_photographs([{file!r}], network.frame).inputs",
        *([] if seen.hidden is None else [_covering(seen.hidden)]),
        f"deconvnet = Deconvnet(network.model, {seen.rule!r})",
        f"plot(deconvnet.project(deconvnet.record(images, [{layer!r}]), {layer!r}, {places})).savefig({figure!r})",
    ]
    return Words(
        files=files_of(seen.picture, lens), command=shlex.join([*command, *square, f"rule={seen.rule}"]),
        python="\n".join(python),
    )  # fmt: skip


def words_of_all(columns: Sequence[Seen]) -> Words:
    """For what stands side by side: a command and lines for each; for one alone as `words_of` has it."""
    if len(columns) == 1:
        return words_of(columns[0])
    each = [words_of(seen, f"projection-{number}.png") for number, seen in enumerate(columns, start=1)]
    return Words(
        files={name: address for words in each for name, address in words.files.items()},
        command="\n".join(words.command for words in each), python="\n\n".join(words.python for words in each),
    )  # fmt: skip


def heat_words(lens: Lens, picture: Picture, heat: Occlusion, stride_px: int) -> Words:
    """For an occlusion map."""
    file, target = file_of(picture, lens.number), int(heat.target)
    command = [
        "zfnet", "fig7", f"pictures=[{file}]", *network_words(lens), option("layer", heat.layer), f"targets=[{target}]",
        f"square_px={heat.size_px}", f"stride_px={stride_px}",
    ]  # fmt: skip
    python = [
        "from zfnet import occlude, open_network, plot",
        "from zfnet.data import read_photographs",
        *opened(lens),
        f"image = read_photographs([{file!r}], network.frame).inputs[0]",
        f"heat = occlude(network.model, image, {target}, {heat.size_px}, {stride_px}, layer={heat.layer!r})",
        "plot(heat, image, frame=network.frame, names=network.names).savefig('occlusion.png')",
    ]
    return Words(files=files_of(picture, lens), command=shlex.join(command), python="\n".join(python))


def file_of(picture: Picture, number: int) -> str:
    """What the saved square of a picture is called: its own name, the first letters of its key, and the network's."""
    stem = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in picture.name.rpartition(".")[0]
    )
    key = "".join(letter for letter in picture.key if letter.isalnum())
    other = "" if number == 0 else f"-{number + 1}"
    return f"{stem.strip('-')[:40] or 'picture'}-{key[:6]}{other}.png"


def files_of(picture: Picture, lens: Lens) -> dict[str, str]:
    return {file_of(picture, lens.number): f"square/{picture.key}/{lens.number}.png"}


def network_words(lens: Lens) -> list[str]:
    given = {"weights": lens.weights, "size_px": lens.crop_px, "seed": lens.seed or None}
    return [option("checkpoint", lens.source)] + [
        option(name, str(one)) for name, one in given.items() if one is not None
    ]


def option(name: str, value: str) -> str:
    """A word of a job's command line, quoted as Hydra needs it."""
    if PLAIN.fullmatch(value):
        return f"{name}={value}"
    return f"{name}='" + re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + (found[2] and r"\'"), value) + "'"


def opened(lens: Lens) -> list[str]:
    """The line of Python that opens the network; before it those that draw what one without weights draws."""
    given = [repr(lens.source), *([repr(lens.weights)] if lens.weights else [])]
    if lens.crop_px is not None:
        given.append(f"size_px={lens.crop_px}")
    drawn = (
        [] if lens.seed is None else ["import torch", f"torch.manual_seed({lens.seed})  # no weights but random ones"]
    )
    return [*drawn, f"network = open_network({', '.join(given)})"]


def _covering(square: Square) -> str:
    top, left, side = square
    return f"images[:, :, {max(top, 0)}:{max(top + side, 0)}, {max(left, 0)}:{max(left + side, 0)}] = 0  # the square"
