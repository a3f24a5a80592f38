"""The sample data: three label formats that say the same, pictures that are what they should be,
and a script that repeats itself.
"""

import json
import xml.etree.ElementTree as ET

import make_construction
import pytest
from conftest import REPO
from PIL import Image
from render import render
from scene import Scene

DATA = REPO / "data_samples/construction"
COUNTS = {"train": 40, "val": 10, "test": 10}
splits = pytest.mark.parametrize("split", COUNTS)


# ---- readers: {file name: sorted [(class name, x0, y0, x1, y1)]} in 0-based half-open pixels


def coco(split):
    return json.loads((DATA / f"coco_annotations/instances_{split}.json").read_text())


def names(split):
    return [image["file_name"] for image in coco(split)["images"]]


def coco_boxes(split):
    data = coco(split)
    classes = {category["id"]: category["name"] for category in data["categories"]}
    files = {image["id"]: image["file_name"] for image in data["images"]}
    found = {name: [] for name in files.values()}
    for annotation in data["annotations"]:
        x, y, w, h = annotation["bbox"]
        row = (classes[annotation["category_id"]], x, y, x + w, y + h)
        found[files[annotation["image_id"]]].append(row)
    return {name: sorted(rows) for name, rows in found.items()}


def image_size(split, name):
    return Image.open(DATA / "images" / split / name).size


def yolo_file(split, name):
    return (DATA / "labels" / split / name).with_suffix(".txt")


def yolo_boxes(split):
    classes = (DATA / "classes.txt").read_text().splitlines()
    found = {}
    for name in names(split):
        width, height = image_size(split, name)
        path = yolo_file(split, name)
        lines = path.read_text().splitlines() if path.exists() else []
        rows = []
        for line in lines:
            label, *numbers = line.split()
            x, y, w, h = map(float, numbers)
            x0 = x * width - w * width / 2
            y0 = y * height - h * height / 2
            rows.append((classes[int(label)], x0, y0, x0 + w * width, y0 + h * height))
        found[name] = sorted(rows)
    return found


def voc_files(split):
    return [ET.parse(p).getroot() for p in (DATA / "voc/Annotations" / split).rglob("*.xml")]


def voc_boxes(split):
    found = {}
    for root in voc_files(split):
        rows = []
        for thing in root.iter("object"):
            sides = [thing.find(f"bndbox/{side}").text for side in ("xmin", "ymin", "xmax", "ymax")]
            x0, y0, x1, y1 = map(int, sides)
            rows.append((thing.find("name").text, x0 - 1, y0 - 1, x1, y1))
        found[root.find("filename").text] = sorted(rows)
    return found


def relative_paths(folder, pattern):
    return [path.relative_to(folder).as_posix() for path in folder.rglob(pattern)]


# ---- the committed files


def assert_same(one, other, tolerance):
    assert one.keys() == other.keys()
    for name in one:
        assert [row[0] for row in one[name]] == [row[0] for row in other[name]], name
        for a, b in zip(one[name], other[name], strict=True):
            assert a[1:] == pytest.approx(b[1:], abs=tolerance), name


@splits
def test_yolo_says_the_same_as_coco(split):
    assert_same(yolo_boxes(split), coco_boxes(split), 0.01)


@splits
def test_voc_says_the_same_as_coco(split):
    assert_same(voc_boxes(split), coco_boxes(split), 0.01)


@splits
def test_every_image_of_the_split_is_listed_once(split):
    on_disk = relative_paths(DATA / "images" / split, "*.jpg")
    assert len(on_disk) == COUNTS[split]
    assert sorted(on_disk) == sorted(names(split))


@splits
def test_voc_image_set_lists_the_images(split):
    stems = (DATA / f"voc/ImageSets/Main/{split}.txt").read_text().splitlines()
    assert [f"{stem}.jpg" for stem in stems] == names(split)


