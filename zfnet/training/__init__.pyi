from .checkpoint import (
    Checkpoints as Checkpoints,
    DamagedCheckpoint as DamagedCheckpoint,
    load_checkpoint as load_checkpoint,
    newest_checkpoint as newest_checkpoint,
)
from .ensemble import Predictions as Predictions, averaged as averaged
from .evaluation import Scores as Scores, evaluate as evaluate
from .from_scratch import train_from_scratch as train_from_scratch
from .hardware import Hardware as Hardware
from .loop import NonFiniteLoss as NonFiniteLoss, Trainer as Trainer
from .memory import keep_freed_memory as keep_freed_memory
from .observer import EpochReport as EpochReport, Observer as Observer, Seen as Seen, StepReport as StepReport
from .parallel import World as World, join_world as join_world, leave_world as leave_world
from .recipe import Recipe as Recipe, convolutions as convolutions, share_at_limit as share_at_limit
from .watch import StuckLoss as StuckLoss
