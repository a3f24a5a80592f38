"Pictures: whatever a name is made of, it stands in the picture as it is written."

import itertools
import re
import warnings

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from conftest import REPO
from hypothesis import given
from hypothesis import strategies as st

from dinofrcnn.backbone.tokens import show_maps
from dinofrcnn.data.doctor import inspect
from dinofrcnn.evaluation.coco import draw_precision_recall
from dinofrcnn.labels.annotations import Annotations
from dinofrcnn.show import (
    as_written,
    draw_boxes,
    finish_figure,
    save_pictures,
    shared_area,
    shortened,
    show_anchors,
    show_boxes,
    show_grid,
    texts_of,
)

NAMES = ["a_b$x^$", "$5", "$\\frac{$", "costs 3$ or 4$", "\\alpha", "100%", "_hidden", "a\udcffb"]
IMAGE = np.zeros((60, 80, 3), dtype=np.uint8)
BOX = [[10, 10, 50, 40]]


def inspection():
    records = [
        dict(file_name=f"{i}.jpg", width=80, height=60, boxes=BOX, labels=[i])
        for i in range(len(NAMES))
    ]
    return inspect({name: Annotations(records, NAMES) for name in ("$x^$", "_val")})


def curves():
    return draw_precision_recall(np.ones((10, 101, len(NAMES))), NAMES)


FIGURES = {
    "show_boxes": lambda name: show_boxes(IMAGE, BOX, [0], [name], title=name),
    "show_grid": lambda name: show_grid(
        [IMAGE] * 2, [BOX] * 2, [[0]] * 2, [name], truth=[BOX] * 2, titles=[name] * 2
    ),
    "show_maps": lambda name: show_maps([IMAGE, IMAGE], [name] * 2, name),
    "show_centres": lambda name: inspection().show_centres(),
    "show_anchors": lambda name: inspection().show_anchors(),
    "show_precision_recall": lambda name: curves(),
}


def written(figure):
    return " ".join(text.get_text() for text in texts_of(figure))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("figure", FIGURES)
