"""
What would make a map strong
============================

Gradient ascent from noise, held to be smooth: a fourth thing to look at beside projections, patches and occlusion. It
shows what the network prefers and what the priors add; no image of the data looks like it.

Command: ``zfnet visualise checkpoint=runs/.../best.pt layer=conv4 maps=4``
"""

from demo import network

from zfnet import plot
from zfnet.analysis import bare_priors, maximise

network = network()
maps = [3, 7, 28, 75]
held = maximise(network.model, "conv4", maps, network.frame, steps=120, progress=False)
figure = plot(held)

# %%
# The same without any priors: the network answers still more strongly, to what looks like noise to us.

bare = maximise(network.model, "conv4", maps, network.frame, priors=bare_priors(), steps=120, progress=False)
noise = plot(bare)
print("with priors   ", [round(value, 1) for value in held.value.tolist()])
print("without priors", [round(value, 1) for value in bare.value.tolist()])
