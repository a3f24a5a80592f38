"Healthy labels pass in silence, each damage gives its finding and no other."

import json

import numpy as np
import pytest
from patients import SIZES, boxes, cats_and_dogs, first_only, healthy, look, the_only

from dinofrcnn.data.checks import aspect_slope
from dinofrcnn.data.doctor import inspect
from dinofrcnn.data.findings import read_table
from dinofrcnn.labels.annotations import Annotations, read_annotations, write_annotations


def mixed_up(x1, y1, x2, y2, w, h):
    return x1 * h / w, y1, x2 * h / w, y2


def test_healthy_labels_pass_without_a_remark():
    for seed in range(5):
        assert look(seed=seed) == []


def test_sample_data_passes_with_notes_only(data):
    inspection = inspect({"train": data.train, "val": data.val, "test": data.test})
    assert {f.severity for f in inspection.findings} <= {"note"}, str(inspection)


def test_every_finding_says_what_to_do():
    for f in look(boxes(mixed_up)):
        assert len(f.do) > 10 and f.do in str(f)


# boxes that are none


def test_fractions_instead_of_pixels():
    def divide(x1, y1, x2, y2, w, h):
        return x1 / w, y1 / h, x2 / w, y2 / h

    the_only(look(boxes(divide)), "fractions")


def test_width_and_height_instead_of_the_second_corner():
    findings = look(boxes(lambda x1, y1, x2, y2, w, h: (x1, y1, x2 - x1, y2 - y1)))
    assert "before the left" in findings[0].seen and findings[0].severity == "fault"


def test_zero_area_box():
    def flatten(record):
        record["boxes"][0][2] = record["boxes"][0][0]

    finding = the_only(look(first_only(flatten)), "without area", "1 box")
    assert finding.examples == [("train", "0_003.jpg")]


def test_one_pixel_box():
    def click(record):
        record["boxes"][0] = [10, 10, 11, 11]

    the_only(look(first_only(click)), "pixel wide", "1 box")


def test_box_beyond_the_image():
    def push(record):
        record["boxes"][0] = [record["width"] - 30, 20, record["width"] + 10, 60]

    the_only(look(first_only(push)), "beyond the image", "1 box")


# boxes in the wrong place


@pytest.mark.parametrize("sizes", [[(640, 480)], [(640, 480), (480, 640)], SIZES])
def test_x_scaled_by_height_over_width(sizes):
    faults = [f for f in look(boxes(mixed_up), sizes=sizes, images=60) if f.severity == "fault"]
    assert any("right" in f.seen and "landscape" in f.seen for f in faults)


def test_boxes_of_one_half():
    halved = boxes(lambda x1, y1, x2, y2, w, h: (x1 / 2, y1, x2 / 2, y2))
    assert the_only(look(halved, sizes=[(640, 480)]), "right 50%").severity == "look"


def test_shape_of_boxes_follows_that_of_images():
    """Only their shape tells: these boxes lie everywhere.

    Drawn in squeezed square images and scaled back by the wrong side.
    """

    def squeeze(x1, y1, x2, y2, w, h):
        half = (x2 - x1) / 2 * (h / w) ** 1.2
        middle = (x1 + x2) / 2
        return max(0, middle - half), y1, min(w, middle + half), y2

    sizes = [(640, 360), (640, 480), (480, 640), (360, 640)]
    findings = look(boxes(squeeze), images=80, sizes=sizes)
    assert any("follows that of the images" in f.seen for f in findings), findings


def test_shape_is_not_judged_where_all_images_have_one():
    table = read_table("train", cats_and_dogs(sizes=[(640, 480)]), 640, 960, 16)
    assert aspect_slope(table) == (0, np.inf)


def test_boxes_clipped_at_one_edge():
    def push(x1, y1, x2, y2, w, h):
        return min(x1 * 1.4, w - 40), y1, min(x2 * 1.4, w), y2

    assert any("touch the right edge" in f.seen for f in look(boxes(push)))


