"What a message on COCO labels prescribes, done: the error, or the note, is gone."

import gzip
import json
import zipfile

import pytest
from label_sets import CORNERS, GOOD_BOX, H, Voc, W, contents, noted, picture, reasons

from dinofrcnn.cli import main
from dinofrcnn.data.layouts import convert_layout, find_layout
from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.coco import convert_coco, export_coco
from dinofrcnn.labels.yolo import export_yolo
from dinofrcnn.runtime import UserError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 23\n"
ALL_GOOD = {"a.png": [("x", *GOOD_BOX), ("y", *GOOD_BOX)], "b.png": [("y", *GOOD_BOX)]}


def assert_refused(coco, *words, **options):
    "The conversion is refused in these words, and nothing is written."
    with pytest.raises(UserError) as e:
        coco.convert(**options)
    for word in words:
        assert word in str(e.value)
    assert not (coco.root / "out").exists()


def assert_cured(coco, *words, **options):
    "All boxes are there, and the report holds none of these words."
    coco.convert(**options)
    assert contents(coco.annotations) == ALL_GOOD
    said = str(coco.report).partition("\n")[2]  # without the path
    for word in words:
        assert word not in said


def assert_said(coco, *words, **options):
    "The conversion succeeds, and a note holds each of these words."
    coco.convert(**options)
    for word in words:
        assert noted(coco.report, word)


def file_refused(coco, content, *words):
    "A file of this content is refused in these words; returns its path."
    path = coco.root / "given.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(UserError) as e:
        convert_coco(path, coco.root / "images", coco.root / "read")
    for word in words:
        assert word in str(e.value)
    return path


def read_file(coco, path, **options):
    "All boxes of the file at `path` are read."
    report = convert_coco(path, coco.root / "images", coco.root / "read", **options)
    assert contents(read_annotations(coco.root / "read")) == ALL_GOOD
    return report


def command(coco, *more):
    "The exit code of `dinofrcnn convert coco`."
    (coco.root / "i.json").write_text(json.dumps(coco.data))
    folders = "--image_dir", coco.root / "images", "--output_dir", coco.root / "out"
    words = ["convert", "coco", "--instances_json", coco.root / "i.json", *folders, *more]
    return main(list(map(str, words)))


# ---------------------------------------------------------------- the file


def test_a_git_lfs_pointer_once_it_is_fetched(coco):
    path = file_refused(coco, POINTER, "`git lfs pull` fetches it")
    path.write_text(json.dumps(coco.data))  # what the pull does
    read_file(coco, path)


def test_a_zip_file_once_it_is_unpacked(coco):
    packed = coco.root / "packed.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("instances.json", json.dumps(coco.data))
    file_refused(coco, packed.read_bytes(), "a zip file: unpack it")
    zipfile.ZipFile(packed).extractall(coco.root)
    read_file(coco, coco.root / "instances.json")


def test_a_gzip_file_once_it_is_unpacked(coco):
    data = gzip.compress(json.dumps(coco.data).encode())
    path = file_refused(coco, data, "a gzip file: unpack it")
    path.write_bytes(gzip.decompress(data))
    read_file(coco, path)


def test_one_object_per_line_exported_as_one_file(coco):
    lines = "\n".join(json.dumps(row) for row in coco.data["annotations"])
    path = file_refused(coco, lines.encode(), "(NDJSON): export one COCO JSON file")
    path.write_text(json.dumps(coco.data))
    read_file(coco, path)


def test_xml_is_read_by_the_command_that_is_named(coco):
    text = f"<annotation>{Voc.thing(box=CORNERS)}</annotation>"
    path = file_refused(coco, text.encode(), "`dinofrcnn convert voc` reads Pascal VOC")
    picture(coco.root / "voc/images/a.png")
    path.rename(coco.root / "voc/a.xml")
    folders = ["--annotation_dir", coco.root / "voc", "--image_dir", coco.root / "voc/images"]
    assert main(["convert", "voc", *map(str, folders), "--output_dir", str(coco.root / "v")]) == 0
    assert contents(read_annotations(coco.root / "v")) == {"a.png": [("x", *GOOD_BOX)]}


