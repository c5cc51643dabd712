from .annotations import (
    Box as Box,
    Decoy as Decoy,
    ImageParts as ImageParts,
    Part as Part,
    PartsFile as PartsFile,
    read_parts as read_parts,
    write_parts as write_parts,
)
from .changes import Change as Change
from .classes import CLASSES as CLASSES, PartsClass as PartsClass
from .decoys import DIFFICULTIES as DIFFICULTIES
from .in_view import (
    InView as InView,
    SeenParts as SeenParts,
    images_with as images_with,
    parts_in_view as parts_in_view,
    seen as seen,
    wnids_of as wnids_of,
)
from .scene import Drawing as Drawing, draw as draw, part_names as part_names
from .write import make_parts_world as make_parts_world
