"The annotation file: what is read, what is refused and how, what pycocotools gets."

import gc
import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perfect import perfect, scores

from dinofrcnn.labels.annotations import (
    ANNOTATION_FILE,
    META_FILE,
    Annotations,
    read_annotations,
    to_coco,
    validate,
    write_annotations,
)
from dinofrcnn.runtime import UserError

RECORD = {
    "file_name": "night/a.jpg",
    "width": 100,
    "height": 50,
    "boxes": [[1, 2, 30, 40], [5.5, 6, 7, 8]],
    "labels": [0, 1],
}


@pytest.fixture
def written(tmp_path):
    annotations = Annotations([RECORD], ["Worker", "Truck"], {"image_root": "images"})
    write_annotations(annotations, tmp_path)
    return tmp_path


def truth_of(*records):
    "What pycocotools gets for some records."
    return to_coco(Annotations(list(records), ["a", "b"]))


def test_what_is_written_is_read_back(written):
    again = read_annotations(written)
    assert again.records == [RECORD]
    assert again.classes == ["Worker", "Truck"]
    assert again.meta["image_root"] == "images"


def test_file_or_folder_can_be_given(written):
    assert read_annotations(written / ANNOTATION_FILE).records == read_annotations(written).records


def test_file_of_the_original_project_loads(tmp_path):
    (tmp_path / ANNOTATION_FILE).write_text(json.dumps([{**RECORD, "boxes": [], "labels": []}]))
    (tmp_path / META_FILE).write_text('{"classes": ["Worker"]}')
    assert read_annotations(tmp_path).records[0]["boxes"] == []


def test_existing_file_is_not_overwritten(written):
    with pytest.raises(UserError, match="--force"):
        write_annotations(Annotations([], ["a"]), written)
    assert len(read_annotations(written).records) == 1


def test_existing_file_is_overwritten_with_force(written):
    write_annotations(Annotations([], ["a"]), written, force=True)
    assert read_annotations(written).records == []


def test_killed_half_way_leaves_the_old_files(written, monkeypatch):
    before = {p.name: p.read_text() for p in written.iterdir()}

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyboardInterrupt):
        write_annotations(Annotations([], ["other"]), written, force=True)
    assert {p.name: p.read_text() for p in written.iterdir()} == before