INSTEAD = {  # what is given for the instances file, and the words of the message
    "give the instances file": lambda data: [{**row, "score": 1} for row in data["annotations"]],
    "give the whole instances file": lambda data: data["annotations"],
    "the entry of one image: give the whole": lambda data: data["images"][0],
    "it has no 'images'": lambda data: {"annotations": data["annotations"]},
    "must be lists": lambda data: {**data, "images": {"1": data["images"][0]}},
    "Give the instances file of the same images": lambda data: {
        **data,
        "annotations": [{"id": 1, "image_id": 1, "caption": "a thing"}],
    },
}


@pytest.mark.parametrize("words", INSTEAD)
def test_the_instances_file_in_place_of_another_one(coco, words):
    path = file_refused(coco, INSTEAD[words](coco.data), words)
    path.write_text(json.dumps(coco.data))
    read_file(coco, path)


def test_an_annotation_file_of_ours_needs_no_conversion_as_the_message_says(coco):
    coco.convert()
    ours = json.loads((coco.root / "out/annotations_torchvision.json").read_text())
    file_refused(coco, ours, "of this library, which needs no conversion")
    assert contents(read_annotations(coco.root / "out")) == ALL_GOOD


REGION = {
    "shape_attributes": {"name": "rect", "x": 40, "y": 15, "width": 20, "height": 20},
    "region_attributes": {"part": "x"},
}
VIA = {"a.png9": {"filename": "a.png", "size": 9, "regions": [REGION]}}
PLACE = {"x": 50, "y": 25, "width": 20, "height": 20}
STARTED = {  # what the message calls it: the file
    "LabelMe": {
        "imagePath": "a.png",
        "shapes": [{"label": "x", "shape_type": "rectangle", "points": [[40, 15], [60, 35]]}],
    },
    "a VIA project": {"_via_settings": {}, "_via_img_metadata": VIA},
    "VIA JSON": VIA,
    "CreateML": [{"image": "a.png", "annotations": [{"label": "x", "coordinates": PLACE}]}],
}


@pytest.mark.parametrize("kind", STARTED)
def test_labels_of_another_program_are_read_by_the_start_that_is_named(coco, kind):
    file_refused(coco, STARTED[kind], kind, "`dinofrcnn start` reads it, with its images")
    picture(coco.root / "set/a.png")
    (coco.root / "set/a.json").write_text(json.dumps(STARTED[kind]))
    (split,) = convert_layout(find_layout(coco.root / "set"), coco.root / "out")
    made = read_annotations(coco.root / "out" / split)
    assert contents(made) == {"a.png": [("x", *GOOD_BOX)]}


def test_a_coco_file_given_for_annotations_is_read_by_the_command_that_is_named(coco):
    assert command(coco) == 0
    path = coco.root / "out/instances.json"
    path.write_text(json.dumps(coco.data))
    meta = coco.root / "out/dataset_meta.json"
    meta.write_text('{"classes": ["x", "y"]}')
    with pytest.raises(UserError, match="if it is a COCO file, `dinofrcnn convert coco` reads it"):
        read_annotations(path)
    read_file(coco, path)


def test_class_names_that_are_not_there_written_as_the_message_shows(coco):
    coco.convert()
    meta = coco.root / "out/dataset_meta.json"
    meta.unlink()
    with pytest.raises(UserError, match="it should look like") as e:
        read_annotations(coco.root / "out")
    meta.write_text(str(e.value).rpartition("it should look like ")[2])
    assert read_annotations(coco.root / "out").classes == ["first", "second"]


def test_a_file_in_a_guessed_encoding_saved_in_utf_8(coco):
    coco.data["categories"][0]["name"] = "Tür"
    text = json.dumps(coco.data, ensure_ascii=False)
    path = coco.root / "given.json"
    path.write_bytes(text.encode("cp1252"))
    report = convert_coco(path, coco.root / "images", coco.root / "out")
    assert noted(report, "save it in UTF-8")
    path.write_text(text, encoding="utf-8")
    report = convert_coco(path, coco.root / "images", coco.root / "out", force=True)
    assert report.notes == []
    assert read_annotations(coco.root / "out").classes == ["Tür", "y"]


