"Healthy labels pass in silence, each damage gives its finding and no other."

import json
import tracemalloc

import numpy as np
import pytest
from patients import SIZES, boxes, cats_and_dogs, first_only, healthy, look, picture, the_only

from dinofrcnn.data.checks import aspect_slope, check_doubles
from dinofrcnn.data.doctor import inspect
from dinofrcnn.data.findings import read_table
from dinofrcnn.labels.annotations import Annotations, read_annotations, write_annotations
from dinofrcnn.labels.coco import convert_coco


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
    assert any("every box is of the class cat" in f.seen for f in look(all_cats))


def test_listed_class_that_no_box_has():
    the_only(look(classes=("cat", "dog", "cow")), "on no box: cow")


def test_two_healthy_splits_pass():
    assert splits(lambda train, val: None) == []


def test_class_absent_from_training_is_a_fault():
    def no_dogs(train, val):
        for record in train.records:
            drop_dogs(record)

    faults = [f for f in splits(no_dogs) if f.split == "train"]
    assert any("dog" in f.seen or "every box is of the class cat" in f.seen for f in faults)


def test_class_lists_in_different_order():
    finding = the_only(splits(lambda train, val: val.classes.reverse()), "class lists differ")
    assert "the order, 0 is cat in train and dog in val" in finding.seen


def test_class_lists_that_differ_name_the_difference():
    "The first six of both lists were shown, and the one that made the difference was not."

    def more(train, val):
        many = [f"c{i}" for i in range(10)]
        train.classes += [*many, "crate"]
        val.classes += [*many, "gasket", "hinge"]

    finding = the_only(splits(more), "only in train: crate; only in val: gasket, hinge")
    assert "--class_list" in finding.do and "every split" in finding.do


def test_every_split_with_another_class_list_is_named():
    three = {name: cats_and_dogs(seed=k) for k, name in enumerate(("train", "val", "test"))}
    three["val"].classes.append("cow")
    three["test"].classes.append("pig")
    found = {f.split: f.seen for f in inspect(three).findings}
    assert "cow" in found["train+val"] and "pig" in found["train+test"]


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

    the_only(look(first_only(grow)), "unlike the rest", ": cat of 512")


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


def test_foreign_report_beside_the_annotations_is_a_note(tmp_path):
    path = write_annotations(cats_and_dogs(), tmp_path)
    shapes = "[]", "null", '{"rows": [1]}', '{"rows": [{"item": "box"}]}', "no JSON", '{"rows": {}}'
    for shape in shapes:
        path.with_name("conversion_report.json").write_text(shape)
        finding = the_only(inspect({"train": path}).findings, "conversion_report.json")
        assert finding.severity == "note"


@pytest.mark.parametrize(
    "action,reason,cure",
    [
        ("repaired", "size corrected", "do the boxes sit on their objects"),
        ("repaired", "boxes scaled", "do the scaled boxes sit on their objects"),
        ("dropped", "other size", "take width and height out of the labels"),
    ],
)
def test_images_of_another_size_than_their_labels_state_are_looked_at(
    tmp_path, action, reason, cure
):
    "'Then all their boxes are wrong' was said of boxes that fit their files."
    finding = the_only(
        converted(tmp_path, [{"item": "image", "action": action, "reason": reason}]), reason
    )
    assert finding.severity == "look"
    assert cure in finding.do and "wrong, and" not in finding.do


# photographs that are framed around their object


def posed(shapes, label, seed=0, photos=60):
    "Photos with one object in the middle: `shapes(upright)` is its width and height."
    rng = np.random.default_rng(seed)
    records = []
    for i in range(photos):
        upright = bool(i % 2)
        width, height = (480, 640) if upright else (640, 480)
        w, h = np.array(shapes(upright)) * rng.uniform(0.9, 1.1)
        x, y = (width - w) / 2 + rng.uniform(-20, 20), (height - h) / 2 + rng.uniform(-20, 20)
        record = {"file_name": f"{i}.jpg", "width": width, "height": height}
        records.append({**record, "boxes": [[x, y, x + w, y + h]], "labels": [label(upright)]})
    return inspect({"data": Annotations(records, ["tower", "ship"])}).findings


def tall_or_long(upright):
    return (90, 300) if upright else (300, 90)


def test_camera_turned_to_towers_and_ships_is_no_finding():
    assert not any("shape of the boxes" in f.seen for f in posed(tall_or_long, int))


def test_camera_turned_to_one_class_is_no_fault():
    findings = posed(tall_or_long, lambda upright: 0)
    (shape,) = [f for f in findings if "shape of the boxes" in f.seen]
    assert shape.severity == "look" and "framed around their object" in shape.do
    assert not [f for f in findings if f.severity == "fault"]


def test_objects_in_the_middle_leave_both_sides_empty_and_that_is_no_fault():
    "The right quarter of 4:3 photos: what a mix-up would leave empty; but the left one is so too."
    findings = posed(lambda upright: (252, 252), lambda upright: 0, photos=140)
    assert not any("no box in the" in f.seen for f in findings)


# a fault of one class


