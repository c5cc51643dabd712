"""What layers answer to an image, drawn: channels, means, maps over the picture."""
