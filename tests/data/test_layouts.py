"Folders as tools export them: each is recognised with its splits, and read with the right boxes."

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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

SIZE = (80, 60)  # width, height
CLASSES = ["bolt", "nut"]
NAMES = [f"im{i}" for i in range(6)]


def box_of(name):
    "The box of an image, another one for each: x1 y1 x2 y2."
    i = int(name[-1])
    return [10.0 + i, 8.0, 40.0 + i, 30.0]


def label_of(name):
    return int(name[-1]) % 2


def draw(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int(path.stem[-1])
    noise = np.random.default_rng(seed).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def yolo(path):
    x1, y1, x2, y2 = box_of(path.stem)
    numbers = [(x1 + x2) / 2 / SIZE[0], (y1 + y2) / 2 / SIZE[1]]
    numbers += [(x2 - x1) / SIZE[0], (y2 - y1) / SIZE[1]]
    write(path, f"{label_of(path.stem)} {' '.join(f'{n:.6f}' for n in numbers)}\n")


def coco(path, names, folder="", captions=False):
    images = []
    annotations = []
    for i, name in enumerate(names):
        x1, y1, x2, y2 = box_of(name)
        width, height = SIZE
        images.append(
            {"id": i, "file_name": f"{folder}{name}.jpg", "width": width, "height": height}
        )
        box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "category_id": label_of(name) + 1}
        about = {"caption": "a part"} if captions else {**box, "area": 1, "iscrowd": 0}
        annotations.append({"id": i, "image_id": i, **about})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write(path, json.dumps(content))


def voc(path):
    x1, y1, x2, y2 = box_of(path.stem)
    corners = {"xmin": x1 + 1, "ymin": y1 + 1, "xmax": x2, "ymax": y2}
    box = "".join(f"<{key}>{value:g}</{key}>" for key, value in corners.items())
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
    name = CLASSES[label_of(path.stem)]
    found = f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"
    about = f"<filename>{path.stem}.jpg</filename>{size}{found}"
    write(path, f"<annotation>{about}</annotation>")


def data_yaml(file, **splits):
    lines = [f"{key}: {value}" for key, value in splits.items()]
    write(file, "\n".join([*lines, "nc: 2", "names: [bolt, nut]"]))


TWO = {"train": NAMES[:4], "val": NAMES[4:]}
THREE = {"train": NAMES[:3], "val": NAMES[3:5], "test": NAMES[5:]}
ALL = {"train": NAMES}


def yolo_flat(root):
    for name in NAMES:
        draw(root / f"{name}.jpg")
        yolo(root / f"{name}.txt")
    write(root / "classes.txt", "bolt\nnut\n")
    return "yolo", ALL


def yolo_images_and_labels(root):
    for name in NAMES:
        draw(root / f"images/{name}.jpg")
        yolo(root / f"labels/{name}.txt")
    write(root / "classes.txt", "bolt\nnut\n")
    write(root / "notes.json", json.dumps({"categories": [{"id": 0, "name": "bolt"}]}))
    return "yolo", ALL


def yolo_splits_below_images(root):
    for split, names in TWO.items():
        for name in names:
            draw(root / f"images/{split}/{name}.jpg")
            yolo(root / f"labels/{split}/{name}.txt")
    data_yaml(
        root / "dataset.yaml", path="../datasets/mine", train="images/train", val="images/val"
    )
    return "yolo", TWO


def roboflow_yolo(root):
    for split, names in {"train": THREE["train"], "valid": THREE["val"], "test": ["im5"]}.items():
        for name in names:
            draw(root / f"{split}/images/{name}.jpg")
            yolo(root / f"{split}/labels/{name}.txt")
    paths = {"train": "../train/images", "val": "../valid/images", "test": "../test/images"}
    data_yaml(root / "data.yaml", **paths)
    write(root / "README.roboflow.txt", "Exported on Monday, 1 2 3 4 5")
    return "yolo", THREE


def yaml_of_another_machine(root):
    yolo_splits_below_images(root)
    (root / "dataset.yaml").unlink()
    paths = {"train": "/home/bob/set/images/train", "val": "D:\\set\\images\\val"}
    data_yaml(root / "data.yaml", **paths)
    return "yolo", TWO


def yaml_with_lists(root):
    for name in NAMES:
        draw(root / f"images/{name}.jpg")
        yolo(root / f"labels/{name}.txt")
    for split, names in TWO.items():
        write(root / f"{split}.txt", "".join(f"./images/{name}.jpg\n" for name in names))
    data_yaml(root / "data.yaml", path=".", train="train.txt", val="val.txt")
    return "yolo", TWO


