"Every fault that users of label converters reported, one by one; and there and back again."

import copy
import json
import random
import shutil

import fuzz_convert
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_annotations import perfect, scores

from dinofrcnn.labels.annotations import Annotations, read_annotations, to_coco, write_annotations
from dinofrcnn.labels.coco import convert_coco, export_coco
from dinofrcnn.labels.files import files_below, read_class_list, samples_dir
from dinofrcnn.labels.images import read_image
from dinofrcnn.labels.reconcile import REASONS, REPAIRS, judge, turn_boxes
from dinofrcnn.labels.voc import convert_voc, export_voc
from dinofrcnn.labels.yolo import convert_yolo, export_yolo
from dinofrcnn.runtime import UserError

W, H = 100, 50
GOOD = "0 0.5 0.5 0.2 0.4"
GOOD_BOX = [40, 15, 60, 35]


def picture(path, size=(W, H), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "grey").save(path, **options)


class Yolo:
    "A YOLO data set on disk: images (grey) and label files as given."

    def __init__(self, root):
        self.root, self.images, self.labels = root, root / "images", root / "labels"
        self.images.mkdir()
        self.labels.mkdir()

    def add(self, stem="a", text=GOOD, suffix=".png"):
        picture(self.images / (stem + suffix))
        if text is not None:
            self.label(stem, text)

    def label(self, stem, text):
        path = self.labels / f"{stem}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text) if isinstance(text, bytes) else path.write_text(text)

    def convert(self, class_list=("a", "b", "c"), **options):
        self.report = convert_yolo(
            options.pop("yolo_dir", self.labels),
            options.pop("image_dir", self.images),
            self.root / "out",
            class_list=class_list,
            force=True,
            **options,
        )
        return read_annotations(self.root / "out").records

    def rows(self, text, **options):
        "Boxes of one image labelled with `text`."
        self.add("a", text)
        return self.convert(**options)[0]["boxes"]


@pytest.fixture
def yolo(tmp_path):
    return Yolo(tmp_path)


def reasons(report, item="box"):
    return [r["reason"] for r in report.rows if r["item"] == item]


# ---------------------------------------------------------------- YOLO: images and label files


def test_yolo_box_in_pixels(yolo):
    assert yolo.rows(GOOD) == [GOOD_BOX]


def test_yolo_blank_and_missing_label_files_are_counted_apart(yolo):
    yolo.add("a")
    yolo.add("b", "")
    yolo.add("c", " \n\n")
    yolo.add("d", None)
    records = yolo.convert()
    assert [len(r["boxes"]) for r in records] == [1, 0, 0, 0]
    assert (
        yolo.report.background == {"with blank label file": 2, "without label file": 1}
        and yolo.report.clean
    )


def test_yolo_image_whose_rows_are_all_bad_is_kept_and_counted_apart(yolo):
    assert yolo.rows("x") == [] and yolo.report.background == {"whose boxes were all dropped": 1}


def test_yolo_one_bad_row_does_not_drop_the_image(yolo):
    assert yolo.rows(f"{GOOD}\n0 x y\n{GOOD}") == [GOOD_BOX] * 2 and reasons(yolo.report) == [
        "bad row"
    ]


def test_yolo_bad_row_is_reported_with_file_and_line(yolo):
    yolo.rows(f"{GOOD}\n\n7 0.5 0.5 0.1 0.1")
    assert [(r["file"], r["where"]) for r in yolo.report.rows] == [("a.txt", "line 3")]


@pytest.mark.parametrize("suffix", [".JPG", ".Jpeg", ".PNG", ".WEBP"])
def test_yolo_upper_case_suffix(yolo, suffix):
    yolo.add("a", suffix=suffix)
    assert yolo.convert()[0]["boxes"] == [GOOD_BOX]


def test_yolo_nested_folders(yolo):
    yolo.add("x/y/a")
    assert yolo.convert()[0]["file_name"] == "x/y/a.png" and yolo.report.boxes.kept == 1


def test_yolo_same_stem_in_two_folders(yolo):
    yolo.add("x/a", GOOD)
    yolo.add("y/a", "1 0.5 0.5 0.1 0.1")
    assert [r["labels"] for r in yolo.convert()] == [[0], [1]]


def test_yolo_flat_labels_for_nested_images(yolo):
    yolo.add("x/a", None)
    yolo.label("a", GOOD)
    assert len(yolo.convert()[0]["boxes"]) == 1


def test_yolo_flat_label_is_given_to_neither_of_two_images_with_its_stem(yolo):
    yolo.add("x/a", None)
    yolo.add("y/a", None)
    yolo.add("b")
    yolo.label("a", GOOD)
    assert sum(len(r["boxes"]) for r in yolo.convert()) == 1 and reasons(yolo.report) == [
        "unknown image"
    ]


def test_yolo_flat_folder_of_images_and_labels(yolo):
    yolo.add("a", None)
    (yolo.images / "a.txt").write_text(GOOD)
    (yolo.images / "classes.txt").write_text("a\n")
    assert yolo.convert(yolo_dir=yolo.images)[0]["boxes"] == [GOOD_BOX] and yolo.report.clean


def test_yolo_images_becomes_labels_only_at_its_last_place(yolo):
    root = yolo.root / "images/set"  # /images/ stands earlier in the path, too
    picture(root / "images/train/a.png")
    (root / "labels/train").mkdir(parents=True)
    (root / "labels/train/a.txt").write_text(GOOD)
    assert yolo.convert(yolo_dir=root, image_dir=root)[0]["boxes"] == [GOOD_BOX]
    assert yolo.convert(yolo_dir=root, image_dir=root / "images/train")[0]["boxes"] == [GOOD_BOX]


def test_yolo_split_with_images_and_labels_inside(yolo):
    picture(yolo.root / "d/train/images/a.png")
    (yolo.root / "d/train/labels").mkdir()
    (yolo.root / "d/train/labels/a.txt").write_text(GOOD)
    assert yolo.convert(yolo_dir=yolo.root / "d", image_dir=yolo.root / "d")[0]["boxes"] == [
        GOOD_BOX
    ]


