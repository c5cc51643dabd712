"""Mining: the images and places to which every map answers most strongly."""
