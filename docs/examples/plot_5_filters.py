"""
First-layer filters
===================

The weights themselves: only in the first layer are they pictures. Zero is mid-grey.

Command: ``zfnet filters checkpoint=runs/.../best.pt``
"""

from demo import network

from zfnet import plot

network = network()
figure = plot(network, layer="conv1")

# %%
# In the second layer each filter is a slice for every map below; a picture of them tells little, which is why the paper
# projects instead.

second = plot(network, layer="conv2")