def test_whole_image_boxes():
    def whole(record):
        record.update(boxes=[[0, 0, record["width"], record["height"]]] * 2, labels=[0, 1])

    assert any("cover their whole image" in f.seen for f in look(whole))


# classes


def all_cats(record):
    record["labels"] = [0] * len(record["labels"])


def drop_dogs(record):
    record["boxes"] = [b for b, k in zip(record["boxes"], record["labels"], strict=True) if k == 0]
    record["labels"] = [0] * len(record["boxes"])


def splits(change):
    "Findings about two healthy splits that went through `change(train, val)`."
    train, val = cats_and_dogs(), cats_and_dogs(seed=1)
    change(train, val)
    return inspect({"train": train, "val": val}).findings


def test_one_class_only():
    assert any("every box is a cat" in f.seen for f in look(all_cats))


def test_listed_class_that_no_box_has():
    the_only(look(classes=("cat", "dog", "cow")), "on no box: cow")


def test_two_healthy_splits_pass():
    assert splits(lambda train, val: None) == []


def test_class_absent_from_training_is_a_fault():
    def no_dogs(train, val):
        for record in train.records:
            drop_dogs(record)

    faults = [f for f in splits(no_dogs) if f.split == "train"]
    assert any("dog" in f.seen or "every box is a cat" in f.seen for f in faults)


def test_class_lists_in_different_order():
    the_only(splits(lambda train, val: val.classes.reverse()), "class lists differ")


def test_rare_class():
    def rare(record):
        record["labels"] = [min(k, 1) for k in record["labels"]]
        record["labels"][0] = 2

    the_only(look(first_only(rare), classes=("cat", "dog", "cow")), "fewer than ten boxes of cow")


# the odd ones out


def repeat(label):
    "A change of records: the first box again, a pixel further, its class put through `label`."

    def change(record):
        x1, y1, x2, y2 = record["boxes"][0]
        record["boxes"] = record["boxes"] + [[x1 + 1, y1, x2 + 1, y2]]
        record["labels"] = record["labels"] + [label(record["labels"][0])]

    return change


def test_object_labelled_twice():
    the_only(look(first_only(repeat(lambda k: k))), "same class")


def test_object_labelled_as_two_classes():
    the_only(look(first_only(repeat(lambda k: 1 - k))), "another class")


def test_crowds_may_overlap_anything():
    def crowd(record):
        repeat(lambda k: k)(record)
        record["iscrowd"] = [0] * (len(record["boxes"]) - 1) + [1]

    assert look(first_only(crowd)) == []


def test_box_of_a_size_unlike_its_class():
    def grow(record):
        record["boxes"][0] = [10, 10, 410, 410]
        record["labels"][0] = 0

    the_only(look(first_only(grow)), "unlike the rest", "a cat of")


def test_unfinished_image():
    def cut(record):
        record.update(boxes=record["boxes"][:1], labels=record["labels"][:1])

    finding = the_only(look(first_only(cut), images=60), "1 box", "12 are usual")
    assert finding.examples == [("train", "0_003.jpg")]


def test_mostly_empty_images_are_noted():
    def empty(record):
        if int(record["file_name"][-7:-4]) > 15:
            record.update(boxes=[], labels=[])

    the_only(look(empty), "60% of the images have no box")


# the conversion report


def converted(tmp_path, rows, found=1000, background=None):
    "Findings about healthy labels beside which lies a conversion report with these rows."
    path = write_annotations(cats_and_dogs(), tmp_path)
    count = {"found": found, "kept": found, "repaired": 0, "dropped": 0}
    rows = [{"item": "box", "file": "a.xml", "where": "object 3", "detail": "", **r} for r in rows]
    report = {"images": count, "boxes": count, "background": background or {}, "rows": rows}
    path.with_name("conversion_report.json").write_text(json.dumps(report))
    return inspect({"train": path}).findings


def test_boxes_that_the_conversion_dropped_are_told(tmp_path):
    findings = converted(tmp_path, [{"action": "dropped", "reason": "no area"}] * 2)
    f = the_only(findings, "dropped 2 boxes of 1000", "2 no area")
    assert f.severity == "look" and f.examples[0] == ("train", "a.xml object 3")


