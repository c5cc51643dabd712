from .borrowed_switches import share_of_switches as share_of_switches, switch_question as switch_question
from .findings import Finding as Finding, from_plain as from_plain, pooled as pooled
from .imputation import impute as impute
from .known_truth import (
    Truth as Truth,
    energy_and_pointing as energy_and_pointing,
    localisation as localisation,
    score_on_parts as score_on_parts,
)
from .likeness_questions import (
    Intact as Intact,
    cascade as cascade,
    floors as floors,
    intact as intact,
    sensitivity as sensitivity,
    training_matters as training_matters,
    whole_network as whole_network,
)
from .methods import (
    COSTLY as COSTLY,
    METHODS as METHODS,
    Method as Method,
    Pictures as Pictures,
    check_methods as check_methods,
    make_pictures as make_pictures,
    pictures_by as pictures_by,
)
from .picture_likeness import MEASURES as MEASURES, likeness as likeness
from .pixel_removal import (
    FRACTIONS as FRACTIONS,
    PLAIN_ORDERS as PLAIN_ORDERS,
    WAYS as WAYS,
    curves as curves,
    faithfulness as faithfulness,
    ranked as ranked,
)
from .random_weights import drawn_anew as drawn_anew, layers_below as layers_below, spread_stages as spread_stages
from .targets import (
    CLASS as CLASS,
    LAYER as LAYER,
    UNIT as UNIT,
    Targets as Targets,
    class_targets as class_targets,
    scores_layer as scores_layer,
    strongest_units as strongest_units,
)
