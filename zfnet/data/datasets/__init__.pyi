from .caltech import (
    LAYOUT_101 as LAYOUT_101,
    LAYOUT_256 as LAYOUT_256,
    list_caltech101 as list_caltech101,
    list_caltech256 as list_caltech256,
)
from .devkit import list_split as list_split
from .imagenet import (
    EXTENSIONS as EXTENSIONS,
    ImageList as ImageList,
    and_more as and_more,
    image_files as image_files,
    list_folder as list_folder,
    no_readable_image as no_readable_image,
)
from .mnist import MNIST_LAYOUT as MNIST_LAYOUT, MnistImages as MnistImages, download_mnist as download_mnist
from .voc import (
    ABSENT as ABSENT,
    CLASSES as CLASSES,
    PRESENT as PRESENT,
    VOC_LAYOUT as VOC_LAYOUT,
    download_voc2012 as download_voc2012,
    list_voc2012 as list_voc2012,
)