def test_many_boxes_outside_at_conversion_are_a_fault(tmp_path):
    findings = converted(tmp_path, [{"action": "repaired", "reason": "clipped"}] * 80)
    assert the_only(findings, "80 clipped").severity == "fault"


def test_images_without_a_label_file_are_noted(tmp_path):
    findings = converted(tmp_path, [], background={"without label file": 3})
    assert the_only(findings, "3 images had no label file").severity == "note"


# real data


@pytest.fixture(scope="module")
def blood(bccd, tmp_path_factory):
    "{split: (images, annotation file)} of BCCD, converted."
    from dinofrcnn.labels.voc import convert_voc

    folder = tmp_path_factory.mktemp("bccd")
    found = {}
    for split in "train", "val", "test":
        convert_voc(
            bccd / "Annotations",
            bccd / "JPEGImages",
            folder / split,
            split_file=bccd / f"ImageSets/Main/{split}.txt",
            check_images=False,
        )
        found[split] = (bccd / "JPEGImages", folder / split / "annotations_torchvision.json")
    return found


BLOOD = {  # what a finding says: the images that it names
    "pixel wide": {"BloodImage_00343.jpg", "BloodImage_00338.jpg"},
    "unlike the rest": {"BloodImage_00133.jpg", "BloodImage_00113.jpg", "BloodImage_00135.jpg"},
    "as well, or nearly": {"BloodImage_00037.jpg", "BloodImage_00038.jpg"},
}
UNFINISHED = {"BloodImage_00250.jpg", "BloodImage_00330.jpg", "BloodImage_00327.jpg"}


def test_bccd(blood):
    """What is wrong with BCCD is found, and nothing else.

    The two boxes of one pixel, the white cells called platelets, the unfinished images and the
    image of two splits.
    """
    findings = inspect(blood).findings

    def names(text):
        return {name for f in findings if text in f.seen for _, name in f.examples}

    assert {text: names(text) for text in BLOOD} == BLOOD
    assert names("are usual") >= UNFINISHED
    known = [*BLOOD, "are usual", "nearly equal to another"]
    assert [f for f in findings if not any(text in f.seen for text in known)] == []


@pytest.mark.parametrize("fx,fy", [(0.75, 1), (4 / 3, 1), (1, 0.75), (1, 4 / 3), (0.75, 4 / 3)])
def test_bccd_with_boxes_scaled_by_width_over_height(blood, fx, fy):
    train = read_annotations(blood["train"][1])
    for r in train.records:
        r["boxes"] = [[x1 * fx, y1 * fy, x2 * fx, y2 * fy] for x1, y1, x2, y2 in r["boxes"]]
    assert any(f.severity == "fault" for f in inspect({"train": train}).findings)


# more than the detector reports


def crowded(objects):
    def fill(record):
        record["boxes"] = [
            [8 * (k % 60), 8 * (k // 60), 8 * (k % 60) + 6, 8 * (k // 60) + 6]
            for k in range(objects)
        ]
        record["labels"] = [k % 2 for k in range(objects)]

    return first_only(fill)


def test_more_than_100_objects():
    "250 objects, 100 detections at most, a perfect detector at mAP 0.41: nothing said so."
    many = [f for f in look(crowded(250)) if "more than 100 objects" in f.seen]
    assert len(many) == 1 and "up to 250" in many[0].seen and "1 image" in many[0].seen
    assert "detections_per_img to 250" in many[0].do


def test_100_objects_are_not_too_many():
    assert not any("detections_per_img" in f.do for f in look(crowded(100)))


def test_raised_setting_ends_the_finding():
    records = healthy()
    for record in records:
        crowded(250)(record)
    source = {"train": Annotations(records, ["cat", "dog"])}
    for limit, expected in (249, 1), (250, 0):
        findings = inspect(source, detections_per_img=limit).findings
        assert sum("detections_per_img" in f.do for f in findings) == expected
