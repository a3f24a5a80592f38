"Rows that are no plain boxes: keypoints, scores, names, pixels. Read rightly, asked or refused."

import pytest
from label_sets import GOOD, GOOD_BOX, Yolo, noted, reasons

from dinofrcnn.runtime import UserError

WITH_FLAGS = "0.45 0.4 2 0.55 0.4 1 0.5 0.6 0"  # three keypoints, with visibility
EVEN_FLAGS = WITH_FLAGS + " 0.5 0.5 2"
POINTS = "0.45 0.4 0.55 0.6"  # two keypoints without


@pytest.fixture
def yolo(tmp_path):
    return Yolo(tmp_path)


def data_yaml(yolo, text):
    path = yolo.root / "data.yaml"
    path.write_text(f"names: [a, b, c]\n{text}\n")
    return path


def answered(yolo, row, text):
    "The boxes of a row, once `text` stands in the data.yaml that is the class list."
    yolo.add("a", row)
    return yolo.convert(data_yaml(yolo, text))[0]["boxes"]


@pytest.mark.parametrize("points", [WITH_FLAGS, EVEN_FLAGS, POINTS])
def test_pose_rows_keep_their_box_where_kpt_shape_is_known(yolo, points):
    assert answered(yolo, f"{GOOD} {points}", "kpt_shape: [3, 3]") == [GOOD_BOX]
    assert yolo.report.clean
    assert noted(yolo.report, "keypoints were left out")


def test_kpt_shape_counts_also_beside_a_classes_txt(yolo):
    data_yaml(yolo, "kpt_shape: [2, 2]")
    assert yolo.rows(f"{GOOD} {POINTS}") == [GOOD_BOX]


@pytest.mark.parametrize("points", [WITH_FLAGS, EVEN_FLAGS, POINTS])
def test_rows_that_may_be_keypoints_are_asked_about_and_both_answers_work(yolo, points):
    row = f"{GOOD} {points}"
    with pytest.raises(UserError, match="kpt_shape.*task: segment"):
        yolo.rows(row)
    assert not (yolo.root / "out").exists()
    assert answered(yolo, row, "kpt_shape: [3, 3]") == [GOOD_BOX]


def test_polygon_that_looks_like_keypoints_is_read_where_the_task_is_known(yolo):
    assert answered(yolo, f"{GOOD} {POINTS}", "task: segment") == [[20, 20, 55, 30]]


def test_polygons_among_which_one_looks_like_keypoints_are_no_question(yolo):
    polygon = "0 0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7"
    assert len(yolo.rows(f"{GOOD} {POINTS}\n{polygon}")) == 2


def test_confidence_in_the_second_column_is_said(yolo):
    yolo.rows("0 0.9 0.3 0.3 0.2 0.2\n0 0.43 0.5 0.4 0.4 0.5", sixth_column="confidence")
    assert noted(yolo.report, "confidence in the second")


def test_confidence_at_the_end_needs_no_note(yolo):
    yolo.rows(f"{GOOD} 0.9\n0 0.95 0.5 0.2 0.4 0.3", sixth_column="confidence")
    assert not noted(yolo.report, "in the second")


def test_corners_in_place_of_centre_and_size_are_said(yolo):
    yolo.rows("0 .1 .1 .9 .9\n0 .6 .6 .9 .9\n0 .5 .5 .6 .7")
    assert noted(yolo.report, "All rows could be two corners")


def test_boxes_at_the_border_among_others_need_no_such_note(yolo):
    yolo.rows(f"0 .1 .1 .9 .9\n{GOOD}")
    assert not noted(yolo.report, "corners")


@pytest.mark.parametrize(
    "row, what",
    {
        "10 10 30 10 30 25 10 25 thing 0": "oriented",
        "Car 0.00 0 -1.5 10 10 30 25 -1 -1 -1 -1 -1 -1 -1": "KITTI",
        "dog .5 .5 .2 .2": "class name",
        "Tower crane .5 .5 .2 .2": "class name",
        "0 0,5 0,5 0,2 0,4": "decimal comma",
        "0 .5 .5 .2 .4 .9 17": "track id",
        "0 50 25 20 20": "pixels or percentages, not fractions",
        "0 50% 50% 20% 40%": "percentages",
        "0 50 50 100 100": "percentages",  # as fractions this box would cover the image
    }.items(),
)
def test_rows_of_another_kind_are_refused_and_named(yolo, row, what):
    with pytest.raises(UserError, match=what) as refused:
        yolo.rows(f"{row}\n{row}\n{GOOD}")
    assert row in str(refused.value)
    assert not (yolo.root / "out").exists()


def test_number_with_an_underscore_is_no_number(yolo):
    assert yolo.rows(f"{GOOD}\n1_0 .5 .5 .2 .2") == [GOOD_BOX]
    assert reasons(yolo.report) == ["bad row"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-16"])
def test_rows_in_another_encoding(yolo, encoding):
    assert yolo.rows(GOOD.encode(encoding)) == [GOOD_BOX]


def test_blank_label_files_alone_are_accepted(yolo):
    yolo.add("a", "")
    yolo.add("b", "\n")
    assert [r["boxes"] for r in yolo.convert()] == [[], []]


def test_labels_all_of_unknown_classes_are_refused(yolo):
    with pytest.raises(UserError):
        yolo.rows("7 .5 .5 .2 .4")
    assert not (yolo.root / "out").exists()


# ---------------------------------------------------------------- seven numbers

TRIANGLE = "0 0.4 0.3 0.6 0.3 0.5 0.7"
AT_THE_BORDER = "0 0.4 0.3 0.6 0.3 0.5 0"


@pytest.mark.parametrize("two", ["0.9 17", "0.9 0", "3 0.9", "1 1"])
def test_box_with_score_and_track_is_no_triangle(yolo, two):
    with pytest.raises(UserError, match="take these two columns out .*task: segment"):
        yolo.rows(f"{GOOD} {two}")


def test_tracks_among_boxes_are_dropped_one_by_one(yolo):
    assert yolo.rows(f"{GOOD}\n{GOOD}\n{GOOD} 0.9 17") == [GOOD_BOX] * 2
    assert "take these two columns out" in yolo.report.rows[0]["detail"]


def test_triangle_at_the_border_among_others_is_no_question(yolo):
    assert len(yolo.rows(f"{TRIANGLE}\n{AT_THE_BORDER}")) == 2
    assert yolo.report.clean


def test_triangles_at_the_border_are_asked_about_and_the_answer_works(yolo):
    with pytest.raises(UserError, match="task: segment"):
        yolo.rows(AT_THE_BORDER)
    assert answered(yolo, AT_THE_BORDER, "task: segment") == [[40, 0, 60, 15]]
