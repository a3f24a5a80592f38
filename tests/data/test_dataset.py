"Images and their targets: the label shift, what is skipped and what is refused."

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from dinofrcnn.cli import main
from dinofrcnn.data.dataset import DataFolder, DetectionDataset, file_digest, sample_data
from dinofrcnn.labels.annotations import Annotations, write_annotations
from dinofrcnn.runtime import UserError
from dinofrcnn.training.config import TrainConfig


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
    assert "missing and skipped: 1, gone.jpg" in dataset.summary()


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
    assert dataset.target(0)["boxes"].tolist() == [[1, 1, 5, 5]]
    assert "without an area: 2" in dataset.summary()


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


def test_size_is_that_of_the_file_where_it_is_decoded_smaller(folder):
    Image.new("RGB", (400, 300)).save(folder / "a.jpg")
    Image.new("RGB", (400, 300)).save(folder / "sub/b.jpg")
    records = [record("a.jpg", size=(400, 300)), record("sub/b.jpg", size=(100, 75))]
    dataset = DetectionDataset(folder, write(folder, records))
    assert dataset.photo(0, wanted=(50, 37)).size == (100, 75)
    with pytest.raises(UserError, match="400×300 pixels but its labels were made for 100×75"):
        dataset.photo(1, wanted=(50, 37))


def test_labels_that_change_are_checked_against_the_same_file_again(folder):
    dataset = DetectionDataset(folder, write(folder, [record("a.jpg")]))
    dataset.photo(0)
    dataset.records[0]["width"] = 80
    with pytest.raises(UserError, match="labels were made for 80×30"):
        dataset.photo(0)


def test_a_file_of_another_size_under_the_same_name_is_refused(folder):
    dataset = DetectionDataset(folder, write(folder, [record("a.jpg")]))
    dataset.photo(0)
    Image.new("RGB", (41, 30)).save(folder / "a.jpg", quality=50)
    with pytest.raises(UserError, match="41×30 pixels"):
        dataset.photo(0)


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


# other names of a split


def split_folders(root, annotations, images=None):
    "A data folder with these splits, one image each."
    for name in images or annotations:
        (root / "images" / name).mkdir(parents=True)
        Image.new("RGB", (64, 48), "grey").save(root / "images" / name / "a.jpg")
    record = {"file_name": "a.jpg", "width": 64, "height": 48}
    record |= {"boxes": [[8, 8, 40, 40]], "labels": [0]}
    for name in annotations:
        write_annotations(Annotations([record], ["cat"]), root / "annotations" / name)
    return DataFolder(root)


@pytest.mark.parametrize("name", ["valid", "validation", "dev", "Valid", "val2017", "val"])
def test_other_names_of_the_validation_split(tmp_path, name):
    data = split_folders(tmp_path, ["train", name, "test"])
    assert data.val == (
        tmp_path / "images" / name,
        tmp_path / "annotations" / name / "annotations_torchvision.json",
    )
    assert len(DetectionDataset(*data.val)) == 1


def test_training_and_testing_are_train_and_test(tmp_path):
    data = split_folders(tmp_path, ["training", "testing"])
    assert data.train.images.name == "training" and data.test.annotations.parent.name == "testing"


def test_images_under_one_name_and_labels_under_another(tmp_path):
    data = split_folders(tmp_path, ["train", "val"], images=["train", "valid"])
    assert len(DetectionDataset(*data.val)) == 1


def test_two_folders_that_could_be_the_split_are_not_guessed_between(tmp_path):
    data = split_folders(tmp_path, ["train", "val", "valid"])
    with pytest.raises(UserError, match="val and valid: which is the split val"):
        data.split("val")
    shutil.move(tmp_path / "annotations/valid", tmp_path / "away")
    assert data.val.images.name == "val"


def test_split_that_is_not_there_would_have_its_own_name(tmp_path):
    assert DataFolder(tmp_path).val.images == tmp_path / "images/val"


def test_valid_is_inspected_and_trained_on(tmp_path, capsys):
    split_folders(tmp_path, ["train", "valid", "test"])
    root = str(tmp_path)
    assert main(["inspect", "--data_root", root, "--output_dir", f"{root}/out"]) == 0
    assert "\nval " in capsys.readouterr().out
    config = TrainConfig(model_id="any", data_root=root)
    config.check_paths()
    assert config.val_images == f"{root}/images/valid"