def test_unwritable_content_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_annotations(Annotations([{**RECORD, "more": {1, 2}}], ["a", "b"]), tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


REFUSED = {
    "not a record": ("record", [], "not a JSON object"),
    "missing key": ("record", {k: v for k, v in RECORD.items() if k != "labels"}, "lacks 'labels'"),
    "label past the list": ("labels", [0, 2], "label 2 is out of range"),
    "negative label": ("labels", [-1, 0], "label -1 is out of range"),
    "label as float": ("labels", [0, 1.0], "label 1.0 is not a whole number"),
    "label as bool": ("labels", [0, True], "label True is not a whole number"),
    "labels of another length": ("labels", [0], "2 boxes but 1 entries in 'labels'"),
    "boxes no list": ("boxes", None, "'boxes' must be a list"),
    "box of three": ("boxes", [[1, 2, 3], [1, 2, 3]], "not four numbers"),
    "ragged boxes": ("boxes", [[1, 2, 3], [1, 2, 3, 4]], "not four numbers"),
    "box of text": ("boxes", [["1", "2", "3", "4"]] * 2, "not four numbers"),
    "box of null": ("boxes", [[None] * 4] * 2, "not four numbers"),
    "box of huge integers": ("boxes", [[10**400] * 4] * 2, "not four numbers"),
    "NaN coordinate": ("boxes", [[1, 2, float("nan"), 4]] * 2, "not finite"),
    "infinite coordinate": ("boxes", [[1, 2, float("inf"), 4]] * 2, "not finite"),
    "width zero": ("width", 0, "positive width and height"),
    "height as text": ("height", "50", "positive width and height"),
    "width NaN": ("width", float("nan"), "positive width and height"),
    "iscrowd of another length": ("iscrowd", [0], "2 boxes but 1 entries in 'iscrowd'"),
    "image_id a list": ("image_id", [1], "image_id"),
    "image_id a fraction": ("image_id", 1.5, "image_id 1.5 is neither a whole number nor a text"),
    "image_id a float": ("image_id", 7.0, "image_id 7.0"),
    "image_id a bool": ("image_id", True, "image_id True"),
    "area as text": ("area", [1, "2"], "'area' of box 1 is '2'"),
    "area NaN": ("area", [float("nan"), 2], "'area' of box 0 is nan"),
    "area negative": ("area", [1, -2], "'area' of box 1 is -2"),
    "iscrowd as text": ("iscrowd", ["no", 0], "'iscrowd' of box 0 is 'no'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_file_record_and_reason(case):
    key, value, reason = REFUSED[case]
    record = value if key == "record" else {**RECORD, key: value}
    with pytest.raises(UserError, match=reason) as e:
        validate(Annotations([RECORD, record], ["a", "b"]), "train.json")
    assert "'train.json', record 1 (" in str(e.value)
    assert "\n" not in str(e.value)


NO_ANNOTATION_FILE = [
    ("", "not a JSON file"),
    ("{", "not a JSON file"),
    ("[" * 100_000, "not a JSON file"),
    ('{"images": []}', "not a list of records"),
    ("7", "not a list of records"),
    ("\x00\x01", "not a JSON file"),
    ("9" * 5000, "not a JSON file"),
]


@pytest.mark.parametrize("text, reason", NO_ANNOTATION_FILE)
def test_file_that_is_not_one_is_refused(tmp_path, text, reason):
    (tmp_path / ANNOTATION_FILE).write_text(text)
    (tmp_path / META_FILE).write_text('{"classes": ["a"]}')
    with pytest.raises(UserError, match=reason):
        read_annotations(tmp_path)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="annotations_torchvision.json' is not there"):
        read_annotations(tmp_path)


NO_CLASSES = [
    "[]",
    "{}",
    '{"classes": "Worker"}',
    '{"classes": [1]}',
    '{"classes": [""]}',
    '{"classes": ["a", "a"]}',
]


@pytest.mark.parametrize("meta", NO_CLASSES)
def test_meta_without_usable_classes_is_refused(written, meta):
    (written / META_FILE).write_text(meta)
    with pytest.raises(UserError, match="class"):
        read_annotations(written)


def test_meta_that_is_missing_says_what_it_should_hold(written):
    (written / META_FILE).unlink()
    with pytest.raises(UserError, match='"classes"'):
        read_annotations(written)


def test_annotation_ids_start_at_one_or_pycocotools_loses_the_first_box():
    truth = truth_of(RECORD)
    assert [row["id"] for row in truth["annotations"]] == [1, 2]
    assert scores(truth, perfect(truth))[0] == pytest.approx(1)
    for row in truth["annotations"]:
        row["id"] -= 1
    assert scores(truth, perfect(truth_of(RECORD)))[0] < 0.9  # the trap is real


@pytest.mark.parametrize("key", ["iscrowd", "area"])
def test_missing_iscrowd_or_area_is_filled_in(key):
    assert all(key in row for row in truth_of(RECORD)["annotations"])


def test_iscrowd_and_area_of_the_source_are_kept():
    row = truth_of({**RECORD, "iscrowd": [1, 0], "area": [7.5, 3]})["annotations"][0]
    assert (row["iscrowd"], row["area"]) == (1, 7.5)


def test_class_zero_is_category_one():
    assert truth_of(RECORD)["categories"][0] == {"id": 1, "name": "a"}


def test_image_ids_are_kept_also_zero_and_huge():
    huge = {**RECORD, "file_name": "b.jpg", "image_id": 2**52}
    truth = truth_of({**RECORD, "image_id": 0}, huge)
    assert [image["id"] for image in truth["images"]] == [0, 2**52]
    assert scores(truth, perfect(truth))[0] == pytest.approx(1)


@pytest.mark.parametrize("ids", [(1, 1), (1, None)])
def test_image_ids_that_are_not_unique_are_numbered_anew(ids):
    records = [{**RECORD, **({} if i is None else {"image_id": i})} for i in ids]
    assert [image["id"] for image in truth_of(*records)["images"]] == [1, 2]


def test_image_without_boxes_stays_in_the_truth():
    truth = truth_of(RECORD, {**RECORD, "file_name": "b.jpg", "boxes": [], "labels": []})
    assert len(truth["images"]) == 2
    assert len(truth["annotations"]) == 2


numbers = st.floats(-1e6, 1e6).map(lambda v: round(v, 2))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers).map(list), max_size=5))
def test_any_finite_boxes_survive_writing_and_reading(tmp_path_factory, boxes):
    folder = tmp_path_factory.mktemp("a")
    record = {**RECORD, "boxes": boxes, "labels": [0] * len(boxes)}
    write_annotations(Annotations([record], ["a"]), folder)
    assert read_annotations(folder).records[0]["boxes"] == boxes