def barrels(share_low, balls=200):
    "40 square images: balls everywhere, and 20 barrels of which a share touches the lower edge."
    rng = np.random.default_rng(0)
    records = []
    for i in range(40):
        corners = rng.uniform(5, 560, (balls // 40, 2))
        found = np.hstack([corners, corners + 60]).tolist()
        labels = [0] * len(found)
        if i % 2:
            low = 640 if i // 2 < 20 * share_low else 600
            found.append([200 + i, 300, 300 + i, low])
            labels.append(1)
        record = {"file_name": f"{i}.jpg", "width": 640, "height": 640}
        records.append({**record, "boxes": found, "labels": labels})
    return inspect({"data": Annotations(records, ["ball", "barrel"])}).findings


def test_one_class_pressed_against_an_edge():
    "The publisher had multiplied y and height by 4/3; of all boxes few per cent showed it."
    finding = the_only(barrels(0.95), "95% of the barrel boxes touch the lower edge", "upper 0%")
    assert finding.severity == "look" and len(finding.examples) == 12


def test_a_quarter_of_a_class_at_an_edge_is_usual():
    assert barrels(0.25) == []


def test_class_that_fills_its_images_touches_both_edges_and_is_not_blamed():
    def columns(record):
        record["boxes"].append([100, 0, 200, record["height"]])
        record["labels"].append(2)

    assert not any("touch the" in f.seen for f in look(columns, classes=("cat", "dog", "column")))


def test_edge_that_all_boxes_touch_is_told_once():
    def push(x1, y1, x2, y2, w, h):
        return min(x1 * 1.4, w - 40), y1, min(x2 * 1.4, w), y2

    assert sum("right edge" in f.seen for f in look(boxes(push))) == 1


# nothing to learn from


@pytest.mark.parametrize(
    "records, classes, words",
    [
        ([], [], "no image, no class, no box: nothing can be learned"),
        ([], ["cat"], "no image, no box: nothing can be learned"),
        (None, [], "no class, no box: nothing can be learned"),
        (None, ["cat"], "no box: nothing can be learned"),
    ],
)
def test_nothing_to_learn_from(records, classes, words):
    if records is None:
        records = [{"file_name": "a.jpg", "width": 64, "height": 48, "boxes": [], "labels": []}]
    finding = the_only(inspect({"data": Annotations(records, classes)}).findings, words)
    assert finding.severity == "fault"


def test_test_images_without_labels_cannot_be_measured_on():
    unlabelled = cats_and_dogs(seed=1)
    for record in unlabelled.records:
        record.update(boxes=[], labels=[])
    findings = inspect({"train": cats_and_dogs(), "test": unlabelled}).findings
    assert {f.severity for f in findings} == {"look"}
    assert any("no box: nothing can be measured" in f.seen for f in findings)


# a cure does not lead into the next fault


def coco_splits(folder):
    "Train and val as COCO: an unused supercategory `objects`, and a crate that only train has."
    names = ["anvil", "bolt", "crate"]
    categories = [{"id": 0, "name": "objects", "supercategory": "none"}]
    categories += [{"id": i + 1, "name": name} for i, name in enumerate(names)]
    for split, used in ("train", names), ("val", names[:2]):
        (folder / split).mkdir()
        images, rows = [], []
        for i in range(12 * len(used)):
            picture(i + 100 * (split == "val")).save(folder / split / f"{i}.jpg")
            images.append({"id": i, "file_name": f"{i}.jpg", "width": 160, "height": 120})
            place = {"bbox": [10 + i, 10, 40, 40], "area": 1600, "iscrowd": 0}
            rows.append({"id": i, "image_id": i, "category_id": 1 + i % len(used), **place})
        content = {"images": images, "annotations": rows, "categories": categories}
        (folder / split / "labels.json").write_text(json.dumps(content))


def inspect_coco(folder, **options):
    for split in "train", "val":
        labels = folder / split / "labels.json"
        convert_coco(labels, folder / split, folder / "ann" / split, force=True, **options)
    splits = {s: (folder / s, folder / "ann" / s) for s in ("train", "val")}
    return inspect(splits).findings


def test_cure_of_an_unused_class_works(tmp_path):
    "--drop_unused gave train and val different lists, which training refuses."
    coco_splits(tmp_path)
    (unused,) = [f for f in inspect_coco(tmp_path) if "objects" in f.seen]
    assert "--class_list classes.txt" in unused.do and "every split" in unused.do
    (tmp_path / "classes.txt").write_text("anvil\nbolt\ncrate\n")
    cured = inspect_coco(tmp_path, class_list=tmp_path / "classes.txt")
    assert not any("objects" in f.seen or f.severity == "fault" for f in cured)


# many boxes in an image


def test_box_that_is_there_three_times_is_two_too_many():
    def thrice(record):
        repeat(lambda k: k)(record)
        repeat(lambda k: k)(record)

    the_only(look(first_only(thrice)), "2 boxes nearly equal to another of the same class")


def test_doubles_are_found_across_the_stripes_of_a_comparison():
    rng = np.random.default_rng(0)
    corners = np.stack([np.arange(3000) * 50.0, rng.uniform(0, 400, 3000)], axis=1)
    found = np.hstack([corners, corners + 20])
    found[2900] = found[5] + 0.5
    record = {"file_name": "a.jpg", "width": 160_000, "height": 480}
    record |= {"boxes": found.tolist(), "labels": [0] * 3000}
    table = read_table("train", Annotations([record], ["cat"]), 640, 960, 16)
    assert "1 box nearly equal" in next(check_doubles(table)).seen


def test_8000_boxes_in_an_image_fit_into_memory():
    "All pairs at once took 2 GB."
    corners = np.random.default_rng(0).uniform(0, 1000, (8000, 2))
    record = {"file_name": "a.jpg", "width": 1010, "height": 1010, "labels": [0] * 8000}
    record["boxes"] = np.hstack([corners, corners + 9]).tolist()
    table = read_table("train", Annotations([record], ["cat"]), 640, 960, 16)
    tracemalloc.start()
    list(check_doubles(table))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_counts_are_not_counted_again_for_every_image(monkeypatch):
    "Twice for each image made the doctor quadratic."
    table = read_table("train", cats_and_dogs(), 640, 960, 16)
    calls = []
    count = np.bincount
    monkeypatch.setattr(np, "bincount", lambda *a, **k: calls.append(1) or count(*a, **k))
    list(check_doubles(table))
    assert len(calls) <= 1


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
