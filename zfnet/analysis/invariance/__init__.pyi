from .measure import Invariance as Invariance, invariance as invariance
from .pieces import as_arrays as as_arrays, of_arrays as of_arrays
from .summary import departure as departure, label_range as label_range, valley as valley
from .transforms import (
    default_settings as default_settings,
    pixels_of as pixels_of,
    transform as transform,
    transform_called as transform_called,
)