def test_yolo_split_list(yolo):
    for stem in "abc":
        yolo.add(stem)
    (yolo.root / "train.txt").write_text("./images/a.png\r\n\r\nc.png\ngone.png\n")
    records = yolo.convert(split_file=yolo.root / "train.txt")
    assert [r["file_name"] for r in records] == ["a.png", "c.png"] and reasons(
        yolo.report, "image"
    ) == ["image missing"]


def test_yolo_symlinked_image_folder(yolo):
    yolo.add()
    (yolo.root / "link").symlink_to(yolo.images)
    assert yolo.convert(image_dir=yolo.root / "link")[0]["boxes"] == [GOOD_BOX]


def test_yolo_symlinked_folder_inside_the_image_folder(yolo):
    yolo.add("x/a")
    (yolo.images / "y").symlink_to(yolo.images / "x")
    yolo.convert()
    assert yolo.report.images.kept == 1  # the same folder is not walked twice


def test_yolo_label_file_without_image_is_reported(yolo):
    yolo.add("a")
    yolo.label("b", GOOD + "\n" + GOOD)
    yolo.convert()
    assert (
        yolo.report.boxes.found == 3
        and reasons(yolo.report) == ["unknown image"] * 2
        and yolo.report.rows[0]["where"] == "b.txt line 1"
    )


def test_yolo_labels_of_another_split_are_noted(yolo):
    yolo.add("train/a")
    yolo.label("val/b", GOOD)
    yolo.convert()
    assert yolo.report.clean and any(
        "other folders" in n and "val/b.txt" in n for n in yolo.report.notes
    )


def test_yolo_wrong_label_folder_is_refused(yolo):
    yolo.add("a", None)
    yolo.label("b", GOOD)
    with pytest.raises(UserError, match="none of the 1 label files"):
        yolo.convert()


def test_yolo_image_called_train_keeps_its_labels(yolo):
    yolo.add("train")
    assert yolo.convert()[0]["boxes"] == [GOOD_BOX]


def test_yolo_readme_among_the_labels_is_no_label_file(yolo):
    yolo.add()
    yolo.label("README", "hello")
    yolo.convert()
    assert yolo.report.clean


def test_yolo_no_images_is_refused(yolo):
    with pytest.raises(UserError, match="no images"):
        yolo.convert()


def test_folder_with_a_typing_error_names_the_nearest(yolo):
    with pytest.raises(UserError, match="did you mean .*labels"):
        yolo.convert(yolo_dir=yolo.root / "lables")


# ---------------------------------------------------------------- YOLO: rows


@pytest.mark.parametrize(
    "text",
    [
        "0\t0.5\t0.5\t0.2\t0.4",
        "0,0.5,0.5,0.2,0.4",
        "0, 0.5, 0.5, 0.2, 0.4",
        "  0  0.5 0.5   0.2 0.4  ",
        "0 5e-1 .5 0.20 0.40",
    ],
)
def test_yolo_tabs_commas_and_blanks(yolo, text):
    assert yolo.rows(text) == [GOOD_BOX]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        f"{GOOD}\r\n".encode(),
        f"{GOOD}\r".encode(),
    ],
)
def test_yolo_bom_and_crlf(yolo, data):
    assert yolo.rows(data) == [GOOD_BOX]


def test_yolo_decimal_commas_are_refused_not_misread(yolo):
    assert yolo.rows("0 0,5 0,5 0,2 0,4") == [] and reasons(yolo.report) == ["bad row"]


def test_yolo_polygon_becomes_its_bounding_box(yolo):
    assert yolo.rows("0 0.4 0.3 0.6 0.3 0.5 0.7") == [GOOD_BOX]


def test_yolo_polygon_and_box_rows_in_one_file(yolo):
    assert yolo.rows(f"{GOOD}\n0 0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7") == [GOOD_BOX] * 2


def test_yolo_five_fields_are_always_a_box(yolo):
    assert yolo.rows("0 0.5 0.5 0.2 0.4\n0 0.4 0.3 0.6 0.3 0.5 0.7") == [GOOD_BOX] * 2


def test_yolo_sixth_column_is_refused_with_the_place(yolo):
    with pytest.raises(UserError, match=r"a.txt' line 2 .*--sixth_column"):
        yolo.rows(f"{GOOD}\n{GOOD} 0.9")


@pytest.mark.parametrize("what", ["confidence", "track"])
def test_yolo_sixth_column_is_left_out_when_it_is_named(yolo, what):
    assert yolo.rows(f"{GOOD} 0.9", sixth_column=what) == [GOOD_BOX] and any(
        what in n for n in yolo.report.notes
    )


def test_yolo_sixth_column_of_another_name_is_refused(yolo):
    with pytest.raises(UserError, match="confidence"):
        yolo.rows(GOOD, sixth_column="score")


def test_yolo_class_id_as_float(yolo):
    yolo.add("a", "2.0 0.5 0.5 0.2 0.4")
    assert yolo.convert()[0]["labels"] == [2]


@pytest.mark.parametrize("class_id", ["-1", "3", "1.5", "99999999999", "1e300"])
def test_yolo_class_id_negative_or_past_the_list(yolo, class_id):
    assert yolo.rows(f"{class_id} 0.5 0.5 0.2 0.4\n{GOOD}") == [GOOD_BOX] and reasons(
        yolo.report
    ) == ["unknown class"]


@pytest.mark.parametrize(
    "row, reason",
    [
        ("0 nan .5 .2 .2", "not finite"),
        ("0 .5 inf .2 .2", "not finite"),
        ("nan .5 .5 .2 .2", "not finite"),
        ("0 .5 .5 0 .2", "no area"),
        ("0 .5 .5 -.2 .2", "inverted"),
        ("0 1.5 .5 .2 .2", "outside image"),
        ("0 .5 .5 .2", "bad row"),
        ("0 .1 .1 .2 .2 .3 .3 .4", "bad row"),
        ("dog .5 .5 .2 .2", "bad row"),
        ("0 .5 .5 1e-9 .2", "no area"),
        ("0 1e308 1e308 1e308 1e308", "not finite"),
    ],
)
def test_yolo_row_is_dropped_alone_with_its_reason(yolo, row, reason):
    assert yolo.rows(f"{row}\n{GOOD}") == [GOOD_BOX] and reasons(yolo.report) == [reason]


