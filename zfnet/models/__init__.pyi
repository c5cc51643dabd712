from .build import (
    OWN_PX as OWN_PX,
    build_for_file as build_for_file,
    build_model as build_model,
    check_name as check_name,
    check_source as check_source,
    hub_config as hub_config,
    model_names as model_names,
)
from .convnet import ConvNet as ConvNet
from .convolutional import FullyConvolutional as FullyConvolutional, convolutionalize as convolutionalize
from .layer_summary import (
    NOTE as NOTE,
    arithmetic as arithmetic,
    channels_of as channels_of,
    layers_of as layers_of,
    own_side as own_side,
    shape_text as shape_text,
    summary as summary,
    table_text as table_text,
)
from .modes import (
    evaluating as evaluating,
    full_float32 as full_float32,
    like_parameters as like_parameters,
    undisturbed as undisturbed,
)
from .norm import ContrastNorm as ContrastNorm, contrast_norm as contrast_norm
from .refusals import check_numbers as check_numbers, naming_sizes as naming_sizes
from .table import ALEXNET as ALEXNET, TABLES as TABLES, ZFNET as ZFNET, Conv as Conv, Full as Full, without as without
from .weights import (
    OtherClasses as OtherClasses,
    did_you_mean as did_you_mean,
    fit as fit,
    read_file as read_file,
    state_dict_of as state_dict_of,
    weights_fingerprint as weights_fingerprint,
)
from .zoos import ZOOS as ZOOS, zoo_of as zoo_of, zoos_name_of as zoos_name_of
