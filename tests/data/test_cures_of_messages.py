"What a message on data prescribes, done as it says: the error, or the note, is gone."

import gzip
import json
import os
import re
import shutil
import stat
import tarfile
import zipfile
from types import SimpleNamespace

import exports
import pytest
import torch
from exports import NAMES, coco, draw, labelme, table, via_image, voc, write, yolo_flat
from patients import cats_and_dogs, image_split
from PIL import Image

from dinofrcnn.data import download as room
from dinofrcnn.data.dataset import DataFolder, DetectionDataset, check_limit
from dinofrcnn.data.doctor import inspect
from dinofrcnn.data.download import copy_to_local, download, fetch, unpack
from dinofrcnn.data.layouts import convert_layout, find_layout
from dinofrcnn.data.views import View, check_values
from dinofrcnn.foreign import read_foreign_json
from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.runtime import UserError, refusal
from dinofrcnn.translate import translate

# what the network sees


def test_bytes_divided_and_normalised_values_taken_back_pass():
    image = torch.randint(256, (3, 8, 8), dtype=torch.uint8)
    assert "divide 8-bit pixels by 255" in refusal(check_values, image)
    check_values(image / 255)
    mean, deviation = 0.45, 0.22
    assert "do not normalise" in refusal(check_values, (image / 255 - mean) / deviation)


def test_every_view_that_is_offered_instead_is_one():
    said = refusal(View.parse, "flop")
    offered = re.findall(r"'(\w[\w.]*)'", said.partition("use ")[2])
    assert [str(View.parse(view)) for view in offered] == offered
    assert str(View.parse("+".join(offered[1:]))) == "flip+scale1.25+colour3"


def test_a_scale_between_the_bounds_that_are_said_is_one():
    low, high = re.search(r"between (\S+) and (\S+)", refusal(View.parse, "scale9")).groups()
    assert View.parse(f"scale{low}").scale == float(low)
    assert View.parse(f"scale{high}").scale == float(high)


# the data set


def test_a_limit_from_one_on_or_none():
    said = refusal(check_limit, 0)
    assert "a whole number from 1 on, or none for all" in said
    check_limit(1)
    check_limit(None)


def test_the_other_folder_of_a_split_renamed(tmp_path):
    for name in "valid", "validation":
        (tmp_path / "images" / name).mkdir(parents=True)
    data = DataFolder(tmp_path)
    assert "Move or rename the other" in refusal(data.split, "val")
    (tmp_path / "images/validation").rename(tmp_path / "images/spare")
    assert data.val.images == tmp_path / "images/valid"


def test_the_folder_that_names_are_relative_to(tmp_path):
    folder, annotations = image_split(tmp_path / "train", range(2))
    for record in annotations.records:
        record["file_name"] = f"train/{record['file_name']}"
    said = refusal(DetectionDataset, folder, annotations)
    assert "of 2 images none is in" in said
    assert "give the folder that these names are relative to" in said
    assert len(DetectionDataset(tmp_path, annotations)) == 2


def test_labels_converted_again_with_images_of_another_size(tmp_path):
    coco(tmp_path / "a.json", ["im0"])
    draw(tmp_path / "images/im0.jpg")
    convert_coco(tmp_path / "a.json", tmp_path / "images", tmp_path / "out")
    Image.new("RGB", (160, 120)).save(tmp_path / "images/im0.jpg")
    dataset = DetectionDataset(tmp_path / "images", tmp_path / "out")
    assert "convert the labels again with these images" in refusal(dataset.image, 0)
    convert_coco(tmp_path / "a.json", tmp_path / "images", tmp_path / "out", force=True)
    dataset = DetectionDataset(tmp_path / "images", tmp_path / "out")
    assert dataset.image(0).shape == (3, 120, 160)
    assert dataset.target(0)["boxes"].tolist() == [[20, 16, 80, 60]]


# fetching and unpacking


