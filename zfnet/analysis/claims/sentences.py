"""The sentences: what the paper says, in our own words, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence of the paper, numbered as issues, tables and files name it.

    where: section, figure or table of Zeiler & Fergus 2013. measured: what the effect is, so that above 0 agrees.
    training: whether it takes trainings besides the network that is looked into.
    """

    number: int
    statement: str
    where: str
    measured: str
    training: bool = False


SENTENCES = {
    one.number: one
    for one in (
        Sentence(number=1, statement="Lower layers settle in fewer epochs than upper ones.", where="section 4, Fig. 4",
                 measured="epochs until a layer's answers stay like those of the end (CKA), mean of the upper half "
                 "of the layers less that of the lower half", training=True),
        Sentence(number=2, statement="ZFNet's first layer holds more middle frequencies than AlexNet's.",
                 where="section 4.1, Fig. 6", training=True,
                 measured="share of a filter's energy in middle frequencies, ZFNet's mean less AlexNet's"),
        Sentence(number=3, statement="ZFNet's first layer has fewer dead filters than AlexNet's.",
                 where="section 4.1, Fig. 6", training=True,
                 measured="share of filters that answer nowhere, AlexNet's less ZFNet's"),
        Sentence(number=4, statement="Without the limit on their size a few first-layer filters dominate.",
                 where="sections 3.1 and 4, Fig. 6a", training=True,
                 measured="share of all filters' energy in the largest tenth of them, without the limit less with it"),
        Sentence(number=5, statement="Moving the image changes layer 7 less abruptly than layer 1.",
                 where="section 4, Fig. 5a",
                 measured="share of the greatest distance that is reached at half the way, layer 1 less layer 7"),
        Sentence(number=6, statement="Enlarging the image changes layer 7 less abruptly than layer 1.",
                 where="section 4, Fig. 5b",
                 measured="share of the greatest distance that is reached at half the scale, layer 1 less layer 7"),
        Sentence(number=7, statement="Turning the image changes the label, except for objects that look alike turned.",
                 where="section 4, Fig. 5c",
                 measured="share of settings that change the label, turned less moved and enlarged; of other objects "
                 "less of symmetric ones"),
        Sentence(number=8, statement="Hiding the object lowers the class's probability more than hiding the "
                 "background.", where="section 4.2, Fig. 7d",
                 measured="mean drop of the true class's probability, squares on the object less squares beside it"),
        Sentence(number=9, statement="The strongest map of the last convolution falls when the place of its projection "
                 "is hidden.", where="section 4.2, Fig. 7b",
                 measured="the map's activity as a share of the clean image's, mean over all places of the square less "
                 "the place of the projection"),
        Sentence(number=10, statement="The same part in different images changes layers 5 and 7 more alike than random "
                 "squares do.", where="section 4.3, Table 1",
                 measured="mean Hamming distance of the signs of change, random squares less parts"),
        Sentence(number=11, statement="Deeper layers tell classes apart better.", where="section 5.3, Table 7",
                 measured="accuracy of a linear probe, each layer less the one before"),
        Sentence(number=12, statement="On new classes a pretrained network beats one trained from scratch.",
                 where="section 5.2, Tables 4 and 5", training=True,
                 measured="accuracy, pretrained less from scratch"),
        Sentence(number=13, statement="Depth matters more than any one layer.", where="section 5.1, Table 3",
                 measured="top-1 error without layers 3, 4, 6 and 7 less the largest without some of them",
                 training=True),
        Sentence(number=14, statement="Averaging networks lowers the error.", where="section 5.1, Table 2",
                 measured="top-1 error, mean of single networks less their average", training=True),
        Sentence(number=15, statement="The nine strongest patches of a map share what its projections show and vary "
                 "elsewhere.", where="section 4, Fig. 2",
                 measured="mean correlation of two of the nine, pixel by pixel: projections less patches; and patches "
                 "where their projections lie less elsewhere"),
    )
}  # fmt: skip
