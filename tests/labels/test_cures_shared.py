"What a message that all formats share prescribes, done: the error, or the note, is gone."

import pytest
from label_sets import GOOD, GOOD_BOX, Coco, Voc, Yolo, noted, picture, reasons

from dinofrcnn.cli import main
from dinofrcnn.data.layouts import convert_layout, find_layout
from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.labels.files import need_folder, read_class_list, split_entries
from dinofrcnn.labels.voc import convert_voc
from dinofrcnn.labels.yolo import convert_yolo, export_yolo
from dinofrcnn.runtime import UserError

CAT_AND_DOG = {0: "cat", 1: "dog"}
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n"


def kept(root):
    return [record["boxes"] for record in read_annotations(root / "out").records]


# ---------------------------------------------------------------- class lists

PLAIN = ("classes.txt", "cat\ndog\n")
LISTS = {  # name and text of a list: the words of its refusal, the list as they say
    ("classes.txt", "- cat\n- dog\n"): (
        "YAML, save it as data.yaml",
        ("data.yaml", "- cat\n- dog\n"),
    ),
    ("classes.txt", "names:\n  0: cat\n  1: dog\n"): (
        "YAML, save it as data.yaml",
        ("data.yaml", "names:\n  0: cat\n  1: dog\n"),
    ),
    ("classes.txt", "classes = 2\nvalid = a.txt\n"): ("a line of another syntax", PLAIN),
    ("classes.txt", f"{GOOD}\n{GOOD}\n"): ("a row of a label file", PLAIN),
    ("classes.txt", "images/a.jpg\nimages/b.jpg\n"): ("give a text file with a name per", PLAIN),
    ("classes.txt", "cat,dog\n"): ("has commas in line 1: 'cat,dog'", PLAIN),
    ("classes.txt", "1 cat\n2 dog\n"): (
        "write the names without numbers if they count from 0",
        PLAIN,
    ),
    ("classes.txt", b"cat\nd\xf6g\n"): ("line 2 cannot be read: .*: save it as text", PLAIN),
    ("classes.json", '{"cat": "small"}'): (
        "give a list or {id: name}",
        ("classes.json", '{"0": "cat", "1": "dog"}'),
    ),
    ("data.yaml", "nc: 2\n"): (
        "has no usable `names`: a list of names, or a dict",
        ("data.yaml", "nc: 2\nnames: [cat, dog]\n"),
    ),
    ("obj.data", "classes = 2\n"): (
        "no line `names = ...`: give the file with the names",
        ("obj.names", "cat\ndog\n"),
    ),
    ("obj.data", "names = data/my.names\n"): (
        "my.names, which is not there: give that file instead",
        ("my.names", "cat\ndog\n"),
    ),
    ("classes.txt", ""): ("holds no names", PLAIN),
    ("classes.txt", None): ("is not there: give a text file with a name per line", PLAIN),
}


@pytest.mark.parametrize("broken", LISTS)
def test_class_list_written_as_its_refusal_says_is_read(tmp_path, broken):
    words, cured = LISTS[broken]
    for (name, text), refusal in ((broken, words), (cured, None)):
        if text is not None:
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        if refusal:
            with pytest.raises(UserError, match=refusal):
                read_class_list(tmp_path / name)
        else:
            assert read_class_list(tmp_path / name) == CAT_AND_DOG


def test_numbers_from_1_that_are_ids_are_written_as_the_refusal_says(tmp_path):
    (tmp_path / "classes.txt").write_text("1 cat\n2 dog\n")
    with pytest.raises(UserError, match=r"or a data.yaml with names: \{1: ...\}"):
        read_class_list(tmp_path / "classes.txt")
    (tmp_path / "data.yaml").write_text("names: {1: cat, 2: dog}")
    assert read_class_list(tmp_path / "data.yaml") == {1: "cat", 2: "dog"}


def test_class_list_without_order_is_given_as_a_list():
    with pytest.raises(UserError, match="class_list is a set: give a file, a list of names, or"):
        read_class_list({"cat", "dog"})
    assert read_class_list(["cat", "dog"]) == CAT_AND_DOG


def test_class_list_is_put_where_the_note_says(yolo):
    yolo.add("a", GOOD)
    yolo.convert(None)
    assert noted(yolo.report, "Put a classes.txt, a name per line, beside the labels, or give")
    (yolo.labels / "classes.txt").write_text("cat\n")
    yolo.convert(None)
    assert read_annotations(yolo.root / "out").classes == ["cat"]
    assert not noted(yolo.report, "Put a classes.txt")


