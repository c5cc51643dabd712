"""
A training's curves
===================

Accuracy of training and validation over the epochs, from the run folder alone.

Command: ``zfnet history runs=runs/train``
"""

import subprocess
import sys

from demo import HOME, RUN

from zfnet.figures.curves.history import draw_history, load_histories

words = [f"runs={RUN}", f"run_dir={HOME / 'history'}", "reuse=true"]
subprocess.run([sys.executable, "-m", "zfnet", "history", *words], check=True, capture_output=True)
figure = draw_history(load_histories(HOME / "history" / "history.npz"), show="accuracy", smoothing=0.0)
