"""Lines over layers, epochs and numbers of images: Table 7, Fig. 9, training curves, when layers settle."""
