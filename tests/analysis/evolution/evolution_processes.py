"""Run under torchrun by test_evolution_processes.py: a short training with evolution; rank 0 writes what was kept."""

import pickle
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from array_source import ArraySource
from evolution_oracle import RECIPE, Kept, trainer_on

from zfnet.analysis.evolution.observer import Evolution
from zfnet.analysis.evolution.plan import Plan
from zfnet.training import World, join_world, leave_world


def outcome(world: World, search: str) -> dict:
    """The moments of two epochs, the first stopped in the middle and resumed; the networks see no dropout.

    Views are warped where they are searched online.
    """
    rotation_deg = 20.0 if search == "online" else 0.0
    recipe = replace(RECIPE, epochs=2, dropout=0.0, learning_rate=0.005, rotation_deg=rotation_deg)
    plan = Plan(epochs=(1,), layers=("conv1", "conv4"), maps=4, search=search, sweep_images=21, probe_images=4)
    moments = {}
    state = None
    for stop_at in (3, 99):
        kept = Kept()
        data = ArraySource(44, 4, 72, 0), ArraySource(13, 4, 72, 1)
        trainer = trainer_on(*data, recipe, world=world, observers=[Evolution(plan, kept)])
        if state is not None:
            trainer.load_state(state)
        trainer._stop = lambda trainer=trainer, stop_at=stop_at: trainer.position.step >= stop_at
        trainer._check_every = 1
        trainer.fit()
        state = trainer.state()
        moments |= kept.moments
    return moments


if __name__ == "__main__":
    world = join_world("cpu")
    found = {search: outcome(world, search) for search in ("online", "sweep")}
    if world.first:
        Path(sys.argv[1]).write_bytes(pickle.dumps(found))
    leave_world()
