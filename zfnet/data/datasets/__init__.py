"""Data sets as they lie on a disk: ImageNet's folders, the official validation folder, Caltech, VOC, MNIST."""
