"What a finding prescribes, done as it says: the finding is gone, and no fault has come instead."

import copy
import re
import shutil

import numpy as np
import pytest
from label_sets import GOOD, Coco, H, W, Yolo, picture
from patients import boxes, first_only, healthy, image_split
from patients import picture as scene

from dinofrcnn.cli import main
from dinofrcnn.data.doctor import inspect
from dinofrcnn.data.layouts import convert_layout, find_layout
from dinofrcnn.labels.annotations import Annotations, read_annotations, write_annotations

CLASSES = ("cat", "dog")


def table(*changes, classes=CLASSES, **kw):
    "Healthy records that went through these changes of a record, one after the other."
    records = healthy(**kw)
    for record in records:
        for change in changes:
            change(record)
    return Annotations(records, list(classes))


def finding(splits, words, **settings):
    "The one finding that has these words."
    splits = splits if isinstance(splits, dict) else {"train": splits}
    (found,) = [f for f in inspect(splits, **settings).findings if words in f.seen]
    return found


def assert_gone(splits, words, **settings):
    "No finding has these words, and none is a fault."
    splits = splits if isinstance(splits, dict) else {"train": splits}
    left = inspect(splits, **settings).findings
    assert [str(f) for f in left if words in f.seen or f.severity == "fault"] == []


def at(place):
    "File name and number of the box in the words of a place."
    name, number = re.match(r"(\S+) box (\d+) \(", place).groups()
    return name, int(number) - 1


def delete(annotations, place):
    "Delete the box at a place."
    name, k = at(place)
    record = next(r for r in annotations.records if r["file_name"] == name)
    del record["boxes"][k], record["labels"][k]


# boxes that are none


def test_fractions_multiplied_by_the_sides():
    divided = boxes(lambda x1, y1, x2, y2, w, h: (x1 / w, y1 / h, x2 / w, y2 / h))
    multiplied = boxes(lambda x1, y1, x2, y2, w, h: (x1 * w, y1 * h, x2 * w, y2 * h))
    assert "multiply x by the width and y by the height" in finding(table(divided), "fractions").do
    assert_gone(table(divided, multiplied), "fractions")


def test_corners_of_a_single_box_swapped():
    def swap(record):
        x1, y1, x2, y2 = record["boxes"][2]
        record["boxes"][2] = [x2, y2, x1, y1]

    sick = table(first_only(swap))
    found = finding(sick, "before the left")
    assert "swap the corners" in found.do and [at(p) for p in found.places] == [("0_003.jpg", 2)]
    swap(sick.records[3])
    assert_gone(sick, "before the left")


def test_width_and_height_made_corners_again():
    sides = boxes(lambda x1, y1, x2, y2, w, h: (x1, y1, x2 - x1, y2 - y1))
    corners = boxes(lambda x, y, bw, bh, w, h: (x, y, x + bw, y + bh))
    assert "x, y, width, height" in finding(table(sides), "before the left").do
    assert_gone(table(sides, corners), "before the left")


TOO_SMALL = {"without area": [10, 10, 10, 60], "pixel wide": [10, 10, 11, 11]}


@pytest.mark.parametrize("words", TOO_SMALL)
def test_a_box_that_is_none_deleted_where_it_is_said_to_be(words):
    def add(record):
        record["boxes"].insert(4, TOO_SMALL[words])
        record["labels"].insert(4, 0)

    sick = table(first_only(add))
    found = finding(sick, words)
    assert found.do.startswith("delete or redraw")
    delete(sick, found.places[0])
    assert sick.records == table().records
    assert_gone(sick, words)


def test_a_box_beyond_the_image_cut_off_at_its_edge():
    def push(record):
        record["boxes"][1] = [record["width"] - 30, 20, record["width"] + 10, 60]

    sick = table(first_only(push))
    found = finding(sick, "beyond the image")
    assert "cut them off at the edge" in found.do and at(found.places[0]) == ("0_003.jpg", 1)
    sick.records[3]["boxes"][1][2] = sick.records[3]["width"]
    assert_gone(sick, "beyond the image")


# boxes in the wrong place


