"From any folder to training data: splits without leaks, in proportion, and nothing in the source."

import shutil
import zipfile
from collections import Counter
from inspect import signature
from pathlib import Path

import exports
import numpy as np
import pytest
from PIL import Image

from dinofrcnn.cli import main
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.data.doctor import inspect
from dinofrcnn.data.layouts import FINDERS
from dinofrcnn.data.prepare import (
    DEFAULT_ANCHORS,
    fit_anchors,
    join_groups,
    name_group,
    prepare,
    propose_anchors,
    shares_needed,
    stratify,
)
from dinofrcnn.data_commands import FORMATS
from dinofrcnn.detector.detector import Detector
from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.files import samples_dir
from dinofrcnn.runtime import UserError
from dinofrcnn.training.config import TrainConfig, load_config

CONSTRUCTION = samples_dir() / "construction"


@pytest.fixture
def flat(tmp_path):
    "Images and YOLO labels side by side, without splits."
    folder = tmp_path / "sites"
    for kind in ("images", "labels"):
        shutil.copytree(CONSTRUCTION / kind / "train", folder, dirs_exist_ok=True)
    shutil.copy(CONSTRUCTION / "classes.txt", folder)
    return folder


def names(split):
    return [record["file_name"] for record in read_annotations(split.annotations).records]


def test_a_flat_folder_becomes_three_splits(flat, tmp_path):
    prepared = prepare(flat, tmp_path / "out")
    everything = [name for split in prepared.splits.values() for name in names(split)]
    assert sorted(everything) == sorted(set(everything)) and len(everything) == 40
    assert set(prepared.splits) == {"train", "val", "test"}
    for split in prepared.splits.values():
        assert len(DetectionDataset(*split)) == len(names(split))


def test_the_same_seed_makes_the_same_splits(flat, tmp_path):
    one = prepare(flat, tmp_path / "one")
    same = prepare(flat, tmp_path / "same")
    other = prepare(flat, tmp_path / "other", seed=1)
    assert names(one.val) == names(same.val) != names(other.val)


def test_copies_of_a_photograph_stay_together(flat, tmp_path):
    for i in range(6):
        for ending in ("jpg", "txt"):
            shutil.copy(flat / f"train_000.{ending}", flat / f"copy_{i}.{ending}")
    prepared = prepare(flat, tmp_path / "out")
    copies = [f"copy_{i}.jpg" for i in range(6)] + ["train_000.jpg"]
    where = Counter(
        split for split, place in prepared.splits.items() for name in names(place) if name in copies
    )
    assert len(where) == 1 and where.total() == 7
    assert "6 look-alikes stay with their like" in str(prepared)


