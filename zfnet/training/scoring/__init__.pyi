from .ensemble import Predictions as Predictions, averaged as averaged
from .evaluation import evaluate as evaluate
from .tally import Scores as Scores, Tally as Tally, scores_of as scores_of, tally_of as tally_of