def test_a_file_without_annotations_given_with_them(coco):
    annotations = coco.data.pop("annotations")
    assert_said(coco, "no 'annotations'", "give the instances file of these images")
    assert coco.report.boxes.kept == 0
    coco.data["annotations"] = annotations
    assert_cured(coco, "no 'annotations'")


def test_a_file_that_names_no_image_given_with_images(coco):
    images = coco.data.pop("images")
    coco.data["images"] = []
    assert_refused(coco, "names no image")
    coco.data["images"] = images
    assert_cured(coco)


# ---------------------------------------------------------------- folders


def test_the_image_folder_that_was_meant(coco):
    wrong = coco.root / "image"
    assert_refused(coco, f"did you mean '{coco.root / 'images'}'?", image_dir=wrong)
    assert_cured(coco, image_dir=coco.root / "images")


def test_a_folder_that_holds_the_images_in_place_of_one_that_does_not(coco):
    (coco.root / "other").mkdir()
    assert_refused(coco, "not one of the 2 images is below", image_dir=coco.root / "other")
    assert_cured(coco, image_dir=coco.root / "images")


def test_names_that_are_relative_to_another_folder_and_that_folder(coco):
    (coco.root / "empty").mkdir()
    coco.data["images"].append(None)
    words = "image missing", "give the folder that these names are relative to"
    assert_refused(coco, *words, image_dir=coco.root / "empty")
    assert_cured(coco, "missing", image_dir=coco.root / "images")


@pytest.mark.parametrize("more", [["--force"], ["--output_dir", "elsewhere"]], ids=" ".join)
def test_an_output_that_exists_overwritten_or_left_alone(coco, more, capsys, monkeypatch):
    monkeypatch.chdir(coco.root)
    assert command(coco) == 0
    coco.data["annotations"].pop()
    assert command(coco) == 2
    said = capsys.readouterr().err
    assert "choose another output, or overwrite it with --force (force=True)" in said
    assert command(coco, *more) == 0
    out = coco.root / more[-1] if len(more) > 1 else coco.root / "out"
    assert contents(read_annotations(out))["b.png"] == []


def test_a_second_annotation_file_goes_to_the_folder_that_the_message_names(coco):
    path = coco.root / "i.json"
    path.write_text(json.dumps(coco.data))
    convert_coco(path, coco.root / "images", coco.root / "ann/train.json")
    with pytest.raises(UserError, match="choose another folder") as e:
        convert_coco(path, coco.root / "images", coco.root / "ann/val.json")
    folder = str(e.value).rpartition("for example '")[2].removesuffix("'")
    convert_coco(path, coco.root / "images", folder)
    for place in (folder, coco.root / "ann/train.json"):
        assert contents(read_annotations(place)) == ALL_GOOD


def test_an_output_called_as_what_lies_beside_it(coco):
    path = coco.root / "i.json"
    path.write_text(json.dumps(coco.data))
    with pytest.raises(UserError, match="choose another output"):
        convert_coco(path, coco.root / "images", coco.root / "ann/dataset_meta.json")
    convert_coco(path, coco.root / "images", coco.root / "ann/val.json")
    assert contents(read_annotations(coco.root / "ann/val.json")) == ALL_GOOD


@pytest.mark.parametrize("cure", ["convert again", "delete"])
def test_annotations_that_were_edited(coco, cure):
    coco.convert()
    path = coco.root / "out/annotations_torchvision.json"
    path.write_text(path.read_text().replace("a.png", "./a.png"))
    with pytest.raises(UserError, match=r'force=True\), or, .* delete "digest"'):
        read_annotations(path)
    if cure == "delete":
        meta = json.loads((coco.root / "out/dataset_meta.json").read_text())
        del meta["digest"]
        (coco.root / "out/dataset_meta.json").write_text(json.dumps(meta))
    else:
        coco.convert()
    assert len(read_annotations(path).records) == 2


