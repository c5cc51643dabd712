"""
What maps respond to
====================

Fig. 2: for some maps of a layer the nine strongest activations in a data set, projected back to pixels, beside the
patches that they come from.

Command: ``zfnet fig2 checkpoint=runs/.../best.pt data=parts_world layers=conv3 maps=9``
"""

from demo import network, validation  # yours: open_network("best.pt"), and images as it sees them

from zfnet import Deconvnet, mine_top, plot

network = network()
images = validation(network)
deconvnet = Deconvnet(network.model)
top = mine_top(deconvnet, images.split(64), layers=["conv2", "conv3"], k=9, progress=False)
figure = plot(top, layer="conv3", maps=9, deconvnet=deconvnet, images=images, frame=network.frame)

# %%
# The layer below sees less of the image, and knows less of what is in it.

below = plot(top, layer="conv2", maps=9, deconvnet=deconvnet, images=images, frame=network.frame)
