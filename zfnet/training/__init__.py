"""Training: the recipe, the loop and its observers, evaluation, checkpoints, several processes."""

from zfnet.training.checkpoint import Checkpoints, DamagedCheckpoint, load_checkpoint, newest_checkpoint
from zfnet.training.evaluation import Scores, evaluate
from zfnet.training.hardware import Hardware
from zfnet.training.loop import NonFiniteLoss, Trainer
from zfnet.training.network import Network, network_of, open_network
from zfnet.training.observer import EpochReport, Observer, Seen, StepReport
from zfnet.training.parallel import World, join_world, leave_world
from zfnet.training.recipe import Recipe
from zfnet.training.stuck_loss import StuckLoss

__all__ = [
    "Checkpoints",
    "DamagedCheckpoint",
    "EpochReport",
    "Hardware",
    "Network",
    "NonFiniteLoss",
    "Observer",
    "Recipe",
    "Scores",
    "Seen",
    "StepReport",
    "StuckLoss",
    "Trainer",
    "World",
    "evaluate",
    "join_world",
    "leave_world",
    "load_checkpoint",
    "network_of",
    "newest_checkpoint",
    "open_network",
]
