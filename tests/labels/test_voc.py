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
    voc.boxes(voc.thing("Tower crain"), voc.thing("Tower crane"), class_list=["Tower crane"])
    assert "is it 'Tower crane'?" in voc.report.rows[0]["detail"]


@pytest.mark.parametrize(
    "thing, reason",
    [
        (Voc.thing(box=""), "bad row"),
        (Voc.thing(box="<bndbox><xmin>1</xmin></bndbox>"), "bad row"),
        (Voc.thing(box=Voc.corners("a", 1, 2, 3)), "bad row"),
        (Voc.thing(name=""), "bad row"),
        (Voc.thing(box=Voc.corners("nan", 1, 2, 3)), "not finite"),
        (Voc.thing(box=Voc.corners(20, 10, 10, 20)), "inverted"),
        (Voc.thing(box=Voc.corners(20, 10, 19, 20)), "no area"),
        (Voc.thing(box=Voc.corners(300, 10, 310, 20)), "outside image"),
        (f"<object>{CORNERS}</object>", "bad row"),
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


def test_voc_filename_decides_between_two_suffixes_also_where_another_folder_has_it(voc):
    picture(voc.root / "images/n/a.jpg")
    picture(voc.root / "images/m/a.jpg")
    voc.add("n/a", "<filename>a.jpg</filename>" + voc.thing())
    assert [record["file_name"] for record in voc.convert()] == ["a.png", "n/a.jpg"]


# ---------------------------------------------------------------- outlines instead of boxes

POINTS = ((40, 15), (60, 15), (60, 35), (40, 20))
NUMBERED = "".join(f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, (x, y) in enumerate(POINTS, 1))
LABELME = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in POINTS)
TURNED = "<robndbox><cx>50</cx><cy>25</cy><w>{}</w><h>{}</h><angle>{}</angle></robndbox>"
OUTLINES = {
    "numbered": f"<polygon>{NUMBERED}</polygon>",
    "of LabelMe": f"<polygon>{LABELME}<username>me</username></polygon>",
    "of roLabelImg": TURNED.format(20, 20, 0),
    "of roLabelImg, a quarter": TURNED.format(20, 20, 1.5707963),
    "beside a box without area": Voc.corners(0, 0, 0, 0) + f"<polygon>{LABELME}</polygon>",
    "beside a box of text": Voc.corners("a", 1, 2, 3) + f"<polygon>{LABELME}</polygon>",
}


@pytest.mark.parametrize("case", OUTLINES)
def test_voc_outline_without_a_box_becomes_the_box_around_it_and_is_said(voc, case):
    [box] = voc.boxes(voc.thing(box=OUTLINES[case]))
    assert box == pytest.approx(GOOD_BOX, abs=1e-3)
    assert noted(voc.report, "boxes made around polygons or turned boxes: 1")


def test_voc_turned_box_becomes_the_upright_box_around_it(voc):
    [box] = voc.boxes(voc.thing(box=TURNED.format(20, 10, 0.5235987756)))  # 30 degrees
    assert box == pytest.approx([38.8397, 15.6699, 61.1603, 34.3301], abs=1e-3)


def test_voc_box_beside_a_polygon_counts_as_it_is(voc):
    assert voc.boxes(voc.thing(box=CORNERS + f"<polygon>{LABELME}</polygon>")) == [GOOD_BOX]
    assert not noted(voc.report, "polygons")


@pytest.mark.parametrize(
    "outline", ["<polygon/>", "<polygon><x1>a</x1><y1>2</y1></polygon>", "<robndbox/>"]
)
def test_voc_outline_that_is_none_is_a_bad_row(voc, outline):
    assert voc.boxes(voc.thing(box=outline), voc.thing()) == [GOOD_BOX]
    assert reasons(voc.report) == ["bad row"]


@pytest.mark.parametrize("tags", [("annotation", "object", "name", "bndbox"), ("object",)])
def test_voc_tags_in_capitals_are_read(voc, tags):
    text = f"<annotation>{voc.thing()}</annotation>"
    for tag in tags:
        text = text.replace(f"<{tag}>", f"<{tag.capitalize()}>")
        text = text.replace(f"</{tag}>", f"</{tag.capitalize()}>")
    (voc.root / "xml/a.xml").write_text(text)
    assert voc.convert()[0]["boxes"] == [GOOD_BOX]


def test_voc_objects_in_a_list_of_their_own_are_read(voc):
    text = f"<annotation><objects>{voc.thing()}{voc.thing()}</objects></annotation>"
    (voc.root / "xml/a.xml").write_text(text)
    assert voc.convert()[0]["boxes"] == [GOOD_BOX, GOOD_BOX]


def test_voc_object_with_two_boxes_loses_none_in_silence(voc):
    two = Voc.corners(1, 2, 30, 40) + Voc.corners(50, 20, 60, 30)
    assert voc.boxes(voc.thing(box=two), voc.thing()) == [GOOD_BOX]
    assert reasons(voc.report) == ["bad row"]
    assert "write an <object> for each" in voc.report.rows[0]["detail"]


def test_voc_box_that_cvat_turned_is_the_box_around_it_and_is_said(voc):
    rotation = (
        "<attributes><attribute><name>rotation</name><value>{}</value></attribute></attributes>"
    )
    thing = voc.thing(box=Voc.corners(31, 16, 50, 45) + rotation.format(90.0))
    [box] = voc.boxes(thing)
    assert box == pytest.approx([25.0, 20.0, 55.0, 40.0])
    assert noted(voc.report, "boxes made around polygons or turned boxes: 1")
    upright = voc.thing(box=Voc.corners(31, 16, 50, 45) + rotation.format("0.0"))
    assert voc.boxes(upright) == [[30.0, 15.0, 50.0, 45.0]]


def test_voc_angle_in_degrees_is_not_taken_for_radians(voc):
    assert voc.boxes(voc.thing(box=TURNED.format(20, 20, 45)), voc.thing()) == [GOOD_BOX]
    assert "no angle in radians" in voc.report.rows[0]["detail"]


# ---------------------------------------------------------------- which image, which file


def names_and_labels(records):
    return {record["file_name"]: record["labels"] for record in records}


def test_voc_image_goes_to_the_file_at_its_own_place_not_to_a_namesake(voc):
    "0/a.xml comes before a.xml in the alphabet."
    voc.add("0/a", voc.thing("y"), image=False)
    assert names_and_labels(voc.convert()) == {"a.png": [0]}
    assert reasons(voc.report, "image") == ["duplicate image"]


def test_voc_image_is_not_given_to_a_namesake_that_alone_is_listed(voc):
    voc.add("b")
    voc.add("0/a", voc.thing("y"), image=False)
    (voc.root / "list.txt").write_text("0/a\nb\n")
    records = voc.convert(split_file=voc.root / "list.txt")
    assert names_and_labels(records) == {"b.png": [0]}


def test_voc_image_that_two_files_may_mean_goes_to_neither(voc):
    picture(voc.root / "images/c.png")
    voc.add("m/c", voc.thing("y"), image=False)
    voc.add("n/c", voc.thing("x"), image=False)
    assert names_and_labels(voc.convert()) == {"a.png": [0]}
    assert voc.report.rows[0]["detail"] == "2 files 'c.xml' may mean 'c.png'"


def test_voc_two_files_that_differ_by_the_case_of_their_suffix_are_refused(voc):
    (voc.root / "xml/a.XML").write_text("<annotation/>")
    with pytest.raises(UserError, match="keep one"):
        voc.convert()


def test_voc_list_that_names_an_image_twice_reads_it_once_and_says_so(voc):
    "split-twice"
    voc.add("b")
    (voc.root / "list.txt").write_text("a\nb\na.png\n")
    assert len(voc.convert(split_file=voc.root / "list.txt")) == 2
    assert voc.report.clean
    assert (voc.report.images.found, voc.report.boxes.found) == (2, 2)
    assert noted(voc.report, "named twice in the list: 1")


@pytest.mark.parametrize(
    "line", ["a.png", "JPEGImages/a.png", "C:\\data\\images\\a.png", "/home/bob/xml/a.xml", "a  -1"]
)
def test_voc_list_may_name_images_or_files_below_other_roots(voc, line):
    voc.add("b")
    (voc.root / "list.txt").write_text(line)
    records = voc.convert(split_file=voc.root / "list.txt")
    assert [record["file_name"] for record in records] == ["a.png"]


def test_voc_bare_name_in_a_list_is_not_one_of_two_namesakes(voc):
    for stem in ("m/c", "n/c"):
        voc.add(stem)
    (voc.root / "list.txt").write_text("a\nc\n")
    records = voc.convert(split_file=voc.root / "list.txt")
    assert [record["file_name"] for record in records] == ["a.png"]
    assert reasons(voc.report, "image") == ["label file missing"]


def test_voc_filename_in_another_spelling_finds_its_image_and_is_said(voc):
    picture(voc.root / "images/caf\u00e9.png")
    voc.add("b", "<filename>caf%C3%A9.png</filename>" + voc.thing(), image=False)
    records = voc.convert()
    assert [record["file_name"] for record in records] == ["a.png", "caf\u00e9.png"]
    assert noted(voc.report, "another spelling")


def test_voc_class_in_another_case_is_named(voc):
    voc.boxes(voc.thing("BOLT"), voc.thing("bolt"), class_list=["bolt"])
    assert "is it 'bolt'?" in voc.report.rows[0]["detail"]


def test_voc_labelmap_of_cvat_is_read_as_a_class_list(voc):
    (voc.root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nx:1,2,3::\ny:3,4,5::\n"
    )
    assert voc.convert(voc.root / "labelmap.txt")[0]["labels"] == [0]


@pytest.mark.filterwarnings("error")
def test_voc_numbers_beyond_all_bounds_warn_nobody(voc):
    huge = voc.corners("-1e308", "-1e308", "1e308", "1e308")
    assert len(voc.boxes(voc.thing(box=huge), voc.thing())) == 2


def test_voc_object_that_labelme_marks_as_deleted_is_dropped_and_said(voc):
    deleted = voc.thing(more="<deleted>1</deleted>")
    assert voc.boxes(deleted, voc.thing(more="<deleted>0</deleted>")) == [GOOD_BOX]
    assert voc.report.rows[0]["detail"] == "marked as deleted"


def test_voc_image_and_a_link_to_it_are_one_with_the_boxes_of_both(voc):
    more = voc.thing("y", voc.corners(1, 1, 9, 9))
    voc.add("b", voc.thing() + more, image=False)
    (voc.root / "images/b.png").symlink_to("a.png")
    [record] = voc.convert()
    assert (record["file_name"], record["boxes"]) == ("a.png", [GOOD_BOX, [0, 0, 9, 9]])
    assert reasons(voc.report, "image") == ["duplicate image"]
    assert reasons(voc.report) == ["image dropped"]  # the box that both have


# ---------------------------------------------------------------- what must not vanish


@pytest.mark.parametrize("tag", ["item", "Item", "annotation"])
def test_voc_box_outside_of_an_object_is_counted(voc, tag):
    inside = f"<name>x</name>{CORNERS}"
    more = inside if tag == "annotation" else f"<{tag}>{inside}</{tag}>"
    assert voc.boxes(voc.thing(), more) == [GOOD_BOX]
    assert (voc.report.boxes.found, reasons(voc.report)) == (2, ["bad row"])
    assert voc.report.rows[0]["where"] == f"<{tag.lower()}> 1"


def test_voc_objects_beside_a_list_of_objects_are_all_read(voc):
    assert voc.boxes(voc.thing(), f"<objects>{voc.thing()}</objects>") == [GOOD_BOX, GOOD_BOX]
    assert voc.report.clean


def test_voc_object_in_capitals_beside_others_is_read(voc):
    capital = voc.thing().replace("object>", "Object>")
    assert voc.boxes(voc.thing(), capital) == [GOOD_BOX, GOOD_BOX]


@pytest.mark.parametrize("zero_based", [False, True])
@pytest.mark.parametrize("corners", [(0, 0.3, 0.6, 1), (-0.001, 0.3, 1.001, 1)])
def test_voc_fractions_are_dropped_alone_with_their_reason(voc, zero_based, corners):
    fractions = voc.thing(box=voc.corners(*corners))
    good = voc.thing(box=voc.corners(*GOOD_BOX) if zero_based else CORNERS)
    assert voc.boxes(fractions, good, zero_based=zero_based) == [GOOD_BOX]
    assert "fractions of the image" in voc.report.rows[0]["detail"]


def test_voc_box_below_a_pixel_is_no_fraction_where_corners_count_from_1(voc):
    assert voc.boxes(voc.thing(box=voc.corners(1, 1, 1.005, 1.005))) == [[0, 0, 1.005, 1.005]]


def test_voc_first_pixel_counted_from_0_is_no_fraction(voc):
    assert voc.boxes(voc.thing(box=voc.corners(0, 0, 1, 1)), zero_based=True) == [[0, 0, 1, 1]]


@pytest.mark.parametrize("flag", ["1", "true"])
def test_voc_object_to_be_ignored_is_difficult_and_said(voc, flag):
    voc.add("a", voc.thing(more=f"<ignore>{flag}</ignore>") + voc.thing(more="<ignore>0</ignore>"))
    assert voc.convert()[0]["difficult"] == [1, 0]
    assert noted(voc.report, "objects marked 'ignore', kept as difficult: 1")


def test_voc_without_objects_to_be_ignored_has_no_such_column(voc):
    assert "difficult" not in voc.convert()[0]


@pytest.mark.parametrize("tag", ["score", "confidence", "probability"])
def test_voc_scores_are_said(voc, tag):
    voc.boxes(voc.thing(more=f"<{tag}>0.9</{tag}>"), voc.thing())
    assert noted(voc.report, "objects that carry a score: 1. These look like detections")


# ---------------------------------------------------------------- names in another spelling


@pytest.mark.parametrize(
    "image, xml", [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9"), ("IMG_1", "img_1")]
)
def test_voc_file_of_another_spelling_finds_its_image_and_it_is_said(voc, image, xml):
    picture(voc.root / f"images/{image}.png")
    voc.add(xml, voc.thing("y"), image=False)
    assert names_and_labels(voc.convert()) == {"a.png": [0], f"{image}.png": [1]}
    assert voc.report.clean
    assert noted(voc.report, "another spelling: 1")


def test_voc_file_of_another_spelling_takes_no_image_that_has_its_own(voc):
    voc.add("A", voc.thing("y"), image=False)
    assert names_and_labels(voc.convert()) == {"a.png": [0]}
    assert reasons(voc.report, "image") == ["image missing"]


def test_voc_files_named_for_the_whole_name_of_their_images(voc):
    for suffix, name in {"png": "x", "jpg": "y"}.items():
        picture(voc.root / f"images/b.{suffix}")
        voc.add(f"b.{suffix}", voc.thing(name), image=False)
    assert names_and_labels(voc.convert()) == {"a.png": [0], "b.jpg": [1], "b.png": [0]}
    assert voc.report.clean


def test_voc_file_named_for_the_whole_name_is_not_first_where_another_has_the_stem(voc):
    voc.add("a.png", voc.thing("y"), image=False)
    assert names_and_labels(voc.convert()) == {"a.png": [0]}
    assert reasons(voc.report, "image") == ["duplicate image"]
