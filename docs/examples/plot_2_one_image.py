"""
One image, unit by unit
=======================

The strongest unit of each of some maps in one image, projected: what of this image did they answer to?

Command: ``zfnet project image=owl.jpg checkpoint=runs/.../best.pt layer=conv4``
"""

import torch
from demo import network, validation

from zfnet import Deconvnet, plot

network = network()
image = validation(network)[75:76]  # an owl
deconvnet = Deconvnet(network.model)
record = deconvnet.record(image, ["conv4"])
maps = record.maps["conv4"][0]  # (C, h, w)

# %%
# Each map's strongest place, for the nine maps that answer most: units are image, map, row, column.

place = maps.flatten(1).argmax(1)  # (C,)
strongest = maps.flatten(1).amax(1).topk(9).indices
units = torch.stack(
    [torch.zeros_like(strongest), strongest, place[strongest] // maps.shape[2], place[strongest] % maps.shape[2]], 1
)
figure = plot(deconvnet.project(record, "conv4", units))

# %%
# And all of the layer's maps on the image.

sheet = plot(record, image, layer="conv4", frame=network.frame)
