"A box from whatever is given, and what four numbers mean."

import numpy as np
import pytest
from pycocotools import mask as pycocotools_mask

from dinofrcnn.shapes import (
    NO_SHAPE,
    find_box,
    seem_percentages,
    shape_box,
    sound_areas,
    stated_area,
    stated_box,
    turned_box,
    what_numbers_mean,
)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.95])
@pytest.mark.parametrize("seed", range(5))
def test_the_box_of_a_mask_is_that_of_pycocotools(seed, share):
    random = np.random.default_rng(seed)
    height, width = random.integers(2, 60, 2)
    pixels = np.zeros((height, width), dtype=np.uint8, order="F")
    pixels[: height - 1, width // 2 :] = random.random((height - 1, width - width // 2)) < share
    pixels[0, -1] = 1
    packed = pycocotools_mask.encode(pixels)
    x, y, w, h = pycocotools_mask.toBbox(packed)
    packed["counts"] = packed["counts"].decode()
    assert shape_box(packed) == (x, y, x + w, y + h)


@pytest.mark.parametrize(
    "shape",
    [
        {"size": [4, 3], "counts": [12]},
        {"size": [4, 3], "counts": [5, 1]},
        {"size": [4, 3], "counts": [13, -2, 1]},
        {"size": [4, 3], "counts": "o" * 10_000},
        {"size": [0, 0], "counts": []},
        {"size": [4], "counts": [5, 1, 6]},
        {"counts": [5, 1, 6]},
        {},
        [],
        [[]],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [[1, 2, float("nan"), 4, 5, 6]],
        [[1, 2, 3, 4, 5, 10**400]],
        [{}],
        "12345678",
        None,
    ],
)
def test_what_is_no_outline_raises_what_is_promised(shape):
    with pytest.raises(NO_SHAPE):
        shape_box(shape)


@pytest.mark.parametrize(
    "numbers", [[1, 2, 3], "1234", None, {}, {"x": 1}, [1, 2, 3, [4]], [10**400] * 4]
)
def test_what_is_no_box_raises_what_is_promised(numbers):
    with pytest.raises(NO_SHAPE):
        stated_box(numbers)


def test_a_box_turned_all_the_way_round_comes_back():
    assert turned_box((20, 40, 100, 60), 360) == pytest.approx((20, 40, 100, 60))


def random_boxes(n=200):
    "Corners in images of 640 x 480, their sizes, and their areas."
    random = np.random.default_rng(0)
    x1, y1 = random.uniform(0, 600, n), random.uniform(0, 440, n)
    x2, y2 = x1 + random.uniform(5, 640 - x1), y1 + random.uniform(5, 480 - y1)
    return np.stack([x1, y1, x2, y2], axis=1), np.full((n, 2), (640, 480))


def as_sides(corners):
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


@pytest.mark.parametrize("lying", [False, True])
def test_a_file_of_corners_is_known_by_its_boxes_alone(lying):
    corners, sizes = random_boxes()
    sizes = sizes[:, ::-1] if lying else sizes
    assert what_numbers_mean(corners, sizes, np.full(200, np.nan))[0] == "corners"


@pytest.mark.parametrize("n", [0, 1, 2, 200])
def test_a_file_of_sides_says_nothing(n):
    corners, sizes = random_boxes()
    sides = as_sides(corners)[:n]
    areas = sides[:, 2] * sides[:, 3]
    assert what_numbers_mean(sides, sizes[:n], areas) == ("", "")


def test_corners_in_images_of_unknown_size_are_known_by_their_areas():
    corners, sizes = random_boxes()
    sides = as_sides(corners)
    areas = sides[:, 2] * sides[:, 3]
    assert what_numbers_mean(corners, sizes + np.inf, areas)[0] == "corners"
    assert what_numbers_mean(corners, sizes + np.inf, areas * np.nan)[0] == ""


def test_fractions_are_known_unless_the_areas_say_that_they_are_pixels():
    corners, sizes = random_boxes()
    fractions = as_sides(corners) / np.tile(sizes, 2)
    nothing = np.full(200, np.nan)
    assert what_numbers_mean(fractions, sizes, nothing)[0] == "fractions"
    meaning, note = what_numbers_mean(fractions, sizes, fractions[:, 2] * fractions[:, 3])
    assert (meaning, "may hold" in note) == ("", True)


def test_some_boxes_that_reach_out_are_a_doubt_and_said():
    corners = np.array([[50, 15, 70, 40], [60, 20, 95, 45], [2, 2, 9, 9], [5, 5, 9, 9.0]])
    meaning, note = what_numbers_mean(corners, np.full((4, 2), (100, 50)), np.full(4, np.nan))
    assert (meaning, "may hold corners" in note) == ("", True)


@pytest.mark.parametrize("annotation", [{}, {"bbox": [1, 2, 3]}, {"bbox": None, "segmentation": 7}])
def test_an_annotation_without_box_and_outline_raises_what_is_promised(annotation):
    with pytest.raises(NO_SHAPE):
        find_box(annotation)


@pytest.mark.parametrize("area", [None, "big", -1, float("nan"), float("inf"), True])
def test_an_area_that_is_none(area):
    assert np.isnan(stated_area({"area": area}))


@pytest.mark.parametrize("said, right", [(0, 400), (442, 400), (440, 440), (3.9, 400), (4, 4)])
def test_an_area_that_cannot_be_is_that_of_the_box(said, right):
    areas, faults = sound_areas(np.array([said]), np.array([[40, 15, 60, 35.0]]), np.array([False]))
    assert areas.tolist() == [right]
    assert any(wrong.any() for wrong in faults.values()) == (said != right)


def percentages(n=12):
    "Boxes in percent, the sizes of their images, and which image each is in."
    boxes = np.tile([10, 20, 60, 50], (n, 1)).astype(float)
    boxes[0] = 0, 0, 95, 92
    return boxes, np.full((n, 2), (640, 200.0)), np.arange(n) % 3


def test_percentages_are_said_with_what_tells_them():
    note = seem_percentages(*percentages())
    assert "none of 12 boxes goes beyond 100, in images of at least 200 pixels" in note


@pytest.mark.parametrize("n", [0, 1, 9])
def test_few_boxes_may_all_lie_in_one_corner(n):
    boxes, sizes, images = percentages()
    assert seem_percentages(boxes[:n], sizes[:n], images[:n]) == ""


def test_boxes_of_two_images_may_all_lie_in_one_corner():
    boxes, sizes, images = percentages()
    assert seem_percentages(boxes, sizes, images % 2) == ""


@pytest.mark.parametrize("size", [(199, 640), (640, 199), (np.inf, np.inf)])
def test_pixels_of_a_small_image_or_one_of_unknown_size_are_no_percentages(size):
    boxes, sizes, images = percentages()
    sizes[5] = size
    assert seem_percentages(boxes, sizes, images) == ""


@pytest.mark.parametrize("row", [[60, 10, 40.1, 20], [10, 60, 20, 40.1], [-1, 10, 40, 20]])
def test_one_box_beyond_a_hundred_or_below_nothing_is_in_pixels(row):
    boxes, sizes, images = percentages()
    boxes[3] = row
    assert seem_percentages(boxes, sizes, images) == ""


@pytest.mark.parametrize("row", [[0, 0, 90, 92], [0, 0, 95, 90]])
def test_boxes_that_stay_away_from_a_hundred_are_in_pixels(row):
    boxes, sizes, images = percentages()
    boxes[0] = row
    assert seem_percentages(boxes, sizes, images) == ""
