"Anchors and boxes: what overlaps, and what is said about boxes that no anchor fits."

import numpy as np
import pytest
from patients import cats_and_dogs, the_only

from dinofrcnn.data.anchor_fit import best_overlap
from dinofrcnn.data.doctor import inspect


@pytest.mark.parametrize(
    "side,expected", [((100, 100), 1), ((50, 100), 0.5), ((200, 50), 1 / 3), ((200, 200), 0.25)]
)
def test_overlap_with_a_centred_anchor(side, expected):
    anchor = np.array([[100.0, 100]])
    assert best_overlap(np.array([side], dtype=float), anchor) == pytest.approx(expected)


def test_boxes_without_an_anchor():
    anchors = dict(anchor_sizes=[[256], [512]], aspect_ratios=[[1]] * 2)
    findings = inspect({"train": cats_and_dogs()}, **anchors).findings
    assert "span" in the_only(findings, "no anchor", "smaller than the smallest").do


def test_boxes_smaller_than_a_patch():
    small = dict(min_size=96, max_size=144, anchor_sizes=[[8, 16]], aspect_ratios=[[1]])
    findings = inspect({"train": cats_and_dogs()}, **small).findings
    assert any("smaller than a patch" in f.seen for f in findings)


def test_one_anchor_is_enough_to_be_judged():
    one = dict(anchor_sizes=[[512]], aspect_ratios=[[1]])
    the_only(inspect({"train": cats_and_dogs()}, **one).findings, "100% of the boxes")
