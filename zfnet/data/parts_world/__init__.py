"""The parts world: drawn objects whose class is decided by their parts, in ImageNet format, with every part's box.

Ten classes in three families that share bodies, patterns, colours and poses: creatures that sit (cat, dog, rabbit,
owl), creatures seen from the side (bird, fish) and vehicles (car, bus, truck, tractor). What tells a class from the
others is listed in classes.py and marked "deciding" in the JSON (format: annotations.py).

    make_parts_world("data/parts_world")              # or scripts/make_parts_world
    for image in read_parts("data/parts_world").images: ...
    drawing = draw(0, np.random.default_rng(0), 256)  # a cat, not written
    draw(0, np.random.default_rng(0), 256, omit=frozenset({"left_eye"}))  # the same cat without that eye
"""

from zfnet.data.parts_world.annotations import Box, ImageParts, Part, PartsFile, read_parts, write_parts
from zfnet.data.parts_world.classes import CLASSES, PartsClass
from zfnet.data.parts_world.scene import Drawing, draw
from zfnet.data.parts_world.write import make_parts_world

__all__ = [
    "CLASSES",
    "Box",
    "Drawing",
    "ImageParts",
    "Part",
    "PartsClass",
    "PartsFile",
    "draw",
    "make_parts_world",
    "read_parts",
    "write_parts",
]