def test_yolo_box_partly_outside_is_clipped_and_reported(yolo):
    assert (
        yolo.rows("0 1 0.5 0.2 0.4") == [[90, 15, 100, 35]]
        and reasons(yolo.report) == ["clipped"]
        and yolo.report.boxes.repaired == 1
    )


def test_yolo_rounding_at_the_border_is_no_repair(yolo):
    assert yolo.rows("0 0.500001 0.5 1.0 1.0")[0] == [0.0001, 0, 100, 50] and yolo.report.clean


def test_yolo_pixels_instead_of_fractions_are_noticed(yolo):
    yolo.rows("0 50 25 20 20\n0 60 25 20 20")
    assert any("pixels, not fractions" in n for n in yolo.report.notes)


# ---------------------------------------------------------------- class lists


def test_class_list_text_file(tmp_path):
    (tmp_path / "classes.txt").write_bytes("\ufeffWorker\r\nTower crane \r\n\r\n".encode())
    assert read_class_list(tmp_path / "classes.txt") == {0: "Worker", 1: "Tower crane"}


def test_class_list_blank_line_inside_keeps_the_count(tmp_path):
    (tmp_path / "classes.txt").write_text("a\n\nc\n")
    assert read_class_list(tmp_path / "classes.txt") == {0: "a", 1: "class_1", 2: "c"}


@pytest.mark.parametrize(
    "names",
    [
        "[Worker, no, 'yes', on, 3]",
        "\n- Worker\n- no\n- yes\n- on\n- 3",
        "{0: Worker, 1: no, 2: yes, 3: on, 4: 3}",
        "{4: 3, 0: Worker, 3: on, 1: no, 2: yes}",
    ],
)
def test_class_list_data_yaml_list_or_dict_with_yaml_booleans(tmp_path, names):
    (tmp_path / "data.yaml").write_text(f"path: x\nnc: 5\nnames: {names}\n")
    assert read_class_list(tmp_path / "data.yaml") == {
        0: "Worker",
        1: "no",
        2: "yes",
        3: "on",
        4: "3",
    }


def test_class_list_sparse_yaml_ids(yolo):
    (yolo.root / "data.yaml").write_text("names: {3: a, 10: b}")
    yolo.add("a", "10 .5 .5 .2 .4\n0 .5 .5 .2 .2")
    assert yolo.convert(yolo.root / "data.yaml")[0]["labels"] == [1] and reasons(yolo.report) == [
        "unknown class"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "names: 7",
        "names:",
        "[1",
        "a: &a [*a]\nnames: *a",
        "names: {x: y}",
        "",
        "names: [[a]]",
        "download: |\n  import os",
    ],
)
def test_class_list_yaml_without_usable_names_is_refused(tmp_path, text):
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(UserError):
        read_class_list(tmp_path / "data.yaml")


def test_class_list_yaml_executes_nothing(tmp_path):
    (tmp_path / "data.yaml").write_text(
        f"names: !!python/object/apply:os.system ['touch {tmp_path}/hacked']"
    )
    assert (
        read_class_list(tmp_path / "data.yaml") == {0: f"touch {tmp_path}/hacked"}
        and not (tmp_path / "hacked").exists()
    )


def test_class_list_with_repeated_names_stays_apart():
    assert read_class_list(["a", "a", "b"]) == {0: "a", 1: "a (1)", 2: "b"}


def test_class_list_missing_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        read_class_list(tmp_path / "classes.txt")


def test_class_list_found_above_the_labels_is_said(yolo):
    (yolo.root / "classes.txt").write_text("Worker\n")
    yolo.add()
    yolo.convert(None)
    assert read_annotations(yolo.root / "out").classes == ["Worker"] and any(
        "classes.txt" in n for n in yolo.report.notes
    )


def test_class_names_made_from_ids_are_said(yolo):
    yolo.add("a", "2 .5 .5 .2 .4")
    yolo.convert(None)
    assert read_annotations(yolo.root / "out").classes == ["class_0", "class_1", "class_2"] and any(
        "made from the ids" in n for n in yolo.report.notes
    )


# ---------------------------------------------------------------- COCO


class Coco:
    def __init__(self, root):
        self.root = root
        picture(root / "images/a.png")
        picture(root / "images/b.png")
        self.data = {
            "images": [self.image(1, "a.png"), self.image(2, "b.png")],
            "categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}],
            "annotations": [self.box(1, 1, 1), self.box(2, 1, 2), self.box(3, 2, 2)],
        }

    @staticmethod
    def image(i, name, w=W, h=H):
        return {"id": i, "file_name": name, "width": w, "height": h}

    @staticmethod
    def box(i, image, category, bbox=(40, 15, 20, 20), **more):
        return {
            "id": i,
            "image_id": image,
            "category_id": category,
            "bbox": list(bbox),
            "area": 400.0,
            "iscrowd": 0,
            **more,
        }

    def convert(self, **options):
        (self.root / "i.json").write_text(json.dumps(self.data))
        self.report = convert_coco(
            self.root / "i.json",
            options.pop("image_dir", self.root / "images"),
            self.root / "out",
            force=True,
            **options,
        )
        self.annotations = read_annotations(self.root / "out")
        return self.annotations.records


@pytest.fixture
def coco(tmp_path):
    return Coco(tmp_path)


def test_coco_box_class_and_ids(coco):
    record = coco.convert()[0]
    assert (
        record["boxes"] == [GOOD_BOX] * 2
        and record["labels"] == [0, 1]
        and record["image_id"] == 1
        and coco.report.clean
        and coco.annotations.classes == ["x", "y"]
    )


def test_coco_category_id_zero_is_not_lost(coco):
    coco.data["categories"][0]["id"] = coco.data["annotations"][0]["category_id"] = 0
    assert coco.convert()[0]["labels"] == [0, 1]


def test_coco_annotation_id_zero_and_image_id_zero(coco):
    coco.data["images"][0]["id"] = coco.data["annotations"][0]["image_id"] = coco.data[
        "annotations"
    ][1]["image_id"] = 0
    coco.data["annotations"][0]["id"] = 0
    assert coco.convert()[0]["image_id"] == 0 and coco.report.boxes.kept == 3


