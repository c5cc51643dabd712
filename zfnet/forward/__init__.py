"""A network run forward with what must be kept: layers, geometry, receptive fields, records, checks."""