def mixed_up(x1, y1, x2, y2, w, h):
    return x1 * h / w, y1, x2 * h / w, y2


def scaled_back(x1, y1, x2, y2, w, h):
    return x1 * w / h, y1, x2 * w / h, y2


def halved(x1, y1, x2, y2, w, h):
    return x1 / 2, y1, x2 / 2, y2


def doubled(x1, y1, x2, y2, w, h):
    return x1 * 2, y1, x2 * 2, y2


@pytest.mark.parametrize(
    "hurt, cure, words, do",
    [
        (mixed_up, scaled_back, "shorter side by their longer", "convert again from the source"),
        (halved, doubled, "no box in the right 50%", "scale the boxes in the source"),
    ],
)
def test_boxes_scaled_to_the_size_of_their_images(hurt, cure, words, do):
    wide = {"sizes": [(640, 480)], "images": 60}
    assert do in finding(table(boxes(hurt), **wide), words).do
    assert_gone(table(boxes(hurt), boxes(cure), **wide), words)


def test_boxes_clipped_at_an_edge_made_for_their_size_again():
    def push(x1, y1, x2, y2, w, h):
        return min(x1 * 1.4, w - 40), y1, min(x2 * 1.4, w), y2

    found = finding(table(boxes(push)), "touch the right edge")
    assert "convert again with the size the labels were made for" in found.do
    assert_gone(table(), "touch the right edge")


def test_boxes_of_squeezed_images_converted_again_from_the_source():
    def squeeze(x1, y1, x2, y2, w, h):
        half = (x2 - x1) / 2 * (h / w) ** 1.2
        middle = (x1 + x2) / 2
        return max(0, middle - half), y1, min(w, middle + half), y2

    sizes = [(640, 360), (640, 480), (480, 640), (360, 640)]
    several = {"images": 80, "sizes": sizes}
    found = finding(table(boxes(squeeze), **several), "follows that of the images")
    assert "convert again from the source" in found.do
    assert_gone(table(**several), "follows that of the images")


def test_boxes_drawn_around_the_objects_instead_of_the_image():
    def whole(record):
        record.update(boxes=[[0, 0, record["width"], record["height"]]], labels=[0])

    sick = table(whole, classes=["cat"])
    assert "A detector needs a box around each object" in finding(sick, "whole image").do
    assert_gone(table(), "whole image")


# classes


def only_cats(record):
    record["labels"] = [0] * len(record["labels"])


def test_a_list_of_the_only_class():
    found = finding(table(only_cats), "every box is of the class cat")
    assert "with a list of it alone (--class_list classes.txt" in found.do
    assert_gone(table(only_cats, classes=["cat"]), "every box is of the class cat")


def test_images_of_an_absent_class_moved_to_the_split():
    def no_dogs(record):
        kept = [k for k, label in enumerate(record["labels"]) if label == 0]
        record["boxes"] = [record["boxes"][k] for k in kept]
        record["labels"] = [0] * len(kept)

    def bird(record):
        record["labels"][0] = 2

    kinds = ["cat", "dog", "bird"]
    train, val = table(no_dogs, bird, classes=kinds), table(bird, seed=1, classes=kinds)
    splits = {"train": train, "val": val}
    assert "move some of its images here" in finding(splits, "no box of dog").do
    train.records += val.records[:20]
    del val.records[:20]
    assert_gone(splits, "no box of dog")


def test_more_boxes_of_a_rare_class():
    def bird(record):
        record["labels"][0] = 2

    kinds = ["cat", "dog", "bird"]
    few = finding(table(first_only(bird), classes=kinds), "fewer than ten boxes of bird")
    assert few.do.startswith("label more of them")
    assert_gone(table(bird, classes=kinds), "fewer than ten boxes of bird")


def yolo_split(root, split, names):
    "A YOLO data set with these classes, 12 boxes of each."
    (root / split).mkdir(parents=True)
    made = Yolo(root / split)
    for i in range(12 * len(names)):
        scene(i + 100 * (split == "val")).save(made.images / f"{i}.png")
        made.label(i, f"{i % len(names)} {0.3 + i / 100} 0.5 0.2 0.3")
    (root / split / "classes.txt").write_text("\n".join(names))