def test_coco_sparse_and_unordered_category_ids(coco):
    coco.data["categories"] = [{"id": 90, "name": "z"}, {"id": 7, "name": "x"}]
    coco.data["annotations"] = [coco.box(1, 1, 90), coco.box(2, 1, 7)]
    assert (
        coco.convert()[0]["labels"] == [1, 0]
        and coco.annotations.classes == ["x", "z"]
        and coco.annotations.meta["category_ids"] == [7, 90]
    )


@pytest.mark.parametrize("keep, classes", [(True, ["x", "y", "idle"]), (False, ["x", "y"])])
def test_coco_unused_categories_are_kept_or_dropped_and_said(coco, keep, classes):
    coco.data["categories"].append({"id": 3, "name": "idle"})
    coco.convert(keep_unused=keep)
    assert coco.annotations.classes == classes and any("idle" in n for n in coco.report.notes)


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
    for a in coco.data["annotations"]:
        del a[key]
    assert key not in coco.convert()[0] and coco.report.clean


def test_coco_missing_annotation_id(coco):
    del coco.data["annotations"][0]["id"]
    coco.convert()
    assert coco.report.clean


def test_coco_duplicate_annotation_ids_keep_all_boxes(coco):
    coco.data["annotations"][1]["id"] = 1
    coco.convert()
    assert coco.report.boxes.kept == 3 and any("ids used again: 1" in n for n in coco.report.notes)


def test_coco_duplicate_image_id_drops_the_second(coco):
    coco.data["images"].append(coco.image(1, "b.png"))
    coco.convert()
    assert reasons(coco.report, "image") == ["duplicate image"]


def test_coco_file_name_at_two_ids_is_said(coco):
    coco.data["images"][1]["file_name"] = "a.png"
    coco.convert()
    assert any("more than one image id" in n for n in coco.report.notes)


@pytest.mark.parametrize(
    "key, reason",
    [("image_id", "unknown image"), ("category_id", "unknown class"), ("bbox", "bad row")],
)
@pytest.mark.parametrize("value", [99, None, [], {}, "x", float("nan"), -1, 1e300])
def test_coco_annotation_for_an_unknown_image_or_category_or_without_box(coco, key, reason, value):
    coco.data["annotations"][0][key] = value
    coco.convert()
    assert reasons(coco.report) == [reason] and coco.report.boxes.kept == 2


@pytest.mark.parametrize("key", ["image_id", "category_id", "bbox"])
def test_coco_missing_key_drops_the_box_alone(coco, key):
    del coco.data["annotations"][0][key]
    coco.convert()
    assert coco.report.boxes.dropped == 1 and coco.report.boxes.kept == 2


def test_coco_bbox_numbers_as_strings(coco):
    coco.data["annotations"][0]["bbox"] = ["40", "15.0", "20", " 20 "]
    assert coco.convert()[0]["boxes"] == [GOOD_BOX] * 2


def test_coco_ids_as_strings(coco):
    coco.data["annotations"][0].update(image_id="1", category_id="2")
    assert coco.convert()[0]["labels"] == [1, 1] and coco.report.clean


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
    assert len(coco.convert()[0]["boxes"]) == 1 and reasons(coco.report) == [reason]


def test_coco_box_partly_outside_is_clipped_and_reported(coco):
    coco.data["annotations"][0]["bbox"] = [-5, -5, 20, 20]
    assert coco.convert()[0]["boxes"][0] == [0, 0, 15, 15] and reasons(coco.report) == ["clipped"]


def test_coco_images_without_boxes_are_kept(coco):
    coco.data["annotations"] = []
    assert len(coco.convert()) == 2 and coco.report.background == {"no boxes": 2}


def test_coco_huge_image_ids(coco):
    for entry, i in zip(coco.data["images"], (2**52, 2**53 - 1)):
        entry["id"] = i
    coco.data["annotations"] = [coco.box(1, 2**52, 1)]
    assert [r["image_id"] for r in coco.convert()] == [2**52, 2**53 - 1] and coco.report.clean


def test_coco_image_ids_no_float_can_hold_are_numbered_anew_and_said(coco):
    coco.data["images"][0]["id"] = 10**30
    coco.data["annotations"] = [coco.box(1, 10**30, 1)]
    assert (
        "image_id" not in coco.convert()[0]
        and coco.report.boxes.kept == 1
        and any("numbered anew" in n for n in coco.report.notes)
    )


def test_coco_image_that_is_missing_is_dropped_with_its_boxes(coco):
    (coco.root / "images/a.png").unlink()
    coco.convert()
    assert (
        reasons(coco.report, "image") == ["image missing"]
        and reasons(coco.report) == ["image dropped"] * 2
        and coco.report.images.kept == 1
    )


def test_coco_wrong_image_folder_is_refused(coco):
    (coco.root / "other").mkdir()
    with pytest.raises(UserError, match="not one of the 2 images"):
        coco.convert(image_dir=coco.root / "other")


def test_coco_wrong_size_in_the_labels_is_corrected_and_reported(coco):
    coco.data["images"][0].update(width=10, height=7)
    assert coco.convert()[0]["width"] == W and reasons(coco.report, "image") == ["size corrected"]


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
    assert any("new.png" in n for n in coco.report.notes)


def test_coco_roboflow_layout_with_the_file_beside_its_images(coco):
    coco.data["categories"].insert(0, {"id": 0, "name": "things", "supercategory": "none"})
    coco.root = coco.root / "images"
    assert len(coco.convert(image_dir=coco.root)) == 2 and coco.annotations.classes == [
        "things",
        "x",
        "y",
    ]


def test_coco_mmdetection_layout_with_the_folder_in_the_names(coco):
    for entry in coco.data["images"]:
        entry["file_name"] = "images/" + entry["file_name"]
    assert coco.convert()[0]["file_name"] == "a.png" and any(
        "taken off" in n for n in coco.report.notes
    )


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
    assert (
        reasons(coco.report, "image") == ["bad image entry"] * 5
        and reasons(coco.report) == ["bad row"] * 3
    )


