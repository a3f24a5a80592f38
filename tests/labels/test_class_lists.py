"Class lists: text files, YAML files, lists of names, and what is done without one."

import pytest
from label_sets import Yolo, noted, reasons

from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.files import read_class_list
from dinofrcnn.runtime import UserError


@pytest.fixture
def yolo(tmp_path):
    return Yolo(tmp_path)


def test_class_list_text_file(tmp_path):
    (tmp_path / "classes.txt").write_bytes("\ufeffWorker\r\nTower crane \r\n\r\n".encode())
    assert read_class_list(tmp_path / "classes.txt") == {0: "Worker", 1: "Tower crane"}


def test_class_list_blank_line_inside_keeps_the_count(tmp_path):
    (tmp_path / "classes.txt").write_text("a\n\nc\n")
    assert read_class_list(tmp_path / "classes.txt") == {0: "a", 1: "class_1", 2: "c"}


@pytest.mark.parametrize(
    "names",
    [
        "[Worker, no, 'yes', on, 3]",
        "\n- Worker\n- no\n- yes\n- on\n- 3",
        "{0: Worker, 1: no, 2: yes, 3: on, 4: 3}",
        "{4: 3, 0: Worker, 3: on, 1: no, 2: yes}",
    ],
)
def test_class_list_data_yaml_list_or_dict_with_yaml_booleans(tmp_path, names):
    (tmp_path / "data.yaml").write_text(f"path: x\nnc: 5\nnames: {names}\n")
    names = read_class_list(tmp_path / "data.yaml")
    assert names == {0: "Worker", 1: "no", 2: "yes", 3: "on", 4: "3"}


def test_class_list_sparse_yaml_ids(yolo):
    (yolo.root / "data.yaml").write_text("names: {3: a, 10: b}")
    yolo.add("a", "10 .5 .5 .2 .4\n0 .5 .5 .2 .2")
    assert yolo.convert(yolo.root / "data.yaml")[0]["labels"] == [1]
    assert reasons(yolo.report) == ["unknown class"]


@pytest.mark.parametrize(
    "text",
    [
        "names: 7",
        "names:",
        "[1",
        "a: &a [*a]\nnames: *a",
        "names: {x: y}",
        "",
        "names: [[a]]",
        "download: |\n  import os",
    ],
)
def test_class_list_yaml_without_usable_names_is_refused(tmp_path, text):
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(UserError):
        read_class_list(tmp_path / "data.yaml")


def test_class_list_yaml_executes_nothing(tmp_path):
    command = f"touch {tmp_path}/hacked"
    code = f"names: !!python/object/apply:os.system ['{command}']"
    (tmp_path / "data.yaml").write_text(code)
    assert read_class_list(tmp_path / "data.yaml") == {0: command}
    assert not (tmp_path / "hacked").exists()


def test_class_list_with_repeated_names_stays_apart():
    assert read_class_list(["a", "a", "b"]) == {0: "a", 1: "a (1)", 2: "b"}


def test_class_list_missing_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        read_class_list(tmp_path / "classes.txt")


def test_class_list_found_above_the_labels_is_said(yolo):
    (yolo.root / "classes.txt").write_text("Worker\n")
    yolo.add()
    yolo.convert(None)
    assert read_annotations(yolo.root / "out").classes == ["Worker"]
    assert noted(yolo.report, "classes.txt")


def test_class_names_made_from_ids_are_said(yolo):
    yolo.add("a", "2 .5 .5 .2 .4")
    yolo.convert(None)
    assert read_annotations(yolo.root / "out").classes == ["class_0", "class_1", "class_2"]
    assert noted(yolo.report, "made from the ids")


def test_class_list_two_folders_up_is_found(yolo):
    (yolo.root / "classes.txt").write_text("Worker\n")
    yolo.add("a", None)
    yolo.label("train/a", "0 .5 .5 .2 .4")
    yolo.convert(None, yolo_dir=yolo.labels / "train")
    assert read_annotations(yolo.root / "out").classes == ["Worker"]
