"Pascal VOC: corners become edges, files find their images, dangerous XML is refused."

import pytest
from label_sets import CORNERS, GOOD_BOX, Voc, W, noted, picture, reasons

from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.voc import convert_voc
from dinofrcnn.runtime import UserError


@pytest.fixture
def voc(tmp_path):
    return Voc(tmp_path)


def test_voc_one_based_inclusive_corners_become_edges(voc):
    assert voc.convert()[0]["boxes"] == [GOOD_BOX]
    assert voc.report.clean


def test_voc_zero_based_corners_are_taken_as_they_are(voc):
    assert voc.boxes(voc.thing(box=voc.corners(*GOOD_BOX)), zero_based=True) == [GOOD_BOX]


def test_voc_first_pixel_alone_has_an_area(voc):
    assert voc.boxes(voc.thing(box=voc.corners(1, 1, 1, 1))) == [[0, 0, 1, 1]]


def test_voc_corner_at_zero_leads_to_a_guess(voc):
    voc.boxes(voc.thing(box=voc.corners(0, 0, 10, 10)))
    assert noted(voc.report, "--zero_based")
    assert reasons(voc.report) == ["clipped"]


def test_voc_corners_that_never_are_zero_lead_to_a_guess(voc):
    voc.boxes(*[voc.thing(box=voc.corners(1, 5, 10, 10))] * 4, zero_based=True)
    assert noted(voc.report, "look 1-based")


def test_voc_float_coordinates(voc):
    thing = voc.thing(box=voc.corners(41.5, "16.25", 60, 3.5e1))
    assert voc.boxes(thing) == [[40.5, 15.25, 60, 35]]


def test_voc_any_tag_order(voc):
    corners = "<ymax>35</ymax><xmax>60</xmax><ymin>16</ymin><xmin>41</xmin>"
    thing = f"<object><bndbox>{corners}</bndbox><name> x </name></object>"
    assert voc.boxes(thing) == [GOOD_BOX]


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size/>",
        "<size><width>0</width><height>0</height></size>",
        "<size><width>x</width></size>",
    ],
)
def test_voc_missing_size_is_read_from_the_image(voc, size):
    voc.add("a", size + voc.thing())
    assert voc.convert()[0]["width"] == W
    assert voc.report.clean


def test_voc_difficult_and_truncated_are_kept(voc):
    difficult = voc.thing(more="<difficult>1</difficult>")
    truncated = voc.thing(more="<truncated>1</truncated>")
    voc.add("a", difficult + truncated)
    record = voc.convert()[0]
    assert (record["difficult"], record["truncated"]) == ([1, 0], [0, 1])


def test_voc_part_inside_object_is_ignored(voc):
    part = f"<part><name>y</name>{voc.corners(1, 1, 9, 9)}</part>"
    assert voc.boxes(f"<object>{part}<name>x</name>{CORNERS}</object>") == [GOOD_BOX]


def test_voc_filename_that_disagrees_with_the_file(voc):
    picture(voc.root / "images/b.png")
    voc.add("a", "<filename>b.png</filename>" + voc.thing())
    assert voc.convert()[0]["file_name"] == "a.png"
    assert noted(voc.report, "<filename>")


def test_voc_filename_decides_when_no_image_has_the_name_of_the_file(voc):
    picture(voc.root / "images/IMG_7.JPG")
    voc.add("b", "<filename>IMG_7.JPG</filename>", image=False)
    assert voc.convert()[1]["file_name"] == "IMG_7.JPG"


def test_voc_object_free_file_is_background(voc):
    voc.add("a", "")
    assert voc.convert()[0]["boxes"] == []
    assert voc.report.background == {"no boxes": 1}


def test_voc_nested_folders_with_the_same_stem(voc):
    voc.add("n/a", voc.thing("y"))
    labels = {record["file_name"]: record["labels"] for record in voc.convert()}
    assert labels == {"a.png": [0], "n/a.png": [1]}


