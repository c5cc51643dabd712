"""
How features come to be
=======================

Fig. 4: what the same maps respond to at epochs of the training. Every training keeps these arrays as it goes.

Command: ``zfnet fig4 run=runs/train/...``
"""

import subprocess
import sys

from demo import HOME, RUN

from zfnet.figures.fig4 import draw_fig4, load_evolution

words = [f"run={RUN}", f"run_dir={HOME / 'fig4'}", "reuse=true"]
done = subprocess.run([sys.executable, "-m", "zfnet", "fig4", *words], check=True, capture_output=True)

# %%
# The figure is drawn from the arrays that the command saved, without the network.

layers, settling = load_evolution(HOME / "fig4" / "fig4.npz")
figure = draw_fig4([one for one in layers if one.layer in ("conv2", "conv3")])
