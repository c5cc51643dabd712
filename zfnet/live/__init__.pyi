from .answers import (
    Guess as Guess,
    at_place as at_place,
    guesses as guesses,
    place_of as place_of,
    strongest_place as strongest_place,
    tiles_of as tiles_of,
)
from .drawn import draw_picture as draw_picture, drawing_names as drawing_names
from .hiding import Cancelled as Cancelled, hide_everywhere as hide_everywhere, hide_square as hide_square
from .lens import Lens as Lens, LiveLayer as LiveLayer
from .opened import live_application as live_application
from .page import Page as Page
from .patches import AtlasPatches as AtlasPatches, MinedPatches as MinedPatches, open_atlas as open_atlas
from .pictures import Forgotten as Forgotten, Picture as Picture, Pictures as Pictures
from .server import bound as bound, serve as serve, server_of as server_of
