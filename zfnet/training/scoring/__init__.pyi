from .ensemble import Predictions as Predictions, averaged as averaged
from .evaluation import evaluate as evaluate
from .probabilities import Probabilities as Probabilities, class_counts as class_counts
from .tally import (
    NothingRead as NothingRead,
    Scores as Scores,
    Tally as Tally,
    places_of as places_of,
    scores_of as scores_of,
    tally_of as tally_of,
)
