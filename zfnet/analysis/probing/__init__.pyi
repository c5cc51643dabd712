from .depth import (
    SOFTMAX as SOFTMAX,
    SVM as SVM,
    Outcome as Outcome,
    Probing as Probing,
    probe_layers as probe_layers,
    probe_softmax as probe_softmax,
    probe_svm as probe_svm,
)
from .extraction import Extraction as Extraction, extract as extract
from .gram_matrix import gram as gram, gram_of as gram_of
from .probes import (
    COSTS as COSTS,
    coordinates as coordinates,
    mean_class_accuracy as mean_class_accuracy,
    softmax_probe as softmax_probe,
    svm_probe as svm_probe,
)
from .ranking import average_precision as average_precision
from .results import remembered as remembered
from .store import Features as Features
