"Folders as tools export them: each is recognised with its splits, and read with the right boxes."

import json
import re
import shutil
from pathlib import Path

import pytest
from exports import (
    CLASSES,
    LAYOUTS,
    NAMES,
    box_of,
    coco,
    coco_2017,
    data_yaml,
    draw,
    label_img,
    label_of,
    label_studio_coco,
    labelme,
    roboflow_csv,
    roboflow_yolo,
    via_image,
    via_project,
    voc,
    write,
    yolo,
    yolo_flat,
    yolo_images_and_labels,
)

from dinofrcnn.data.layouts import (
    common_folder,
    convert_layout,
    file_kind,
    find_layout,
    resolve_tail,
    split_of,
)
from dinofrcnn.labels.annotations import Annotations, read_annotations, write_annotations
from dinofrcnn.runtime import UserError


@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
def test_an_export_is_recognised_and_read(make, tmp_path):
    root = tmp_path / "set"
    format, splits = make(root)
    before = sorted(root.rglob("*"))
    layout = find_layout(root)
    assert layout.format == format
    reports = convert_layout(layout, tmp_path / "out")
    assert set(reports) == set(splits)
    for split, names in splits.items():
        read = read_annotations(tmp_path / "out" / split)
        assert read.classes == CLASSES
        found = {Path(record["file_name"]).stem: record for record in read.records}
        assert sorted(found) == sorted(names)
        for name, record in found.items():
            assert record["boxes"] == [pytest.approx(box_of(name), abs=0.01)]
            assert record["labels"] == [label_of(name)]
            part, _ = reports[split]
            assert (part.images / record["file_name"]).is_file()
    assert sorted(root.rglob("*")) == before, "nothing is written into the source"


def test_our_own_layout_is_known(tmp_path):
    draw(tmp_path / "images/train/im0.jpg")
    record = {"file_name": "im0.jpg", "width": 80, "height": 60, "boxes": [box_of("im0")]}
    annotations = Annotations([{**record, "labels": [0]}], ["bolt"])
    write_annotations(annotations, tmp_path / "annotations/train")
    layout = find_layout(tmp_path)
    assert layout.format == "own" and layout.parts[0].images == tmp_path / "images/train"


def test_two_formats_ask_for_a_choice(tmp_path):
    yolo_images_and_labels(tmp_path)
    for name in NAMES:
        voc(tmp_path / f"xml/{name}.xml")
    with pytest.raises(UserError, match="2 ways.*format voc or yolo"):
        find_layout(tmp_path)
    assert find_layout(tmp_path, "voc").format == "voc"


