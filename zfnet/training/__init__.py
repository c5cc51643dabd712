"""Training: the recipe, the loop and its observers, evaluation, checkpoints, several processes."""

from zfnet.training.checkpoint import DamagedCheckpoint, load_checkpoint, newest_checkpoint
from zfnet.training.checkpoint_observer import Checkpoints
from zfnet.training.evaluation import evaluate
from zfnet.training.failures import NonFiniteLoss, VanishedImages
from zfnet.training.hardware import Hardware
from zfnet.training.loop import Trainer
from zfnet.training.network import Network, network_of, open_network
from zfnet.training.observer import Observer, TrainingRun
from zfnet.training.parallel import World, join_world, leave_world
from zfnet.training.recipe import Recipe, named_convolutions, share_at_limit
from zfnet.training.reports import EpochReport, Seen, StepReport
from zfnet.training.resume import first_difference, settings_of, shortened
from zfnet.training.stuck_loss import StuckLoss
from zfnet.training.tally import Scores, Tally, scores_of, tally_of

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
    "Tally",
    "Trainer",
    "TrainingRun",
    "VanishedImages",
    "World",
    "evaluate",
    "first_difference",
    "join_world",
    "leave_world",
    "load_checkpoint",
    "named_convolutions",
    "network_of",
    "newest_checkpoint",
    "open_network",
    "scores_of",
    "settings_of",
    "share_at_limit",
    "shortened",
    "tally_of",
]