def test_edges_to_width_and_back_has_no_floating_point_noise():
    record = {**RECORD, "boxes": [[0.1, 0.2, 0.1 + 0.2, 0.9]], "labels": [0]}
    box = truth_of(record)["annotations"][0]["bbox"]
    assert np.allclose(box, [0.1, 0.2, 0.2, 0.7])
    assert box[2] == 0.2
    assert box[3] == 0.7


def test_null_area_and_iscrowd_say_nothing(written):
    "`null` stopped pycocotools: None < float."
    record = {**RECORD, "area": [None, 3], "iscrowd": [None, 1], "image_id": None}
    validate(Annotations([record], ["a", "b"]))
    first, second = truth_of(record)["annotations"]
    assert (first["area"], first["iscrowd"]) == (29 * 38, 0)
    assert (second["area"], second["iscrowd"]) == (3, 1)


@pytest.mark.parametrize("image_id", ["night/17", 2**63, 2**80, -5, None])
def test_image_ids_of_any_kind_are_read(image_id):
    validate(Annotations([{**RECORD, "image_id": image_id}], ["a", "b"]))


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_annotations(Annotations([RECORD], ["a", "b"]), "~/labels")
    assert read_annotations("~/labels").records == [RECORD]
    assert os.listdir(tmp_path) == ["labels"]