def cvat_yolo(root):
    for name in NAMES:
        draw(root / f"obj_train_data/{name}.jpg")
        yolo(root / f"obj_train_data/{name}.txt")
    write(root / "obj.names", "bolt\nnut\n")
    write(root / "train.txt", "".join(f"data/obj_train_data/{name}.jpg\n" for name in NAMES))
    settings = "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    write(root / "obj.data", settings)
    return "yolo", ALL


def coco_2017(root):
    for split, names in TWO.items():
        for name in names:
            draw(root / f"{split}2017/{name}.jpg")
        coco(root / f"annotations/instances_{split}2017.json", names)
        coco(root / f"annotations/captions_{split}2017.json", names, captions=True)
    return "coco", TWO


def roboflow_coco(root):
    for split, names in {"train": TWO["train"], "valid": TWO["val"]}.items():
        for name in names:
            draw(root / f"{split}/{name}.jpg")
        coco(root / f"{split}/_annotations.coco.json", names)
    return "coco", TWO


def label_studio_coco(root):
    for name in NAMES:
        draw(root / f"images/{name}.jpg")
    coco(root / "result.json", NAMES, folder="images/")
    return "coco", ALL


def cvat_coco(root):
    for name in NAMES:
        draw(root / f"images/default/{name}.jpg")
    coco(root / "annotations/instances_default.json", NAMES)
    return "coco", ALL


def voc_2007(root):
    for name in NAMES:
        draw(root / f"VOC2007/JPEGImages/{name}.jpg")
        voc(root / f"VOC2007/Annotations/{name}.xml")
    main = root / "VOC2007/ImageSets/Main"
    for split, names in TWO.items():
        write(main / f"{split}.txt", "".join(f"{name}\n" for name in names))
    write(main / "trainval.txt", "".join(f"{name}\n" for name in NAMES))
    write(main / "bolt_train.txt", "".join(f"{name} 1\n" for name in TWO["train"]))
    return "voc", TWO


def beside_the_images(root, write_labels, suffix):
    for name in NAMES:
        draw(root / f"{name}.jpg")
        write_labels(root / f"{name}{suffix}")


def label_img(root):
    beside_the_images(root, voc, ".xml")
    return "voc", ALL


def roboflow_voc(root):
    for split, names in {"train": TWO["train"], "valid": TWO["val"]}.items():
        for name in names:
            draw(root / f"{split}/{name}.jpg")
            voc(root / f"{split}/{name}.xml")
    return "voc", TWO


def voc_in_two_folders(root):
    for name in NAMES:
        draw(root / f"photos/{name}.jpg")
        voc(root / f"xml/{name}.xml")
    return "voc", ALL


def in_a_folder_of_its_own(root):
    return roboflow_yolo(root / "My parts.v3i.yolov8")


def labelme(path, image=None):
    x1, y1, x2, y2 = box_of(path.stem)
    shape = {"shape_type": "rectangle", "points": [[x2, y1], [x1, y2]]}
    shape["label"] = CLASSES[label_of(path.stem)]
    about = {"imagePath": image or f"{path.stem}.jpg", "imageWidth": 80, "imageHeight": 60}
    write(path, json.dumps({"version": "5.4", "flags": {}, "shapes": [shape], **about}))


def labelme_flat(root):
    beside_the_images(root, labelme, ".json")
    return "labelme", ALL


def labelme_of_another_machine(root):
    for split, names in TWO.items():
        for name in names:
            draw(root / f"images/{split}/{name}.jpg")
            labelme(root / f"labels/{split}/{name}.json", f"C:\\Users\\eva\\{name}.jpg")
    return "labelme", TWO