def test_a_broken_download_continued_by_the_same_call(tmp_path, monkeypatch):
    def breaks(url, part):
        part.write_bytes(b"ab")
        raise ConnectionError("the connection broke off")

    def goes_on(url, part):
        part.write_bytes(part.read_bytes() + b"c")

    path = tmp_path / "a.bin"
    monkeypatch.setattr(room, "fetch_rest", breaks)
    said = refusal(fetch, "http://a/a.bin", path, 1)
    assert f"kept in '{path}.part', the same call continues there" in said
    monkeypatch.setattr(room, "fetch_rest", goes_on)
    assert fetch("http://a/a.bin", path, 1).read_bytes() == b"abc"


def test_the_name_of_a_data_set_that_was_meant():
    name = re.search(r"did you mean '(\w+)'", refusal(download, "bcdd"))[1]
    assert name in room.PUBLIC
    assert refusal(download, "x").endswith("there is bccd")


KINDS = ("tar", "zip")


def zip_of(path, contents):
    with zipfile.ZipFile(path, "w") as z:
        for name, content in contents.items():
            z.writestr(name, content)
    return path


def test_a_zip_packed_again_with_relative_names(tmp_path):
    said = refusal(unpack, zip_of(tmp_path / "a.zip", {"../a.txt": "x"}), tmp_path / "out")
    assert "pack it again, with names relative to its folder" in said
    unpack(zip_of(tmp_path / "a.zip", {"a.txt": "x"}), tmp_path / "out")


def test_a_zip_packed_with_the_file_and_not_its_link(tmp_path):
    link = zipfile.ZipInfo("a.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    said = refusal(unpack, zip_of(tmp_path / "a.zip", {link: "b.txt"}), tmp_path / "out")
    assert "'a.txt' is a link: pack the file itself" in said
    unpack(zip_of(tmp_path / "a.zip", {"a.txt": "x"}), tmp_path / "out")


def test_an_archive_that_came_in_part_fetched_again(tmp_path):
    whole = zip_of(tmp_path / "a.zip", {"a.txt": "x" * 999}).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[:500])
    assert "fetch it again" in refusal(unpack, tmp_path / "a.zip", tmp_path / "out")
    (tmp_path / "a.zip").write_bytes(whole)
    unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_zip_where_a_tar_cannot_be_unpacked_safely(tmp_path, monkeypatch):
    write(tmp_path / "set/a.txt", "x")
    packed = {k: shutil.make_archive(str(tmp_path / "a"), k, tmp_path / "set") for k in KINDS}
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    assert refusal(unpack, packed["tar"], tmp_path / "out").endswith("or pack a zip")
    unpack(packed["zip"], tmp_path / "out")


def test_space_made_for_an_archive(tmp_path, monkeypatch):
    archive = zip_of(tmp_path / "a.zip", {"a.txt": "x" * 999})
    with monkeypatch.context() as full:
        full.setattr(room.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10))
        assert "make space, nothing was unpacked" in refusal(unpack, archive, tmp_path / "out")
    unpack(archive, tmp_path / "out")


def test_a_folder_that_is_in_the_way_moved_or_another_place_given(tmp_path):
    archive = zip_of(tmp_path / "a.zip", {"a.txt": "x"})
    (tmp_path / "out").mkdir()
    assert "move it away, or unpack to another place" in refusal(unpack, archive, tmp_path / "out")
    unpack(archive, tmp_path / "another")
    (tmp_path / "out").rename(tmp_path / "away")
    unpack(archive, tmp_path / "out")


def test_a_copy_of_something_else_moved_or_another_place_given(tmp_path):
    write(tmp_path / "drive/set/a.txt", "x")
    (tmp_path / "data/set").mkdir(parents=True)
    said = refusal(copy_to_local, tmp_path / "drive/set", tmp_path / "data")
    assert "move that folder away, or give another place" in said
    copy_to_local(tmp_path / "drive/set", tmp_path / "other")
    (tmp_path / "data/set").rename(tmp_path / "data/away")
    assert os.listdir(copy_to_local(tmp_path / "drive/set", tmp_path / "data")) != []


# the examination


def test_splits_given_as_the_message_shows(data):
    said = refusal(inspect, data)
    call = said[said.index("inspect({") :]
    assert eval(call, {"inspect": inspect, "data": data}).findings is not None