def test_coco_text_that_no_file_can_hold_is_replaced_in_the_report(coco):
    coco.data["annotations"].append("\ud800\n")
    coco.convert()
    assert "��" in coco.report.rows[0]["detail"] and str(coco.report).encode()


def test_coco_category_id_that_no_file_can_hold(coco):
    coco.data["categories"] = [{"id": "\ud800"}]
    coco.convert()
    assert coco.annotations.classes == ["class_"]


def test_coco_same_twelve_numbers_on_our_file_as_on_theirs(tmp_path):
    rng = random.Random(0)
    data = Coco(tmp_path).data
    data["annotations"] = [
        Coco.box(
            i,
            rng.choice([1, 2]),
            rng.choice([1, 2]),
            [
                x := round(rng.uniform(0, 60), 2),
                y := round(rng.uniform(0, 20), 2),
                round(rng.uniform(1, W - x), 2),
                round(rng.uniform(1, H - y), 2),
            ],
            area=rng.uniform(1, 3000),
            iscrowd=int(rng.random() < 0.2),
        )
        for i in range(1, 80)
    ]
    found = [
        {k: a[k] for k in ("image_id", "category_id")}
        | {"bbox": [v + rng.uniform(-4, 4) for v in a["bbox"]], "score": rng.random()}
        for a in data["annotations"]
    ]
    (tmp_path / "i.json").write_text(json.dumps(data))
    convert_coco(tmp_path / "i.json", tmp_path / "images", tmp_path / "out")
    assert np.array_equal(
        scores(copy.deepcopy(data), copy.deepcopy(found)),
        scores(to_coco(read_annotations(tmp_path / "out")), found),
    )


# ---------------------------------------------------------------- Pascal VOC

CORNERS = "<bndbox><xmin>41</xmin><ymin>16</ymin><xmax>60</xmax><ymax>35</ymax></bndbox>"  # 1-based, inclusive: GOOD_BOX


class Voc:
    def __init__(self, root):
        self.root = root
        (root / "xml").mkdir()
        self.add("a")

    def add(self, stem, body=None, image=True):
        if image:
            picture(self.root / f"images/{stem}.png")
        path = self.root / f"xml/{stem}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<annotation>{self.thing() if body is None else body}</annotation>")

    @staticmethod
    def thing(name="x", box=CORNERS, more=""):
        return f"<object><name>{name}</name>{more}{box}</object>"

    @staticmethod
    def corners(*values):
        return (
            "<bndbox>"
            + "".join(f"<{t}>{v}</{t}>" for t, v in zip(("xmin", "ymin", "xmax", "ymax"), values))
            + "</bndbox>"
        )

    def convert(self, class_list=("x", "y"), **options):
        self.report = convert_voc(
            self.root / "xml",
            self.root / "images",
            self.root / "out",
            class_list=class_list,
            force=True,
            **options,
        )
        return read_annotations(self.root / "out").records

    def boxes(self, *objects, **options):
        self.add("a", "".join(objects))
        return self.convert(**options)[0]["boxes"]


@pytest.fixture
def voc(tmp_path):
    return Voc(tmp_path)


def test_voc_one_based_inclusive_corners_become_edges(voc):
    assert voc.convert()[0]["boxes"] == [GOOD_BOX] and voc.report.clean


def test_voc_zero_based_corners_are_taken_as_they_are(voc):
    assert voc.boxes(voc.thing(box=voc.corners(*GOOD_BOX)), zero_based=True) == [GOOD_BOX]


def test_voc_first_pixel_alone_has_an_area(voc):
    assert voc.boxes(voc.thing(box=voc.corners(1, 1, 1, 1))) == [[0, 0, 1, 1]]


def test_voc_corner_at_zero_leads_to_a_guess(voc):
    voc.boxes(voc.thing(box=voc.corners(0, 0, 10, 10)))
    assert any("--zero_based" in n for n in voc.report.notes) and reasons(voc.report) == ["clipped"]


def test_voc_corners_that_never_are_zero_lead_to_a_guess(voc):
    voc.boxes(*[voc.thing(box=voc.corners(1, 5, 10, 10))] * 4, zero_based=True)
    assert any("look 1-based" in n for n in voc.report.notes)


def test_voc_float_coordinates(voc):
    assert voc.boxes(voc.thing(box=voc.corners(41.5, "16.25", 60, 3.5e1))) == [
        [40.5, 15.25, 60, 35]
    ]


def test_voc_any_tag_order(voc):
    assert voc.boxes(
        "<object><bndbox><ymax>35</ymax><xmax>60</xmax><ymin>16</ymin><xmin>41</xmin></bndbox><name> x </name></object>"
    ) == [GOOD_BOX]


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size/>",
        "<size><width>0</width><height>0</height></size>",
        "<size><width>x</width></size>",
    ],
)
def test_voc_missing_size_is_read_from_the_image(voc, size):
    voc.add("a", size + voc.thing())
    assert (voc.convert()[0]["width"], voc.report.clean) == (W, True)


def test_voc_difficult_and_truncated_are_kept(voc):
    voc.add(
        "a", voc.thing(more="<difficult>1</difficult>") + voc.thing(more="<truncated>1</truncated>")
    )
    record = voc.convert()[0]
    assert (record["difficult"], record["truncated"]) == ([1, 0], [0, 1])


def test_voc_part_inside_object_is_ignored(voc):
    part = f"<part><name>y</name>{voc.corners(1, 1, 9, 9)}</part>"
    assert voc.boxes(f"<object>{part}<name>x</name>{CORNERS}</object>") == [GOOD_BOX]


def test_voc_filename_that_disagrees_with_the_file(voc):
    picture(voc.root / "images/b.png")
    voc.add("a", "<filename>b.png</filename>" + voc.thing())
    assert voc.convert()[0]["file_name"] == "a.png" and any(
        "<filename>" in n for n in voc.report.notes
    )


def test_voc_filename_decides_when_no_image_has_the_name_of_the_file(voc):
    picture(voc.root / "images/IMG_7.JPG")
    voc.add("b", "<filename>IMG_7.JPG</filename>", image=False)
    assert voc.convert()[1]["file_name"] == "IMG_7.JPG"


