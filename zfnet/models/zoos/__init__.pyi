from .prefixes import ZOOS as ZOOS, zoo_of as zoo_of, zoos_name_of as zoos_name_of
from .pytorchcv_zfnet import (
    SERVED as SERVED,
    downloaded_zfnet as downloaded_zfnet,
    in_our_layout as in_our_layout,
    served_config as served_config,
)
from .zoo import HubConfig as HubConfig, Zoo as Zoo, full_name as full_name