def test_class_list_is_given_as_the_note_says(yolo):
    yolo.add("a", GOOD)
    (yolo.root / "cats").write_text("cat\n")
    yolo.convert(None)
    assert noted(yolo.report, "give --class_list (class_list=...)")
    folders = ["--yolo_dir", yolo.labels, "--image_dir", yolo.images, "--force"]
    output = ["--output_dir", yolo.root / "out", "--class_list", yolo.root / "cats"]
    assert main(["convert", "yolo", *map(str, folders + output)]) == 0
    assert read_annotations(yolo.root / "out").classes == ["cat"]


def test_note_on_the_class_list_can_be_followed_where_start_prints_it(tmp_path):
    (tmp_path / "set").mkdir()
    yolo = Yolo(tmp_path / "set")
    yolo.add("a", GOOD)
    [(_, report)] = convert_layout(find_layout(yolo.root), tmp_path / "out").values()
    assert noted(report, "Put a classes.txt, a name per line, beside the labels")
    (yolo.labels / "classes.txt").write_text("cat\n")
    [(_, report)] = convert_layout(find_layout(yolo.root), tmp_path / "out").values()
    assert report.classes == {"cat": 1}
    assert not noted(report, "Put a classes.txt")


def test_list_in_yaml_is_a_class_list_also_for_start(tmp_path):
    (tmp_path / "set").mkdir()
    yolo = Yolo(tmp_path / "set")
    yolo.add("a", GOOD)
    (yolo.labels / "data.yaml").write_text("- cat\n- dog\n")
    [(_, report)] = convert_layout(find_layout(yolo.root), tmp_path / "out").values()
    assert report.classes == {"cat": 1, "dog": 0}


@pytest.mark.parametrize("row, classes", [("1", ["a", "b"]), ("7", list("abcdefgh"))])
def test_ids_of_which_none_is_known_are_mended_or_added(yolo, row, classes):
    yolo.add("a", "7 0.5 0.5 0.2 0.4")
    with pytest.raises(UserError, match="class 7 is not in the class list of 2.*mend these cl"):
        yolo.convert(["a", "b"])
    assert yolo.rows(f"{row} 0.5 0.5 0.2 0.4\n{GOOD}", class_list=classes) == [GOOD_BOX] * 2


# ---------------------------------------------------------------- folders and lists of images


def test_folder_that_is_meant_is_the_one_named(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="'.*imagse' does not exist: did you mean '.*/images'"):
        need_folder(tmp_path / "imagse", "image folder")
    assert need_folder(tmp_path / "images", "image folder") == tmp_path / "images"


def test_split_list_that_is_not_there_is_written(tmp_path):
    with pytest.raises(UserError, match="split file '.*train.txt' is not there"):
        split_entries(tmp_path / "train.txt")
    (tmp_path / "train.txt").write_text("a.png\n\n")
    assert split_entries(tmp_path / "train.txt") == ["a.png"]


def test_images_that_cannot_be_read_are_converted_as_the_note_says(yolo):
    yolo.add("a", GOOD)
    (yolo.images / "b.heic").write_bytes(b"x")
    yolo.label("b", GOOD)
    yolo.convert()
    assert noted(yolo.report, "Convert them to JPEG") and len(kept(yolo.root)) == 1
    (yolo.images / "b.heic").unlink()
    picture(yolo.images / "b.jpg")
    yolo.convert()
    assert not noted(yolo.report, "JPEG") and len(kept(yolo.root)) == 2


def test_list_of_other_images_is_exchanged_for_that_of_these(yolo):
    yolo.add("a", GOOD)
    (yolo.root / "train.txt").write_text("x.png\n")
    with pytest.raises(UserError, match="train.txt' names is below '.*images': the first is 'x"):
        yolo.convert(split_file=yolo.root / "train.txt")
    (yolo.root / "train.txt").write_text("a.png\n")
    yolo.convert(split_file=yolo.root / "train.txt")
    assert kept(yolo.root) == [[GOOD_BOX]]


def test_wrong_label_folder_is_exchanged_for_the_right_one(yolo):
    yolo.add("a", GOOD)
    yolo.label("others/x", GOOD)
    with pytest.raises(UserError, match="none of the 1 label files below '.*others' belongs to"):
        yolo.convert(yolo_dir=yolo.labels / "others")
    yolo.convert()
    assert kept(yolo.root) == [[GOOD_BOX]]


def test_wrong_image_folder_is_exchanged_for_the_right_one(yolo):
    yolo.add("a", GOOD)
    with pytest.raises(UserError, match="there are no images below '.*labels'"):
        yolo.convert(image_dir=yolo.labels)
    yolo.convert()
    assert kept(yolo.root) == [[GOOD_BOX]]