def test_an_export_that_exists_overwritten_or_left_alone(coco):
    coco.convert()
    export_coco(coco.root / "out", coco.root / "back")
    with pytest.raises(UserError, match=r"choose another output, .* --force \(force=True\)"):
        export_coco(coco.root / "out", coco.root / "back")
    assert export_coco(coco.root / "out", coco.root / "back", force=True).boxes.kept == 3
    assert export_coco(coco.root / "out", coco.root / "again").boxes.kept == 3


# ---------------------------------------------------------------- images


@pytest.mark.parametrize(
    "bad, words",
    [(POINTER, "`git lfs pull` fetches it"), (b"<html>", "fetch the images again, or save them")],
)
def test_images_that_cannot_be_read_fetched_again(coco, bad, words):
    for name in "ab":
        (coco.root / f"images/{name}.png").write_bytes(bad)
    assert_refused(coco, "image unreadable", words)
    for name in "ab":
        picture(coco.root / f"images/{name}.png")
    assert_cured(coco, "unreadable")


def test_unsafe_names_written_relative_to_the_image_folder(coco):
    for entry in coco.data["images"]:
        entry["file_name"] = f"../../pictures/{entry['id']}.jpg"
    assert_refused(coco, "unsafe name", "write names relative to the image folder")
    coco.data["images"] = [coco.image(1, "a.png"), coco.image(2, "b.png")]
    assert_cured(coco, "unsafe")


@pytest.mark.parametrize("cure", ["images", "sizes"])
def test_images_of_another_size_than_those_that_were_labelled(coco, cure):
    for name in "ab":
        picture(coco.root / f"images/{name}.png", (70, 70))
    assert_refused(coco, "take the images that were labelled", "take width and height out")
    if cure == "images":
        for name in "ab":
            picture(coco.root / f"images/{name}.png")
    else:
        for entry in coco.data["images"]:
            del entry["width"], entry["height"]
    assert_cured(coco, "size")


def test_images_in_an_unknown_format_converted_to_jpeg(coco):
    coco.data["images"][1]["file_name"] = "b.jpg"
    (coco.root / "images/b.png").rename(coco.root / "images/b.cr2")
    assert_said(coco, "passed over: .cr2 (1)", "Convert them to JPEG")
    (coco.root / "images/b.cr2").unlink()
    picture(coco.root / "images/b.jpg")
    assert coco.convert()[1]["boxes"] == [GOOD_BOX]
    assert coco.report.notes == []


@pytest.mark.parametrize("cure", ["mend", "take out"])
def test_images_whose_boxes_were_all_dropped_mended_or_taken_out(coco, cure):
    bad = coco.data["annotations"][2]
    bad["bbox"] = [40, 15, 0, 20]
    assert_said(coco, "whose boxes were all dropped: 1", "mend their labels, or take them out")
    if cure == "mend":
        bad["bbox"] = [40, 15, 20, 20]
        assert_cured(coco, "all dropped")
        return
    coco.data["annotations"].pop()
    coco.data["images"].pop()
    assert [record["boxes"] for record in coco.convert()] == [[GOOD_BOX] * 2]
    assert not noted(coco.report, "all dropped")


# ---------------------------------------------------------------- categories and class lists


def test_one_category_id_at_two_names_given_ids_of_their_own(coco):
    coco.data["categories"][1]["id"] = 1
    assert_refused(coco, "give every category of the file an id of its own")
    coco.data["categories"][1]["id"] = 2
    assert_cured(coco)


@pytest.mark.parametrize("root", ["shapes", "Shapes", " sha pes "])
def test_a_supercategory_that_was_left_out_and_a_class_list_that_has_it(coco, root):
    coco.data["categories"].insert(0, {"id": 0, "name": root, "supercategory": "none"})
    for category in coco.data["categories"][1:]:
        category["supercategory"] = "shapes"
    name = " ".join(root.split())
    assert_said(coco, f"left out unless a class_list has them: {name}")
    assert coco.annotations.classes == ["x", "y"]
    assert_cured(coco, "supercategory", class_list=[name, "x", "y"])
    assert coco.annotations.classes == [name, "x", "y"]