def test_killed_between_two_files_leaves_the_old_annotations(written, monkeypatch):
    "Old labels beside new class names are refused or right; new labels beside old names are not."
    before = (written / ANNOTATION_FILE).read_text()
    replace = os.replace
    replaced = []

    def die_at_the_second(*paths):
        if replaced:
            raise KeyboardInterrupt
        replaced.append(paths)
        replace(*paths)

    monkeypatch.setattr(os, "replace", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        write_annotations(Annotations([], ["other"]), written, force=True)
    assert (written / ANNOTATION_FILE).read_text() == before


def test_garbage_is_collected_again_after_reading(written):
    read_annotations(written)
    assert gc.isenabled()


# ---------------------------------------------------------------- several files, one truth


def classes_of(path):
    "The class of every box, by name, as it is read."
    annotations = read_annotations(path)
    return [annotations.classes[i] for record in annotations.records for i in record["labels"]]


def assert_it_stays(path, write):
    "`write` is refused, or what is read from `path` stays what it was; nothing changes unsaid."
    before = classes_of(path)
    files = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    with pytest.raises(UserError, match="choose another folder"):
        write()
    assert classes_of(path) == before
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == files


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("classes", [["b", "a"], ["a", "b", "c"], ["a"]])
def test_a_second_file_in_a_folder_never_changes_what_the_first_one_means(tmp_path, classes, force):
    write_annotations(Annotations([RECORD], ["a", "b"]), tmp_path / "train.json")
    record = {**RECORD, "labels": [0, 0]}
    other = Annotations([record], classes)
    val = tmp_path / "val.json"
    assert_it_stays(tmp_path / "train.json", lambda: write_annotations(other, val, force=force))


def test_a_second_file_is_refused_also_beside_one_of_the_original_project(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps([RECORD]))
    (tmp_path / META_FILE).write_text('{"classes": ["a", "b"]}')
    other = Annotations([RECORD], ["b", "a"])
    assert_it_stays(tmp_path / "train.json", lambda: write_annotations(other, tmp_path))


def test_a_second_file_goes_where_the_message_says(tmp_path):
    write_annotations(Annotations([RECORD], ["a", "b"]), tmp_path / "train.json")
    other = Annotations([RECORD], ["b", "a"])
    with pytest.raises(UserError) as e:
        write_annotations(other, tmp_path / "val.json")
    folder = str(e.value).split("for example '")[1].rstrip("'")
    write_annotations(other, folder)
    assert classes_of(folder) == ["b", "a"]
    assert classes_of(tmp_path / "train.json") == ["a", "b"]


def test_another_json_beside_the_annotations_is_no_second_annotation_file(written):
    (written / "tasks.json").write_text("[1, 2]")
    write_annotations(Annotations([RECORD], ["a", "b"]), written, force=True)
    assert classes_of(written) == ["a", "b"]


@pytest.mark.parametrize("name", [META_FILE, "conversion_report.json"])
def test_annotations_do_not_take_the_name_of_a_file_beside_them(tmp_path, name):
    with pytest.raises(UserError, match="choose another output"):
        write_annotations(Annotations([RECORD], ["a", "b"]), tmp_path / name)
    assert not any(tmp_path.iterdir())


def put_together(written, labels_of, classes_of_):
    "The labels of one writing beside the class names of another."
    records, meta = [], []
    for classes, labels in ((["a", "b"], [0, 1]), (["b", "a"], [1, 1])):
        record = {**RECORD, "labels": labels}
        write_annotations(Annotations([record], classes), written, force=True)
        records.append((written / ANNOTATION_FILE).read_text())
        meta.append((written / META_FILE).read_text())
    (written / ANNOTATION_FILE).write_text(records[labels_of])
    (written / META_FILE).write_text(meta[classes_of_])


@pytest.mark.parametrize("old, new", [(0, 1), (1, 0)])
def test_labels_of_one_writer_beside_the_class_names_of_another_are_refused(written, old, new):
    "Two writers at once, or one that was killed between the two files."
    put_together(written, old, new)
    with pytest.raises(UserError, match="convert again with --force") as e:
        read_annotations(written)
    assert str(written / ANNOTATION_FILE) in str(e.value)


@pytest.mark.parametrize("at", [1, 2])
def test_killed_between_the_files_never_reads_old_labels_by_new_names(written, monkeypatch, at):
    replace = os.replace
    done = []

    def die(*paths):
        done.append(paths)
        if len(done) > at:
            raise KeyboardInterrupt
        replace(*paths)

    monkeypatch.setattr(os, "replace", die)
    other = Annotations([{**RECORD, "labels": [1, 0]}], ["Truck", "Worker"])
    with pytest.raises(KeyboardInterrupt):
        write_annotations(other, written, force=True, beside={"conversion_report.json": {}})
    if at == 1:
        assert classes_of(written) == ["Worker", "Truck"]
    else:
        with pytest.raises(UserError, match="--force"):
            read_annotations(written)
    monkeypatch.undo()
    write_annotations(other, written, force=True)  # the cure
    assert classes_of(written) == ["Worker", "Truck"]


def test_a_file_edited_by_hand_is_read_once_the_reader_says_so(written):
    file = written / ANNOTATION_FILE
    file.write_text(file.read_text().replace('"labels": [0, 1]', '"labels": [0, 0]'))
    with pytest.raises(UserError, match='delete "digest"'):
        read_annotations(written)
    meta = json.loads((written / META_FILE).read_text())
    del meta["digest"]
    (written / META_FILE).write_text(json.dumps(meta))
    assert classes_of(written) == ["Worker", "Worker"]


def test_files_may_be_renamed_moved_and_checked_out_with_other_line_ends(written):
    file = written / ANNOTATION_FILE
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    file.rename(written / "train.json")
    assert classes_of(written / "train.json") == ["Worker", "Truck"]


def test_the_original_project_finds_what_it_expects(written):
    "A list of records with its five keys, and the classes in dataset_meta.json."
    records = json.loads((written / ANNOTATION_FILE).read_text())
    assert set(records[0]) >= {"file_name", "width", "height", "boxes", "labels"}
    assert json.loads((written / META_FILE).read_text())["classes"] == ["Worker", "Truck"]


def test_annotations_that_were_read_can_be_written_elsewhere(written, tmp_path):
    write_annotations(read_annotations(written), tmp_path / "again")
    assert classes_of(tmp_path / "again") == ["Worker", "Truck"]


def test_the_report_of_other_annotations_does_not_stay_beside_new_ones(written):
    old = {"conversion_report.json": {"boxes": 7}}
    write_annotations(Annotations([RECORD], ["a", "b"]), written, force=True, beside=old)
    assert (written / "conversion_report.json").is_file()
    write_annotations(Annotations([], ["a"]), written, force=True)
    assert not (written / "conversion_report.json").exists()
