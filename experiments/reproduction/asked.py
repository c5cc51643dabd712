"""What scripts/reproduce was asked for, and where everything lies then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.common.config import quote_override
from experiments.reproduction.scales import SCALES, Scale, Words

ROWS = (  # the networks of Table 3; the first is the one that is looked into
    "zfnet", "alexnet", "zfnet_512_1024_512", "alexnet_no_34", "alexnet_no_7", "alexnet_no_67", "alexnet_no_3467",
    "alexnet_fc2048", "alexnet_fc8192", "zfnet_fc2048", "zfnet_fc8192", "zfnet_512_1024_512_fc8192",
)  # fmt: skip
BOXES = ("boxes.json", "parts.json")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What scripts/reproduce was asked for.

    root: images in ImageNet format; None where they are drawn. caltech101, caltech256, voc: the folders that hold them,
    others: images in ImageNet format of classes that the network has not learned; None where they are not at hand.
    seeds: how many networks Table 2 averages. processes: of each training. training: further words for all trainings.
    Raises ValueError for a folder that is not there and one that is missing.
    """

    scale: str
    out: Path
    root: Path | None = None
    devkit: Path | None = None
    caltech101: Path | None = None
    caltech256: Path | None = None
    voc: Path | None = None
    others: Path | None = None
    seeds: int = 5
    processes: int = 1
    training: Words = ()

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"--scale {self.scale} is not one of {', '.join(SCALES)}")
        if self.seeds < 1 or self.processes < 1:
            raise ValueError(f"--seeds {self.seeds} --processes {self.processes}: expected at least 1 each")
        if self.root is None and not self.of_scale.drawn:
            raise ValueError(f"--scale {self.scale} needs --root, a folder with train/ and val/ in ImageNet format")
        for name in ("root", "devkit", "caltech101", "caltech256", "voc", "others"):
            folder = getattr(self, name)
            if folder is not None and not folder.is_dir():
                raise ValueError(f"--{name} {folder} is not a folder")

    @property
    def of_scale(self) -> Scale:
        """What the size asked for means."""
        return SCALES[self.scale]

    @property
    def images(self) -> Path:
        """Where the images lie, or will."""
        return self.root or self.out / "parts_world"

    @property
    def pack(self) -> Path:
        """Where they are packed to."""
        return self.out / "pack"

    @property
    def best(self) -> Path:
        """The network that is looked into."""
        return self.out / "rows" / "zfnet-seed0" / "checkpoints" / "best.pt"

    def training_data(self) -> Words:
        """The images, for trainings and the tables of them."""
        if self.scale == "imagenet":
            return (word("data.root", self.pack),)
        return (word("data.root", self.images), word("data.pack", self.pack))

    def data(self) -> Words:
        """The same images, for every other job."""
        if self.scale == "imagenet":
            return ("data=imagenet_pack", word("data.root", self.pack))
        kind = "parts_world" if self.of_scale.drawn else "imagenet_folder"
        return (f"data={kind}", f"data.side={self.of_scale.side_px}", *self.training_data())

    def has_boxes(self) -> bool:
        """Whether it is known where the objects are."""
        return self.of_scale.drawn or any((self.images / name).is_file() for name in BOXES)

    def has_parts(self) -> bool:
        """Whether their parts are known too."""
        return self.of_scale.drawn or (self.images / "parts.json").is_file()


def word(name: str, path: Path) -> str:
    """A folder or a file as a job's option, whatever letters and signs are in its name."""
    return f"{name}={quote_override(str(path))}"