def test_categories_of_one_name_and_a_class_list_that_has_it_once(coco):
    coco.data["categories"][1]["name"] = "x"
    assert_said(coco, "A class_list that has the name once makes them one class")
    coco.convert(class_list=["x"])
    assert coco.report.notes == []
    assert contents(coco.annotations)["a.png"] == [("x", *GOOD_BOX)] * 2


def test_unused_categories_left_out_and_a_class_list_for_all_splits(coco):
    (coco.root / "classes.txt").write_text("x\ny\nidle\n")
    coco.data["categories"].append({"id": 3, "name": "idle"})
    assert command(coco, "--drop_unused") == 0
    report = json.loads((coco.root / "out/conversion_report.json").read_text())
    said = "give all the same --class_list (class_list=...): idle"
    assert any(said in note for note in report["notes"])
    cure = ["--class_list", coco.root / "classes.txt", "--force"]
    assert command(coco, "--drop_unused", *cure) == 0
    assert read_annotations(coco.root / "out").classes == ["x", "y", "idle"]
    assert json.loads((coco.root / "out/conversion_report.json").read_text())["notes"] == []


def test_a_class_that_is_not_on_the_list_called_as_the_message_asks(coco):
    coco.convert(class_list=["X", "y"])
    assert coco.report.rows[0]["detail"] == "'x' (category_id 1), is it 'X'?"
    coco.data["categories"][0]["name"] = "X"
    coco.convert(class_list=["X", "y"])
    assert contents(coco.annotations)["a.png"] == [("X", *GOOD_BOX), ("y", *GOOD_BOX)]
    assert coco.report.clean


@pytest.mark.parametrize("class_list", [["x", "y"], None])
def test_a_class_list_of_other_labels_replaced_or_left_out(coco, class_list):
    words = "unknown class", "mend these classes in the labels, or the list that should name them"
    assert_refused(coco, *words, class_list=["cat", "dog"])
    assert_cured(coco, class_list=class_list)


@pytest.mark.parametrize("class_list", [["x", "y"], None])
def test_category_ids_that_the_file_does_not_list_and_then_does(coco, class_list):
    categories = coco.data.pop("categories")
    words = "unknown class", "'categories' has to list every category_id"
    assert_refused(coco, *words, class_list=class_list)
    coco.data["categories"] = categories
    assert_cured(coco, class_list=class_list)


