"The inspection: its page, its pictures, and what cannot be inspected."

import os
import subprocess
import sys

import pytest
from patients import cats_and_dogs, healthy, image_split

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
