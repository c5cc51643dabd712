from .disk_arrays import DiskArrays as DiskArrays
from .likeness import (
    Likeness as Likeness,
    correlations as correlations,
    map_likeness as map_likeness,
    match as match,
    own_correlations as own_correlations,
)
from .origins import Origin as Origin, origins_of as origins_of
from .peaks import Peaks as Peaks
from .projecting import (
    AT_ONCE as AT_ONCE,
    Drawn as Drawn,
    Work as Work,
    draw_units as draw_units,
    focus_of as focus_of,
    places as places,
)
from .statistics import (
    BINS as BINS,
    LEAST_OF_A_CLASS as LEAST_OF_A_CLASS,
    MapStatistics as MapStatistics,
    average_precisions as average_precisions,
    map_statistics as map_statistics,
)
from .wires import DRIVING as DRIVING, HOLDING as HOLDING, Wires as Wires, fed as fed, map_wires as map_wires
from .wiring import contributions as contributions, inputs_of as inputs_of
