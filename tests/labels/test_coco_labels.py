"COCO: ids, crowds and areas stay what they are, and every broken entry falls alone."

import copy
import json
import random
import shutil

import numpy as np
import pytest
from label_sets import GOOD_BOX, Coco, H, W, noted, picture, reasons
from perfect import scores

from dinofrcnn.labels.annotations import read_annotations, to_coco
from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.runtime import UserError


@pytest.fixture
def coco(tmp_path):
    return Coco(tmp_path)


def test_coco_box_class_and_ids(coco):
    record = coco.convert()[0]
    assert record["boxes"] == [GOOD_BOX] * 2
    assert record["labels"] == [0, 1]
    assert record["image_id"] == 1
    assert coco.report.clean
    assert coco.annotations.classes == ["x", "y"]


def test_coco_category_id_zero_is_not_lost(coco):
    coco.data["categories"][0]["id"] = 0
    coco.data["annotations"][0]["category_id"] = 0
    assert coco.convert()[0]["labels"] == [0, 1]


def test_coco_annotation_id_zero_and_image_id_zero(coco):
    coco.data["images"][0]["id"] = 0
    coco.data["annotations"][0].update(id=0, image_id=0)
    coco.data["annotations"][1]["image_id"] = 0
    assert coco.convert()[0]["image_id"] == 0
    assert coco.report.boxes.kept == 3


def test_coco_sparse_and_unordered_category_ids(coco):
    coco.data["categories"] = [{"id": 90, "name": "z"}, {"id": 7, "name": "x"}]
    coco.data["annotations"] = [coco.box(1, 1, 90), coco.box(2, 1, 7)]
    assert coco.convert()[0]["labels"] == [1, 0]
    assert coco.annotations.classes == ["x", "z"]
    assert coco.annotations.meta["category_ids"] == [7, 90]


@pytest.mark.parametrize("keep, classes", [(True, ["x", "y", "idle"]), (False, ["x", "y"])])
def test_coco_unused_categories_are_kept_or_dropped_and_said(coco, keep, classes):
    coco.data["categories"].append({"id": 3, "name": "idle"})
    coco.convert(keep_unused=keep)
    assert coco.annotations.classes == classes
    assert noted(coco.report, "idle")


def test_coco_categories_of_equal_name_stay_apart(coco):
    coco.data["categories"][1]["name"] = "x"
    coco.convert()
    assert coco.annotations.classes == ["x", "x (2)"]


def test_coco_class_list_fixes_the_order(coco):
    assert coco.convert(class_list=["y", "x"])[0]["labels"] == [1, 0]


def test_coco_class_list_without_a_category_drops_its_boxes(coco):
    coco.convert(class_list=["y"])
    assert reasons(coco.report) == ["unknown class"]


def test_coco_crowd_stays_a_crowd(coco):
    coco.data["annotations"][1]["iscrowd"] = 1
    assert coco.convert()[0]["iscrowd"] == [0, 1]


def test_coco_area_is_kept_not_recomputed(coco):
    coco.data["annotations"][0]["area"] = 123.5
    assert coco.convert()[0]["area"] == [123.5, 400]


@pytest.mark.parametrize("area", [None, "big", -1, float("nan")])
def test_coco_area_that_is_none_is_that_of_the_box(coco, area):
    coco.data["annotations"][0]["area"] = area
    assert coco.convert()[0]["area"] == [400, 400]


@pytest.mark.parametrize("key", ["iscrowd", "area"])
def test_coco_missing_iscrowd_or_area(coco, key):
    for annotation in coco.data["annotations"]:
        del annotation[key]
    assert key not in coco.convert()[0]
    assert coco.report.clean


def test_coco_missing_annotation_id(coco):
    del coco.data["annotations"][0]["id"]
    coco.convert()
    assert coco.report.clean


def test_coco_duplicate_annotation_ids_keep_all_boxes(coco):
    coco.data["annotations"][1]["id"] = 1
    coco.convert()
    assert coco.report.boxes.kept == 3
    assert noted(coco.report, "ids used again: 1")


def test_coco_duplicate_image_id_drops_the_second(coco):
    coco.data["images"].append(coco.image(1, "b.png"))
    coco.convert()
    assert reasons(coco.report, "image") == ["duplicate image"]