def via_image(name):
    x1, y1, x2, y2 = box_of(name)
    shape = {"name": "rect", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
    label = {"part": CLASSES[label_of(name)]}
    region = {"shape_attributes": shape, "region_attributes": label}
    return {"filename": f"{name}.jpg", "size": 9, "regions": [region], "file_attributes": {}}


def via_project(root):
    images = {f"{name}.jpg9": via_image(name) for name in NAMES}
    for name in NAMES:
        draw(root / f"{name}.jpg")
    write(root / "via_project.json", json.dumps({"_via_settings": {}, "_via_img_metadata": images}))
    return "via", ALL


def via_json_per_split(root):
    for split, names in TWO.items():
        for name in names:
            draw(root / f"{split}/{name}.jpg")
        images = {f"{name}.jpg9": via_image(name) for name in names}
        write(root / f"{split}/via_region_data.json", json.dumps(images))
    return "via", TWO


def table(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as f:
        csv.writer(f).writerows([*([header.split(",")] if header else []), *rows])


def via_csv(root):
    rows = []
    for name in NAMES:
        draw(root / f"pictures/{name}.jpg")
        image = via_image(name)
        parts = [json.dumps(part) for part in image["regions"][0].values()]
        rows.append([image["filename"], 9, "{}", 1, 0, *parts])
    parts = "region_count,region_id,region_shape_attributes,region_attributes"
    table(root / "via_export_csv.csv", f"filename,file_size,file_attributes,{parts}", rows)
    return "via", ALL


def cvat_images(root):
    images = []
    for i, name in enumerate(NAMES):
        subset = "Validation" if name in TWO["val"] else "Train"
        draw(root / f"images/{subset}/{name}.jpg")
        corners = zip(("xtl", "ytl", "xbr", "ybr"), box_of(name), strict=True)
        box = " ".join(f'{key}="{value}"' for key, value in corners)
        about = f'id="{i}" name="{name}.jpg" subset="{subset}" width="80" height="60"'
        shape = f'<box label="{CLASSES[label_of(name)]}" occluded="1" {box}></box>'
        images.append(f"<image {about}>{shape}</image>")
    text = f"<annotations><version>1.1</version><meta/>{''.join(images)}</annotations>"
    write(root / "annotations.xml", f'<?xml version="1.0" encoding="utf-8"?>\n{text}')
    return "cvat", TWO


def createml(root):
    for split, names in {"train": TWO["train"], "valid": TWO["val"]}.items():
        images = []
        for name in names:
            draw(root / f"{split}/{name}.jpg")
            x1, y1, x2, y2 = box_of(name)
            place = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1}
            found = {"label": CLASSES[label_of(name)], "coordinates": place}
            images.append({"image": f"{name}.jpg", "annotations": [found]})
        write(root / f"{split}/_annotations.createml.json", json.dumps(images))
    return "createml", TWO


def roboflow_csv(root):
    for split, names in {"train": TWO["train"], "valid": TWO["val"]}.items():
        rows = []
        for name in names:
            draw(root / f"{split}/{name}.jpg")
            rows.append([f"{name}.jpg", *SIZE, CLASSES[label_of(name)], *box_of(name)])
        header = "filename,width,height,class,xmin,ymin,xmax,ymax"
        table(root / f"{split}/_annotations.csv", header, rows)
    write(root / "README.roboflow.txt", "Exported on Monday")
    return "csv", TWO


def retinanet_csv(root):
    for split, names in TWO.items():
        rows = []
        for name in names:
            draw(root / f"images/{name}.jpg")
            rows.append([f"/home/bob/images/{name}.jpg", *box_of(name), CLASSES[label_of(name)]])
        table(root / f"{split}.csv", "", rows)
    write(root / "classes.csv", "bolt,0\nnut,1\n")
    return "csv", TWO


def kaggle_csv_with_a_split_column(root):
    rows = []
    for split, names in TWO.items():
        for name in names:
            draw(root / f"archive/data/{name}.jpg")
            x1, y1, x2, y2 = box_of(name)
            rows.append([name + ".jpg", split, x1, y1, x2 - x1, y2 - y1, CLASSES[label_of(name)]])
    header = "image_id,split,left,top,width,height,label"
    table(root / "archive/labels.csv", header, rows)
    return "csv", TWO


LAYOUTS = [
    labelme_flat,
    labelme_of_another_machine,
    via_project,
    via_json_per_split,
    via_csv,
    cvat_images,
    createml,
    roboflow_csv,
    retinanet_csv,
    kaggle_csv_with_a_split_column,
    yolo_flat,
    yolo_images_and_labels,
    yolo_splits_below_images,
    roboflow_yolo,
    yaml_of_another_machine,
    yaml_with_lists,
    cvat_yolo,
    coco_2017,
    roboflow_coco,
    label_studio_coco,
    cvat_coco,
    voc_2007,
    label_img,
    roboflow_voc,
    voc_in_two_folders,
    in_a_folder_of_its_own,
]


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
    with pytest.raises(UserError, match="a point has no box") as e:
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
    assert "(train); outside of these and not used: 3 images, e.g. 'test/" in said
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
    said = "without images here, or damaged, and not used: annotations/holdout/annotations_torch"
    assert said in str(layout)
    shutil.rmtree(tmp_path / "annotations/holdout")
    assert "not used" not in str(find_layout(tmp_path))


def test_damaged_annotations_beside_sound_ones_are_said(tmp_path):
    own(tmp_path, "train", ["im0", "im1"], CLASSES)
    own(tmp_path, "val", ["im2"], CLASSES).write_text("[{")
    assert "damaged, and not used: annotations/val/annotations_torch" in str(find_layout(tmp_path))


def test_a_coco_file_without_images_is_said(tmp_path):
    coco_2017(tmp_path)
    shutil.rmtree(tmp_path / "val2017")
    coco(tmp_path / "annotations/instances_val2017.json", ["im8"])
    said = str(find_layout(tmp_path))
    assert (
        "(train); without images here, or damaged, and not used: annotations/instances_val" in said
    )


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