def test_voc_object_free_file_is_background(voc):
    voc.add("a", "")
    assert voc.convert()[0]["boxes"] == [] and voc.report.background == {"no boxes": 1}


def test_voc_nested_folders_with_the_same_stem(voc):
    voc.add("n/a", voc.thing("y"))
    assert [(r["file_name"], r["labels"]) for r in voc.convert()] == [
        ("a.png", [0]),
        ("n/a.png", [1]),
    ]


def test_voc_image_described_twice_counts_once(voc):
    voc.add("copy/a", image=False)
    voc.convert()
    assert voc.report.images.kept == 1 and reasons(voc.report, "image") == ["duplicate image"]


def test_voc_split_file(voc):
    for stem in "bc":
        voc.add(stem)
    (voc.root / "train.txt").write_text("a\nc  -1\ngone\n")
    assert [r["file_name"] for r in voc.convert(split_file=voc.root / "train.txt")] == [
        "a.png",
        "c.png",
    ] and reasons(voc.report, "image") == ["label file missing"]


def test_voc_classes_are_sorted_and_said(voc):
    voc.add("b", voc.thing("Bus"))
    voc.convert(None)
    assert read_annotations(voc.root / "out").classes == ["Bus", "x"] and any(
        "alphabetical" in n for n in voc.report.notes
    )


def test_voc_class_outside_the_list_names_the_nearest(voc):
    voc.boxes(voc.thing("Tower crain"), class_list=["Tower crane"])
    assert "is it 'Tower crane'?" in voc.report.rows[0]["detail"]


@pytest.mark.parametrize(
    "thing, reason",
    [
        (Voc.thing(box=""), "bad row"),
        (Voc.thing(box="<bndbox><xmin>1</xmin></bndbox>"), "bad row"),
        (Voc.thing(box=Voc.corners("a", 1, 2, 3)), "bad row"),
        (Voc.thing(name=""), "unknown class"),
        (Voc.thing(box=Voc.corners("nan", 1, 2, 3)), "not finite"),
        (Voc.thing(box=Voc.corners(20, 10, 10, 20)), "inverted"),
        (Voc.thing(box=Voc.corners(20, 10, 19, 20)), "no area"),
        (Voc.thing(box=Voc.corners(300, 10, 310, 20)), "outside image"),
        (f"<object>{CORNERS}</object>", "unknown class"),
    ],
)
def test_voc_object_is_dropped_alone_with_its_reason(voc, thing, reason):
    assert voc.boxes(thing, voc.thing()) == [GOOD_BOX] and reasons(voc.report) == [reason]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<annotation>",
        "<other/>",
        "\x00",
        '<?xml version="1.0" encoding="nonsense"?><annotation/>',
        '<!DOCTYPE a [<!ENTITY b "c">]><annotation><filename>&b;</filename></annotation>',
        '<!DOCTYPE annotation SYSTEM "file:///etc/passwd"><annotation/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>',
    ],
)
def test_voc_broken_xml_dtd_and_entities_are_refused_and_reported(voc, text):
    voc.add("b")
    (voc.root / "xml/a.xml").write_text(text)
    voc.convert()
    assert voc.report.images.kept == 1 and reasons(voc.report, "image") == ["label file unreadable"]


def test_voc_no_xml_is_refused(voc):
    (voc.root / "xml/a.xml").unlink()
    with pytest.raises(UserError, match="no .xml"):
        voc.convert()


def test_voc_bccd_official_split(bccd, tmp_path):
    report = convert_voc(
        bccd / "Annotations", bccd / "JPEGImages", tmp_path, bccd / "ImageSets/Main/train.txt"
    )
    assert (report.images.kept, report.boxes.kept) == (205, 2805) and report.clean


# ---------------------------------------------------------------- images


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"<html>"]
)
def test_images_that_cannot_be_decoded_are_dropped_and_reported(yolo, damage):
    yolo.add("a")
    yolo.add("b")
    path = yolo.images / "b.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (H, W, 3)).astype(np.uint8)).save(
        path
    )
    path.write_bytes(damage(path.read_bytes()))
    assert (
        len(yolo.convert()) == 1
        and reasons(yolo.report, "image") == ["image unreadable"]
        and reasons(yolo.report) == ["image dropped"]
    )


def sideways(path, orientation):
    picture(path, (W, H) if orientation < 5 else (H, W), exif=exif_of(orientation))


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_images_turned_by_exif_yolo_labels_refer_to_the_upright_one(yolo):
    yolo.label("a", GOOD)
    sideways(yolo.images / "a.jpg", 6)
    record = yolo.convert()[0]
    assert (record["width"], record["height"], record["boxes"]) == (W, H, [GOOD_BOX]) and any(
        "EXIF" in n for n in yolo.report.notes
    )


def test_images_turned_by_exif_with_the_upright_size_in_the_labels(coco):
    sideways(coco.root / "images/a.png", 6)
    assert coco.convert()[0]["boxes"] == [GOOD_BOX] * 2 and coco.report.clean


def test_images_turned_by_exif_with_the_stored_size_in_the_labels_turn_their_boxes(coco):
    sideways(coco.root / "images/a.png", 6)
    coco.data["images"][0].update(width=H, height=W)
    coco.data["annotations"][0]["bbox"] = [10, 20, 5, 30]
    record = coco.convert()[0]
    assert (
        record["boxes"][0] == [50, 10, 80, 15]
        and (record["width"], record["height"]) == (W, H)
        and reasons(coco.report, "image") == ["turned upright"]
    )


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_images_turned_boxes_stay_on_their_object(tmp_path, orientation):
    stored = Image.new("RGB", (W, H))
    stored.paste("red", (10, 5, 30, 20))
    stored.save(tmp_path / "a.png", exif=exif_of(orientation))
    upright = read_image(tmp_path / "a.png")
    x1, y1, x2, y2 = turn_boxes(np.array([[10, 5, 30, 20]]), orientation, *upright.size)[0]
    assert upright.getbbox() == (x1, y1, x2, y2)


def test_images_with_odd_modes_convert(yolo):
    for stem, mode in zip("abcd", ("L", "RGBA", "P", "1")):
        yolo.add(stem)
        Image.new(mode, (W, H)).save(yolo.images / f"{stem}.png")
    assert len(yolo.convert()) == 4 and yolo.report.clean