def test_given_paths_are_kept_beside_a_validation_split_of_another_name(tmp_path):
    split_folders(tmp_path, ["train", "valid"])
    config = TrainConfig(model_id="any", data_root=str(tmp_path), train_images="images/valid")
    assert config.train_images == config.val_images == str(tmp_path / "images/valid")


# sample data that was interrupted


def complete(root):
    data = sample_data(root)
    found = [len(DetectionDataset(*data.split(s))) for s in ("train", "val", "test")]
    images = [list(data.split(s).images.rglob("*.jpg")) for s in ("train", "val", "test")]
    assert found == list(map(len, images))
    assert not [p for p in root.parent.iterdir() if p.name.startswith(".")]
    return found


def test_sample_data_that_was_killed_heals(tmp_path, data):
    whole = [len(DetectionDataset(*data.split(s))) for s in ("train", "val", "test")]
    assert complete(tmp_path / "a") == whole
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for at in "images/val", "labels/val", "annotations/test":
        shutil.rmtree(tmp_path / "b" / at)
    cut = tmp_path / "b/images/train/train_004.jpg"
    cut.write_bytes(cut.read_bytes()[:2000])
    shutil.rmtree(tmp_path / "b/images/test")
    (tmp_path / "b/images/test").mkdir()
    assert complete(tmp_path / "b") == whole


def test_sample_data_killed_while_converting_heals(tmp_path):
    data = sample_data(tmp_path / "a")
    data.val.annotations.write_text("[{")
    complete(tmp_path / "a")


def test_two_who_want_sample_data_at_once_both_get_it(tmp_path):
    code = "import sys; from dinofrcnn import sample_data; sample_data(sys.argv[1])"
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(p.communicate()[1], p.returncode) for p in both] == [("", 0)] * 2
    complete(tmp_path / "a")


def test_edited_labels_of_the_sample_data_stay(tmp_path):
    data = sample_data(tmp_path / "a")
    mine = tmp_path / "a/labels/train/train_004.txt"
    mine.write_text("0 0.5 0.5 0.1 0.1\n")
    data.train.annotations.unlink()
    sample_data(tmp_path / "a")
    assert mine.read_text() == "0 0.5 0.5 0.1 0.1\n"


@pytest.fixture
def read(monkeypatch):
    "The files, annotations apart, whose bytes are read from here on."
    files = []
    usual = Path.read_bytes

    def note(path):
        if path.suffix != ".json":
            files.append(path.name)
        return usual(path)

    monkeypatch.setattr(Path, "read_bytes", note)
    return files


def test_an_image_is_read_once_for_its_hash(folder, read):
    "Also by another data set on the same files, as every evaluation makes one."
    annotations = write(folder, [record("a.jpg"), record("sub/b.jpg")])
    digests = []
    for name in "a.jpg", "sub/b.jpg":
        os.utime(folder / name, (1e9, 1e9))
    for _ in range(2):
        dataset = DetectionDataset(folder, annotations)
        digests.append([dataset.digest(i) for i in (0, 1, 0, 1)])
    assert digests[0] == digests[1]
    assert read == ["a.jpg", "b.jpg"]


def test_a_changed_file_is_hashed_anew(tmp_path, monkeypatch, read):
    file = tmp_path / "a.bin"
    digests = set()
    for content, hours in (b"one", 3), (b"two", 2), (b"three", 2):
        file.write_bytes(content)
        os.utime(file, (1e9 + hours,) * 2)
        digests.add(file_digest(file))
        monkeypatch.chdir(tmp_path)
        assert file_digest("a.bin") in digests
    assert len(digests) == len(read) == 3


def test_a_file_written_again_at_the_same_moment_is_hashed_anew(tmp_path):
    "Within one tick of the disk's clock."
    file = tmp_path / "a.bin"
    digests = set()
    now = time.time()
    for content in b"one", b"two":
        file.write_bytes(content)
        os.utime(file, (now, now))
        digests.add(file_digest(file))
    assert len(digests) == 2
