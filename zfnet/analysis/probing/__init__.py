"""How much a layer's features tell of the classes: extraction, Gram matrices, linear SVM and softmax on top.

Zeiler & Fergus 2013, sections 4.2 and 4.3, Tables 4 to 7.
"""

from zfnet.analysis.probing.depth import SOFTMAX, SVM, Outcome, Probing, probe_layers, probe_softmax, probe_svm
from zfnet.analysis.probing.extraction import Extraction, extract
from zfnet.analysis.probing.gram_matrix import gram, gram_of
from zfnet.analysis.probing.probes import COSTS, Probe, coordinates, mean_class_accuracy, softmax_probe, svm_probe
from zfnet.analysis.probing.results import remembered
from zfnet.analysis.probing.store import Features

__all__ = [
    "COSTS",
    "SOFTMAX",
    "SVM",
    "Extraction",
    "Features",
    "Outcome",
    "Probe",
    "Probing",
    "coordinates",
    "extract",
    "gram",
    "gram_of",
    "mean_class_accuracy",
    "probe_layers",
    "probe_softmax",
    "probe_svm",
    "remembered",
    "softmax_probe",
    "svm_probe",
]