def test_voc_image_described_twice_counts_once(voc):
    voc.add("copy/a", image=False)
    voc.convert()
    assert voc.report.images.kept == 1
    assert reasons(voc.report, "image") == ["duplicate image"]


def test_voc_split_file(voc):
    for stem in "bc":
        voc.add(stem)
    (voc.root / "train.txt").write_text("a\nc  -1\ngone\n")
    records = voc.convert(split_file=voc.root / "train.txt")
    assert [record["file_name"] for record in records] == ["a.png", "c.png"]
    assert reasons(voc.report, "image") == ["label file missing"]


def test_voc_classes_are_sorted_and_said(voc):
    voc.add("b", voc.thing("Bus"))
    voc.convert(None)
    assert read_annotations(voc.root / "out").classes == ["Bus", "x"]
    assert noted(voc.report, "alphabetical")


def test_voc_class_outside_the_list_names_the_nearest(voc):
    voc.boxes(voc.thing("Tower crain"), class_list=["Tower crane"])
    assert "is it 'Tower crane'?" in voc.report.rows[0]["detail"]


@pytest.mark.parametrize(
    "thing, reason",
    [
        (Voc.thing(box=""), "bad row"),
        (Voc.thing(box="<bndbox><xmin>1</xmin></bndbox>"), "bad row"),
        (Voc.thing(box=Voc.corners("a", 1, 2, 3)), "bad row"),
        (Voc.thing(name=""), "unknown class"),
        (Voc.thing(box=Voc.corners("nan", 1, 2, 3)), "not finite"),
        (Voc.thing(box=Voc.corners(20, 10, 10, 20)), "inverted"),
        (Voc.thing(box=Voc.corners(20, 10, 19, 20)), "no area"),
        (Voc.thing(box=Voc.corners(300, 10, 310, 20)), "outside image"),
        (f"<object>{CORNERS}</object>", "unknown class"),
    ],
)
def test_voc_object_is_dropped_alone_with_its_reason(voc, thing, reason):
    assert voc.boxes(thing, voc.thing()) == [GOOD_BOX]
    assert reasons(voc.report) == [reason]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<annotation>",
        "<other/>",
        "\x00",
        '<?xml version="1.0" encoding="nonsense"?><annotation/>',
        '<!DOCTYPE a [<!ENTITY b "c">]><annotation><filename>&b;</filename></annotation>',
        '<!DOCTYPE annotation SYSTEM "file:///etc/passwd"><annotation/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        "<annotation><filename>&x;</filename></annotation>",
    ],
)
def test_voc_broken_xml_dtd_and_entities_are_refused_and_reported(voc, text):
    voc.add("b")
    (voc.root / "xml/a.xml").write_text(text)
    voc.convert()
    assert voc.report.images.kept == 1
    assert reasons(voc.report, "image") == ["label file unreadable"]


def test_voc_no_xml_is_refused(voc):
    (voc.root / "xml/a.xml").unlink()
    with pytest.raises(UserError, match="no .xml"):
        voc.convert()


def test_voc_bccd_official_split(bccd, tmp_path):
    train = bccd / "ImageSets/Main/train.txt"
    report = convert_voc(bccd / "Annotations", bccd / "JPEGImages", tmp_path, train)
    assert (report.images.kept, report.boxes.kept) == (205, 2805)
    assert report.clean


def test_voc_images_nobody_mentions_are_noted(voc):
    picture(voc.root / "images/b.png")
    voc.convert()
    assert noted(voc.report, "do not mention: 1")


def test_voc_boxes_one_pixel_wide_are_said_to_be_slips(voc):
    assert voc.boxes(voc.thing(box=voc.corners(5, 5, 5, 20))) == [[4, 4, 5, 20]]
    assert noted(voc.report, "slips of the mouse")


def test_voc_filename_decides_between_two_suffixes(voc):
    picture(voc.root / "images/n/a.jpg")
    voc.add("n/a", "<filename>a.jpg</filename>" + voc.thing())
    assert [record["file_name"] for record in voc.convert()] == ["a.png", "n/a.jpg"]