def test_labels_examined_alone_where_the_image_folder_is_not_there(tmp_path):
    said = refusal(inspect, {"train": (tmp_path / "gone", cats_and_dogs())})
    assert "or None to examine the labels alone" in said
    assert inspect({"train": (None, cats_and_dogs())}).findings == []


def test_a_split_of_two_parts():
    said = refusal(inspect, {"train": (None, cats_and_dogs(), 3)})
    assert "give two, (image folder, annotation file)" in said
    assert inspect({"train": (None, cats_and_dogs())}).findings == []


def test_levels_of_anchors_given_as_the_message_shows():
    said = refusal(inspect, {"train": cats_and_dogs()}, anchor_sizes=[])
    levels = json.loads(said.partition("as in ")[2])
    ratios = [[0.5, 1, 2]] * len(levels)
    inspect({"train": cats_and_dogs()}, anchor_sizes=levels, aspect_ratios=ratios)


# folders


def test_labels_exported_with_their_images(tmp_path):
    for name in NAMES:
        draw(tmp_path / f"{name}.jpg")
    said = refusal(find_layout, tmp_path)
    assert "6 images, but no labels" in said and "export them in one of these formats" in said
    for name in NAMES:
        voc(tmp_path / f"{name}.xml")
    assert find_layout(tmp_path).format == "voc"


def test_every_format_that_is_asked_for_can_be_said(tmp_path):
    yolo_flat(tmp_path)
    for name in NAMES:
        voc(tmp_path / f"{name}.xml")
    asked = refusal(find_layout, tmp_path).rpartition("say which, format ")[2].split(" or ")
    assert [find_layout(tmp_path, format).format for format in asked] == ["voc", "yolo"]
    said = refusal(find_layout, tmp_path, "yolov8").rpartition("one of ")[2].split(", ")
    assert set(asked) <= set(said)


def test_the_export_that_counts_left_in_the_folder(tmp_path):
    exports.via_project(tmp_path)
    write(tmp_path / "old.json", json.dumps({"im0.jpg9": via_image("im0")}))
    assert "leave the one that counts in the folder" in refusal(find_layout, tmp_path)
    (tmp_path / "old.json").unlink()
    assert find_layout(tmp_path).format == "via"


def test_a_file_named_with_what_to_export_makes_way_for_the_export(tmp_path):
    draw(tmp_path / "im0.jpg")
    write(tmp_path / "project.json", json.dumps([{"data": {}, "annotations": []}]))
    assert refusal(find_layout, tmp_path).endswith("export COCO from Label Studio")
    coco(tmp_path / "result.json", ["im0"])
    assert find_layout(tmp_path).format == "coco"


# files of other tools


def test_what_start_reads_it_does_read(tmp_path):
    draw(tmp_path / "im0.jpg")
    labelme(tmp_path / "im0.json")
    said = refusal(convert_coco, tmp_path / "im0.json", tmp_path, tmp_path / "out")
    assert "LabelMe JSON" in said and "`dinofrcnn start` reads it, with its images" in said
    convert_layout(find_layout(tmp_path), tmp_path / "out")
    assert read_annotations(tmp_path / "out/train").records[0]["labels"] == [0]


PACKED = {"zip": "a zip file: unpack it", "gzip": "a gzip file: unpack it"}


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_file_unpacked(kind, tmp_path):
    path = tmp_path / "a.json"
    if kind == "zip":
        zip_of(path, {"a.json": "[1]"})
    else:
        path.write_bytes(gzip.compress(b"[1]"))
    assert PACKED[kind] in refusal(read_foreign_json, path)
    if kind == "zip":
        path.write_bytes(zipfile.ZipFile(path).read("a.json"))
    else:
        path.write_bytes(gzip.decompress(path.read_bytes()))
    assert read_foreign_json(path) == ([1], "")


