"The inspection: its page, its pictures, and what cannot be inspected."

import os
import subprocess
import sys

import pytest
from patients import cats_and_dogs, healthy, image_split, picture

from dinofrcnn.data.dataset import DataFolder
from dinofrcnn.data.doctor import inspect
from dinofrcnn.labels.annotations import Annotations, write_annotations
from dinofrcnn.runtime import UserError
from dinofrcnn.show import texts_of


def test_page_counts_images_boxes_and_classes():
    page = str(inspect({"train": cats_and_dogs()}))
    total = sum(len(r["boxes"]) for r in healthy())
    for words in f"{total:8}", "dog", "nothing to remark", "IoU 0.5":
        assert words in page


def test_pictures_and_page_are_saved(tmp_path):
    folder = inspect({"train": image_split(tmp_path / "train", range(5))}).save(tmp_path / "report")
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["anchors.png", "centres.png", "inspection.txt", "sheet.png"]


def test_sheet_without_images_is_refused():
    with pytest.raises(UserError, match="no images"):
        inspect({"train": cats_and_dogs()}).show_sheet()


def test_unknown_finding_is_refused():
    with pytest.raises(UserError, match="no finding 7"):
        inspect({"train": cats_and_dogs()}).show_sheet(7)


@pytest.mark.parametrize(
    "source,message",
    [
        ({}, "nothing to inspect"),
        ({"train": ("no/such/folder", Annotations([], ["a"]))}, "image folder"),
        ({"train": "no/such.json"}, "not there"),
        ({"train": ("a", "b", "c")}, "'train' has 3 parts"),
    ],
)
def test_nothing_to_inspect_is_refused(source, message):
    with pytest.raises(UserError, match=message):
        inspect(source)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": [5]},
        {"boxes": [[1, 2, 3]]},
        {"boxes": [[1, 2, float("nan"), 4]]},
        {"width": 0},
        {"height": None},
        {"labels": []},
    ],
)
def test_annotations_in_memory_are_checked_as_files_are(change):
    "They ended in tracebacks of numpy and of division by zero, or a box that was no number passed."
    record = {**EMPTY, "boxes": [[1, 2, 30, 40]], "labels": [0], **change}
    with pytest.raises(UserError, match="split train.*record 0 \\(a.jpg\\)"):
        inspect({"train": Annotations([record], ["cat"])})


def test_less_than_no_image_cannot_be_looked_at():
    with pytest.raises(UserError, match="look is -1"):
        inspect({"train": cats_and_dogs()}, look=-1)


@pytest.mark.parametrize(
    "name, value",
    [
        ("patch_size", 0),
        ("patch_size", 16.5),
        ("min_size", -1),
        ("max_size", "960"),
        ("detections_per_img", None),
        ("look", True),
        ("anchor_sizes", []),
        ("anchor_sizes", [[]]),
        ("anchor_sizes", [32, 64]),
        ("anchor_sizes", [[32, float("nan")]] * 3),
        ("aspect_ratios", []),
        ("aspect_ratios", [[1], [], [1]]),
        ("aspect_ratios", [[0, 1]] * 3),
        ("aspect_ratios", None),
    ],
)
def test_a_number_that_cannot_be_is_named(name, value):
    "They ended in tracebacks of numpy and of division by zero."
    with pytest.raises(UserError, match=f"^{name} is .*: give a"):
        inspect({"train": cats_and_dogs()}, **{name: value})


def test_levels_of_anchors_that_differ_are_refused():
    "Those of the longer list were left out in silence."
    with pytest.raises(UserError, match=r"anchor_sizes 3, aspect_ratios 1\): give a list for each"):
        inspect({"train": cats_and_dogs()}, aspect_ratios=[[1]])


def titled(folder, names):
    "The titles of the pictures in the contact sheet of images with these names."
    records = []
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(i).save(folder / name)
        record = {"file_name": name, "width": 160, "height": 120}
        records.append({**record, "boxes": [[10, 10, 60, 60]], "labels": [0]})
    sheet = inspect({"train": (folder, Annotations(records, ["cat"]))}).show_sheet()
    return [ax.get_title() for ax in sheet.axes if ax.get_title()]


@pytest.mark.parametrize(
    "name",
    [
        "photos/site_{}/2024-03-17/camera_left/frame_000123.jpg",
        "construction_site_berlin_2024_camera_{}_rectified_undistorted_frame_000123.jpg",
        "frame_{}_jpg.rf.0123456789abcdef0123456789abcdef.jpg",
    ],
)
def test_long_names_in_the_sheet_can_be_told_apart(tmp_path, name):
    "Their middle, which was left out, was all in which they differ."
    names = [name.format(i) for i in range(4)]
    titles = titled(tmp_path, names)
    assert len(set(titles)) == 4
    for title, full in zip(titles, names, strict=True):
        first, second = title.split("\n")
        assert full.endswith(second) and len(second) > 25


def test_a_short_name_has_one_line(tmp_path):
    assert titled(tmp_path, ["a.jpg"] * 4) == ["train: a.jpg"] * 4


