"""What a report is made of, in its order: an item is one entry. To add a job's figures, add an Item here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from experiments.report_parts import audit_tables, item_tables, item_words
from experiments.report_parts.item_words import Words
from zfnet.pages.report import Table


@dataclass(frozen=True, kw_only=True)
class Item:
    """A figure or table, and the job whose run folder it is read from.

    name: its address on the page, and in items=[...]. figures: patterns of picture files in that folder, with the line
    under each where there are several. alt: what they show, for those who do not see them. tables: of the folder.
    words: how to run the job here, beside what the report was given of network and images; None where it is only
    taken from runs that are there. missing: how to come by it then. of_these_images: False for a job that works on
    others. on_others_too: a finished run on other images is an entry of its own.
    """

    name: str
    job: str
    title: str
    paper: str
    caption: str
    alt: str = ""
    figures: Mapping[str, str] = field(default_factory=dict)
    tables: Callable[[Path], list[Table]] | None = None
    words: Words | None = None
    missing: str = ""
    of_these_images: bool = True
    on_others_too: bool = False


ITEMS = (
    Item(
        name="errors",
        job="evaluate",
        title="Errors",
        paper="Table 2",
        tables=item_tables.errors,
        words=item_words.errors,
        caption="How often the most probable class, or all of the five most probable, are wrong.",
    ),
    Item(
        name="tab2",
        job="tab2_imagenet",
        title="Networks averaged",
        paper="Table 2",
        tables=item_tables.ensembles,
        missing="it takes several trainings: tab2_imagenet rows=FOLDER train_missing=true",
        caption="Single networks, and the mean of the probabilities of several.",
    ),
    Item(
        name="fig2",
        job="fig2_features",
        title="What maps respond to",
        paper="Fig. 2",
        figures={"fig2.png": "", "fig2_page*.png": ""},
        words=item_words.features,
        alt="For some maps of each layer the nine strongest places projected to the pixels, beside the patches",
        caption="For some maps of each layer, drawn at random: the places, one an image, to which the map answers most "
        "strongly, projected back to the pixels, and beside them the patches of the images that they come from.",
    ),
    Item(
        name="fig4",
        job="fig4_evolution",
        title="How they came to it",
        paper="Fig. 4",
        figures={
            "fig4.png": "Each row a map, each column an epoch: where another image takes over, it jumps.",
            "fig4_settling.png": "How like the end each layer's answers are, by epoch.",
        },
        words=item_words.evolution,
        alt="Rows of maps, columns of epochs: the strongest view of each projected; similarity to the end",
        caption="The strongest view of some maps at several epochs of the training, projected. Below, how like the end "
        "each layer's answers to the same images are at each epoch: where a curve comes to stay near one, the layer "
        "has settled.",
    ),
    Item(
        name="fig5",
        job="fig5_invariance",
        title="Moved, enlarged and turned",
        paper="Fig. 5",
        figures={"fig5.png": ""},
        words=item_words.invariance,
        alt="Curves over the size of the change: distance of the features at two layers, probability of the class",
        caption="A few images moved, enlarged and turned: how far the features of a low and a high layer go from those "
        "of the untouched image, and what is left of the true class's probability.",
    ),
    Item(
        name="fig6",
        job="fig6_filters",
        title="First and second layers compared",
        paper="Fig. 6",
        figures={"fig6.png": ""},
        words=item_words.filters,
        alt="Filters of the first layers and projections of the second layers of the networks that were compared",
        caption="First-layer filters and projections of second-layer maps: (a) without the limit on filters, (b) and "
        "(d) AlexNet, (c) and (e) ZFNet, as far as they were trained.",
    ),
    Item(
        name="fig7",
        job="fig7_occlusion",
        title="What hiding a place does",
        paper="Fig. 7",
        figures={"fig7.png": ""},
        tables=partial(
            item_tables.plain,
            "Probability of the class, clean and at its least",
            "fig7.csv",
            ("class", "clean_probability", "least_probability", "places_of_class", "least_activity"),
        ),
        words=item_words.occlusion,
        alt="Images with heat maps: activity of the strongest map, probability and label by place hidden",
        caption="A grey square hides one place of an image after another: what becomes of the strongest map of the "
        "last convolution, of the true class's probability and of the label. Between them what that map sees, here "
        "and in other images.",
    ),
    Item(
        name="pointing",
        job="pointing",
        title="The pointing game",
        paper="",
        figures={"pointing.png": ""},
        words=item_words.pointing,
        tables=lambda folder: [
            *item_tables.plain(
                "Share of images whose greatest drop lies on the object, beside chance and the centre",
                "pointing.csv",
                ("class", "images", "hit", "chance", "middle"),
                folder,
            ),
            *item_tables.plain("Several ways to read where the object is", "read_outs.csv", (), folder),
        ],
        alt="Images with their boxes and the places where hiding takes most of the class's probability",
        caption="Does hiding the object take most? The place of the greatest drop is right if it lies in the object's "
        "box; chance is the share of places that do, and the centre guesses the middle of the image.",
    ),
    Item(
        name="tab1",
        job="tab1_correspondence",
        title="The same part in different images",
        paper="Table 1",
        tables=item_tables.parts,
        words=item_words.parts,
        caption="The same part is hidden in several images of a class. The less the signs of a layer's changes differ "
        "between two images, the more alike the layer answers to that part; random squares of its size, and the same "
        "network with fresh weights, stand beside it.",
    ),
    Item(
        name="tab3",
        job="tab3_ablation",
        title="Layers left out, widened and narrowed",
        paper="Table 3",
        tables=item_tables.ablation,
        missing="it takes trainings: tab3_ablation rows=FOLDER train_missing=true",
        caption="Networks with layers left out or of other widths, trained alike.",
    ),
    Item(
        name="tab4",
        job="tab4_caltech101",
        title="New classes: Caltech-101's protocol",
        paper="Table 4",
        tables=partial(item_tables.transfers, "tab4"),
        of_these_images=False,
        missing="it takes images of new classes: tab4_caltech101 data.root=...",
        caption="A new softmax on the fixed features of the pretrained network, against the same network from scratch.",
    ),
    Item(
        name="tab5",
        job="tab5_caltech256",
        title="New classes: Caltech-256's protocol",
        paper="Table 5 and Fig. 9",
        figures={"fig9.png": ""},
        tables=partial(item_tables.transfers, "tab5"),
        of_these_images=False,
        alt="Accuracy over training images a class, pretrained and from scratch",
        missing="it takes images of new classes: tab5_caltech256 data.root=...",
        caption="Accuracy against the number of training images of each class.",
    ),
    Item(
        name="tab6",
        job="tab6_pascal",
        title="Several classes in a picture",
        paper="Table 6",
        of_these_images=False,
        tables=partial(item_tables.plain, "Average precision %", "tab6.csv", ()),
        missing="it takes PASCAL VOC 2012: tab6_pascal data.root=...",
        caption="Classes found in pictures that hold several.",
    ),
    Item(
        name="tab7",
        job="tab7_depth",
        title="How well each layer tells classes apart",
        paper="Table 7",
        figures={"tab7.png": ""},
        tables=item_tables.depth,
        words=item_words.depth,
        on_others_too=True,
        alt="Accuracy of linear probes by layer, of this network, of fresh weights, and the paper's",
        caption="A linear model on the features of one layer at a time. The paper's numbers are of Caltech, for "
        "classes that its network had not seen.",
    ),
    Item(
        name="audit",
        job="audit",
        title="Are the pictures to be believed?",
        paper="",
        figures=audit_tables.FIGURES,
        tables=audit_tables.tables,
        alt="A figure of the audit",
        missing="run audit checkpoint=... data=... and give run=FOLDER with it",
        caption="What else would give the same pictures, whether hiding what they mark changes the answer, whether "
        "they lie where the truth is. Blank ones count as like no other; methods without an answer are named.",
    ),
)
