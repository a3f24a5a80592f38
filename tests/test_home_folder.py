"""`~` is the home folder at every door that takes a path.

Python does not know `~`: a door that forgets it makes a folder of that name in the current one,
and who removes that with `rm -rf ~` removes their home.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from PIL import Image
from small_detector import small_detector

from dinofrcnn.backbone.backbone import load_backbone
from dinofrcnn.backbone.cache import FeatureDataset, read_features, recorded_specs, write_features
from dinofrcnn.backbone.snapshot import find_snapshots
from dinofrcnn.backbone.sources import check_access, find_source, load_weights, local_copy
from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot
from dinofrcnn.data import download as downloads
from dinofrcnn.data.dataset import DataFolder, DetectionDataset, file_digest, sample_data
from dinofrcnn.data.doctor import inspect
from dinofrcnn.detector.checkpoint import load_model, read_checkpoint, save_checkpoint
from dinofrcnn.evaluation.coco import evaluate
from dinofrcnn.labels import annotations, coco, files, images, voc, yolo
from dinofrcnn.labels.write import write_folder
from dinofrcnn.runtime import atomic_write, expanded, sweep_temporary
from dinofrcnn.show import save_pictures
from dinofrcnn.training.config import load_config
from dinofrcnn.training.run import Run
from dinofrcnn.use.predict import list_images, own_pictures, predict, save_predictions

TEST = "~/data/annotations/test"
IMAGES = "~/data/images/test"
PHOTO = "~/data/images/test/test_000.jpg"
NAMES = "~/data/classes.txt"
COCO = "~/data/coco_annotations/instances_test.json"
VOC = "~/data/voc/Annotations/test"
SPLIT = "~/data/voc/ImageSets/Main/test.txt"


@dataclass
class Here:
    "What the calls below need, besides paths: made once, before HOME is another folder."

    backbone: Any
    model: Any
    config: Any
    model_args: dict[str, Any]


@pytest.fixture
def home(tmp_path, monkeypatch, data, tiny, trained):
    "A home folder with data, a backbone and a checkpoint, seen from an empty folder elsewhere."
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    shutil.copytree(data.root, home / "data")
    shutil.copytree(tiny, home / "tiny")
    os.link(trained.best, home / "best.pth")
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(elsewhere)
    return home


@pytest.fixture
def here(backbone, config):
    return Here(backbone, small_detector(backbone), config, config.model_args())


def convert_yolo(here):
    yolo.convert_yolo("~/data/labels/test", IMAGES, "~/new", NAMES, split_file="~/list.txt")


def export(room):
    return lambda here: getattr(room, f"export_{room.__name__.split('.')[-1]}")(TEST, "~/new")


def write_pictures(here):
    save_pictures("~/new", {"a.png": plt.figure})


def write_a_file(here):
    with atomic_write("~/new/a.txt") as tmp:
        tmp.write_text("a")


def fetch(here):
    downloads.fetch(Path("~/data/classes.txt").expanduser().as_uri(), "~/new/classes.txt")


def save_cache(here):
    dataset = DetectionDataset(IMAGES, TEST, limit=1)
    FeatureDataset(dataset, here.backbone, 64, 96, folder="~/new").fill()


def save_report(here):
    report = evaluate("~/best.pth", (IMAGES, TEST), "~/cache", limit=1, model_id="~/tiny")
    report.save("~/new")


def save_found(here):
    found = predict("~/best.pth", PHOTO, model_id="~/tiny")
    save_predictions(found, ["a"], "~/new")


WRITES = {  # what makes ~/new
    "convert_yolo": convert_yolo,
    "convert_coco": lambda here: coco.convert_coco(COCO, IMAGES, "~/new", class_list=NAMES),
    "convert_voc": lambda here: voc.convert_voc(VOC, IMAGES, "~/new", SPLIT, NAMES),
    "export_yolo": export(yolo),
    "export_coco": export(coco),
    "export_voc": export(voc),
    "write_folder": lambda here: write_folder({"a.txt": "a"}, "~/new", False),
    "write_annotations": lambda here: annotations.write_annotations(
        annotations.read_annotations(TEST), "~/new"
    ),
    "atomic_write": write_a_file,
    "save_pictures": write_pictures,
    "sample_data": lambda here: sample_data("~/new"),
    "fetch": fetch,
    "unpack": lambda here: downloads.unpack(downloads.pack("~/data", "~/x.tar"), "~/new"),
    "copy_to_local": lambda here: downloads.copy_to_local("~/data", "~/new"),
    "make_tiny_snapshot": lambda here: make_tiny_snapshot("~/new", layers=1),
    "random_snapshot": lambda here: random_snapshot("~/new", find_source("~/tiny").config, seed=1),
    "local_copy": lambda here: local_copy("~/tiny", "~/new"),
    "write_features": lambda here: write_features("~/new/a.safetensors", {16: torch.ones(2, 3, 4)}),
    "FeatureDataset": save_cache,
    "save_checkpoint": lambda here: save_checkpoint("~/new/a.pth", here.model, here.model_args),
    "Report.save": save_report,
    "Inspection.save": lambda here: inspect({"test": (IMAGES, TEST)}).save("~/new"),
    "save_predictions": save_found,
    "TrainConfig.save": lambda here: here.config.save("~/new/config.yaml"),
}


@pytest.mark.parametrize("door", WRITES)
def test_what_is_written_goes_to_the_home_folder(door, home, here):
    (home / "list.txt").write_text("test_000.jpg\n")
    WRITES[door](here)
    made = home / "new"
    assert any(made.iterdir())
    assert os.listdir(".") == [], "something was made in the current folder"
    assert not [path for path in home.rglob("~*")]
    for report in made.glob("*.json"):
        assert "~" not in report.read_text(), "a path was written down as it was typed"


READS = {  # what finds something below ~
    "expanded": lambda here: expanded("~/data").is_dir(),
    "read_annotations": lambda here: annotations.read_annotations(TEST),
    "annotation_path": lambda here: annotations.annotation_path(TEST).is_file(),
    "read_json": lambda here: annotations.read_json(COCO),
    "names_in_file": lambda here: files.names_in_file(NAMES),
    "read_class_list": lambda here: files.read_class_list(NAMES),
    "read_text": lambda here: files.read_text(NAMES),
    "split_entries": lambda here: files.split_entries(SPLIT),
    "files_below": lambda here: files.files_below(VOC, {".xml"}),
    "need_folder": lambda here: files.need_folder(VOC, "folder").is_absolute(),
    "read_image": lambda here: images.read_image(PHOTO),
    "image_size": lambda here: images.image_size(PHOTO),
    "image_path": lambda here: images.image_path(IMAGES, "test_000.jpg").is_file(),
    "DataFolder": lambda here: DataFolder("~/data").split("test").annotations.is_file(),
    "DetectionDataset": lambda here: DetectionDataset(IMAGES, TEST)[0],
    "file_digest": lambda here: file_digest(NAMES),
    "inspect": lambda here: inspect({"one": TEST, "two": (IMAGES, TEST)}),
    "folder_checksum": lambda here: (
        downloads.folder_checksum("~/data") != downloads.folder_checksum(".")
    ),
    "find_snapshots": lambda here: find_snapshots("~"),
    "find_source": lambda here: find_source("~/tiny"),
    "load_weights": lambda here: load_weights("~/tiny"),
    "load_backbone": lambda here: load_backbone("~/tiny"),
    "check_access": lambda here: check_access("~/tiny"),
    "recorded_specs": lambda here: recorded_specs("~/cache"),
    "read_features": lambda here: read_features("~/one.safetensors"),
    "read_checkpoint": lambda here: read_checkpoint("~/best.pth"),
    "load_model": lambda here: load_model("~/best.pth", model_id="~/tiny"),
    "load_config": lambda here: load_config("~/config.yaml"),
    "Run": lambda here: Run("~/run").best.is_file(),
    "list_images": lambda here: list_images(IMAGES),
    "own_pictures": lambda here: own_pictures("~/predictions"),
    "predict": lambda here: "error" not in predict(here.model, [PHOTO])[0],
    "sweep_temporary": lambda here: sweep_temporary("~", ["a.txt"]),
}


@pytest.fixture
def filled(home, here):
    "The home folder, with something for every door to find."
    (home / ".a.txt.k3x9").write_text("")
    (home / "run").mkdir()
    os.link(home / "best.pth", home / "run/best_by_map.pth")
    write_features(home / "one.safetensors", {16: torch.ones(2, 3, 4)})
    dataset = DetectionDataset(home / "data/images/test", home / "data/annotations/test", limit=1)
    FeatureDataset(dataset, here.backbone, 64, 96, folder=home / "cache").fill()
    save_predictions(predict(here.model, [home / PHOTO[2:]]), ["a"], home / "predictions")
    here.config.save(home / "config.yaml")


@pytest.mark.parametrize("door", READS)
def test_what_is_read_is_found_in_the_home_folder(door, filled, here):
    assert READS[door](here)
    assert os.listdir(".") == []


def test_an_open_image_is_found_in_the_home_folder(home):
    with images.open_image(PHOTO) as (image, _):
        assert isinstance(image, Image.Image)


def test_a_checkpoint_that_is_kept_goes_to_the_home_folder(home, here):
    for _ in range(2):
        save_checkpoint("~/a.pth", here.model, here.model_args, keep="~/before.pth")
    assert (home / "a.pth").is_file() and (home / "before.pth").is_file()
