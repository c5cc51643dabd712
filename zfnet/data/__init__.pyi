from .augment import Augmentation as Augmentation
from .boxes import box_in_view as box_in_view, draw_boxes as draw_boxes, is_within as is_within
from .class_names import (
    class_number as class_number,
    class_of_folder as class_of_folder,
    classes_of as classes_of,
    classes_of_images as classes_of_images,
    read_names as read_names,
)
from .decode import (
    BILINEAR as BILINEAR,
    FILTERS as FILTERS,
    MAX_MEGAPIXELS as MAX_MEGAPIXELS,
    UnreadableImage as UnreadableImage,
    check_interpolation as check_interpolation,
    check_max_megapixels as check_max_megapixels,
    decode_square as decode_square,
    read_rgb as read_rgb,
    square as square,
    upright_size as upright_size,
)
from .duplicates import BITS as BITS, find_matches as find_matches, hash_images as hash_images, without as without
from .folder import FolderImages as FolderImages
from .folds import Fold as Fold, sample_folds as sample_folds
from .frame import (
    FRAME_KINDS as FRAME_KINDS,
    IMAGENET_MEAN as IMAGENET_MEAN,
    IMAGENET_STD as IMAGENET_STD,
    InputFrame as InputFrame,
    frame_fingerprint as frame_fingerprint,
    frame_fingerprints as frame_fingerprints,
    hub_frame as hub_frame,
    make_frame as make_frame,
    plain_frame as plain_frame,
    torchvision_frame as torchvision_frame,
)
from .image_data import ImageData as ImageData, check_classes as check_classes
from .loader import (
    Batch as Batch,
    never as never,
    ordered_batches as ordered_batches,
    read_left_out as read_left_out,
    remember_unreadable as remember_unreadable,
    training_batches as training_batches,
    training_order as training_order,
    unreadable as unreadable,
    unreadable_images as unreadable_images,
)
from .photographs import (
    SeenImages as SeenImages,
    as_seen as as_seen,
    list_any_folder as list_any_folder,
    one_photograph as one_photograph,
    photograph_paths as photograph_paths,
    read_photographs as read_photographs,
)
from .source import (
    UNREADABLE as UNREADABLE,
    ImageSource as ImageSource,
    NoiseImages as NoiseImages,
    fingerprints as fingerprints,
    same_data as same_data,
)
from .subset import ShuffledLabels as ShuffledLabels, Subset as Subset
from .views import (
    VIEW_KINDS as VIEW_KINDS,
    Views as Views,
    centre_views as centre_views,
    crop_views as crop_views,
    ten_views as ten_views,
    training_views as training_views,
)
from .workers import in_order as in_order