def test_labels_of_another_format_are_converted_as_the_refusal_says(voc):
    with pytest.raises(UserError, match=r"no YOLO label file .* 'a.xml': .xml is VOC \(convert v"):
        convert_yolo(voc.root / "xml", voc.root / "images", voc.root / "out")
    convert_voc(voc.root / "xml", voc.root / "images", voc.root / "out")
    assert kept(voc.root) == [[GOOD_BOX]]


# ---------------------------------------------------------------- nothing was kept


def test_wrong_image_folder_of_coco_is_exchanged_for_the_right_one(coco):
    (coco.root / "other").mkdir()
    with pytest.raises(UserError, match=r"not one of the 2 images is below '.*other': the first i"):
        coco.convert(image_dir=coco.root / "other")
    assert len(coco.convert()) == 2


@pytest.fixture
def elsewhere(coco):
    "Two images whose folder was not given, and a damaged one that is there."
    (coco.root / "other").mkdir()
    (coco.root / "other/c.png").write_bytes(b"<html>")
    coco.data["images"].append(coco.image(3, "c.png"))
    return coco


def test_missing_images_are_found_in_the_folder_their_names_are_relative_to(elsewhere):
    with pytest.raises(UserError, match="give the folder that these names are relative to"):
        elsewhere.convert(image_dir=elsewhere.root / "other")
    assert len(elsewhere.convert()) == 2


def test_damaged_images_are_saved_again(coco):
    for name in "ab":
        (coco.root / f"images/{name}.png").write_bytes(b"<html>")
    with pytest.raises(UserError, match="fetch the images again, or save them as JPEG or PNG"):
        coco.convert()
    for name in "ab":
        picture(coco.root / f"images/{name}.png")
    assert len(coco.convert()) == 2 and coco.report.clean


def test_pointers_of_git_lfs_are_fetched(coco):
    for name in "ab":
        (coco.root / f"images/{name}.png").write_text(POINTER)
    with pytest.raises(UserError, match="`git lfs pull` fetches it"):
        coco.convert()
    for name in "ab":
        picture(coco.root / f"images/{name}.png")
    assert len(coco.convert()) == 2 and coco.report.clean


def test_unsafe_names_are_written_relative_to_the_folder(coco):
    for image in coco.data["images"]:
        image["file_name"] = f"../{image['id']}.png"
    with pytest.raises(UserError, match="write names relative to the image folder"):
        coco.convert()
    for image, name in zip(coco.data["images"], ("a.png", "b.png"), strict=True):
        image["file_name"] = name
    assert len(coco.convert()) == 2 and coco.report.clean


def test_boxes_of_another_export_are_exchanged(coco):
    for row in coco.data["annotations"]:
        row["image_id"] += 70
    with pytest.raises(UserError, match="take the labels and the images of one export"):
        coco.convert()
    for row in coco.data["annotations"]:
        row["image_id"] -= 70
    assert coco.convert()[1]["boxes"] == [GOOD_BOX] and coco.report.clean


def test_rows_of_another_format_are_exported_again(yolo):
    with pytest.raises(UserError, match="export boxes in the format you name here"):
        yolo.rows("0 .5 .5 .2")
    assert yolo.rows(GOOD) == [GOOD_BOX]


def test_images_of_another_size_are_exchanged_for_those_that_were_labelled(voc):
    voc.add("a", voc.thing(box=voc.corners(301, 101, 310, 120)))
    with pytest.raises(UserError, match="take the images that were labelled"):
        voc.convert()
    picture(voc.root / "images/a.png", (400, 200))
    assert voc.convert()[0]["boxes"] == [[300, 100, 310, 120]]


@pytest.mark.parametrize("corners", [(60, 16, 41, 35), (41, 16, 40, 35), ("nan", 16, 60, 35)])
def test_boxes_that_are_none_are_mended_where_the_refusal_says(voc, corners):
    voc.add("a", voc.thing(box=voc.corners(*corners)))
    with pytest.raises(UserError, match="a.xml object 1.*: look at the labels of that one first"):
        voc.convert()
    assert voc.boxes(voc.thing()) == [GOOD_BOX] and voc.report.clean


def test_images_outside_of_the_folder_are_listed_relative_to_it(yolo):
    yolo.add("a", GOOD)
    picture(yolo.root / "b.png")
    (yolo.root / "train.txt").write_text("b.png\nc.png\n")
    with pytest.raises(UserError, match="not one of the 2 images that '.*train.txt' names is bel"):
        yolo.convert(split_file=yolo.root / "train.txt")
    (yolo.root / "b.png").rename(yolo.images / "b.png")
    (yolo.root / "train.txt").write_text("a.png\nb.png\n")
    yolo.convert(split_file=yolo.root / "train.txt")
    assert kept(yolo.root) == [[GOOD_BOX], []] and yolo.report.clean