LISTS = {  # a class list, the words of its refusal, and the list as these words want it
    "none.txt": (None, "give a text file with a name per line", "x\ny\n"),
    "empty.txt": ("\n", "holds no names", "x\ny\n"),
    "comment.txt": ("# all\nx\ny\n", "a comment, take it out", "x\ny\n"),
    "comma.txt": ("x,y\n", "give a text file with a name per line", "x\ny\n"),
    "wrong.json": ('{"a": {}}', "give a list or {id: name}", '["x", "y"]'),
    "map.json": ('{"a": {}}', "give a list or {id: name}", '{"0": "x", "1": "y"}'),
    "data.yaml": ("nc: 2\n", "no usable `names`: a list of names", "names: [x, y]\n"),
    "obj.data": ("classes = 2\n", "give the file with the names", "names = obj.names\n"),
    "latin.txt": ("x\nTür\n".encode("cp1252"), "save it as text in UTF-8", "x\nTür\ny\n"),
    "one.txt": ("1 x\n2 y\n", "write the names without numbers", "x\ny\n"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_class_list_that_is_refused_written_as_the_message_says(coco, name):
    bad, words, good = LISTS[name]
    (coco.root / "obj.names").write_text("x\ny\n")
    path = coco.root / name
    if bad is not None:
        path.write_bytes(bad if isinstance(bad, bytes) else bad.encode())
    assert_refused(coco, words, class_list=path)
    path.write_text(good, encoding="utf-8")
    assert_cured(coco, class_list=path)


def test_a_class_list_numbered_from_one_as_the_data_yaml_of_the_message(coco):
    (coco.root / "classes.txt").write_text("1 x\n2 y\n")
    words = "or a data.yaml with names: {1: ...}"
    assert_refused(coco, words, class_list=coco.root / "classes.txt")
    (coco.root / "data.yaml").write_text("names: {1: x, 2: y}\n")
    assert_cured(coco, class_list=coco.root / "data.yaml")


def test_a_class_list_without_an_order_given_one(coco):
    assert_refused(coco, "class_list is a set: give a file, a list of names", class_list={"x", "y"})
    assert_cured(coco, class_list={0: "x", 1: "y"})


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize("step, cure", [(-1, "add 1 to every"), (1, "take 1 from every")])
@pytest.mark.parametrize("key", ["category_id", "image_id"])
def test_ids_shifted_by_one_shifted_back(coco, key, step, cure):
    for row in coco.data["annotations"]:
        row[key] += step
    assert_said(coco, f"ids look shifted by one: {cure} {key}")
    assert coco.report.boxes.dropped > 0
    for row in coco.data["annotations"]:
        row[key] -= step
    assert_cured(coco, "shifted")


@pytest.mark.parametrize("key, reason", [("category_id", "class"), ("image_id", "image")])
def test_a_refusal_says_that_ids_are_shifted_by_one(coco, key, reason):
    coco.data["annotations"] = [coco.box(1, 1, 1)]
    coco.data["annotations"][0][key] = 0
    assert_refused(coco, f"unknown {reason}", f"ids look shifted by one: add 1 to every {key}")
    coco.data["annotations"][0][key] = 1
    assert coco.convert()[0]["boxes"] == [GOOD_BOX]


def test_images_and_labels_of_one_export(coco):
    for row in coco.data["annotations"]:
        row["image_id"] += 70
    assert_refused(coco, "unknown image", "take the labels and the images of one export")
    for row in coco.data["annotations"]:
        row["image_id"] -= 70
    assert_cured(coco)


# ---------------------------------------------------------------- boxes


def with_boxes(coco, boxes):
    "Both images with these bboxes in turn, without areas."
    rows = enumerate(boxes)
    coco.data["annotations"] = [coco.box(i, 1 + i % 2, 1, box) for i, box in rows]
    for row in coco.data["annotations"]:
        del row["area"]
    return [box for record in coco.convert() for box in record["boxes"]]


def test_rows_of_another_format_exported_in_this_one(coco):
    for row in coco.data["annotations"]:
        row["bbox"] = [40, 15, 20]
    assert_refused(coco, "bad row", "export boxes in the format you name here")
    for row in coco.data["annotations"]:
        row["bbox"] = [40, 15, 20, 20]
    assert_cured(coco)


def test_boxes_outside_their_images_and_the_images_that_were_labelled(coco):
    for row in coco.data["annotations"]:
        row["bbox"] = [340, 215, 20, 20]
    assert_refused(coco, "outside image", "take the images that were labelled")
    for entry in coco.data["images"]:
        picture(coco.root / "images" / entry["file_name"], (400, 300))
        entry.update(width=400, height=300)
    assert [len(record["boxes"]) for record in coco.convert()] == [2, 1]
    assert coco.report.clean


def test_most_boxes_outside_and_images_of_the_size_that_is_asked_for(coco):
    for row in coco.data["annotations"][:2]:
        row["bbox"] = [340, 215, 20, 20]
    assert_said(coco, "do the labels belong to images of this size?")
    for entry in coco.data["images"]:
        picture(coco.root / "images" / entry["file_name"], (400, 300))
        entry.update(width=400, height=300)
    assert [len(record["boxes"]) for record in coco.convert()] == [2, 1]
    assert coco.report.notes == []


def test_what_may_be_corners_written_as_sides(coco):
    with_boxes(coco, [[50, 10, 70, 40]])
    assert noted(coco.report, "bbox may hold corners")
    assert noted(coco.report, "If so, take x1 from x2 and y1 from y2")
    assert with_boxes(coco, [[50, 10, 70 - 50, 40 - 10]]) == [[50, 10, 70, 40]]
    assert not noted(coco.report, "corners")


def test_what_may_be_fractions_written_in_pixels(coco):
    with_boxes(coco, [[0.4, 0.3, 0.2, 0.4]])
    assert noted(coco.report, "bbox may hold fractions")
    assert noted(coco.report, "If so, multiply them by width and height")
    assert with_boxes(coco, [[0.4 * W, 0.3 * H, 0.2 * W, 0.4 * H]]) == [GOOD_BOX]
    assert not noted(coco.report, "fractions")


def large_images(coco):
    "Three larger images, with boxes in percent of them."
    coco.data["images"] = []
    for i in range(3):
        picture(coco.root / f"images/{i}.png", (400, 300))
        entry = {"id": i, "file_name": f"{i}.png", "width": 400, "height": 300}
        coco.data["images"].append(entry)
    percent = [[x, x, 50, 40.5] for x in range(25, 49, 2)] + [[0, 0, 95, 92]]
    rows = enumerate(percent)
    coco.data["annotations"] = [coco.box(i, i % 3, 1, box) for i, box in rows]
    for row in coco.data["annotations"]:
        del row["area"]


def test_what_may_be_percentages_written_in_pixels(coco):
    large_images(coco)
    assert_said(coco, "may hold percentages", "divide by 100 and multiply by width and height")
    for row in coco.data["annotations"]:
        x, y, w, h = row["bbox"]
        row["bbox"] = [x / 100 * 400, y / 100 * 300, w / 100 * 400, h / 100 * 300]
    assert coco.convert()[0]["boxes"][0] == [100, 75, 300, 196.5]
    assert not noted(coco.report, "percentages")


def test_an_angle_called_rotation(coco):
    row = coco.data["annotations"][0]
    row.update(bbox=[30, 20, 40, 10], angle=90)
    assert_said(coco, "carry an 'angle', which was not read: 1", "call it 'rotation'", "in degrees")
    row["rotation"] = row.pop("angle")
    assert coco.convert()[0]["boxes"][0] == [45, 5, 55, 45]
    assert not noted(coco.report, "'angle'")


@pytest.mark.parametrize("flag", ["iscrowd", "ignore"])
def test_a_file_of_crowds_only_set_to_objects(coco, flag):
    for row in coco.data["annotations"]:
        row[flag] = 1
    assert_said(coco, "all annotations are crowds", "set both to 0 where a box is around one")
    for row in coco.data["annotations"]:
        row[flag] = 0
    assert_cured(coco, "crowds")
    assert coco.annotations.records[0]["iscrowd"] == [0, 0]


def test_crowds_are_refused_by_a_format_that_cannot_say_them_and_written_as_coco(coco):
    for row in coco.data["annotations"]:
        row["iscrowd"] = 1
    coco.convert()
    with pytest.raises(UserError, match="write COCO, which can say it"):
        export_yolo(coco.root / "out", coco.root / "back")
    export_coco(coco.root / "out", coco.root / "back")
    data = json.loads((coco.root / "back/instances.json").read_text())
    assert [row["iscrowd"] for row in data["annotations"]] == [1, 1, 1]


@pytest.mark.parametrize("area", [0, 442, 3.9])
def test_areas_that_cannot_be_and_those_of_the_boxes(coco, area):
    coco.data["annotations"][0]["area"] = area
    assert_said(coco, "That of the box was taken")
    assert coco.annotations.records[0]["area"] == [400, 400]
    coco.data["annotations"][0]["area"] = 400
    assert_cured(coco, "areas")


def test_detections_given_a_file_of_labels_instead(coco):
    for row in coco.data["annotations"]:
        row["score"] = 0.5
    assert_said(coco, "These look like detections, not labels")
    for row in coco.data["annotations"]:
        del row["score"]
    assert_cured(coco, "score")


def test_one_image_id_at_two_files_given_ids_of_their_own(coco):
    coco.data["images"][1]["id"] = 1
    coco.data["annotations"] = [coco.box(1, 1, 1)]
    assert_refused(coco, "image_id 1 stands at 'a.png' and 'b.png'")
    coco.data["images"][1]["id"] = 2
    assert [record["boxes"] for record in coco.convert()] == [[GOOD_BOX], []]
    assert reasons(coco.report) == []
