"""Table 1: whether a layer answers alike when the same part is hidden in different images."""