def test_a_file_saved_in_utf_8_has_no_note(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes('["Öse"]'.encode("cp1252"))
    names, note = read_foreign_json(path)
    assert "if names look wrong, save it in UTF-8" in note
    path.write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
    assert read_foreign_json(path) == (["Öse"], "")


@pytest.mark.parametrize("kind", ["labelme", "csv", "via"])
def test_files_of_a_tool_saved_in_utf_8_have_no_note(kind, tmp_path):
    "Of tables nothing was said; of a hundred LabelMe files a note each."
    make = {"labelme": exports.labelme_flat, "csv": exports.roboflow_csv, "via": exports.via_csv}
    make[kind](tmp_path)
    files = sorted(tmp_path.rglob("*.json" if kind == "labelme" else "*.csv"))
    texts = [file.read_text().replace("nut", "Öse") for file in files]
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text.replace("bolt", "Öl").encode("cp1252"))
    (note,) = translate(kind, files, tmp_path).notes
    assert f"save it in UTF-8, first '{files[0].name}'. Files: {len(files)}" in note
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    assert translate(kind, files, tmp_path).notes == []


ROW = ["a.jpg", 10, 5, 40, 30, "bolt"]


def test_columns_named_as_the_message_says(tmp_path):
    path = tmp_path / "a.csv"
    table(path, "picture,left edge,b,c,d,class", [ROW])
    said = refusal(translate, "csv", [path], tmp_path)
    names = said.rpartition("call them ")[2].replace(" ", "")
    table(path, f"{names},class", [ROW])
    (box,) = translate("csv", [path], tmp_path).annotations
    assert list(box["bbox"].values()) == [10, 5, 40, 30] and box["category_id"] == "bolt"


def test_pixels_instead_of_fractions_that_cannot_be_told(tmp_path):
    path = tmp_path / "a.csv"
    table(path, "filename,xmin,ymin,xmax,ymax", [["a.jpg", 0.1, 0.1, 0.5, 0.5]])
    assert refusal(translate, "csv", [path], tmp_path).endswith("write pixels")
    table(path, "filename,xmin,ymin,xmax,ymax", [["a.jpg", 8, 6, 40, 30]])
    assert translate("csv", [path], tmp_path).notes == [
        "objects without a class, all taken as one class 'object': 1"
    ]


VIA = '{"_via_img_metadata": {"a": {"regions": "x"}}}'
VIA_TABLE = "filename,region_shape_attributes,region_attributes\na.jpg,{x,{}\n"
DAMAGED = [  # what makes a sound export, a file of it, and what is wrong in it
    (exports.via_project, "via_project.json", VIA),
    (exports.via_csv, "via_export_csv.csv", VIA_TABLE),
    (exports.createml, "train/_annotations.createml.json", '[{"annotations": [{}]}]'),
    (exports.cvat_images, "annotations.xml", "<annotations><image"),
    (exports.labelme_flat, "im0.json", '{"shapes": [3]}'),
]


@pytest.mark.parametrize("make, name, content", DAMAGED, ids=lambda part: str(part)[:20])
def test_a_damaged_file_exported_again(make, name, content, tmp_path):
    kind, _ = make(tmp_path)
    file = tmp_path / name
    sound = file.read_text()
    file.write_text(content)
    said = refusal(translate, kind, [file], tmp_path)
    assert f"'{file}'" in said and "export it again" in said
    file.write_text(sound)
    assert translate(kind, [file], tmp_path).annotations


def test_entities_taken_out_of_a_file(tmp_path):
    exports.cvat_images(tmp_path)
    path = tmp_path / "annotations.xml"
    lines = path.read_text().split("\n")
    entity = "<!DOCTYPE annotations [<!ENTITY b 'c'>]>"
    path.write_text("\n".join([lines[0], entity, *lines[1:]]))
    said = refusal(translate, "cvat", [path], tmp_path)
    assert "take the lines with DOCTYPE and ENTITY out" in said
    left = [line for line in path.read_text().split("\n") if "ENTITY" not in line]
    path.write_text("\n".join(left))
    assert translate("cvat", [path], tmp_path).annotations


def test_a_video_of_cvat_exported_as_images(tmp_path):
    exports.cvat_images(tmp_path)
    sound = (tmp_path / "annotations.xml").read_text()
    write(tmp_path / "annotations.xml", "<annotations><track id='0'/></annotations>")
    with pytest.raises(UserError, match="export 'CVAT for images 1.1' or 'COCO 1.0', with the im"):
        find_layout(tmp_path)
    write(tmp_path / "annotations.xml", sound)
    assert find_layout(tmp_path).format == "cvat"
