"File names in other people's label files stay inside the image folder."

import json

import pytest
from PIL import Image

from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.labels.images import image_path, safe_name
from dinofrcnn.labels.voc import convert_voc
from dinofrcnn.labels.yolo import convert_yolo
from dinofrcnn.runtime import UserError


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images/a.png")
    Image.new("RGB", (20, 10)).save(tmp_path / "secret.png")
    return tmp_path / "images"


def coco_report(images, *names):
    "The report of a COCO file that lists `a.png` and some more names."
    entries = [
        {"id": i, "file_name": name, "width": 20, "height": 10}
        for i, name in enumerate(["a.png", *names])
    ]
    instances = {"images": entries, "annotations": [], "categories": []}
    path = images.parent / "i.json"
    path.write_text(json.dumps(instances))
    return convert_coco(path, images, images.parent / "out", force=True)


def reasons(report):
    return [row["reason"] for row in report.rows]


ABSOLUTE = [
    "/etc/passwd",
    "//host/share/a.png",
    "C:\\pictures\\a.png",
    "c:a.png",
    "\\\\host\\a.png",
]
LEAVING = [
    "../secret.png",
    "a/../../secret.png",
    "..",
    "night/..",
    "..\\secret.png",
    "./../secret.png",
]
NO_NAMES = ["", "  ", ".", "./", None, 7, ["a.png"], "a\0.png", "a\n.png", "\ud800.png"]


@pytest.mark.parametrize("name", ABSOLUTE)
def test_absolute_file_name_is_refused(images, name):
    with pytest.raises(UserError, match="absolute"):
        image_path(images, name)


@pytest.mark.parametrize("name", LEAVING)
def test_dot_dot_in_file_name_is_refused(images, name):
    with pytest.raises(UserError, match=r"\.\."):
        image_path(images, name)


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_is_refused(images, name):
    with pytest.raises(UserError):
        image_path(images, name)


HARMLESS = [
    ("night\\a.png", "night/a.png"),
    ("./a.png", "a.png"),
    ("night//a.png", "night/a.png"),
    ("a..b.png", "a..b.png"),
    ("Kran é 1.jpg", "Kran é 1.jpg"),
]


@pytest.mark.parametrize("name, plain", HARMLESS)
def test_harmless_names_become_plain(name, plain):
    assert safe_name(name) == plain


def test_backslashes_in_coco_are_read_as_slashes(images):
    (images / "night").mkdir()
    Image.new("RGB", (20, 10)).save(images / "night/b.png")
    report = coco_report(images, "night\\b.png")
    assert report.clean
    assert read_annotations(images.parent / "out").records[1]["file_name"] == "night/b.png"


@pytest.mark.parametrize("name", ABSOLUTE + LEAVING)
def test_unsafe_name_in_coco_is_dropped_with_its_reason(images, name):
    report = coco_report(images, name)
    assert reasons(report) == ["unsafe name"]
    assert report.images.kept == 1


def test_symlink_out_of_the_image_folder_is_refused(images):
    (images / "b.png").symlink_to(images.parent / "secret.png")
    with pytest.raises(UserError, match="through a link"):
        image_path(images, "b.png")


def test_symlinked_folder_out_of_the_image_folder_is_refused(images):
    (images / "up").symlink_to(images.parent)
    with pytest.raises(UserError, match="through a link"):
        image_path(images, "up/secret.png")


def test_folder_whose_name_only_begins_alike_is_outside(images):
    (images.parent / "images2").mkdir()
    (images / "b").symlink_to(images.parent / "images2")
    with pytest.raises(UserError, match="through a link"):
        image_path(images, "b/a.png")


def test_symlink_inside_the_image_folder_is_fine(images):
    (images / "b.png").symlink_to(images / "a.png")
    assert image_path(images, "b.png").is_file()


def test_symlinked_image_folder_itself_is_fine(images):
    (images.parent / "link").symlink_to(images)
    assert image_path(images.parent / "link", "a.png").is_file()


def test_symlink_out_of_the_folder_is_reported_by_every_converter(images):
    (images / "b.png").symlink_to(images.parent / "secret.png")
    labels = images.parent / "labels"
    labels.mkdir()
    for stem in "ab":
        (labels / f"{stem}.txt").write_text("0 .5 .5 .5 .5")
        (labels / f"{stem}.xml").write_text("<annotation/>")
    reports = [
        coco_report(images, "b.png"),
        convert_yolo(labels, images, images.parent / "y"),
        convert_voc(labels, images, images.parent / "v"),
    ]
    for report in reports:
        assert {r["reason"] for r in report.rows if r["item"] == "image"} == {"unsafe name"}


def test_split_list_that_leaves_the_folder_is_dropped(images):
    split = images.parent / "train.txt"
    split.write_text(f"a.png\n../secret.png\n/etc/passwd\n{images}/a.png\n")
    report = convert_yolo(images, images, images.parent / "out", split_file=split)
    assert report.images.found == 3  # a.png is named twice
    assert reasons(report) == ["unsafe name", "unsafe name"]


def test_voc_filename_that_leaves_the_folder_is_dropped(images):
    voc = images.parent / "voc"
    voc.mkdir()
    (voc / "a.xml").write_text("<annotation/>")
    leaving = "<annotation><filename>../secret.png</filename></annotation>"
    (voc / "gone.xml").write_text(leaving)
    assert reasons(convert_voc(voc, images, images.parent / "out")) == ["unsafe name"]


def test_unsafe_name_in_an_annotation_file_is_refused_on_reading(tmp_path):
    record = {"file_name": "../a.png", "width": 1, "height": 1, "boxes": [], "labels": []}
    (tmp_path / "annotations_torchvision.json").write_text(json.dumps([record]))
    (tmp_path / "dataset_meta.json").write_text('{"classes": ["a"]}')
    with pytest.raises(UserError, match=r"record 0 .*\.\."):
        read_annotations(tmp_path)


def test_circle_of_links_ends(images):
    (images / "again").symlink_to(images)
    report = convert_yolo(images, images, images.parent / "out")
    assert report.images.found == 1