@splits
def test_no_label_file_without_its_image(split):
    stems = {name.removesuffix(".jpg") for name in names(split)}
    labels = relative_paths(DATA / "labels" / split, "*.txt")
    assert {name.removesuffix(".txt") for name in labels} <= stems


@splits
def test_sizes_recorded_by_coco_are_the_real_ones(split):
    for image in coco(split)["images"]:
        name = image["file_name"]
        size = image_size(split, name)
        assert size == (image["width"], image["height"]), name
        assert min(size) >= 288 and max(size) >= 384, name


@splits
def test_sizes_recorded_by_voc_are_the_real_ones(split):
    for root in voc_files(split):
        name = root.find("filename").text
        recorded = tuple(int(root.find(f"size/{side}").text) for side in ("width", "height"))
        assert recorded == image_size(split, name), name


@splits
def test_boxes_lie_inside_their_image_and_are_not_slivers(split):
    sizes = {
        image["file_name"]: (image["width"], image["height"]) for image in coco(split)["images"]
    }
    for name, rows in coco_boxes(split).items():
        width, height = sizes[name]
        for _, x0, y0, x1, y1 in rows:
            assert x0 >= 0 and y0 >= 0, name
            assert x1 <= width and y1 <= height, name
            assert min(x1 - x0, y1 - y0) >= 15, name


@splits
def test_every_class_is_there(split):
    found = {row[0] for rows in coco_boxes(split).values() for row in rows}
    assert found == {"Worker", "Tower crane", "Excavator", "Truck"}


@splits
def test_one_folder_is_nested_and_has_boxes(split):
    assert any(rows for name, rows in coco_boxes(split).items() if name.startswith("night/"))


@pytest.mark.parametrize("split", ["train", "val"])
def test_images_without_boxes_come_with_and_without_a_label_file(split):
    blank = [name for name, rows in coco_boxes(split).items() if not rows]
    assert {yolo_file(split, name).exists() for name in blank} == {True, False}


def test_pictures_stay_under_two_megabytes():
    assert sum(path.stat().st_size for path in (DATA / "images").rglob("*.jpg")) < 2e6


# ---- the script that draws them


def test_drawing_again_gives_the_same_picture_and_boxes():
    row = make_construction.plan("test")[2]
    one, boxes = make_construction.draw("test", *row)
    other, again = make_construction.draw("test", *row)
    assert boxes == again
    assert one.tobytes() == other.tobytes()


def test_the_script_makes_the_committed_labels(tmp_path):
    "Within two pixels: another release of Pillow may fill the rim of a polygon otherwise."
    make_construction.make_split(tmp_path, "val")
    here = json.loads((tmp_path / "coco_annotations/instances_val.json").read_text())
    committed = coco("val")
    assert [i["file_name"] for i in here["images"]] == [i["file_name"] for i in committed["images"]]
    for a, b in zip(here["annotations"], committed["annotations"], strict=True):
        assert (a["image_id"], a["category_id"]) == (b["image_id"], b["category_id"])
        assert a["bbox"] == pytest.approx(b["bbox"], abs=2)


def truck_box(covered):
    scene = Scene(384, 288, "day", "box")
    scene.add("truck", 0.5, 20, flip=False, tipped=False)
    if covered:
        scene.add("container", 0.3, 24, flip=False)
    _, objects = render(scene)
    return objects[0][1]


def test_a_box_is_the_visible_part_of_its_object():
    "A container painted in front of a truck takes the hidden columns off its box."
    alone = truck_box(covered=False)
    hidden = truck_box(covered=True)
    assert hidden[0] > alone[0] + 20
    assert hidden[2:] == alone[2:]


def test_an_object_that_is_almost_hidden_leaves_the_scene():
    scene = Scene(384, 288, "day", "hidden")
    scene.add("worker", 0.5, 22, flip=False, pose="stand")
    scene.add("container", 0.5, 30, flip=False)
    _, objects = render(scene)
    assert objects == []
    assert all(item.label is None for item in scene.items)