def converted(root, **class_lists):
    "The splits of `yolo_split`, converted on the command line with these class lists."
    for split, classes in class_lists.items():
        at = root / split
        options = ["--yolo_dir", str(at / "labels"), "--image_dir", str(at / "images")]
        options += ["--class_list", str(classes), "--output_dir", str(at / "out"), "--force"]
        assert main(["convert", "yolo", *options]) == 0
    return {split: (root / split / "images", root / split / "out") for split in class_lists}


def test_all_splits_converted_with_the_same_list(tmp_path):
    for split, names in {"train": ["cat", "dog", "crow"], "val": ["cat", "dog"]}.items():
        yolo_split(tmp_path, split, names)
    lists = {split: tmp_path / split / "classes.txt" for split in ("train", "val")}
    differ = finding(converted(tmp_path, **lists), "the class lists differ")
    assert "--class_list classes.txt, a name per line, for every split" in differ.do
    one = lists["train"]
    assert_gone(converted(tmp_path, train=one, val=one), "the class lists differ")


def test_annotations_with_different_lists_read_together_by_start(tmp_path):
    "They were taken over as they are, and the cure that was prescribed is none for them."
    for split, names in {"train": ["cat", "dog"], "val": ["dog", "cat"]}.items():
        folder = tmp_path / "images" / split
        folder.mkdir(parents=True)
        records = []
        for i in range(24):
            scene(i + 100 * (split == "val")).save(folder / f"{i}.png")
            record = {"file_name": f"{i}.png", "width": 160, "height": 120, "labels": [i % 2]}
            records.append({**record, "boxes": [[10 + i, 10, 60 + i, 60]]})
        write_annotations(Annotations(records, names), tmp_path / "annotations" / split)
    own = {s: (tmp_path / "images" / s, tmp_path / "annotations" / s) for s in ("train", "val")}
    assert "let `dinofrcnn start` read them together" in finding(own, "class lists differ").do
    convert_layout(find_layout(tmp_path), tmp_path / "out")
    taken = {s: (images, tmp_path / "out" / s) for s, (images, _) in own.items()}
    assert_gone(taken, "class lists differ")
    val = read_annotations(tmp_path / "out/val")
    assert [val.classes[r["labels"][0]] for r in val.records[:2]] == ["dog", "cat"]


# single labels


@pytest.mark.parametrize(
    "label, words, do",
    [
        (lambda k: k, "of the same class", "delete the first-named box of each pair"),
        (lambda k: 1 - k, "of another class", "delete the other box of the pair"),
    ],
)
def test_a_double_deleted_where_it_is_said_to_be(label, words, do):
    def repeat(record):
        x1, y1, x2, y2 = record["boxes"][5]
        record["boxes"].append([x1 + 1, y1, x2 + 1, y2])
        record["labels"].append(label(record["labels"][5]))

    sick = table(first_only(repeat))
    found = finding(sick, words)
    last = len(sick.records[3]["boxes"])
    (place,) = found.places
    assert do in found.do and re.search(rf"^0_003.jpg box {last} .* on box 6 \((cat|dog)\)$", place)
    assert place in str(found)
    delete(sick, place)
    assert sick.records == table().records
    assert_gone(sick, words)


def test_a_crowd_counts_in_the_number_of_a_box():
    "Crowds are left out of the table of boxes, and not of the file in which a person looks."

    def hurt(record):
        record["boxes"] = [[5, 5, 90, 90], *record["boxes"], list(record["boxes"][3])]
        record["labels"] = [0, *record["labels"], record["labels"][3]]
        record["iscrowd"] = [1] + [0] * (len(record["boxes"]) - 1)

    sick = table(first_only(hurt))
    (place,) = finding(sick, "of the same class").places
    assert at(place)[1] == len(sick.records[3]["boxes"]) - 1 and " on box 5 (" in place