# ---------------------------------------------------------------- the report and the output


def test_reconciliation_holds_on_the_broken_set_and_every_reason_is_from_the_list(tmp_path):
    broken = samples_dir() / "broken"
    reports = [
        convert_yolo(broken / "labels", broken / "images", tmp_path / "y"),
        convert_coco(broken / "instances.json", broken / "images", tmp_path / "c"),
        convert_voc(
            broken / "voc", broken / "images", tmp_path / "v", class_list=broken / "classes.txt"
        ),
    ]
    for report in reports:
        fuzz_convert.assert_reconciled(report)
        assert (
            not report.clean
            and report.images.kept == 4
            and {r["reason"] for r in report.rows} <= set(REASONS)
        )


def test_reconciliation_that_does_not_add_up_is_noticed(yolo):
    yolo.add()
    yolo.convert()
    yolo.report.boxes.found += 1
    with pytest.raises(AssertionError, match="does not add up"):
        yolo.report.balance()


def test_report_is_written_beside_the_output(yolo):
    yolo.add("a", f"{GOOD}\nx")
    yolo.convert()
    saved = json.loads((yolo.root / "out/conversion_report.json").read_text())
    assert (
        saved["boxes"] == {"found": 2, "kept": 1, "repaired": 0, "dropped": 1}
        and saved["rows"][0]["reason"] == "bad row"
    )


def test_report_as_text_has_the_table_and_the_reasons(yolo):
    yolo.add("a", f"{GOOD}\nx")
    yolo.convert()
    text = str(yolo.report)
    assert "found" in text and "1 box dropped: bad row, a.txt line 2" in text


def test_repairs_are_kept_and_drops_are_not(yolo):
    yolo.rows("0 1 .5 .2 .2\nx")
    assert (yolo.report.boxes.kept, yolo.report.boxes.repaired, yolo.report.boxes.dropped) == (
        1,
        1,
        1,
    ) and set(REPAIRS) < set(REASONS)


def test_existing_output_is_refused_without_force(yolo):
    yolo.add()
    yolo.convert()
    with pytest.raises(UserError, match="--force"):
        convert_yolo(yolo.labels, yolo.images, yolo.root / "out")


def test_output_can_be_a_file_or_a_folder(yolo):
    yolo.add()
    convert_yolo(yolo.labels, yolo.images, yolo.root / "deep/er/my.json")
    assert (yolo.root / "deep/er/my.json").is_file() and (
        yolo.root / "deep/er/dataset_meta.json"
    ).is_file()


def test_failed_conversion_leaves_no_output(yolo):
    yolo.add("a", f"{GOOD} 0.9")
    with pytest.raises(UserError):
        yolo.convert()
    assert not (yolo.root / "out").exists()


@pytest.mark.parametrize("format", ["yolo", "coco", "voc"])
def test_three_formats_of_the_sample_data_say_the_same(tmp_path, format):
    root = samples_dir() / "construction"
    for split in ("val", "test"):
        images, voc = root / "images" / split, root / "voc"
        convert_coco(
            root / f"coco_annotations/instances_{split}.json", images, tmp_path / split / "coco"
        )
        if format == "yolo":
            convert_yolo(root / "labels" / split, images, tmp_path / split / "yolo")
        if format == "voc":
            convert_voc(
                voc / "Annotations" / split,
                images,
                tmp_path / split / "voc",
                voc / f"ImageSets/Main/{split}.txt",
                root / "classes.txt",
            )
        expected, got = (contents(read_annotations(tmp_path / split / f)) for f in ("coco", format))
        assert expected.keys() == got.keys() and sum(len(v) for v in got.values()) > 40
        for name in expected:
            assert_same_boxes(expected[name], got[name])


# ---------------------------------------------------------------- there and back


def contents(annotations):
    return {
        r["file_name"]: sorted(
            (annotations.classes[c], *b) for b, c in zip(r["boxes"], r["labels"])
        )
        for r in annotations.records
    }


def assert_same_boxes(one, other):
    assert [b[0] for b in one] == [b[0] for b in other]
    if one:
        assert (
            np.abs(np.array([b[1:] for b in one]) - np.array([b[1:] for b in other])).max() < 0.01
        )


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    "Images of a hundred sizes and random annotations of them, with difficult and crowd boxes."
    root, rng, records = tmp_path_factory.mktemp("hundred"), random.Random(1), []
    for i in range(100):
        w, h, n = rng.randint(8, 900), rng.randint(8, 900), rng.randint(0, 6)
        picture(root / f"images/{'night/' * (i % 3 == 0)}{i}.png", (w, h))
        starts = [
            (round(rng.uniform(0, w - 3), 3), round(rng.uniform(0, h - 3), 3)) for _ in range(n)
        ]
        records.append(
            {
                "file_name": f"{'night/' * (i % 3 == 0)}{i}.png",
                "width": w,
                "height": h,
                "boxes": [
                    [x, y, round(rng.uniform(x + 1, w), 3), round(rng.uniform(y + 1, h), 3)]
                    for x, y in starts
                ],
                "labels": [rng.randrange(3) for _ in range(n)],
                "image_id": 1000 - i,
                "difficult": [rng.randrange(2) for _ in range(n)],
            }
        )
    write_annotations(Annotations(records, ["no", "Tower crane", "Ärger & <Co>"]), root / "ann")
    return root


def back(root, format, out):
    if format == "coco":
        export_coco(root / "ann", out)
        convert_coco(out / "instances.json", root / "images", out / "back")
    if format == "yolo":
        export_yolo(root / "ann", out)
        convert_yolo(out, root / "images", out / "back")
    if format == "voc":
        export_voc(root / "ann", out)
        convert_voc(
            out, root / "images", out / "back", class_list=read_annotations(root / "ann").classes
        )
    return read_annotations(out / "back")


@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
def test_round_trip_of_a_hundred_images_agrees_to_a_hundredth_pixel(hundred, tmp_path, format):
    there, again = read_annotations(hundred / "ann"), back(hundred, format, tmp_path)
    assert again.classes == there.classes and contents(there).keys() == contents(again).keys()
    for name, boxes in contents(there).items():
        assert_same_boxes(boxes, contents(again)[name])


