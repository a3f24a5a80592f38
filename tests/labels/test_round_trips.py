"There and back again: what one format says survives the others, as far as they can say it."

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from label_sets import Coco, assert_same_boxes, contents, picture, reasons
from perfect import perfect, scores
from PIL import Image

from dinofrcnn.labels.annotations import Annotations, read_annotations, to_coco, write_annotations
from dinofrcnn.labels.coco import convert_coco, export_coco
from dinofrcnn.labels.files import samples_dir
from dinofrcnn.labels.voc import convert_voc, export_voc
from dinofrcnn.labels.yolo import convert_yolo, export_yolo
from dinofrcnn.runtime import UserError


@pytest.fixture
def coco(tmp_path):
    return Coco(tmp_path)


# ---------------------------------------------------------------- the sample data in three formats


def convert_sample(format, split, out):
    "A split of the sample data, converted from one of its three formats."
    root = samples_dir() / "construction"
    images = root / "images" / split
    if format == "yolo":
        convert_yolo(root / "labels" / split, images, out)
    if format == "coco":
        convert_coco(root / f"coco_annotations/instances_{split}.json", images, out)
    if format == "voc":
        names, listed = root / "classes.txt", root / f"voc/ImageSets/Main/{split}.txt"
        convert_voc(root / "voc/Annotations" / split, images, out, listed, names)
    return read_annotations(out)


@pytest.mark.parametrize("format", ["yolo", "coco", "voc"])
@pytest.mark.parametrize("split", ["val", "test"])
def test_three_formats_of_the_sample_data_say_the_same(tmp_path, format, split):
    expected = contents(convert_sample("coco", split, tmp_path / "expected"))
    got = contents(convert_sample(format, split, tmp_path / "got"))
    assert expected.keys() == got.keys()
    assert sum(len(boxes) for boxes in got.values()) > 40
    for name in expected:
        assert_same_boxes(expected[name], got[name])


@pytest.mark.parametrize("format", ["yolo", "coco", "voc"])
def test_oracle_scores_one_through_every_format(tmp_path, format):
    truth = to_coco(convert_sample(format, "val", tmp_path))
    assert scores(truth, perfect(truth))[0] == pytest.approx(1)


# ---------------------------------------------------------------- there and back


def random_record(rng, i):
    "Image `i`, of any size, with up to six boxes; every third lies in a folder."
    w, h, n = rng.randint(8, 900), rng.randint(8, 900), rng.randint(0, 6)
    starts = [(rng.uniform(0, w - 3), rng.uniform(0, h - 3)) for _ in range(n)]
    boxes = []
    for x, y in starts:
        x, y = round(x, 3), round(y, 3)
        boxes.append([x, y, round(rng.uniform(x + 1, w), 3), round(rng.uniform(y + 1, h), 3)])
    return {
        "file_name": f"night/{i}.png" if i % 3 == 0 else f"{i}.png",
        "width": w,
        "height": h,
        "boxes": boxes,
        "labels": [rng.randrange(3) for _ in range(n)],
        "image_id": 1000 - i,
        "difficult": [rng.randrange(2) for _ in range(n)],
    }


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    "Images of a hundred sizes and random annotations of them, with difficult boxes."
    root, rng = tmp_path_factory.mktemp("hundred"), random.Random(1)
    records = [random_record(rng, i) for i in range(100)]
    for record in records:
        picture(root / "images" / record["file_name"], (record["width"], record["height"]))
    write_annotations(Annotations(records, ["no", "Tower crane", "Ärger & <Co>"]), root / "ann")
    return root


def back(root, format, out):
    "The annotations after they were written in one format and converted from it."
    images = root / "images"
    if format == "coco":
        export_coco(root / "ann", out)
        convert_coco(out / "instances.json", images, out / "back")
    if format == "yolo":
        export_yolo(root / "ann", out)
        convert_yolo(out, images, out / "back")
    if format == "voc":
        names = read_annotations(root / "ann").classes
        export_voc(root / "ann", out)
        convert_voc(out, images, out / "back", class_list=names)
    return read_annotations(out / "back")


def column(annotations, key):
    "`{file name: what the record has under `key`}`"
    return {record["file_name"]: record[key] for record in annotations.records}


@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
def test_round_trip_of_a_hundred_images_agrees_to_a_hundredth_pixel(hundred, tmp_path, format):
    there, again = read_annotations(hundred / "ann"), back(hundred, format, tmp_path)
    assert again.classes == there.classes
    assert contents(there).keys() == contents(again).keys()
    for name, boxes in contents(there).items():
        assert_same_boxes(boxes, contents(again)[name])


def test_round_trip_through_coco_keeps_ids(hundred, tmp_path):
    there, again = read_annotations(hundred / "ann"), back(hundred, "coco", tmp_path)
    assert column(again, "image_id") == column(there, "image_id")


def test_round_trip_through_voc_keeps_difficult(hundred, tmp_path):
    there, again = read_annotations(hundred / "ann"), back(hundred, "voc", tmp_path)
    assert column(again, "difficult") == column(there, "difficult")


