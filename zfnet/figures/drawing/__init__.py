"""What many figures are drawn with: style, grids of pictures, colour scales."""