def test_coco_file_name_at_two_ids_is_said(coco):
    coco.data["images"][1]["file_name"] = "a.png"
    coco.convert()
    assert noted(coco.report, "more than one image id")


@pytest.mark.parametrize(
    "key, reason",
    [("image_id", "unknown image"), ("category_id", "unknown class"), ("bbox", "bad row")],
)
@pytest.mark.parametrize("value", [99, None, [], {}, "x", float("nan"), -1, 1e300])
def test_coco_annotation_for_an_unknown_image_or_category_or_without_box(coco, key, reason, value):
    coco.data["annotations"][0][key] = value
    coco.convert()
    assert reasons(coco.report) == [reason]
    assert coco.report.boxes.kept == 2


@pytest.mark.parametrize("key", ["image_id", "category_id", "bbox"])
def test_coco_missing_key_drops_the_box_alone(coco, key):
    del coco.data["annotations"][0][key]
    coco.convert()
    assert coco.report.boxes.dropped == 1
    assert coco.report.boxes.kept == 2


def test_coco_bbox_numbers_as_strings(coco):
    coco.data["annotations"][0]["bbox"] = ["40", "15.0", "20", " 20 "]
    assert coco.convert()[0]["boxes"] == [GOOD_BOX] * 2


def test_coco_ids_as_strings(coco):
    coco.data["annotations"][0].update(image_id="1", category_id="2")
    assert coco.convert()[0]["labels"] == [1, 1]
    assert coco.report.clean


@pytest.mark.parametrize(
    "bbox, reason",
    [
        ([40, 15, 0, 20], "no area"),
        ([40, 15, 20, -20], "inverted"),
        ([200, 15, 20, 20], "outside image"),
        ([float("nan"), 1, 2, 3], "not finite"),
        ([1, 2, float("inf"), 3], "not finite"),
        ([1, 2, 3], "bad row"),
        ("1234", "bad row"),
        ([1, 2, 3, 10**400], "bad row"),
        ([1, 2, 3, [4]], "bad row"),
    ],
)
def test_coco_box_is_dropped_alone_with_its_reason(coco, bbox, reason):
    coco.data["annotations"][0]["bbox"] = bbox
    assert len(coco.convert()[0]["boxes"]) == 1
    assert reasons(coco.report) == [reason]


def test_coco_box_partly_outside_is_clipped_and_reported(coco):
    coco.data["annotations"][0]["bbox"] = [-5, -5, 20, 20]
    assert coco.convert()[0]["boxes"][0] == [0, 0, 15, 15]
    assert reasons(coco.report) == ["clipped"]


def test_coco_images_without_boxes_are_kept(coco):
    coco.data["annotations"] = []
    assert len(coco.convert()) == 2
    assert coco.report.background == {"no boxes": 2}


def test_coco_huge_image_ids(coco):
    coco.data["images"][0]["id"] = 2**52
    coco.data["images"][1]["id"] = 2**53 - 1
    coco.data["annotations"] = [coco.box(1, 2**52, 1)]
    assert [r["image_id"] for r in coco.convert()] == [2**52, 2**53 - 1]
    assert coco.report.clean


def test_coco_image_ids_no_float_can_hold_are_numbered_anew_and_said(coco):
    coco.data["images"][0]["id"] = 10**30
    coco.data["annotations"] = [coco.box(1, 10**30, 1)]
    assert "image_id" not in coco.convert()[0]
    assert coco.report.boxes.kept == 1
    assert noted(coco.report, "numbered anew")


def test_coco_image_that_is_missing_is_dropped_with_its_boxes(coco):
    (coco.root / "images/a.png").unlink()
    coco.convert()
    assert reasons(coco.report, "image") == ["image missing"]
    assert reasons(coco.report) == ["image dropped"] * 2
    assert coco.report.images.kept == 1


def test_coco_wrong_image_folder_is_refused(coco):
    (coco.root / "other").mkdir()
    with pytest.raises(UserError, match="not one of the 2 images"):
        coco.convert(image_dir=coco.root / "other")


def test_coco_wrong_size_in_the_labels_is_corrected_and_reported(coco):
    coco.data["images"][0].update(width=10, height=7)
    assert coco.convert()[0]["width"] == W
    assert reasons(coco.report, "image") == ["size corrected"]


