"""
What hiding a place does
========================

Fig. 7: a grey square slides over the image. Where does the class lose its probability, and the strongest map its sum?

Command: ``zfnet fig7 checkpoint=runs/.../best.pt data=parts_world classes='[cat,car]' square_px=24 stride_px=4``
"""

from demo import network, validation

from zfnet import occlude, plot

network = network()
images = validation(network)[[3, 155]]  # a cat and a car
classes = [network.names.index("cat"), network.names.index("car")]
heat = occlude(network.model, images, classes, size_px=24, stride_px=4, progress=False)
figure = plot(heat, images, frame=network.frame, names=network.names)
