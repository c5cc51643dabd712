"""
Moved, enlarged, turned
=======================

Fig. 5: how far do the features of the first and the seventh layer move when the image is moved, enlarged or turned, and
what becomes of the class?

Command: ``zfnet fig5 checkpoint=runs/.../best.pt data=parts_world``
"""

import subprocess
import sys

from demo import HOME, RUN

from zfnet.figures.fig5 import draw_fig5, load_curves

words = [
    f"checkpoint={RUN / 'checkpoints' / 'best.pt'}", f"images={HOME / 'data' / 'parts_world' / 'val'}", "more=[]",
    f"run_dir={HOME / 'fig5'}", "reuse=true", "hardware.workers=0",
]  # fmt: skip
subprocess.run([sys.executable, "-m", "zfnet", "fig5", *words], check=True, capture_output=True)
subjects, rows = load_curves(HOME / "fig5" / "fig5.npz")
figure = draw_fig5(subjects, rows)
