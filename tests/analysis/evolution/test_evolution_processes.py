"""Two processes keep what one keeps, also after a stop in the middle of an epoch (law 10)."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
from evolution_processes import outcome

from zfnet.training import World


def test_two_processes_find_what_one_finds(tmp_path: Path):
    path, script = tmp_path / "two.pickle", Path(__file__).with_name("evolution_processes.py")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, str(script), str(path)], env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for search, two in pickle.loads(path.read_bytes()).items():
        one = outcome(World(), search)
        assert list(two) == list(one) == [0, 1, 2]
        for epoch, moment in one.items():
            assert two[epoch].changed == moment.changed
            for layer, own in moment.layers.items():
                for name, values in vars(own).items():
                    other = getattr(two[epoch].layers[layer], name)
                    if values is None:
                        assert (search, name, other) == ("sweep", "warp", None)
                    elif values.dtype.kind == "f":
                        np.testing.assert_allclose(other, values, atol=1e-4 * np.abs(values).max(), err_msg=name)
                    else:
                        np.testing.assert_array_equal(other, values, err_msg=f"{layer} {name}")
            for layer, gram in moment.projections.items():
                np.testing.assert_allclose(two[epoch].projections[layer], gram, atol=1e-3 * np.abs(gram).max())
        assert any((layer.value > 0).any() for layer in one[2].layers.values())