def test_the_labels_in_which_a_double_is_deleted_are_named(tmp_path):
    yolo_split(tmp_path, "train", ["cat"])
    labels = tmp_path / "train/labels/3.txt"
    row = labels.read_text()
    labels.write_text(f"{row}\n{row}\n")
    lists = {"train": tmp_path / "train/classes.txt"}
    found = finding(converted(tmp_path, **lists), "of the same class")
    assert f"in yolo {tmp_path / 'train/labels'} and convert again" in found.do
    assert at(found.places[0]) == ("3.png", 1)
    labels.write_text(row)
    assert_gone(converted(tmp_path, **lists), "of the same class")


def test_every_double_is_listed_in_the_saved_page(tmp_path):
    def repeat(record):
        record["boxes"].append(list(record["boxes"][0]))
        record["labels"].append(record["labels"][0])

    sick = table(repeat)
    inspection = inspect({"train": sick})
    assert ", … more in the saved inspection.txt)" in str(inspection)
    page = (inspection.save(tmp_path) / "inspection.txt").read_text()
    for line in page.splitlines():
        if re.match(r"\S+ box \d+ \(", line):
            delete(sick, line)
    assert sick.records == table().records


def test_a_fault_of_all_boxes_does_not_fill_the_disk(tmp_path):
    swapped = boxes(lambda x1, y1, x2, y2, w, h: (x2, y2, x1, y1))
    inspection = inspect({"train": table(swapped, images=100)})
    many = len(finding(table(swapped, images=100), "before the left").places)
    page = (inspection.save(tmp_path) / "inspection.txt").read_text()
    assert many > 1000 and page.count(" box ") < 1010 and f"… and {many - 1000} more" in page


def test_a_box_of_odd_size_corrected_where_it_is_said_to_be():
    def grow(record):
        record["boxes"][2] = [10, 10, 410, 410]

    sick = table(first_only(grow))
    found = finding(sick, "unlike the rest of the class")
    assert "correct class or box" in found.do
    name, k = at(found.places[0])
    assert (name, k) == ("0_003.jpg", 2)
    sick.records[3]["boxes"][k] = table().records[3]["boxes"][k]
    assert_gone(sick, "unlike the rest")


def test_an_unfinished_image_labelled_or_left_out():
    def cut(record):
        record.update(boxes=record["boxes"][:1], labels=record["labels"][:1])

    sick = table(first_only(cut), images=60)
    found = finding(sick, "with 1 box or fewer")
    assert "label them, or leave these images out" in found.do and found.places == ["0_003.jpg"]
    assert_gone(table(images=60), "or fewer")
    sick.records = [r for r in sick.records if r["file_name"] not in found.places]
    assert_gone(sick, "or fewer")