def test_dollar_signs_in_names(figure, name, tmp_path):
    "A class a_b$x^$ or a file b_$1_$2.jpg was read as mathematics and stopped the whole picture."
    drawn = FIGURES[figure](name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn.savefig(tmp_path / "figure.png")
    assert name.replace("\udcff", "?") in written(drawn)
    for text in texts_of(drawn):
        assert not text.get_parse_math() and not text.get_usetex()


def test_dollar_signs_on_axes_of_ones_own(tmp_path):
    fig, ax = plt.subplots()
    draw_boxes(ax, IMAGE, BOX, [0], ["a_b$x^$"], title="b_$1_$2.jpg")
    fig.savefig(tmp_path / "figure.png")
    plt.close(fig)


def test_usetex_of_the_reader_does_not_reach_names():
    with matplotlib.rc_context({"text.usetex": True}):
        fig, ax = plt.subplots()
        draw_boxes(ax, IMAGE, BOX, [0], ["a_b"], title="c_d")
    assert not any(text.get_usetex() for text in texts_of(fig))
    plt.close(fig)


@pytest.mark.parametrize("figure", ["show_anchors", "show_precision_recall"])
def test_name_with_an_underscore_is_in_the_legend(figure):
    legend = FIGURES[figure]("").axes[0].get_legend()
    assert "_hidden" in " ".join(text.get_text() for text in legend.get_texts())


def test_powers_of_ten_along_an_axis_stay_mathematics():
    fig, ax = plt.subplots()
    ax.set_yscale("log")
    as_written(fig)
    fig.canvas.draw()
    assert all(tick.label1.get_parse_math() for tick in ax.yaxis.get_major_ticks())
    plt.close(fig)


def test_every_figure_of_the_library_is_finished():
    "A figure that does not end in finish_figure draws names as mathematics again."
    for path in (REPO / "dinofrcnn").rglob("*.py"):
        code = path.read_text()
        begun = len(re.findall(r"plt\.(?:subplots|figure|subplot_mosaic)\(|Figure\(", code))
        assert begun == code.count("return finish_figure("), path


@given(st.text(max_size=60), st.integers(3, 40))
def test_long_names_are_shortened_in_the_middle(name, most):
    short = shortened(name, most)
    assert len(short) <= most and shortened(short, most) == short
    if len(name) > most:
        assert short[0] == shortened(name[0]) and short[-1] == shortened(name[-1])


def test_very_long_name_does_not_widen_the_picture(tmp_path):
    plain = show_boxes(IMAGE, BOX, [0], ["x"], title="x")
    long = show_boxes(IMAGE, BOX, [0], ["x" * 5000], title="begin" + "x" * 5000 + "end")
    assert "begin" in written(long) and "end" in written(long)
    assert max(len(text.get_text()) for text in texts_of(long)) <= 100
    assert (plain.get_size_inches() == long.get_size_inches()).all()


def test_titles_of_a_grid_fit_over_their_images():
    grid = show_grid([IMAGE] * 4, [BOX] * 4, [[0]] * 4, ["x"], titles=["y" * 90] * 4, columns=4)
    assert len(grid.axes[0].get_title()) < 40


@pytest.mark.parametrize("name", ["W" * 90, "i" * 90, "camera-07_2031-04-11_" * 4, "写真" * 40])
@pytest.mark.parametrize("columns", [2, 4])
def test_titles_of_a_grid_leave_their_neighbours_room(name, columns):
    images = [IMAGE] * columns
    names = [name] * columns
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font does not have
        marks = [BOX] * columns, [[0]] * columns
        grid = show_grid(images, *marks, ["x"], titles=names, columns=columns, width=10)
        grid.canvas.draw()
        places = [ax.title.get_window_extent() for ax in grid.axes]
    for one, other in itertools.pairwise(places):
        assert one.x1 < other.x0
    assert places[0].x0 > 0 and places[-1].x1 < grid.bbox.x1


def test_title_of_two_lines_keeps_both():
    grid = show_grid([IMAGE], [BOX], [[0]], ["x"], titles=["n" * 200 + ".jpg\n3 missed, 0 wrong"])
    first, second = grid.axes[0].get_title().split("\n")
    assert first.endswith("n.jpg") and "…" in first and second == "3 missed, 0 wrong"


def test_label_of_a_small_box_does_not_hide_it():
    "In 7 inches 400 pixels wide a text is larger than the object."
    image = np.zeros((300, 400, 3), dtype=np.uint8)
    boxes = np.array([[100, 2, 108, 10], [200, 100, 206, 106], [392, 292, 399, 299]])
    figure = show_boxes(image, boxes, [0] * 3, ["worker"], width=4)
    assert texts_that_hide(figure, boxes) == []
    assert written(figure).count("worker") == 3


def test_labels_in_a_crowd_are_left_out_before_they_hide_an_object():
    image = np.zeros((300, 400, 3), dtype=np.uint8)
    corners = np.stack(np.meshgrid(np.arange(5, 390, 10), np.arange(5, 290, 10)), axis=-1)
    corners = corners.reshape(-1, 2)
    boxes = np.hstack([corners, corners + 8])
    figure = show_boxes(image, boxes, [0] * len(boxes), ["worker"], width=4)
    assert len(figure.axes[0].patches) == len(boxes)
    assert texts_that_hide(figure, boxes) == []


def test_label_of_a_large_box_at_the_top_stands_inside():
    figure = show_boxes(IMAGE, [[0, 0, 80, 60]], [0], ["worker"])
    assert "worker" in written(figure)


def texts_that_hide(figure, boxes):
    "The texts in a picture that lie over a third of a box, or over each other."
    figure.canvas.draw()
    ax = figure.axes[0]
    to_pixels = ax.transData.inverted()
    texts = []
    for text in ax.texts:
        (x1, y2), (x2, y1) = to_pixels.transform(text.get_window_extent().get_points())
        texts.append(np.array([x1, y1, x2, y2]))
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    bad = [text for text in texts if (shared_area(text, boxes) > areas / 3).any()]
    for i, text in enumerate(texts[1:], 1):
        if shared_area(text, np.array(texts[:i])).any():
            bad.append(text)
    return bad


def test_one_failing_picture_does_not_stop_the_rest_and_is_said(tmp_path, capsys):
    (tmp_path / "b.png").write_text("of an earlier report")

    def fails():
        raise RuntimeError("no ink")

    def works():
        return finish_figure(plt.figure())

    save_pictures(tmp_path, {"a.jpg": works, "b.png": fails, "c.png": works})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jpg", "c.png"]
    said = capsys.readouterr().out
    assert "b.png" in said and "no ink" in said and "a.jpg" not in said


def test_tensor_labels_are_drawn():
    figure = show_boxes(torch.zeros(3, 60, 80), torch.tensor(BOX), torch.tensor([0]), ["$"])
    assert "$" in written(figure)


def test_boxes_are_drawn_where_they_are_with_their_names():
    figure = show_boxes(IMAGE, BOX, [0], ["worker"], [0.9])
    box = figure.axes[0].patches[0]
    assert (*box.get_xy(), box.get_width(), box.get_height()) == (10, 10, 40, 30)
    assert "worker 90%" in written(figure)


def test_anchors_of_ratio_two_are_drawn_high():
    anchor = show_anchors(IMAGE, [[20]], [[2.0]]).axes[0].patches[0]
    assert anchor.get_height() == pytest.approx(2 * anchor.get_width())
