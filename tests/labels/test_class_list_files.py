"Class lists of other tools: read rightly, or refused with the line; never a class called '{'."

import json

import pytest
from label_sets import GOOD, Voc, Yolo, noted

from dinofrcnn.labels import pairs
from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.files import read_class_list
from dinofrcnn.labels.yolo import export_yolo
from dinofrcnn.runtime import UserError


@pytest.fixture
def yolo(tmp_path):
    return Yolo(tmp_path)


def names_in(folder, text, name="classes.txt"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_class_list(folder / name)


CAT_AND_DOG = {0: "cat", 1: "dog"}
CATEGORIES = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog", "supercategory": "animal"}]


@pytest.mark.parametrize(
    "name, text",
    {
        "classes.json": '["cat", "dog"]',
        "dict.json": '{"0": "cat", "1": "dog"}',
        "turned.json": '{"cat": 0, "dog": 1}',
        "notes.json": json.dumps({"categories": CATEGORIES, "info": {"year": 2024}}),
        "in_a_text.txt": '["cat", "dog"]\n',
        "comma.csv": "id,name\n0,cat\n1,dog\n",
        "turned.csv": "name,id\ncat,0\ndog,1\n",
        "no_head.csv": "0;cat\n1;dog\n",
        "plain.csv": "cat\ndog\n",
        "numbered.txt": "0 cat\n1 dog\n\n",
        "dotted.txt": "0. cat\n1. dog",
        "coloned.txt": "0: cat\n1: dog",
        "turned.txt": "dog: 1\ncat: 0\n",
        "turned.yaml": "names: {cat: 0, dog: 1}",
        "labelmap.txt": "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:1,2,3::\ndog:::",
    }.items(),
)
def test_class_list_of_another_syntax_is_read_rightly(tmp_path, name, text):
    assert names_in(tmp_path, text, name) == CAT_AND_DOG


@pytest.mark.parametrize(
    "given",
    [
        {0: "cat", 1: "dog"},
        {1: "dog", 0: "cat"},
        {"cat": 0, "dog": 1},
        {"names": ["cat", "dog"]},
        CATEGORIES,
        (name for name in ["cat", "dog"]),
    ],
)
def test_class_list_as_a_python_object(given):
    assert read_class_list(given) == CAT_AND_DOG


@pytest.mark.parametrize("given", [{"cat", "dog"}, 7, b"cat", {"cat": "dog"}])
def test_class_list_without_an_order_is_refused(given):
    with pytest.raises(UserError, match="list"):
        read_class_list(given)


def test_ids_of_a_numbered_list_are_kept(tmp_path):
    assert names_in(tmp_path, "3,cat\n7,dog\n") == {3: "cat", 7: "dog"}


@pytest.mark.parametrize("entry", ["data/obj.names", "obj.names", "C:\\set\\data\\obj.names"])
def test_obj_data_leads_to_its_names(tmp_path, entry):
    (tmp_path / "obj.names").write_text("cat\ndog\n")
    text = f"classes = 2\ntrain = data/train.txt\nnames = {entry}\nbackup = backup/\n"
    assert names_in(tmp_path, text, "obj.data") == CAT_AND_DOG


def test_obj_data_whose_names_are_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="data/obj.names.*not there"):
        names_in(tmp_path, "classes = 2\nnames = data/obj.names\n", "obj.data")


@pytest.mark.parametrize(
    "text, line",
    {
        "item {\n  id: 1\n  name: 'cat'\n}\n": 1,
        "classes = 2\ntrain = data/train.txt\n": 1,
        "{\n": "JSON",
        "cat,dog\n": 1,
        "cat,animal,0\ndog,animal,1\n": 1,
        "- cat\n- dog\n": 1,
        "names:\n  0: cat\n": 1,
        "0 0.5 0.5 0.2 0.4\n0 0.1 0.1 0.2 0.2\n": 1,
        "cat\n<xml>\n": 2,
        "images/a.jpg\nimages/b.jpg\n": 1,
        "1 cat\n2 dog\n": "from 1",
    }.items(),
)
def test_line_that_is_no_class_name_is_refused(tmp_path, text, line):
    with pytest.raises(UserError, match=f"line {line}" if line in (1, 2) else line):
        names_in(tmp_path, text)


@pytest.mark.parametrize(
    "names", [["2 wheeler", "4 wheeler"], ["0.5 mm", "1 mm"], ["screw, long", "nut"], ["a/b"]]
)
def test_names_with_numbers_or_a_comma_stay_names(tmp_path, names):
    assert list(names_in(tmp_path, "\n".join(names)).values()) == names


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_class_list_in_another_unicode_encoding(tmp_path, encoding):
    assert names_in(tmp_path, "Tür\nBär\n".encode(encoding)) == {0: "Tür", 1: "Bär"}


@pytest.mark.parametrize("name", ["classes.txt", "data.yaml"])
def test_class_list_that_is_no_unicode_is_refused_with_the_line(tmp_path, name):
    with pytest.raises(UserError, match="line 2 .*UTF-8"):
        names_in(tmp_path, "names:\n- Tür\n".encode("cp1252"), name)


def test_class_list_that_is_an_image_is_refused(yolo):
    yolo.add()
    with pytest.raises(UserError, match="cannot be read"):
        read_class_list(yolo.images / "a.png")