def test_versions_of_one_photograph_stay_together_by_their_names(flat, tmp_path):
    assert name_group("im_jpg.rf.0a1b2c.jpg") == name_group("im_jpg.rf.ffff.jpg") == "im_jpg"
    rng = np.random.default_rng(0)
    for i in range(5):
        noise = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
        Image.fromarray(noise).save(flat / f"x_jpg.rf.{i}a.jpg")
        (flat / f"x_jpg.rf.{i}a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    prepared = prepare(flat, tmp_path / "out")
    where = {s for s, place in prepared.splits.items() for n in names(place) if ".rf." in n}
    assert len(where) == 1


def test_a_test_split_that_is_there_is_left_alone(tmp_path):
    folder = tmp_path / "set"
    for split in ("train", "test"):
        shutil.copytree(CONSTRUCTION / "images" / split, folder / "images" / split)
        shutil.copytree(CONSTRUCTION / "labels" / split, folder / "labels" / split)
    shutil.copy(CONSTRUCTION / "classes.txt", folder)
    prepared = prepare(folder, tmp_path / "out")
    in_folder = [p for p in (folder / "images/test").rglob("*.jpg")]
    assert len(names(prepared.test)) == len(in_folder)
    assert len(names(prepared.train)) + len(names(prepared.val)) == 40


@pytest.mark.parametrize(
    "found, made",
    [
        (["train"], {"train", "val", "test"}),
        (["train", "test"], {"train", "val"}),
        (["train", "val"], set()),
    ],
    ids=str,
)
def test_only_missing_splits_are_made(found, made):
    assert set(shares_needed(found)) == made


def test_an_archive_is_read_like_its_folder(flat, tmp_path):
    archive = tmp_path / "sites.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for file in flat.rglob("*.*"):
            z.write(file, f"export/{file.relative_to(flat)}")
    from_zip = prepare(archive, tmp_path / "one")
    assert from_zip.train.images.is_relative_to(tmp_path / "one/source")
    assert len(names(from_zip.train)) == len(names(prepare(flat, tmp_path / "two").train))


TRANSLATED = [
    exports.labelme_flat,
    exports.via_project,
    exports.via_csv,
    exports.cvat_images,
    exports.createml,
    exports.roboflow_csv,
    exports.kaggle_csv_with_a_split_column,
]


@pytest.mark.parametrize("packed", ["folder", "zip", "tar", "gztar"])
@pytest.mark.parametrize("make", TRANSLATED, ids=lambda make: make.__name__)
def test_labels_of_other_tools_are_read_from_folder_and_archive(make, packed, tmp_path):
    format, splits = make(tmp_path / "made/set")
    source = tmp_path / "made/set"
    if packed != "folder":
        source = shutil.make_archive(str(tmp_path / "export"), packed, tmp_path / "made", "set")
        shutil.rmtree(tmp_path / "made")
    prepared = prepare(source, tmp_path / "out")
    assert f"{format}: " in prepared.said[0]
    found = {}
    for name, split in prepared.splits.items():
        stems = [Path(record["file_name"]).stem for record in DetectionDataset(*split).records]
        assert len(splits) == 1 or sorted(stems) == splits[name]
        read = read_annotations(split.annotations)
        found |= dict(zip(stems, read.records, strict=True))
        assert read.classes == exports.CLASSES
    assert sorted(found) == exports.NAMES
    for stem, record in found.items():
        assert record["boxes"] == [pytest.approx(exports.box_of(stem), abs=0.01)]
        assert record["labels"] == [exports.label_of(stem)]


def test_nothing_is_written_into_the_source(flat, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in flat.rglob("*")}
    prepare(flat, tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in flat.rglob("*")} == before
    with pytest.raises(UserError, match="into which nothing is written"):
        prepare(flat, flat / "out")


def test_the_same_call_again_returns_the_same_and_converts_nothing(flat, tmp_path, monkeypatch):
    one = prepare(flat, tmp_path / "out")
    monkeypatch.setattr("dinofrcnn.data.prepare.convert_layout", None)
    again = prepare(flat, tmp_path / "out")
    assert (again.splits, again.said, again.anchors) == (one.splits, one.said, one.anchors)


def test_other_labels_or_settings_are_another_data_set_and_the_difference_is_named(flat, tmp_path):
    prepare(flat, tmp_path / "out")
    with pytest.raises(UserError, match=r"\(seed 0 → 1\): choose another output \(--output_dir\)"):
        prepare(flat, tmp_path / "out", seed=1)
    (flat / "train_000.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    with pytest.raises(UserError, match="files were added, removed or changed"):
        prepare(flat, tmp_path / "out")
    prepare(flat, tmp_path / "another")


def test_a_grown_export_is_trained_beside_the_old_one(flat, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["start", str(flat), "--model_id", "tiny"]) == 0
    shutil.copy(flat / "train_000.jpg", flat / "new.jpg")
    shutil.copy(flat / "train_000.txt", flat / "new.txt")
    assert main(["start", str(flat), "--model_id", "tiny"]) == 2
    assert "--output_dir" in capsys.readouterr().err
    options = ["--model_id", "tiny", "--output_dir", "data/grown"]
    assert main(["start", str(flat), *options]) == 0


def test_what_came_to_nothing_leaves_nothing(tmp_path):
    (tmp_path / "photos").mkdir()
    shutil.copy(CONSTRUCTION / "images/train/train_000.jpg", tmp_path / "photos")
    with pytest.raises(UserError, match="no labels"):
        prepare(tmp_path / "photos", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_data_yaml_stands_for_its_folder(flat, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (flat / "data.yaml").write_text("names: [worker, excavator, crane, truck]\n")
    (flat / "classes.txt").unlink()
    assert main(["start", str(flat / "data.yaml"), "--model_id", "tiny"]) == 0
    assert "config: data/sites/my.yaml" in capsys.readouterr().out


def test_our_own_annotations_are_taken_over(flat, tmp_path):
    ours = prepare(flat, tmp_path / "ours")
    again = tmp_path / "again"
    for split in ("train", "val", "test"):
        folder = again / "images" / split
        folder.mkdir(parents=True)
        for name in names(ours.split(split)):
            shutil.copy(flat / name, folder)
        shutil.copytree(tmp_path / "ours/annotations" / split, again / "annotations" / split)
    taken = prepare(again, tmp_path / "taken")
    for split in ("train", "val", "test"):
        assert read_annotations(taken.split(split).annotations).records == (
            read_annotations(ours.split(split).annotations).records
        )


def test_the_next_command_survives_a_blank_in_the_name(flat, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flat.rename(tmp_path / "my sites 1.1")
    assert main(["start", "my sites 1.1", "--model_id", "tiny"]) == 0
    assert "train --config 'data/my sites 1.1/my.yaml'" in capsys.readouterr().out


def test_a_config_that_was_written_here_is_used_from_anywhere(flat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["start", str(flat), "--model_id", "tiny"]) == 0
    assert Path(load_config("data/sites/my.yaml").ckpt_dir).is_absolute()


def test_training_on_nothing_says_what_to_give(capsys):
    assert main(["train"]) == 2
    assert "give --data (an export) or --config (a YAML file)" in capsys.readouterr().err


def test_a_preparation_that_was_killed_is_made_again(flat, tmp_path, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as m, pytest.raises(KeyboardInterrupt):
        m.setattr("dinofrcnn.data.prepare.split_train", killed)
        prepare(flat, tmp_path / "out")
    assert set(prepare(flat, tmp_path / "out").splits) == {"train", "val", "test"}


def test_annotations_of_somebody_else_are_not_overwritten(flat, tmp_path):
    (tmp_path / "out/annotations").mkdir(parents=True)
    with pytest.raises(UserError, match="not prepared here"):
        prepare(flat, tmp_path / "out")


def test_classes_are_in_proportion():
    rng = np.random.default_rng(0)
    records = [{"labels": rng.choice(4, 3, p=[0.6, 0.3, 0.08, 0.02]).tolist()} for _ in range(500)]
    shares = {"train": 0.7, "val": 0.2, "test": 0.1}
    splits = stratify(records, range(500), shares)
    total = Counter(label for record in records for label in set(record["labels"]))
    for split, indices in splits.items():
        assert len(indices) == pytest.approx(shares[split] * 500, abs=10)
        here = Counter(label for i in indices for label in set(records[i]["labels"]))
        for label, n in total.items():
            assert here[label] == pytest.approx(shares[split] * n, abs=2 + 0.1 * n)


def test_groups_are_joined_over_several_steps():
    groups = join_groups(6, [(0, 1), (2, 3), (1, 2), (5, 5)])
    assert len({groups[i] for i in range(4)}) == 1
    assert len(set(groups)) == 3


def test_anchors_are_proposed_where_the_default_does_not_fit():
    rng = np.random.default_rng(0)
    small = rng.uniform(8, 20, (200, 2))
    anchors, said = propose_anchors(small)
    assert anchors["anchor_sizes"][0][0] < 12 and "one of those proposed" in said
    fitting = rng.uniform(60, 120, (200, 1)) * np.ones((1, 2))
    assert propose_anchors(fitting)[0] == {}


def test_fitted_anchors_are_a_pyramid_of_the_usual_form():
    anchors = fit_anchors(np.random.default_rng(0).uniform(10, 300, (100, 2)))
    assert [len(level) for level in anchors["anchor_sizes"]] == [2, 2, 2]
    assert [len(level) for level in anchors["aspect_ratios"]] == [3, 3, 3]


def test_the_usual_anchors_are_the_same_everywhere():
    "Detector, config, doctor and `start` each state them."
    fields = TrainConfig.model_fields
    for name in ("anchor_sizes", "aspect_ratios"):
        usual = np.array(DEFAULT_ANCHORS[name])
        for function in (Detector.__init__, inspect):
            assert np.array_equal(usual, signature(function).parameters[name].default), function
        assert np.array_equal(usual, fields[name].default)


def test_start_writes_a_config_and_says_what_comes_next(flat, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["start", str(flat), "--model_id", "tiny"]) == 0
    said = capsys.readouterr().out
    assert "next: dinofrcnn train --config data/sites/my.yaml" in said
    config = load_config("data/sites/my.yaml")
    assert config.model_id == "tiny" and (tmp_path / config.train_ann).is_file()
    config.check_paths()
    assert main(["start", str(flat)]) == 0
    assert "kept as it is" in capsys.readouterr().out


def test_an_export_becomes_a_detector_in_one_command(flat, tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--model_id", str(tiny), "--epochs", "1", "--min_size", "64", "--max_size", "96"]
    options += ["--train_limit", "2", "--val_limit", "2", "--cache_dir", "cache"]
    assert main(["train", "--data", str(flat), *options]) == 0
    said = capsys.readouterr().out
    best = tmp_path / "data/sites/run/best_by_map.pth"
    assert f"best by mAP: {best}" in said and f"predict --ckpt {best} --images" in said


def test_what_is_prepared_is_not_told_again(flat, tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["start", str(flat), "--model_id", str(tiny)]) == 0
    assert "found" in capsys.readouterr().out
    options = ["--epochs", "1", "--min_size", "64", "--max_size", "96", "--cache_dir", "cache"]
    options += ["--train_limit", "2", "--val_limit", "2"]
    assert main(["train", "--data", str(flat), *options]) == 0
    said = capsys.readouterr().out
    told = Path("data/sites/inspection/inspection.txt")
    assert said.startswith(f"data/sites is prepared already, see {told}") and told.is_file()
    assert "dropped" not in said and "nothing to remark" not in said


@pytest.mark.parametrize("is_prepared", [False, True])
def test_a_wrong_option_is_refused_before_the_data_are_prepared(
    flat, tmp_path, capsys, monkeypatch, is_prepared
):
    monkeypatch.chdir(tmp_path)
    if is_prepared:
        assert main(["start", str(flat)]) == 0
        capsys.readouterr()
    assert main(["train", "--data", str(flat), "--epochs", "zwei"]) == 2
    said = capsys.readouterr()
    assert "epochs = 'zwei' is wrong" in said.err and said.out == ""
    assert Path("data").exists() == is_prepared


def test_data_and_config_are_two_answers(flat, capsys):
    assert main(["train", "--data", str(flat), "--config", "x.yaml"]) == 2
    assert "give --data or --config, not both" in capsys.readouterr().err


def test_the_config_names_the_test_split(flat, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["start", str(flat)]) == 0
    config = load_config("data/sites/my.yaml")
    assert Path(config.test_ann).is_file() and Path(config.test_images) == flat
    capsys.readouterr()
    assert main(["inspect", "--config", "data/sites/my.yaml", "--output_dir", "seen"]) == 0
    assert "\ntest " in capsys.readouterr().out


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path, capsys):
    assert main(["start", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_split_that_is_not_there_is_said(tmp_path):
    folder = tmp_path / "set"
    for split in ("train", "val"):
        shutil.copytree(CONSTRUCTION / "images" / split, folder / "images" / split)
        shutil.copytree(CONSTRUCTION / "labels" / split, folder / "labels" / split)
    shutil.copy(CONSTRUCTION / "classes.txt", folder)
    prepared = prepare(folder, tmp_path / "out")
    with pytest.raises(UserError, match="no test split: the source has train, val"):
        assert prepared.test


def test_labels_of_an_archive_are_corrected_where_it_was_unpacked(flat, tmp_path):
    archive = shutil.make_archive(tmp_path / "sites", "zip", flat.parent, flat.name)
    prepared = prepare(archive, tmp_path / "out")
    unpacked = tmp_path / "out/source"
    cure = f"to correct labels, do so there and start '{unpacked}', with another output"
    assert any(cure in said for said in prepared.said)
    labels = sorted((unpacked / "sites").glob("*.txt"))
    first = next(file for file in labels if file.name != "classes.txt" and file.read_text())
    first.write_text("")
    again = prepare(unpacked, tmp_path / "again")
    boxes = [sum(len(table.boxes) for table in p.inspection.tables) for p in (prepared, again)]
    assert boxes[1] < boxes[0]


def test_labels_named_after_the_whole_image_are_found(flat, tmp_path):
    for label in flat.glob("*.txt"):
        if label.name != "classes.txt":
            image = next(flat.rglob(f"{label.stem}.jpg"))
            label.rename(flat / f"{image.name}.txt")
    prepared = prepare(flat, tmp_path / "out")
    assert sum(len(table.boxes) for table in prepared.inspection.tables) == 208


SMALL = ["--min_size", "128", "--max_size", "192"]


def test_sizes_given_as_options_are_those_of_the_anchors_and_of_the_config(
    flat, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(["start", str(flat), *SMALL, "--epochs", "3"]) == 0
    assert "in network pixels at 128/192" in capsys.readouterr().out
    config = load_config("data/sites/my.yaml")
    assert (config.min_size, config.max_size, config.epochs) == (128, 192, 3)
    assert main(["inspect", "--config", "data/sites/my.yaml", "--output_dir", "seen"]) == 0
    assert "have no anchor" not in capsys.readouterr().out
    sizes = [size for level in config.anchor_sizes for size in level]
    assert min(sizes) < 32 and max(sizes) < 200


def test_a_setting_that_is_given_counts_more_than_what_is_proposed(flat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    anchors = "[[8, 16, 32], [32, 64, 96], [96, 128, 192]]"
    assert main(["start", str(flat), *SMALL, "--anchor_sizes", anchors]) == 0
    assert load_config("data/sites/my.yaml").anchor_sizes[0] == [8, 16, 32]


def test_a_run_begun_with_options_goes_on_by_its_config(flat, tiny, tmp_path, capsys, monkeypatch):
    "What was given with --data is in the config: it need not be typed again."
    monkeypatch.chdir(tmp_path)
    options = ["--model_id", str(tiny), "--min_size", "64", "--max_size", "96", "--epochs", "1"]
    options += ["--train_limit", "2", "--val_limit", "2", "--cache_dir", "cache"]
    assert main(["train", "--data", str(flat), *options]) == 0
    assert main(["train", "--config", "data/sites/my.yaml", "--epochs", "2"]) == 0
    assert main(["train", "--data", str(flat), "--epochs", "1"]) == 0
    said = capsys.readouterr().out
    assert said.count("Epoch 1/1") == 1 and said.count("Epoch 2/2") == 1
    assert said.endswith("my_photos\n") or "is finished: 2 epochs" in said
    assert "epochs 2 → 1" not in said


def test_a_device_that_is_none_is_refused_before_the_data_are_prepared(flat, tmp_path, capsys):
    output = ["--output_dir", str(tmp_path / "out")]
    assert main(["train", "--data", str(flat), "--device", "gpu", *output]) == 2
    assert "device 'gpu'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_splits_that_are_made_say_what_was_wanted(flat, tmp_path):
    prepared = prepare(flat, tmp_path / "out")
    (said,) = [said for said in prepared.said if "were split by class" in said]
    assert "(70% train, 20% val, 10% test wanted): " in said
    assert said.endswith("no two look alike. A score on fewer than ten images is a rough one")


def test_the_formats_that_the_help_names_are_those_there_are():
    told = FORMATS.partition(", if")[0].replace(" or ", ", ")
    assert sorted(told.split(", ")) == sorted(FINDERS)


def test_start_speaks_of_no_other_commands_options(tmp_path):
    exports.label_img(tmp_path / "set")
    prepared = prepare(tmp_path / "set", tmp_path / "out")
    said = "".join(prepared.said)
    assert "classes in alphabetical order" in said and "--class_list" not in said