# ---------------------------------------------------------------- notes on the whole


def test_images_of_another_size_are_noted_and_exchanged(voc):
    outside = voc.thing(box=voc.corners(301, 101, 310, 120))
    voc.boxes(outside, outside, voc.thing())
    assert noted(voc.report, "do the labels belong to images of this size?")
    picture(voc.root / "images/a.png", (400, 200))
    assert len(voc.convert()[0]["boxes"]) == 3
    assert voc.report.clean and not noted(voc.report, "this size")


def test_images_whose_boxes_were_dropped_are_mended_or_taken_out(yolo):
    yolo.add("a", "0 3 3 .1 .1")
    yolo.add("b", GOOD)
    yolo.convert()
    assert noted(yolo.report, "teach 'nothing is here': mend their labels, or take them out")
    yolo.label("a", GOOD)
    yolo.convert()
    assert kept(yolo.root) == [[GOOD_BOX]] * 2 and yolo.report.notes[1:] == []
    (yolo.labels / "a.txt").unlink()
    (yolo.images / "a.png").unlink()
    yolo.convert()
    assert kept(yolo.root) == [[GOOD_BOX]] and yolo.report.notes[1:] == []


def test_class_names_that_differ_by_case_are_made_one(voc):
    voc.boxes(voc.thing("Bolt"), voc.thing("bolt"), class_list=None)
    assert noted(voc.report, "class names that differ only by case or blanks: Bolt, bolt")
    voc.boxes(voc.thing("bolt"), voc.thing("bolt"), class_list=None)
    assert voc.report.classes == {"bolt": 2} and not noted(voc.report, "differ only")


@pytest.mark.parametrize("format", ["coco", "voc"])
def test_images_nobody_mentions_are_labelled(tmp_path, format):
    data = Coco(tmp_path) if format == "coco" else Voc(tmp_path)
    picture(tmp_path / "images/c.png")
    data.convert()
    assert noted(data.report, "images the labels do not mention: 1, not converted")
    if format == "coco":
        data.data["images"].append(data.image(3, "c.png"))
    else:
        data.add("c", "")
    data.convert()
    assert not noted(data.report, "do not mention")
    assert [] in kept(tmp_path)


# ---------------------------------------------------------------- six columns


def test_sixth_column_is_taken_out_or_explained(yolo):
    with pytest.raises(UserError, match="take the sixth out, or convert with --sixth_column conf"):
        yolo.rows(f"{GOOD} 0.9")
    assert yolo.rows(GOOD) == [GOOD_BOX]
    assert yolo.rows(f"{GOOD} 0.9", sixth_column="confidence") == [GOOD_BOX]


# ---------------------------------------------------------------- writing


def test_second_annotation_file_goes_where_the_refusal_says(coco):
    coco.convert()
    first, second = coco.root / "out/annotations_torchvision.json", coco.root / "out/val.json"
    arguments = (coco.root / "i.json", coco.root / "images")
    with pytest.raises(UserError, match="for example '.*out/val'"):
        convert_coco(*arguments, second)
    convert_coco(*arguments, coco.root / "out/val")
    assert read_annotations(coco.root / "out/val").classes == read_annotations(first).classes


@pytest.mark.parametrize("cure", ["--force", "another output"])
def test_existing_output_is_overwritten_or_another_is_chosen(yolo, cure):
    yolo.add("a", GOOD)
    yolo.convert()
    arguments = (yolo.labels, yolo.images)
    with pytest.raises(UserError, match=r"choose another output, or overwrite it with --force \("):
        convert_yolo(*arguments, yolo.root / "out")
    place = yolo.root / ("out" if cure == "--force" else "other")
    assert convert_yolo(*arguments, place, force=cure == "--force").boxes.kept == 1


def test_images_of_one_stem_are_renamed_to_be_written(yolo):
    yolo.add("a", GOOD)
    picture(yolo.images / "a.jpg")
    yolo.convert()
    with pytest.raises(UserError, match=r"would be called 'a.txt': .* so rename one"):
        export_yolo(yolo.root / "out", yolo.root / "back")
    (yolo.images / "a.jpg").rename(yolo.images / "b.jpg")
    yolo.label("b", GOOD)
    yolo.convert()
    export_yolo(yolo.root / "out", yolo.root / "back")
    yolo.convert(None, yolo_dir=yolo.root / "back")
    assert kept(yolo.root) == [[GOOD_BOX]] * 2 and reasons(yolo.report) == []
