"""Fig. 2's drawing: every picture where its map and rank say, and drawn again from its arrays."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image

from zfnet.figures.drawing import style
from zfnet.figures.fig2 import PAGE_IN, UNNAMED, draw_fig2, fig2_pages
from zfnet.figures.fig2_saved import ImageClasses, LayerFeatures, load_features, save_features
from zfnet.files import save_arrays

MAPS, K, PX = 5, 3, 6
NAMES = ["tabby, tabby cat", "wheel", "a name that is much too long to be shown in full"]
RARE = ImageClasses(names=NAMES, images=np.array([50, 50, 20]))  # of 120 images


def colour(number: int, rank: int) -> tuple[int, int, int]:
    return 40 * number, 80 * rank, 90


@pytest.fixture
def one() -> LayerFeatures:
    """Five maps of three pictures, each of one colour of its own; the last map has only two."""
    image = np.tile(np.arange(K), (MAPS, 1))
    image[4, 2] = -1
    patch = np.zeros((MAPS, K, PX, PX, 3), np.uint8)
    projection = np.zeros((MAPS, K, 3, PX, PX), np.float32)
    for number in range(MAPS):
        for rank in range(K):
            patch[number, rank] = colour(number, rank)
            projection[number, rank] = 1 if rank % 2 else -1
    label = np.array([[0, 0, 1], [2, 2, 2], [0, 1, 2], [1, 1, -1], [0, -1, -1]])
    value = np.where(image >= 0, np.arange(MAPS)[:, None] + 1.0, -np.inf)
    value[2] = 0
    return LayerFeatures(
        layer="conv3", maps=np.array([3, 8, 11, 20, 31]), value=value, image=image, row=image, column=image,
        label=label, projection=projection, patch=patch, corner=np.zeros((MAPS, K, 2), np.int64),
        map_name=np.array([""] * MAPS),
    )  # fmt: skip


def centres(axes: Axes, shown: NDArray[np.uint8], columns: int, rows: int) -> list[list[tuple[int, ...]]]:
    """For each picture on the axes, the drawn colours at the centres of the cells of its grid."""
    found = []
    for image in axes.images:
        left, right, bottom, top = image.get_extent()
        cells = []
        for cell in range(columns * rows):
            x = left + (right - left) * (cell % columns + 0.5) / columns
            y = top + (bottom - top) * (cell // columns + 0.5) / rows
            across, up = axes.transData.transform((x, y))
            cells.append(tuple(shown[len(shown) - 1 - round(up), round(across)].tolist()))
        found.append(cells)
    return found


def test_every_picture_lies_where_its_map_and_rank_say(one: LayerFeatures) -> None:
    figure = draw_fig2([one], RARE, columns=4)
    figure.set_dpi(100)
    shown = style.pixels(figure)
    projections, patches = figure.axes
    white = (255, 255, 255)
    for number, cells in enumerate(centres(patches, shown, 2, 2)):
        assert cells == [colour(number, 0), colour(number, 1), colour(number, 2) if number < 4 else white, white]
    for number, cells in enumerate(centres(projections, shown, 2, 2)):
        assert cells[:3] == [(0, 0, 0), white, (0, 0, 0) if number < 4 else white]
    lefts = [image.get_extent()[0] for image in patches.images]
    tops = [image.get_extent()[3] for image in patches.images]
    assert lefts[:3] == sorted(lefts[:3])
    assert (lefts[3], tops[3]) == (lefts[0], max(tops))  # five maps in rows of three


def test_maps_and_classes_are_named(one: LayerFeatures) -> None:
    projections, patches = draw_fig2([one], RARE).axes
    assert [text.get_text() for text in projections.texts] == ["3", "8", "11  (dead)", "20", "31"]
    said = [text.get_text() for text in patches.texts]
    assert said == ["", "", "", "", ""]  # of classes this common, three of three is no finding
    rare = ImageClasses(names=[*NAMES, "the rest"], images=np.array([50, 50, 20, 880]))
    _, patches = (figure := draw_fig2([one], rare)).axes
    said = [text.get_text() for text in patches.texts]
    assert said == ["", "3 of 3 a name that is much t…", "", "2 of 2 wheel", ""]
    assert "hypergeometric" in figure.texts[-1].get_text()
    named = replace(one, map_name=np.array(["tabby", "b", "c", "d", "e"]))
    assert draw_fig2([named]).axes[0].texts[0].get_text() == "3  tabby"


def test_arrays_come_back_and_draw_the_same(one: LayerFeatures, tmp_path) -> None:
    other = replace(one, layer="features.12", patch=one.patch[..., :4, :4, :], projection=one.projection[..., :4, :4])
    save_features(tmp_path / "fig2.npz", [one, other], RARE)
    layers, classes = load_features(tmp_path / "fig2.npz")
    assert ([layer.layer for layer in layers], classes.names) == (["conv3", "features.12"], NAMES)
    assert classes.images.tolist() == [50, 50, 20]
    for before, after in zip((one, other), layers, strict=True):
        for field in fields(LayerFeatures):
            np.testing.assert_array_equal(getattr(after, field.name), getattr(before, field.name))
    drawn = [style.pixels(draw_fig2(some, RARE)) for some in ([one, other], layers)]
    np.testing.assert_array_equal(*drawn)


def test_arrays_without_class_counts_draw_and_name_no_class(one: LayerFeatures, tmp_path) -> None:
    save_features(tmp_path / "fig2.npz", [one], ImageClasses(names=NAMES))  # what was written before there were any
    with np.load(tmp_path / "fig2.npz") as file:
        assert "class_images" not in file
    (name, draw), *_ = fig2_pages(*load_features(tmp_path / "fig2.npz"))
    assert name == "fig2"
    figure = draw()
    assert not any(text.get_text() for text in figure.axes[1].texts)
    assert UNNAMED in figure.texts[-1].get_text()


def test_pages_hold_every_map_once_and_are_no_higher_than_a_page(one: LayerFeatures) -> None:
    layers = [replace(one, layer=f"conv{number}") for number in (2, 3, 4)]
    many = replace(layers[2].part(0, 0), **{
        field.name: np.concatenate([getattr(one, field.name)] * 14)
        for field in fields(one) if field.name not in ("layer", "optimised")
    })  # fmt: skip
    pages = {name: draw() for name, draw in fig2_pages([*layers[:2], many], RARE)}
    assert list(pages)[:2] == ["fig2", "fig2_page2"]
    assert {"fig2_conv2", "fig2_conv4", "fig2_conv4_page2"} <= set(pages)
    assert all(figure.get_size_inches()[1] <= PAGE_IN + 1e-9 for figure in pages.values())
    drawn = dict.fromkeys(("fig2", "fig2_conv2", "fig2_conv3", "fig2_conv4"), 0)
    for name, figure in pages.items():
        drawn[name.split("_page")[0]] += sum(len(axes.images) for axes in figure.axes[::2])
    assert drawn == {"fig2": 80, "fig2_conv2": 5, "fig2_conv3": 5, "fig2_conv4": 70}
    widths = {
        round(image.get_extent()[1] - image.get_extent()[0], 6)
        for name, figure in pages.items()
        if name.startswith("fig2_conv4")
        for image in figure.axes[0].images
    }
    assert len(widths) == 1


def test_a_page_of_one_layer_alone_is_drawn_by_the_function_of_the_layers_own(one: LayerFeatures) -> None:
    tall = {
        field.name: np.concatenate([getattr(one, field.name)] * 6)
        for field in fields(one) if field.name not in ("layer", "optimised")
    }  # fmt: skip
    filling = [replace(one, layer=name, **tall) for name in ("a", "b")]
    pages = dict(fig2_pages([*filling, one, replace(one, layer="c")], RARE))
    assert list(pages) == ["fig2", "fig2_page2", "fig2_page3", "fig2_a", "fig2_b", "fig2_conv3", "fig2_c"]
    assert pages["fig2"] is pages["fig2_a"]
    assert pages["fig2_page2"] is pages["fig2_b"]
    assert len(set(pages.values())) == 5  # the third page has two layers
    titles = [pages[name]().texts[0].get_text() for name in ("fig2", "fig2_b", "fig2_conv3", "fig2_c")]
    assert [title.split(":")[0] for title in titles] == ["a", "b", "conv3", "c"]


def test_the_gain_is_in_the_note(one: LayerFeatures) -> None:
    assert draw_fig2([one]).texts[-1].get_text().startswith("gain=p99.9: zero is mid-grey; each projection")
    assert draw_fig2([one], gain="largest").texts[-1].get_text().startswith("gain=largest: zero is mid-grey")


def test_other_files_are_refused_by_name(tmp_path) -> None:
    save_arrays(tmp_path / "other.npz", "fig6", {"letters": np.array(["a"])})
    with pytest.raises(ValueError, match=r"other\.npz.*'fig6'.*'fig2'"):
        load_features(tmp_path / "other.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "other.npz").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"cut\.npz"):
        load_features(tmp_path / "cut.npz")


def test_saved_as_png_at_300_dpi_and_pdf(one: LayerFeatures, tmp_path) -> None:
    figure = draw_fig2([one])
    path = style.save(figure, tmp_path / "new", "fig2")
    with Image.open(path) as image:
        assert image.width == 300 * figure.get_size_inches()[0]
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        expected = image.convert("RGB").reduce(3)
    assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    np.testing.assert_array_equal(style.save_png(figure, tmp_path, "fig2"), expected)  # what TensorBoard is given


def test_images_by_optimisation_stand_between(one: LayerFeatures, tmp_path: Path):
    """Saved, drawn again, cut into pages with their maps, and said to be no image of the data."""
    made = np.stack([np.full((PX, PX, 3), 40 * number, np.uint8) for number in range(MAPS)])
    both = replace(one, optimised=made)
    save_features(tmp_path / "fig2.npz", [both, replace(one, layer="conv4")], RARE)
    loaded, _ = load_features(tmp_path / "fig2.npz")
    assert np.array_equal(loaded[0].optimised, made)
    assert loaded[1].optimised is None
    assert np.array_equal(both.part(1, 3).optimised, made[1:3])
    figure = draw_fig2(loaded)
    assert len(figure.axes) == 5
    middle = figure.axes[1]
    assert [int(np.asarray(image.get_array()).mean()) for image in middle.images] == [40 * n for n in range(MAPS)]
    assert any("priors" in text.get_text() for text in figure.texts)
    assert not any("priors" in text.get_text() for text in draw_fig2([one]).texts)
