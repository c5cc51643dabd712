"""Sheets of small pictures: projections, optimised images, one epoch of a training."""