FOREIGN = {
    "Label Studio": [{"data": {}, "annotations": []}],
    "COCO results": [{"image_id": 1, "score": 0.5, "bbox": [1, 2, 3, 4], "category_id": 1}],
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_another_programs_labels_are_named_with_what_to_export(kind, tmp_path):
    draw(tmp_path / "im0.jpg")
    write(tmp_path / "im0.json", json.dumps(FOREIGN[kind]))
    assert kind in file_kind(tmp_path / "im0.json")
    with pytest.raises(UserError, match=f"seem to be .*{kind}"):
        find_layout(tmp_path)


def test_a_folder_without_labels_says_what_it_saw(tmp_path):
    draw(tmp_path / "im0.jpg")
    with pytest.raises(UserError, match="1 image, but no labels"):
        find_layout(tmp_path)


def test_a_folder_without_images_says_what_it_saw(tmp_path):
    yolo(tmp_path / "im0.txt")
    with pytest.raises(UserError, match="without images there is nothing to learn"):
        find_layout(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        find_layout(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name, split",
    {
        "train2017/1.jpg": "train",
        "data/valid/images/1.jpg": "val",
        "instances_val.json": "val",
        "Test/1.jpg": "test",
        "obj_train_data/1.txt": None,
        "contest/1.jpg": None,
        "trainers/1.jpg": None,
    }.items(),
)
def test_the_name_of_a_split_is_a_whole_word(name, split):
    assert split_of(name) == split


def test_the_longest_tail_that_exists_counts(tmp_path):
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    assert resolve_tail("C:\\a\\b\\c", [tmp_path]) == tmp_path / "b/c"
    assert resolve_tail("../x/y", [tmp_path]) is None


def test_the_folder_that_holds_all():
    assert common_folder(["a/b", "a/c"]) == "a"
    assert common_folder(["ab", "ac"]) == ""
    assert common_folder(["a/b"]) == "a/b"


def test_classes_are_the_same_in_all_splits(tmp_path):
    root = tmp_path / "set"
    for split, names in {"train": ["im0", "im1"], "valid": ["im3", "im5"]}.items():
        for name in names:
            draw(root / f"{split}/{name}.jpg")
            voc(root / f"{split}/{name}.xml")
    convert_layout(find_layout(root), tmp_path / "out")
    for split in ("train", "val"):
        assert read_annotations(tmp_path / "out" / split).classes == CLASSES
    assert read_annotations(tmp_path / "out/val").records[0]["labels"] == [1]


def test_a_copy_beside_the_images_of_another_split_is_not_mixed_up(tmp_path):
    "Both splits number their images from 0; labels of the one never go to the other."
    root = tmp_path / "set"
    for split, names in {"train": ["im0", "im1"], "val": ["im0", "im1"]}.items():
        for name in names:
            draw(root / f"images/{split}/{name}.jpg")
    for name in ("im0", "im1"):
        yolo(root / f"labels/train/{name}.txt")
        shutil.copy(root / f"labels/train/{name}.txt", root / f"keep_{name}.bak")
        write(root / f"labels/val/{name}.txt", "1 0.5 0.5 0.5 0.5\n")
    write(root / "classes.txt", "bolt\nnut\n")
    convert_layout(find_layout(root), tmp_path / "out")
    val = read_annotations(tmp_path / "out/val")
    assert [record["boxes"] for record in val.records] == [[[20, 15, 60, 45]]] * 2


def test_a_report_names_the_tools_own_file_and_place(tmp_path):
    roboflow_csv(tmp_path / "set")
    with open(tmp_path / "set/train/_annotations.csv", "a") as f:
        f.write("im0.jpg,80,60,bolt,50,8,40,30\n")
    reports = convert_layout(find_layout(tmp_path / "set"), tmp_path / "out")
    _, report = reports["train"]
    assert "1 box dropped: inverted, _annotations.csv line 6" in str(report)
    assert report.source == f"CSV {tmp_path / 'set/train/_annotations.csv'}"
    assert "objects, read by" not in str(report), "how boxes are handed over concerns nobody"
    assert read_annotations(tmp_path / "out/train").meta["source"] == report.source
    assert "inverted" in (tmp_path / "out/train/conversion_report.json").read_text()


def test_an_error_names_the_tools_own_file(tmp_path):
    draw(tmp_path / "set/im0.jpg")
    shape = {"label": "bolt", "shape_type": "point", "points": [[1, 2]]}
    content = json.dumps({"imagePath": "im0.jpg", "shapes": [shape]})
    write(tmp_path / "set/im0.json", content)
    with pytest.raises(UserError, match="'point' has no box") as e:
        convert_layout(find_layout(tmp_path / "set"), tmp_path / "out")
    assert f"LabelMe {tmp_path / 'set/im0.json'}" in str(e.value)
    assert not (tmp_path / "out").exists()


def test_two_files_for_one_split_are_refused_and_the_cure_works(tmp_path):
    "The second used to be written over the first."
    root = tmp_path / "set"
    for name in NAMES:
        draw(root / f"{name}.jpg")
    coco(root / "eva.json", NAMES[:3])
    coco(root / "bob.json", NAMES[3:])
    with pytest.raises(UserError, match="bob.json' and .*eva.json' are both labels of 'train'"):
        find_layout(root)
    (root / "bob.json").rename(root / "val.json")
    (root / "eva.json").rename(root / "train.json")
    assert len(find_layout(root).parts) == 2


def test_a_stale_export_of_the_same_images_is_refused(tmp_path):
    via_project(tmp_path)
    image = {"im0.jpg9": via_image("im0")}
    write(tmp_path / "old.json", json.dumps(image))
    with pytest.raises(UserError, match="old.json' and .*via_project.json' both hold .*im0.jpg"):
        find_layout(tmp_path)


def test_a_format_that_does_not_exist_is_said(tmp_path):
    yolo_flat(tmp_path)
    with pytest.raises(UserError, match="no format 'yolov8': it is one of own, coco"):
        find_layout(tmp_path, "yolov8")


def test_a_coco_file_in_another_encoding_is_read(tmp_path):
    label_studio_coco(tmp_path / "set")
    file = tmp_path / "set/result.json"
    file.write_bytes(file.read_text().replace("bolt", "Öse").encode("utf-16"))
    convert_layout(find_layout(tmp_path / "set"), tmp_path / "out")
    assert "Öse" in read_annotations(tmp_path / "out/train").classes


def test_namesakes_in_two_folders_keep_their_own_boxes(tmp_path):
    for folder, name in {"a": "im0", "b": "im1"}.items():
        draw(tmp_path / f"set/{folder}/im0.jpg")
        labelme(tmp_path / f"set/{folder}/{name}.json", "im0.jpg")
    convert_layout(find_layout(tmp_path / "set"), tmp_path / "out")
    found = {r["file_name"]: r["boxes"] for r in read_annotations(tmp_path / "out/train").records}
    assert found == {"a/im0.jpg": [box_of("im0")], "b/im0.jpg": [box_of("im1")]}


def test_images_that_no_split_uses_are_said(tmp_path):
    "A data.yaml whose `val` leads nowhere lost a folder in silence."
    roboflow_yolo(tmp_path)
    data_yaml(tmp_path / "data.yaml", train="../train/images", val="../dev/images")
    said = str(find_layout(tmp_path))
    assert "splits; not used: 3 label files, e.g. 'test/labels/im5.txt', 3 images, e.g. 'te" in said
    roboflow_yolo(tmp_path)
    assert "not used" not in str(find_layout(tmp_path))


def own(root, split, names, classes):
    "A split in our own format, each image with one box of the first class."
    records = []
    for name in names:
        draw(root / f"images/{split}/{name}.jpg")
        record = {"file_name": f"{name}.jpg", "width": 80, "height": 60, "labels": [0]}
        records.append({**record, "boxes": [box_of(name)]})
    return write_annotations(Annotations(records, classes), root / "annotations" / split)


def test_annotations_of_which_no_image_is_here_are_said(tmp_path):
    "They were passed over in silence, and even named as read."
    for split, names in {"train": ["im0", "im1"], "val": ["im2"], "holdout": ["im3"]}.items():
        own(tmp_path, split, names, CLASSES)
    shutil.rmtree(tmp_path / "images/holdout")
    layout = find_layout(tmp_path)
    assert "holdout" not in layout.why and [p.split for p in layout.parts] == ["train", "val"]
    said = "; not used: 1 label file, e.g. 'annotations/holdout/annotations_torchvision.json'"
    assert str(layout).endswith(said)
    shutil.rmtree(tmp_path / "annotations/holdout")
    assert "not used" not in str(find_layout(tmp_path))


def test_damaged_annotations_beside_sound_ones_are_said(tmp_path):
    own(tmp_path, "train", ["im0", "im1"], CLASSES)
    own(tmp_path, "val", ["im2"], CLASSES).write_text("[{")
    said = "not used: 1 damaged file, e.g. 'annotations/val/annotations_torchvision.json', 1 image"
    assert said in str(find_layout(tmp_path))


def test_a_coco_file_without_images_is_said(tmp_path):
    coco_2017(tmp_path)
    shutil.rmtree(tmp_path / "val2017")
    coco(tmp_path / "annotations/instances_val2017.json", ["im8"])
    layout = find_layout(tmp_path)
    assert layout.aside == "; not used: 1 label file, e.g. 'annotations/instances_val2017.json'"
    assert [part.split for part in layout.parts] == ["train"]


def test_a_folder_of_labels_that_no_image_goes_with_is_said(tmp_path):
    label_img(tmp_path / "set/images")
    for name in ("im7", "im8"):
        voc(tmp_path / f"set/annotations/{name}.xml")
    layout = find_layout(tmp_path / "set")
    assert layout.aside == "; not used: 2 label files, e.g. 'annotations/im7.xml'"


@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
def test_what_belongs_to_an_export_is_not_called_unused(make, tmp_path):
    make(tmp_path)
    assert find_layout(tmp_path).aside == ""


def test_labels_that_are_damaged_are_said_with_what_they_seem_to_be(tmp_path):
    "They were no labels at all."
    draw(tmp_path / "im0.jpg")
    write(tmp_path / "labels.json", "version https://git-lfs.github.com/spec/v1")
    with pytest.raises(UserError, match="labels seem to be damaged: .*labels.json.*git lfs pull"):
        find_layout(tmp_path)
    coco(tmp_path / "labels.json", ["im0"])
    assert find_layout(tmp_path).format == "coco"


def test_a_folder_that_is_called_like_no_split_is_refused_and_the_cure_works(tmp_path):
    for split, names in {"train": ["im0"], "val": ["im2"], "extra": ["im3"]}.items():
        own(tmp_path, split, names, CLASSES)
    with pytest.raises(UserError, match="or call files or folders train, val, test"):
        find_layout(tmp_path)
    for kind in ("images", "annotations"):
        (tmp_path / kind / "extra").rename(tmp_path / kind / "test")
    assert len(find_layout(tmp_path).parts) == 3


def test_own_annotations_with_different_class_lists_get_one(tmp_path):
    "The numbers stayed those of each list, and training refused the two."
    own(tmp_path / "set", "train", ["im0", "im1"], ["bolt", "nut"])
    file = own(tmp_path / "set", "val", ["im2"], ["nut", "screw"])
    meta = file.with_name("dataset_meta.json")
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "category_ids": [7, 8]}))
    reports = convert_layout(find_layout(tmp_path / "set"), tmp_path / "out")
    train, val = (read_annotations(tmp_path / "out" / split) for split in ("train", "val"))
    assert train.classes == val.classes == ["bolt", "nut", "screw"]
    assert train.records[0]["labels"] == [0] and val.records[0]["labels"] == [1]
    assert "category_ids" not in val.meta, "they count in the old list"
    assert "its classes were added, by name" in str(reports["val"][1])


@pytest.mark.parametrize("make", [yolo_flat, label_img])
def test_one_of_a_thing_is_said_in_the_singular(make, tmp_path):
    make(tmp_path)
    for name in NAMES[1:]:
        for suffix in (".xml", ".txt"):
            (tmp_path / f"{name}{suffix}").unlink(missing_ok=True)
    assert re.search(r": 1 (text|XML) file ", str(find_layout(tmp_path)))
