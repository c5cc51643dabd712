"""parts.json: where the parts of every image are.

The file lies in the root of a data set in ImageNet format and may be written by hand or by any program for other
images too. It is one JSON object (the keys in brackets may be missing):

    {"arguments": {"version": 1, "seed": 0, ...},                          [what make_parts_world was asked for]
     "classes": {"n90000001": "cat", ...},                                 [a readable name of each class]
     "images": [{"path": "train/n90000001/n90000001_00000.JPEG",           relative to the root, with forward slashes
                 "class": "n90000001",                                     the wnid, as the folder is called
                 "object": [left, top, right, bottom],                     the box of the whole object
                 "parts": [{"name": "left_eye",                            each name at most once in an image
                            "box": [left, top, right, bottom],
                            "deciding": true}, ...],                        [false where it is missing]
                 "decoys": [{"name": "beak", "class": "n90000004",         [loose parts that decide another class]
                             "box": [left, top, right, bottom]}, ...]}, ...]}

Boxes are whole pixels of the written image, counted from its upper left corner; right and bottom are the first column
and row outside, so that pixels[top:bottom, left:right] is the part, as in PIL's crop. A part's box holds what is seen
of it: what other parts hide of it counts as outside. A part that is not seen is not listed. left_ and right_ in names
mean the sides of the image. deciding: no other class has the part in this form, so it tells the class by itself.
Names that classes share are left_ear, right_ear, left_eye, right_eye (eye where only one is seen), nose (of cats, dogs
and rabbits), beak (of owls and birds), mouth, tail, head, body, rear_wheel, front_wheel, rear_window, front_window.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zfnet.data import read_names
from zfnet.files import write_text

FILE_NAME, BOXES_NAME = "parts.json", "boxes.json"
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are the first ones outside


@dataclass(frozen=True)
class Part:
    """One part of an object: what is seen of it lies in box; deciding: it tells the class by itself."""

    name: str
    box: Box
    deciding: bool


@dataclass(frozen=True)
class Decoy:
    """A part that decides another class, that of wnid, and lies beside the object: what is seen of it is in box."""

    name: str
    wnid: str
    box: Box


@dataclass(frozen=True)
class ImageParts:
    """The parts in one image; path is relative to the root of the data, object the box of all parts."""

    path: str
    wnid: str
    object: Box
    parts: tuple[Part, ...]
    decoys: tuple[Decoy, ...] = ()


@dataclass(frozen=True)
class PartsFile:
    """What a parts.json says: images in its order, readable names by wnid, the arguments it was made with."""

    images: tuple[ImageParts, ...]
    names: Mapping[str, str]
    arguments: Mapping[str, int | str]


def read_parts(root: str | Path) -> PartsFile:
    """Read root/parts.json, or root/boxes.json where there is none.

    Raises ValueError, naming the file and the image, if it is missing, is not JSON or is not as the format says.
    """
    path = Path(root) / FILE_NAME
    if not path.is_file() and (path.parent / BOXES_NAME).is_file():
        return read_boxes(root)
    if not path.is_file():
        raise ValueError(
            f"{path} does not exist: make one with scripts/make_parts_world, or write your own (format: {__name__})"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): write it anew") from error
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ValueError(f'{path} has no list "images": see the format in {__name__}')
    for key in ("classes", "arguments"):
        if not isinstance(content.get(key, {}), dict):
            raise ValueError(f'{path}: "{key}" is {content[key]!r}, not an object: see the format in {__name__}')
    images = tuple(_image(entry, f"{path}, image {number}") for number, entry in enumerate(content["images"]))
    return PartsFile(images, content.get("classes", {}), content.get("arguments", {}))


def read_boxes(root: str | Path) -> PartsFile:
    """Read root/boxes.json, which says only where the objects are: {"val/n1/a.JPEG": [left, top, right, bottom], ...}.

    The class is the folder that an image lies in; readable names come from root/words.txt and its like (`read_names`).
    Or it is as parts.json, whose "parts" may be missing. Raises ValueError as read_parts does.
    """
    path = Path(root) / BOXES_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): write it anew") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not an object of boxes by path: see the format in {__name__}.read_boxes")
    if isinstance(content.get("images"), list):
        entries = [{"parts": [], **entry} if isinstance(entry, dict) else entry for entry in content["images"]]
        images = [_image(entry, f"{path}, image {number}") for number, entry in enumerate(entries)]
        return PartsFile(tuple(images), content.get("classes") or read_names(root), content.get("arguments", {}))
    boxes = {name: _box(box, f"{path}, {name}") for name, box in content.items()}
    alone = (ImageParts(name, Path(name).parent.name, box, ()) for name, box in boxes.items())
    return PartsFile(tuple(alone), names=read_names(root), arguments={})


def write_parts(root: Path, parts: PartsFile) -> None:
    """Write root/parts.json, one line an image."""
    lines = ",\n".join(json.dumps(_entry(image)) for image in parts.images)
    head = f'"arguments": {json.dumps(dict(parts.arguments))},\n"classes": {json.dumps(dict(parts.names))}'
    write_text(root / FILE_NAME, f'{{{head},\n"images": [\n{lines}\n]}}\n')


def _entry(image: ImageParts) -> dict[str, Any]:
    parts = [{"name": part.name, "box": part.box, "deciding": part.deciding} for part in image.parts]
    entry: dict[str, Any] = {"path": image.path, "class": image.wnid, "object": image.object, "parts": parts}
    if image.decoys:
        entry["decoys"] = [{"name": one.name, "class": one.wnid, "box": one.box} for one in image.decoys]
    return entry


def _image(entry: object, where: str) -> ImageParts:
    path, wnid = _text(entry, "path", where), _text(entry, "class", where)
    assert isinstance(entry, dict)  # _text has seen to it
    where = f"{where} ({path})"
    listed, loose = _list(entry, "parts", where), _list({"decoys": [], **entry}, "decoys", where)
    parts = tuple(_part(part, where) for part in listed)
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{where}: part {twice!r} is listed twice: give each its own name")
    decoys = tuple(
        Decoy(_text(one, "name", where), _text(one, "class", where), _box(one.get("box"), where)) for one in loose
    )
    return ImageParts(path, wnid, _box(entry.get("object"), where), parts, decoys)


def _list(entry: dict[str, Any], key: str, where: str) -> list[Any]:
    listed = entry.get(key)
    if not isinstance(listed, list):
        raise ValueError(f'{where}: "{key}" is {listed!r}, not a list of parts')
    return listed


def _part(entry: object, where: str) -> Part:
    name = _text(entry, "name", where)
    assert isinstance(entry, dict)  # _text has seen to it
    deciding = entry.get("deciding", False)
    if not isinstance(deciding, bool):
        raise ValueError(f'{where}: "deciding" of {name!r} is {deciding!r}, not true or false')
    return Part(name, _box(entry.get("box"), where), deciding)


def _text(entry: object, key: str, where: str) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str) or not value:
        raise ValueError(f'{where}: "{key}" is {value!r}, not a text')
    return value


def _box(value: object, where: str) -> Box:
    if isinstance(value, Sequence) and len(value) == 4 and all(type(edge) is int for edge in value):
        left, top, right, bottom = value
        if 0 <= left < right and 0 <= top < bottom:
            return left, top, right, bottom
    raise ValueError(
        f"{where}: box {value!r} is not [left, top, right, bottom], whole numbers, left < right, top < bottom"
    )
