"""The parts world: drawn objects whose class is decided by their parts, in ImageNet format, with every part's box.

Ten classes in three families that share bodies, patterns, colours and poses: creatures that sit (cat, dog, rabbit,
owl), creatures seen from the side (bird, fish) and vehicles (car, bus, truck, tractor). What tells a class from the
others is listed in classes.py and marked "deciding" in the JSON (format: annotations.py).

    make_parts_world("data/parts_world")              # or scripts/make_parts_world
    make_parts_world("data/parts_world_hard", difficulty="hard")  # smaller, with loose parts of other classes
    for image in read_parts("data/parts_world").images: ...
    drawing = draw(0, np.random.default_rng(0), 256)  # a cat, not written
    draw(0, np.random.default_rng(0), 256, omit=frozenset({"left_eye"}))  # the same cat without that eye
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