def test_names_of_splits_may_be_numbers():
    "Those of folds: they stopped the page with a TypeError."
    page = str(inspect({0: cats_and_dogs(), 1: cats_and_dogs(seed=1)}))
    assert page.splitlines()[1].startswith("0 ")


EMPTY = {"file_name": "a.jpg", "width": 64, "height": 48, "boxes": [], "labels": []}


@pytest.mark.parametrize("records", [[], [EMPTY]])
def test_split_without_boxes_is_a_page_too(records):
    inspection = inspect({"train": Annotations(records, ["cat"])})
    assert "no boxes" in str(inspection)
    inspection.show_centres()
    inspection.show_anchors()


@pytest.mark.parametrize("slip", [DataFolder("data"), DataFolder("data").train, "data"])
def test_slip_shows_the_right_call(slip):
    with pytest.raises(UserError, match="inspect\\({'train': data.train"):
        inspect(slip)


def test_names_that_are_no_text_or_mathematics_stop_nothing(tmp_path):
    names = ["a_b$x^$", "a\udcffb"]
    records = image_split(tmp_path / "train", range(5))[1].records
    source = tmp_path / "train", Annotations(records, names)
    folder = inspect({"train": source}).save(tmp_path / "report")
    assert len(list(folder.iterdir())) == 4
    assert "a_b$x^$" in (folder / "inspection.txt").read_text()


def test_damaged_image_does_not_stop_the_sheet(tmp_path):
    source = image_split(tmp_path / "train", range(5))
    first = tmp_path / "train" / source[1].records[0]["file_name"]
    first.write_bytes(first.read_bytes()[:300])
    folder = inspect({"train": source}).save(tmp_path / "report")
    assert (folder / "sheet.png").exists()


def test_picture_of_an_earlier_inspection_does_not_stay(tmp_path):
    inspect({"train": image_split(tmp_path / "train", range(5))}).save(tmp_path / "report")
    inspect({"train": cats_and_dogs()}).save(tmp_path / "report")
    assert not (tmp_path / "report/sheet.png").exists()


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    _, annotations = image_split(tmp_path / "train", range(5))
    inspect({"train": ("~/train", annotations)}).save("~/report")
    assert "~" not in os.listdir(tmp_path) and (tmp_path / "report/sheet.png").exists()


# sets that hold nothing, or not the same


EMPTY_SETS = {
    "no image": ([], ["cat"]),
    "no class": ([EMPTY], []),
    "nothing": ([], []),
    "no box": ([EMPTY], ["cat"]),
}


@pytest.mark.parametrize("others", EMPTY_SETS)
@pytest.mark.parametrize("kind", EMPTY_SETS)
def test_empty_sets_are_pages_too(kind, others, tmp_path, capsys):
    "0 classes stopped matplotlib with a traceback."
    splits = {"train": EMPTY_SETS[kind], "val": EMPTY_SETS[others]}
    inspection = inspect({name: Annotations(*held) for name, held in splits.items()})
    folder = inspection.save(tmp_path / "report")
    assert (folder / "anchors.png").exists() and capsys.readouterr().out == ""
    assert any(f.severity == "fault" for f in inspection.findings)


def test_centres_of_no_class_are_refused():
    with pytest.raises(UserError, match="there is no class"):
        inspect({"train": Annotations([EMPTY], [])}).show_centres()


def test_centres_of_an_earlier_inspection_do_not_stay(tmp_path):
    inspect({"train": cats_and_dogs()}).save(tmp_path / "report")
    inspect({"train": Annotations([EMPTY], [])}).save(tmp_path / "report")
    assert not (tmp_path / "report/centres.png").exists()


def test_split_with_more_classes_is_drawn_with_its_own_names(tmp_path):
    "Its labels were looked up in the list of the first split."
    train, val = (image_split(tmp_path / name, range(3)) for name in ("train", "val"))
    val[1].classes[:] = ["dog", "cat", "cow"]
    for record in val[1].records:
        record["labels"] = [2]
    inspection = inspect({"train": train, "val": val})
    sheet = inspection.show_sheet()
    assert {"cat", "cow"} <= {text.get_text() for text in texts_of(sheet)}
    legend = inspection.show_anchors().axes[0].get_legend()
    assert {"cat", "dog", "cow"} <= {text.get_text() for text in legend.get_texts()}
    assert "cow" in str(inspection)


def test_a_terminal_that_knows_no_arrow_gets_the_findings_all_the_same(tmp_path):
    folder, annotations = image_split(tmp_path / "a$b", [1, 1])
    write_annotations(annotations, tmp_path / "ann")
    code = "import sys; from dinofrcnn.cli import main; sys.exit(main(sys.argv[1:]))"
    options = ["--ann", str(tmp_path / "ann"), "--images", str(folder)]
    options += ["--output_dir", str(tmp_path / "out")]
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "MPLBACKEND": "agg"}
    command = [sys.executable, "-c", code, "inspect", *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "2 of 2 images have" in done.stdout, done.stderr