@pytest.mark.parametrize("size", [None, 0, -5, "x", float("nan"), 1e300, [1]])
def test_coco_unusable_size_is_read_from_the_image(coco, size):
    coco.data["images"][0].update(width=size)
    assert coco.convert(check_images=False)[0]["width"] == W


def test_coco_image_checks_off_opens_nothing(coco):
    shutil.rmtree(coco.root / "images")
    (coco.root / "images").mkdir()
    assert len(coco.convert(check_images=False)) == 2


def test_coco_images_nobody_mentions_are_noted(coco):
    picture(coco.root / "images/new.png")
    coco.convert()
    assert noted(coco.report, "new.png")


def test_coco_roboflow_layout_with_the_file_beside_its_images(coco):
    for category in coco.data["categories"]:
        category["supercategory"] = "things"
    coco.data["categories"].insert(0, {"id": 0, "name": "things", "supercategory": "none"})
    coco.root = coco.root / "images"
    assert len(coco.convert(image_dir=coco.root)) == 2
    assert coco.annotations.classes == ["x", "y"]


def test_coco_mmdetection_layout_with_the_folder_in_the_names(coco):
    for entry in coco.data["images"]:
        entry["file_name"] = "images/" + entry["file_name"]
    assert coco.convert()[0]["file_name"] == "a.png"
    assert noted(coco.report, "taken off")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"images": 1}',
        '{"images": [], "annotations": {}}',
        "[" * 99999,
        '{"annotations": []}',
        "9" * 5000,
    ],
)
def test_coco_file_that_is_not_one_is_refused(coco, text):
    (coco.root / "x.json").write_text(text)
    with pytest.raises(UserError):
        convert_coco(coco.root / "x.json", coco.root / "images", coco.root / "o")


def test_coco_entries_that_are_no_objects(coco):
    coco.data["images"] += [None, 7, {"id": [1]}, {"id": 5}, {"id": 6, "file_name": 3}]
    coco.data["annotations"] += [None, [], "x"]
    coco.data["categories"] += [None, {"name": "?"}]
    coco.convert()
    assert reasons(coco.report, "image") == ["bad image entry"] * 5
    assert reasons(coco.report) == ["bad row"] * 3


def test_coco_text_that_no_file_can_hold_is_replaced_in_the_report(coco):
    coco.data["annotations"].append("\ud800\n")
    coco.convert()
    assert "��" in coco.report.rows[0]["detail"]
    assert str(coco.report).encode()


def test_coco_category_id_that_no_file_can_hold(coco):
    coco.data["categories"] = [{"id": "\ud800"}]
    coco.data["annotations"] = [coco.box(1, 1, "\ud800")]
    coco.convert()
    assert coco.annotations.classes == ["class_"]


def random_annotation(rng, i):
    image, category = rng.choice([1, 2]), rng.choice([1, 2])
    x, y = round(rng.uniform(0, 60), 2), round(rng.uniform(0, 20), 2)
    w, h = round(rng.uniform(1, W - x), 2), round(rng.uniform(1, H - y), 2)
    area = rng.uniform(0.1, 1) * w * h
    return Coco.box(i, image, category, [x, y, w, h], area, iscrowd=int(rng.random() < 0.2))


def nearly(rng, annotation):
    "A detection a few pixels beside the annotation."
    bbox = [value + rng.uniform(-4, 4) for value in annotation["bbox"]]
    same = {key: annotation[key] for key in ("image_id", "category_id")}
    return {**same, "bbox": bbox, "score": rng.random()}


def test_coco_same_twelve_numbers_on_our_file_as_on_theirs(tmp_path):
    rng = random.Random(0)
    theirs = Coco(tmp_path).data
    theirs["annotations"] = [random_annotation(rng, i) for i in range(1, 80)]
    found = [nearly(rng, annotation) for annotation in theirs["annotations"]]
    (tmp_path / "i.json").write_text(json.dumps(theirs))
    convert_coco(tmp_path / "i.json", tmp_path / "images", tmp_path / "out")
    ours = to_coco(read_annotations(tmp_path / "out"))
    expected = scores(copy.deepcopy(theirs), copy.deepcopy(found))
    assert np.array_equal(expected, scores(ours, found))