def test_round_trip_through_coco_keeps_ids_and_flags(hundred, tmp_path):
    there, again = (
        {r["file_name"]: r for r in a.records}
        for a in (read_annotations(hundred / "ann"), back(hundred, "coco", tmp_path))
    )
    assert all(again[n]["image_id"] == r["image_id"] for n, r in there.items())


def test_round_trip_through_voc_keeps_difficult(hundred, tmp_path):
    there, again = (
        {r["file_name"]: r for r in a.records}
        for a in (read_annotations(hundred / "ann"), back(hundred, "voc", tmp_path))
    )
    assert all(again[n]["difficult"] == r["difficult"] for n, r in there.items())


@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_round_trip_of_any_boxes_agrees(tmp_path_factory, format, data):
    w, h = data.draw(st.integers(2, 5000)), data.draw(st.integers(2, 5000))

    def side(n):
        return (
            st.tuples(st.floats(0, n), st.floats(0, n))
            .map(sorted)
            .filter(lambda s: s[1] - s[0] > 0.1)
        )

    boxes = [
        [round(v, 3) for v in (x[0], y[0], x[1], y[1])]
        for x, y in data.draw(st.lists(st.tuples(side(w), side(h)), max_size=4))
    ]
    root = tmp_path_factory.mktemp("any")
    picture_1bit(root / "images/a.png", (w, h))
    write_annotations(
        Annotations(
            [
                {
                    "file_name": "a.png",
                    "width": w,
                    "height": h,
                    "boxes": boxes,
                    "labels": [0] * len(boxes),
                }
            ],
            ["a"],
        ),
        root / "ann",
    )
    again = back(root, format, root / "out")
    assert_same_boxes(contents(read_annotations(root / "ann"))["a.png"], contents(again)["a.png"])


def picture_1bit(path, size):
    path.parent.mkdir()
    Image.new("1", size).save(path)


def test_category_ids_of_the_source_come_back(coco):
    coco.data["categories"] = [{"id": 90, "name": "z"}, {"id": 7, "name": "x"}]
    coco.data["annotations"] = [coco.box(1, 1, 90)]
    coco.convert()
    export_coco(coco.root / "out", coco.root / "back.json")
    data = json.loads((coco.root / "back.json").read_text())
    assert [c["id"] for c in data["categories"]] == [7, 90] and data["annotations"][0][
        "category_id"
    ] == 90


@pytest.mark.parametrize("export", [export_yolo, export_voc])
def test_crowds_are_left_out_and_reported_where_the_format_has_none(coco, export):
    coco.data["annotations"][0]["iscrowd"] = 1
    coco.convert()
    report = export(coco.root / "out", coco.root / "back")
    assert (report.boxes.found, report.boxes.kept) == (3, 2) and reasons(report) == ["crowd"]


@pytest.mark.parametrize("export", [export_coco, export_yolo, export_voc])
def test_export_does_not_overwrite_without_force(coco, export):
    coco.convert()
    export(coco.root / "out", coco.root / "back")
    with pytest.raises(UserError, match="--force"):
        export(coco.root / "out", coco.root / "back")
    export(coco.root / "out", coco.root / "back", force=True)


def test_export_with_force_leaves_other_files_alone(coco):
    coco.convert()
    (coco.root / "back").mkdir()
    (coco.root / "back/mine.doc").write_text("keep")
    export_yolo(coco.root / "out", coco.root / "back", force=True)
    assert (coco.root / "back/mine.doc").read_text() == "keep" and (
        coco.root / "back/a.txt"
    ).is_file()


def test_export_of_two_images_with_one_label_name_is_refused(coco):
    picture(coco.root / "images/a.jpg")
    coco.data["images"].append(coco.image(3, "a.jpg"))
    coco.convert()
    with pytest.raises(UserError, match="a.txt"):
        export_yolo(coco.root / "out", coco.root / "back")


def test_export_voc_zero_based(coco):
    coco.convert()
    export_voc(coco.root / "out", coco.root / "back", zero_based=True)
    assert "<xmin>40</xmin>" in (coco.root / "back/a.xml").read_text()


@pytest.mark.parametrize("format", ["yolo", "coco", "voc"])
def test_oracle_scores_one_through_every_format(tmp_path, format):
    root, images = samples_dir() / "construction", samples_dir() / "construction/images/val"
    if format == "yolo":
        convert_yolo(root / "labels/val", images, tmp_path)
    if format == "coco":
        convert_coco(root / "coco_annotations/instances_val.json", images, tmp_path)
    if format == "voc":
        convert_voc(root / "voc/Annotations/val", images, tmp_path)
    truth = to_coco(read_annotations(tmp_path))
    assert scores(truth, perfect(truth))[0] == pytest.approx(1)


# ---------------------------------------------------------------- hostile input in bulk


@pytest.mark.parametrize("format", fuzz_convert.FORMATS)
def test_fuzz_always_a_reconciled_report_or_one_clear_line(format):
    tried = fuzz_convert.fuzz(format, 200)
    assert sum(tried.values()) >= 200 and tried["report"] > 20


def test_files_below_is_sorted_and_ignores_other_suffixes(tmp_path):
    for name in ("b.png", "a/c.JPG", "x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert files_below(tmp_path, {".png", ".jpg"}) == ["a/c.JPG", "b.png"]


def test_judge_agrees_with_a_slow_and_plain_version():
    rng = np.random.default_rng(0)
    boxes, sizes = rng.uniform(-40, 140, (500, 4)).round(), np.full((500, 2), 100.0)
    cut, verdict = judge(boxes, sizes)
    for (x1, y1, x2, y2), (a, b, c, d), v in zip(boxes, cut, verdict):
        inside = [min(max(e, 0), 100) for e in (x1, y1, x2, y2)]
        expected = (
            2
            if x2 < x1 or y2 < y1
            else 3
            if x1 == x2 or y1 == y2
            else 4
            if inside[0] == inside[2] or inside[1] == inside[3]
            else 5
            if inside != [x1, y1, x2, y2]
            else 0
        )
        assert v == expected and [a, b, c, d] == inside