# ---------------------------------------------------------------- through the converters


def test_class_names_are_said(yolo):
    (yolo.root / "numbered.txt").write_text("0 cat\n1 dog\n")
    yolo.add("a", GOOD)
    yolo.convert(yolo.root / "numbered.txt")
    assert read_annotations(yolo.root / "out").classes == ["cat", "dog"]
    assert noted(yolo.report, "cat, dog")


def test_voc_takes_a_labelmap(tmp_path):
    (tmp_path / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nx:1,2,3::\ny:3,4,5::")
    voc = Voc(tmp_path)
    assert len(voc.convert(class_list=tmp_path / "labelmap.txt")[0]["boxes"]) == 1


def test_two_class_lists_that_differ_are_asked_about_and_the_answer_works(yolo):
    (yolo.root / "classes.txt").write_text("cat\ndog\n")
    (yolo.root / "notes.json").write_text(
        '{"categories": [{"id": 0, "name": "dog"}, {"id": 1, "name": "cat"}]}'
    )
    yolo.add("a", GOOD)
    with pytest.raises(UserError, match="classes.txt.*notes.json.*class_list"):
        yolo.convert(None)
    yolo.convert(yolo.root / "notes.json")
    assert read_annotations(yolo.root / "out").classes == ["dog", "cat"]


def test_two_class_lists_that_agree_are_no_question(yolo):
    (yolo.root / "classes.txt").write_text("cat\ndog\n")
    (yolo.root / "data.yaml").write_text("names: [cat, dog]\n")
    (yolo.root / "dataset.yaml").write_text("path: here\n")
    yolo.add("a", GOOD)
    yolo.convert(None)
    assert read_annotations(yolo.root / "out").classes == ["cat", "dog"]


def test_ids_from_1_are_asked_about_and_the_answer_works(yolo):
    yolo.add("a", "1 .5 .5 .2 .4")
    yolo.add("b", "2 .5 .5 .2 .4")
    with pytest.raises(UserError, match="count from 1.*names: {1: bolt, 2: nut}"):
        yolo.convert(["bolt", "nut"])
    (yolo.root / "data.yaml").write_text("names: {1: bolt, 2: nut}\n")
    assert [r["labels"] for r in yolo.convert(yolo.root / "data.yaml")] == [[0], [1]]
    assert read_annotations(yolo.root / "out").classes == ["bolt", "nut"]


def test_split_in_which_class_0_does_not_occur_is_no_question(yolo):
    yolo.add("a", "1 .5 .5 .2 .4\n2 .5 .5 .2 .4")
    assert yolo.convert()[0]["labels"] == [1, 2]


@pytest.mark.parametrize("names", [["0 cat", "1 dog"], ["{a}", "b=c"], ["1 euro", "2 euro"], ["x"]])
def test_class_names_survive_the_way_back_whatever_they_look_like(yolo, names):
    yolo.add("a", GOOD)
    yolo.convert(names)
    export_yolo(yolo.root / "out", yolo.root / "back")
    assert yolo.convert(None, yolo_dir=yolo.root / "back")[0]["labels"] == [0]
    assert read_annotations(yolo.root / "out").classes == names


# ---------------------------------------------------------------- which file is the list


@pytest.mark.parametrize("name", ["Classes.txt", "CLASSES.TXT", "obj.names", "Data.yaml"])
@pytest.mark.parametrize("folder", ["labels", "."])
def test_class_list_beside_the_labels_is_found_in_any_case(yolo, name, folder):
    text = "names: [cat, dog]" if name.endswith("yaml") else "cat\ndog\n"
    (yolo.root / folder / name).write_text(text)
    yolo.add("a", GOOD)
    yolo.convert(None)
    assert read_annotations(yolo.root / "out").classes == ["cat", "dog"]
    assert yolo.report.clean and not noted(yolo.report, "passed over")


@pytest.mark.parametrize("name", ["labels.txt", "class.txt", "classes.names", "class_names.txt"])
@pytest.mark.parametrize("folder", ["labels", "."])
def test_file_that_is_perhaps_the_list_is_named_and_called_classes_it_is(yolo, name, folder):
    path = yolo.root / folder / name
    path.write_text("cat\n")
    yolo.add("a", GOOD)
    yolo.convert(None)
    assert noted(yolo.report, f"Is it '{path}'? Call it classes.txt, or give it with --class_list")
    assert read_annotations(yolo.root / "out").classes == ["class_0"]
    path.rename(path.with_name("classes.txt"))
    yolo.convert(None)
    assert read_annotations(yolo.root / "out").classes == ["cat"]
    assert not noted(yolo.report, "Is it")


def test_label_file_of_an_image_called_labels_keeps_its_boxes(yolo):
    yolo.add("labels", GOOD)
    yolo.add("classes", GOOD)
    assert [len(record["boxes"]) for record in yolo.convert(["cat"])] == [1, 1]


def test_folder_above_that_cannot_be_listed_is_no_class_list(yolo, monkeypatch):
    plain = pairs.os.listdir

    def listdir(path):
        if str(path) == str(yolo.root.parent):
            raise PermissionError(path)
        return plain(path)

    monkeypatch.setattr(pairs.os, "listdir", listdir)
    yolo.add("a", GOOD)
    yolo.convert(None)
    assert noted(yolo.report, "no class list was given or found")