def test_detections_raised_to_what_is_said():
    def crowd(record):
        record["boxes"] = [
            [8 * (k % 60), 8 * (k // 60), 8 * (k % 60) + 6, 8 * (k // 60) + 6] for k in range(130)
        ]
        record["labels"] = [k % 2 for k in range(130)]

    sick = table(first_only(crowd))
    most = int(re.search(r"detections_per_img to (\d+)", finding(sick, "objects, up to").do)[1])
    assert_gone(sick, "objects, up to", detections_per_img=most)


def test_empty_images_left_out_to_one_in_five():
    def empty(record):
        if int(record["file_name"][-7:-4]) > 15:
            record.update(boxes=[], labels=[])

    sick = table(empty)
    assert "one in five is enough" in finding(sick, "of the images have no box").do
    del sick.records[20:]
    assert_gone(sick, "of the images have no box")


def test_images_labelled_where_nothing_was():
    sick = table(lambda record: record.update(boxes=[], labels=[]))
    assert finding(sick, "nothing can be learned").do.startswith("label some images")
    assert_gone(table(), "nothing can be learned")


# anchors


def test_anchors_set_to_what_is_said():
    poor = {"anchor_sizes": [[256, 512]], "aspect_ratios": [[4]]}
    do = finding(table(), "have no anchor", **poor).do
    low, high = map(int, re.search(r"anchor_sizes to span (\d+) to (\d+)", do).groups())
    flat, tall = map(float, re.search(r"to span ([\d.]+) to ([\d.]+): see", do).groups())
    sizes = np.geomspace(low, high, 4).round().tolist()
    ratios = np.geomspace(flat, tall, 3).tolist()
    assert_gone(table(), "have no anchor", anchor_sizes=[sizes], aspect_ratios=[ratios])


def test_images_raised_by_the_factor_that_is_said():
    small = {"min_size": 96, "max_size": 144, "anchor_sizes": [[8, 16]], "aspect_ratios": [[1]]}
    do = finding(table(), "smaller than a patch", **small).do
    factor = float(re.search(r"by a factor of ([\d.]+)", do)[1])
    small |= {side: round(small[side] * factor) for side in ("min_size", "max_size")}
    assert factor < 3
    assert_gone(table(), "smaller than a patch", **small)


# images


@pytest.fixture
def split(tmp_path):
    "Folder and annotations of twelve images, of which a test hurts 4.jpg."
    return image_split(tmp_path / "train", range(12))


def without(annotations, *names):
    "Take these images out, with their labels."
    left = [record for record in annotations.records if record["file_name"] not in names]
    return Annotations(left, annotations.classes)


def test_a_missing_image_put_into_the_folder(split):
    folder, annotations = split
    (folder / "4.jpg").unlink()
    found = finding(split, "the file is missing")
    assert found.do.startswith("put it into the image folder") and found.places == ["4.jpg"]
    scene(4).save(folder / "4.jpg")
    assert_gone(split, "the file is missing")


def test_a_damaged_image_taken_out(split):
    folder, annotations = split
    (folder / "4.jpg").write_bytes((folder / "4.jpg").read_bytes()[:1000])
    found = finding(split, "damaged")
    assert "or take it out, with its labels" in found.do
    assert_gone((folder, without(annotations, *found.places)), "damaged")
    scene(4).save(folder / "4.jpg")
    assert_gone(split, "damaged")


def test_a_link_out_of_the_folder_made_a_file(split, tmp_path):
    folder, annotations = split
    shutil.move(folder / "4.jpg", tmp_path / "4.jpg")
    (folder / "4.jpg").symlink_to(tmp_path / "4.jpg")
    assert finding(split, "leads out").do.startswith("put the file itself into the folder")
    (folder / "4.jpg").unlink()
    shutil.move(tmp_path / "4.jpg", folder / "4.jpg")
    assert_gone(split, "leads out")


def test_an_image_of_another_size_replaced_by_the_labelled_one(split):
    folder, annotations = split
    scene(4).resize((80, 60)).save(folder / "4.jpg")
    assert "put those images there that were labelled" in finding(split, "another size").do
    scene(4).save(folder / "4.jpg")
    assert_gone(split, "another size")


def test_a_black_image_brightened(split):
    folder, annotations = split
    scene(4).point(lambda v: v // 16).save(folder / "4.jpg", quality=100)
    assert "Brighten it, or leave it out" in finding(split, "nearly black").do
    assert_gone((folder, without(annotations, "4.jpg")), "nearly black")
    scene(4).save(folder / "4.jpg")
    assert_gone(split, "nearly black")


def test_twins_in_a_split_without_the_second_of_each_pair(tmp_path):
    folder, annotations = image_split(tmp_path / "train", [*range(6), 2, 2, 2, 5, 5, 3, 4])
    found = finding((folder, annotations), "nearly equal one in this split")
    assert "without the second of each pair" in found.do and len(found.places) == 7
    second = [place.split(" = ")[1] for place in found.places]
    left = without(annotations, *second)
    assert len(left.records) == 6
    assert_gone((folder, left), "nearly equal one in this split")


def test_twins_in_two_splits_taken_out_of_one(tmp_path):
    train = image_split(tmp_path / "train", range(12))
    folder, annotations = image_split(tmp_path / "val", [20, *range(8), 21])
    found = finding({"train": train, "val": (folder, annotations)}, "as well, or nearly")
    assert "take them out of one of the two" in found.do and len(found.places) == 8
    left = without(annotations, *[place.split(" = ")[1] for place in found.places])
    assert_gone({"train": train, "val": (folder, left)}, "as well, or nearly")


# what the conversion did


def yolo_of(tmp_path, *rows, count=30):
    "A YOLO data set: an image with these rows, and others with good ones."
    made = Yolo(tmp_path)
    made.add("a", "\n".join(rows))
    for i in range(count):
        made.add(f"b{i}", f"0 {0.2 + i / 60} 0.5 0.2 0.4")
    return made


def after(made):
    "The split as it was converted; the pictures of `Yolo` are all one, so none are looked at."
    made.convert()
    return made.root / "out"


@pytest.mark.parametrize(
    "row, words, do",
    [
        (
            "0 1.7 0.5 0.2 0.4",
            "dropped 1 box of 31: 1 outside image",
            "correct these in the source",
        ),
        ("0 0.95 0.5 0.2 0.4", "repaired 1 box of 31: 1 clipped", "correct the source where"),
        ("0 0.5 0.5 0 0.4", "dropped 1 box of 31: 1 no area", "correct these in the source"),
    ],
)
def test_a_row_corrected_and_converted_again(tmp_path, row, words, do):
    made = yolo_of(tmp_path, row)
    found = finding(after(made), words)
    assert do in found.do and found.examples == [("train", "a.txt line 1")]
    made.add("a", GOOD)
    assert_gone(after(made), "the conversion")


def test_labels_of_larger_images_scaled_and_converted_again(tmp_path):
    coco = Coco(tmp_path)
    large = [(60 + i, 20 + i / 2, 60, 30) for i in range(40)]
    coco.data["annotations"] = [coco.box(i, 1 + i % 2, 1, large[i]) for i in range(40)]
    coco.convert()
    found = finding(tmp_path / "out", "the conversion")
    assert (
        found.severity == "fault" and "scale the boxes in the source by the right size" in found.do
    )
    for entry in coco.data["annotations"]:
        entry["bbox"] = [side / 2.5 for side in entry["bbox"]]
    coco.convert()
    assert_gone(tmp_path / "out", "the conversion")


WRONG_SIZES = {  # what the labels state of the first image: what the conversion does, what to do
    (50, 50): ("1 size corrected", "only width and height in the labels are wrong"),
    (300, 50): ("1 other size", "if only the stated size is wrong, take width and height out"),
}


@pytest.mark.parametrize("stated", WRONG_SIZES, ids=str)
def test_a_wrong_size_in_the_labels_corrected_or_taken_out(tmp_path, stated):
    words, do = WRONG_SIZES[stated]
    coco = Coco(tmp_path)
    right = copy.deepcopy(coco.data)
    bare = copy.deepcopy(coco.data)
    del bare["images"][0]["width"], bare["images"][0]["height"]
    coco.data["images"][0].update(width=stated[0], height=stated[1])
    coco.convert()
    assert do in finding(tmp_path / "out", words).do
    for coco.data in right, bare:
        coco.convert()
        assert_gone(tmp_path / "out", "the conversion")


def test_images_that_were_resized_replaced_by_the_labelled_ones(tmp_path):
    coco = Coco(tmp_path)
    for image in coco.data["images"]:
        image.update(width=2 * W, height=2 * H)
    for entry in coco.data["annotations"]:
        entry["bbox"] = [2 * side for side in entry["bbox"]]
    coco.convert()
    found = finding(tmp_path / "out", "2 boxes scaled")
    assert "take the images that were labelled, and convert again" in found.do
    for name in "a.png", "b.png":
        picture(tmp_path / "images" / name, (2 * W, 2 * H))
    coco.convert()
    assert_gone(tmp_path / "out", "the conversion")


def test_an_image_without_a_label_file_given_an_empty_one(tmp_path):
    made = yolo_of(tmp_path, GOOD)
    made.add("c", None)
    found = finding(after(made), "1 image had no label file and is taken as empty")
    assert "a label file without boxes says so" in found.do
    made.label("c", "")
    assert_gone(after(made), "no label file")


def test_a_foreign_report_deleted(tmp_path):
    path = write_annotations(table(), tmp_path)
    report = path.with_name("conversion_report.json")
    report.write_text("[]")
    assert finding(path, "beside the annotations").do.endswith("or delete that file")
    report.unlink()
    assert_gone(path, "beside the annotations")
