from .card import model_card as model_card
from .mixin import HubNetwork as HubNetwork
from .released import load_released as load_released, save_released as save_released