def spans(length):
    "Two coordinates between 0 and `length`, in order and apart."
    ends = st.tuples(st.floats(0, length), st.floats(0, length)).map(sorted)
    return ends.filter(lambda span: span[1] - span[0] > 0.1)


@st.composite
def any_record(draw):
    w, h = draw(st.integers(2, 5000)), draw(st.integers(2, 5000))
    boxes = []
    for (x1, x2), (y1, y2) in draw(st.lists(st.tuples(spans(w), spans(h)), max_size=4)):
        boxes.append([round(edge, 3) for edge in (x1, y1, x2, y2)])
    record = {"file_name": "a.png", "width": w, "height": h, "boxes": boxes}
    return {**record, "labels": [0] * len(boxes)}


@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(record=any_record())
def test_round_trip_of_any_boxes_agrees(tmp_path_factory, format, record):
    root = tmp_path_factory.mktemp("any")
    (root / "images").mkdir()
    Image.new("1", (record["width"], record["height"])).save(root / "images/a.png")
    there = Annotations([record], ["a"])
    write_annotations(there, root / "ann")
    again = back(root, format, root / "out")
    assert_same_boxes(contents(there)["a.png"], contents(again)["a.png"])


def test_category_ids_of_the_source_come_back(coco):
    coco.data["categories"] = [{"id": 90, "name": "z"}, {"id": 7, "name": "x"}]
    coco.data["annotations"] = [coco.box(1, 1, 90)]
    coco.convert()
    export_coco(coco.root / "out", coco.root / "back.json")
    data = json.loads((coco.root / "back.json").read_text())
    assert [c["id"] for c in data["categories"]] == [7, 90]
    assert data["annotations"][0]["category_id"] == 90


@pytest.mark.parametrize("export", [export_yolo, export_voc])
def test_crowds_are_left_out_and_reported_where_the_format_has_none(coco, export):
    coco.data["annotations"][0]["iscrowd"] = 1
    coco.convert()
    report = export(coco.root / "out", coco.root / "back")
    assert (report.boxes.found, report.boxes.kept) == (3, 2)
    assert reasons(report) == ["crowd"]


@pytest.mark.parametrize("export", [export_coco, export_yolo, export_voc])
def test_export_does_not_overwrite_without_force(coco, export):
    coco.convert()
    export(coco.root / "out", coco.root / "back")
    with pytest.raises(UserError, match="--force"):
        export(coco.root / "out", coco.root / "back")
    export(coco.root / "out", coco.root / "back", force=True)


def test_export_with_force_leaves_other_files_alone(coco):
    coco.convert()
    (coco.root / "back").mkdir()
    (coco.root / "back/mine.doc").write_text("keep")
    export_yolo(coco.root / "out", coco.root / "back", force=True)
    assert (coco.root / "back/mine.doc").read_text() == "keep"
    assert (coco.root / "back/a.txt").is_file()


def test_export_of_two_images_with_one_label_name_is_refused(coco):
    picture(coco.root / "images/a.jpg")
    coco.data["images"].append(coco.image(3, "a.jpg"))
    coco.convert()
    with pytest.raises(UserError, match="a.txt"):
        export_yolo(coco.root / "out", coco.root / "back")


def test_export_voc_zero_based(coco):
    coco.convert()
    export_voc(coco.root / "out", coco.root / "back", zero_based=True)
    assert "<xmin>40</xmin>" in (coco.root / "back/a.xml").read_text()


def test_export_that_is_killed_leaves_nothing(coco, monkeypatch):
    coco.convert()
    write = Path.write_text

    def die_at_a_label_file(path, *args, **options):
        if path.name == "a.txt":
            raise KeyboardInterrupt
        return write(path, *args, **options)

    monkeypatch.setattr(Path, "write_text", die_at_a_label_file)
    with pytest.raises(KeyboardInterrupt):
        export_yolo(coco.root / "out", coco.root / "back")
    assert not (coco.root / "back").exists()


@pytest.mark.parametrize("export", [export_yolo, export_coco, export_voc])
def test_export_of_annotations_without_an_image_is_refused(tmp_path, export):
    write_annotations(Annotations([], ["a"]), tmp_path / "ann")
    with pytest.raises(UserError, match="holds no image"):
        export(tmp_path / "ann", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_export_of_images_without_boxes_is_a_set_of_background(tmp_path):
    blank = {"file_name": "a.png", "width": 9, "height": 9, "boxes": [], "labels": []}
    write_annotations(Annotations([blank], ["a"]), tmp_path / "ann")
    assert export_voc(tmp_path / "ann", tmp_path / "back").images.kept == 1
    assert "object" not in (tmp_path / "back/a.xml").read_text()


@pytest.mark.parametrize("export", [export_yolo, export_voc])
def test_export_of_nothing_but_crowds_is_refused_and_coco_is_the_cure(coco, export):
    for row in coco.data["annotations"]:
        row["iscrowd"] = 1
    coco.convert()
    with pytest.raises(UserError, match="write COCO"):
        export(coco.root / "out", coco.root / "back")
    assert not (coco.root / "back").exists()
    assert export_coco(coco.root / "out", coco.root / "back").boxes.kept == 3
