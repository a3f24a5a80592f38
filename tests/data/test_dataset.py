"Images and their targets: the label shift, what is skipped and what is refused."

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from dinofrcnn.data.dataset import DataFolder, DetectionDataset, sample_data
from dinofrcnn.labels.annotations import Annotations
from dinofrcnn.runtime import UserError


def write(folder, records):
    (folder / "annotations_torchvision.json").write_text(json.dumps(records))
    (folder / "dataset_meta.json").write_text(json.dumps({"classes": ["a", "b"]}))
    return folder / "annotations_torchvision.json"


def record(name, boxes=(), labels=(), size=(40, 30), **more):
    width, height = size
    boxes = [list(box) for box in boxes]
    required = dict(file_name=name, width=width, height=height, boxes=boxes, labels=list(labels))
    return {**required, **more}


@pytest.fixture
def folder(tmp_path):
    for name in "a.jpg", "sub/b.jpg":
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    return tmp_path


def test_first_class_becomes_label_one(folder):
    "Fault of the original: 0-based labels in a model whose class 0 is the background."
    dataset = DetectionDataset(folder, write(folder, [record("a.jpg", [(1, 1, 5, 5)], [0])]))
    assert dataset.target(0)["labels"].tolist() == [1]


def test_missing_image_is_skipped_counted_and_named(folder):
    records = [record("a.jpg"), record("gone.jpg"), record("sub/b.jpg")]
    dataset = DetectionDataset(folder, write(folder, records))
    assert len(dataset) == 2 and [r["file_name"] for r in dataset.missing] == ["gone.jpg"]
    assert "gone.jpg" in dataset.summary() and "1 image" in dataset.summary()


def test_all_images_missing_is_refused(folder):
    with pytest.raises(UserError, match="gone.jpg"):
        DetectionDataset(folder, write(folder, [record("gone.jpg")]))


def test_image_without_boxes_is_an_item_with_an_empty_table(folder):
    image, target = DetectionDataset(folder, write(folder, [record("a.jpg")]))[0]
    assert target["boxes"].shape == (0, 4)
    assert target["labels"].shape == (0,) and target["labels"].dtype == torch.int64


def test_crowd_and_zero_area_boxes_are_not_trained_on_but_counted(folder):
    boxes = [(1, 1, 5, 5), (2, 2, 2, 9), (0, 0, 30, 30)]
    records = [record("a.jpg", boxes, [0, 0, 1], iscrowd=[0, 0, 1])]
    dataset = DetectionDataset(folder, write(folder, records))
    assert dataset.target(0)["boxes"].tolist() == [[1, 1, 5, 5]] and "2 boxes" in dataset.summary()


def test_image_of_another_size_than_its_labels_is_refused(folder):
    dataset = DetectionDataset(folder, write(folder, [record("a.jpg", size=(80, 60))]))
    with pytest.raises(UserError, match="a.jpg"):
        dataset.image(0)


def test_order_is_that_of_the_file(folder):
    dataset = DetectionDataset(folder, write(folder, [record("sub/b.jpg"), record("a.jpg")]))
    assert [r["file_name"] for r in dataset.records] == ["sub/b.jpg", "a.jpg"]


def test_limit_limits_the_ground_truth_too(data):
    "Fault of the original: a subset was evaluated against the ground truth of all images."
    assert len(DetectionDataset(*data.val, limit=3).annotations.records) == 3


def test_sample_data_keeps_what_is_there(data):
    marker = data.root / "mine.txt"
    marker.write_text("kept")
    sample_data(data.root)
    assert marker.read_text() == "kept"


@pytest.mark.parametrize("limit", [0, -1, 1.5, "3", True])
def test_limit_below_one_is_refused(folder, limit):
    "limit=-1 meant all but the last image."
    file = write(folder, [record("a.jpg"), record("sub/b.jpg")])
    with pytest.raises(UserError, match="limit"):
        DetectionDataset(folder, file, limit)


def test_annotation_file_without_images_says_so(folder):
    with pytest.raises(UserError, match="annotations_torchvision.json' lists no images"):
        DetectionDataset(folder, write(folder, []))
    with pytest.raises(UserError, match="annotations list no images"):
        DetectionDataset(folder, Annotations([], ["a"]))


def test_size_is_checked_from_the_head_of_the_file(folder):
    "So that a warm cache can refuse labels that were made for another size, as an empty one does."
    noise = torch.randint(256, (30, 40, 3), dtype=torch.uint8).numpy()
    Image.fromarray(noise).save(folder / "a.jpg")
    whole = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").write_bytes(whole[: len(whole) * 3 // 4])  # cannot be decoded
    records = [record("a.jpg"), record("sub/b.jpg", size=(80, 60))]
    dataset = DetectionDataset(folder, write(folder, records))
    dataset.check_size(0)
    with pytest.raises(UserError, match="decoded"):
        dataset.image(0)
    with pytest.raises(UserError, match="labels were made for 80×60"):
        dataset.check_size(1)


def test_upright_size_is_what_is_checked(folder):
    image = Image.new("RGB", (30, 40))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(folder / "a.jpg", exif=exif)
    DetectionDataset(folder, write(folder, [record("a.jpg")])).check_size(0)


@pytest.mark.parametrize("flags", [{}, {"iscrowd": [0]}, {"iscrowd": [None]}, {"iscrowd": [1]}])
def test_boxes_that_training_may_use_are_counted(folder, flags):
    "Without any, training learns nothing: the loop asks."
    records = [record("a.jpg", [(1, 1, 5, 5)], [0], **flags), record("sub/b.jpg")]
    crowd = flags.get("iscrowd") == [1]
    assert DetectionDataset(folder, write(folder, records)).boxes == (0 if crowd else 1)


def test_flat_boxes_are_no_boxes(folder):
    records = [record("a.jpg", [(1, 1, 1, 5), (9, 9, 3, 12)], [0, 0])]
    assert DetectionDataset(folder, write(folder, records)).boxes == 0


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    "A folder named ~ appeared in the current one; people then type rm -rf ~."
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    data = sample_data("~/x")
    assert data.root == tmp_path / "home/x"
    for split in DataFolder("~/x").test, ("~/x/images/test", "~/x/annotations/test"):
        assert len(DetectionDataset(*split)) == 10
    assert not Path("~").exists()
    assert DataFolder("~/x").paths["val_images"] == str(tmp_path / "home/x/images/val")
