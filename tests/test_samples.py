"The sample data: three label formats that say the same, pictures that are what they should be, a script that repeats itself."

import importlib.util
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data_samples/construction"
COUNTS = {"train": 40, "val": 10, "test": 10}
splits = pytest.mark.parametrize("split", COUNTS)


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_samples", ROOT / "tools/make_samples.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def coco(split):
    return json.loads((DATA / f"coco_annotations/instances_{split}.json").read_text())


def names(split):
    return [i["file_name"] for i in coco(split)["images"]]


def coco_boxes(split):
    "{file name: sorted [(class name, x0, y0, x1, y1)]} in 0-based half-open pixels; the two readers below return the same."
    data = coco(split)
    classes, files = (
        {c["id"]: c["name"] for c in data["categories"]},
        {i["id"]: i["file_name"] for i in data["images"]},
    )
    found = {name: [] for name in files.values()}
    for a in data["annotations"]:
        x, y, w, h = a["bbox"]
        found[files[a["image_id"]]].append((classes[a["category_id"]], x, y, x + w, y + h))
    return {name: sorted(rows) for name, rows in found.items()}


def yolo_boxes(split):
    classes, found = (DATA / "classes.txt").read_text().splitlines(), {}
    for name in names(split):
        width, height = Image.open(DATA / "images" / split / name).size
        path, rows = (DATA / "labels" / split / name).with_suffix(".txt"), []
        for line in path.read_text().splitlines() if path.exists() else []:
            label, x, y, w, h = line.split()
            x, y, w, h = float(x) * width, float(y) * height, float(w) * width, float(h) * height
            rows.append((classes[int(label)], x - w / 2, y - h / 2, x + w / 2, y + h / 2))
        found[name] = sorted(rows)
    return found


def voc_boxes(split):
    found = {}
    for path in (DATA / "voc/Annotations" / split).rglob("*.xml"):
        root, rows = ET.parse(path).getroot(), []
        for o in root.iter("object"):
            x0, y0, x1, y1 = (
                int(o.find(f"bndbox/{k}").text) for k in ("xmin", "ymin", "xmax", "ymax")
            )
            rows.append((o.find("name").text, x0 - 1, y0 - 1, x1, y1))
        found[root.find("filename").text] = sorted(rows)
    return found


def assert_same(one, other, tolerance):
    assert one.keys() == other.keys()
    for name in one:
        assert [r[0] for r in one[name]] == [r[0] for r in other[name]], name
        for a, b in zip(one[name], other[name]):
            assert a[1:] == pytest.approx(b[1:], abs=tolerance), name


@splits
def test_yolo_says_the_same_as_coco(split):
    assert_same(yolo_boxes(split), coco_boxes(split), 0.01)


@splits
def test_voc_says_the_same_as_coco(split):
    assert_same(voc_boxes(split), coco_boxes(split), 0.01)


@splits
def test_every_image_of_the_split_is_listed_once(split):
    on_disk = sorted(
        p.relative_to(DATA / "images" / split).as_posix()
        for p in (DATA / "images" / split).rglob("*.jpg")
    )
    assert len(on_disk) == COUNTS[split] and on_disk == sorted(names(split))


@splits
def test_voc_image_set_lists_the_images(split):
    assert [
        f"{line}.jpg"
        for line in (DATA / f"voc/ImageSets/Main/{split}.txt").read_text().splitlines()
    ] == names(split)


@splits
def test_no_label_file_without_its_image(split):
    stems = {n.removesuffix(".jpg") for n in names(split)}
    assert {
        p.relative_to(DATA / "labels" / split).with_suffix("").as_posix()
        for p in (DATA / "labels" / split).rglob("*.txt")
    } <= stems


@splits
def test_recorded_sizes_are_the_real_ones(split):
    for i in coco(split)["images"]:
        size = Image.open(DATA / "images" / split / i["file_name"]).size
        assert size == (i["width"], i["height"]) and min(size) >= 288 and max(size) >= 384, i[
            "file_name"
        ]
    for path in (DATA / "voc/Annotations" / split).rglob("*.xml"):
        root = ET.parse(path).getroot()
        size = Image.open(DATA / "images" / split / root.find("filename").text).size
        assert size == tuple(int(root.find(f"size/{k}").text) for k in ("width", "height")), (
            path.name
        )


@splits
def test_boxes_lie_inside_their_image_and_are_not_slivers(split):
    sizes = {i["file_name"]: (i["width"], i["height"]) for i in coco(split)["images"]}
    for name, rows in coco_boxes(split).items():
        for _, x0, y0, x1, y1 in rows:
            assert (
                x0 >= 0
                and y0 >= 0
                and x1 <= sizes[name][0]
                and y1 <= sizes[name][1]
                and min(x1 - x0, y1 - y0) >= 15
            ), name


@splits
def test_every_class_is_there(split):
    assert {r[0] for rows in coco_boxes(split).values() for r in rows} == {
        "Worker",
        "Tower crane",
        "Excavator",
        "Truck",
    }


@splits
def test_one_folder_is_nested_and_has_boxes(split):
    assert any(rows for name, rows in coco_boxes(split).items() if name.startswith("night/"))


@pytest.mark.parametrize("split", ["train", "val"])
def test_images_without_boxes_come_with_and_without_a_label_file(split):
    blank = [name for name, rows in coco_boxes(split).items() if not rows]
    assert {(DATA / "labels" / split / name).with_suffix(".txt").exists() for name in blank} == {
        True,
        False,
    }


def test_pictures_stay_under_two_megabytes():
    assert sum(p.stat().st_size for p in (DATA / "images").rglob("*.jpg")) < 2e6


def test_drawing_again_gives_the_same_picture_and_boxes(maker):
    row = maker.plan("test")[2]
    (one, boxes), (other, again) = maker.draw("test", *row), maker.draw("test", *row)
    assert boxes == again and one.tobytes() == other.tobytes()


def test_the_script_makes_the_committed_labels(maker, tmp_path):
    "Within two pixels: another release of Pillow may fill the rim of a polygon otherwise."
    maker.make_split(tmp_path, "val")
    committed, here = (
        coco("val"),
        json.loads((tmp_path / "coco_annotations/instances_val.json").read_text()),
    )
    assert [i["file_name"] for i in here["images"]] == [i["file_name"] for i in committed["images"]]
    assert [(a["image_id"], a["category_id"]) for a in here["annotations"]] == [
        (a["image_id"], a["category_id"]) for a in committed["annotations"]
    ]
    for a, b in zip(here["annotations"], committed["annotations"]):
        assert a["bbox"] == pytest.approx(b["bbox"], abs=2)


def test_a_box_is_the_visible_part_of_its_object(maker):
    "A container painted in front of a truck takes the hidden columns off its box."

    def truck_box(covered):
        scene = maker.Scene(384, 288, "day", "box")
        scene.add("truck", 0.5, 20, flip=False, tipped=False)
        if covered:
            scene.add("container", 0.3, 24, flip=False)
        return scene.render()[1][0][1]

    alone, hidden = truck_box(False), truck_box(True)
    assert hidden[0] > alone[0] + 20 and hidden[2:] == alone[2:]


def test_an_object_that_is_almost_hidden_leaves_the_scene(maker):
    scene = maker.Scene(384, 288, "day", "hidden")
    scene.add("worker", 0.5, 22, flip=False, pose="stand")
    scene.add("container", 0.5, 30, flip=False)
    assert scene.render()[1] == [] and all(item.label is None for item in scene.items)
