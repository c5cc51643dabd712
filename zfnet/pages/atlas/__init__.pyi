from .curves import CurvePicture as CurvePicture, curve_picture as curve_picture
from .layer_files import (
    LayerAbout as LayerAbout,
    LayerPictures as LayerPictures,
    write_pictures as write_pictures,
    write_tiles as write_tiles,
)
from .network_picture import draw_network as draw_network
from .numbers import (
    LayerNumbers as LayerNumbers,
    as_columns as as_columns,
    load_numbers as load_numbers,
    save_numbers as save_numbers,
)
from .site import (
    BLOCK as BLOCK,
    SHOWN_TILE_PX as SHOWN_TILE_PX,
    Front as Front,
    Site as Site,
    heat_picture as heat_picture,
)
from .sprites import ending as ending, save_picture as save_picture, sheet as sheet
from .strips import strip_of as strip_of
from .tiles import (
    NATIVE_PX as NATIVE_PX,
    Tiles as Tiles,
    projection_tiles as projection_tiles,
    resized as resized,
    tile_size as tile_size,
)
