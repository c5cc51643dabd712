from .checkpoint import (
    DamagedCheckpoint as DamagedCheckpoint,
    load_checkpoint as load_checkpoint,
    newest_checkpoint as newest_checkpoint,
    save_checkpoint as save_checkpoint,
    step_checkpoints as step_checkpoints,
)
from .checkpoint_observer import Checkpoints as Checkpoints
from .failures import NonFiniteLoss as NonFiniteLoss, VanishedImages as VanishedImages
from .feed import workers_for as workers_for
from .from_scratch import train_from_scratch as train_from_scratch
from .loop import Trainer as Trainer
from .machine import (
    ALONE as ALONE,
    Hardware as Hardware,
    LostProcess as LostProcess,
    Piece as Piece,
    Turns as Turns,
    World as World,
    blocks_of as blocks_of,
    deal as deal,
    join_world as join_world,
    keep_freed_memory as keep_freed_memory,
    leave_world as leave_world,
    share_of as share_of,
)
from .observer import Observer as Observer, TrainingRun as TrainingRun
from .recipe import Recipe as Recipe, named_convolutions as named_convolutions, share_at_limit as share_at_limit
from .reports import EpochReport as EpochReport, Seen as Seen, StepReport as StepReport
from .resume import first_difference as first_difference, settings_of as settings_of, shortened as shortened
from .scoring import (
    Predictions as Predictions,
    Probabilities as Probabilities,
    Scores as Scores,
    Tally as Tally,
    averaged as averaged,
    class_counts as class_counts,
    evaluate as evaluate,
    places_of as places_of,
    scores_of as scores_of,
    tally_of as tally_of,
)
from .stuck_loss import StuckLoss as StuckLoss
