from .analysis.occlusion import occlude as occlude
from .deconv import Deconvnet as Deconvnet
from .forward import receptive_field as receptive_field
from .mining import mine_top as mine_top
from .models import build_model as build_model
from .network import Network as Network, open_network as open_network
from .plotting import plot as plot
from .version import __version__ as __version__
