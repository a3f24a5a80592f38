"What a message on VOC files prescribes, done: the error, the dropped box or the note is gone."

import pytest
from label_sets import CORNERS, GOOD_BOX, Voc, noted, picture, reasons

from dinofrcnn.cli import main
from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.runtime import UserError

TURNED = "<robndbox><cx>50</cx><cy>25</cy><w>20</w><h>20</h><angle>{}</angle></robndbox>"
TWO = CORNERS + Voc.corners(50, 20, 60, 30)
DTD = "<!DOCTYPE annotation SYSTEM 'a.dtd'>"
CVAT = "<annotations><image name='a.png'/></annotations>"
DLIB = "<dataset><images/></dataset>"


@pytest.fixture
def voc(tmp_path):
    return Voc(tmp_path)


def write(voc, text, name="a.xml"):
    (voc.root / "xml" / name).write_text(text)


def details(voc):
    return [row["detail"] for row in voc.report.rows]


# ---------------------------------------------------------------- one object

CURES = {  # a broken object: the words of its reason, the objects as they say, their boxes
    Voc.thing(box=TWO): (
        "write an <object> for each",
        Voc.thing() + Voc.thing(box=Voc.corners(50, 20, 60, 30)),
        [GOOD_BOX, [49, 19, 60, 30]],
    ),
    Voc.thing(box=TURNED.format(90)): (
        "90 is no angle in radians: write radians",
        Voc.thing(box=TURNED.format(1.5707963267949)),
        [GOOD_BOX],
    ),
    f"<object>{CORNERS}</object>": ("no <name>: write its class there", Voc.thing(), [GOOD_BOX]),
    Voc.thing(name=" "): ("no <name>: write its class there", Voc.thing(), [GOOD_BOX]),
    f"<item><name>x</name>{CORNERS}</item>": (
        "stands in <item>: it belongs into an <object> with its <name>",
        Voc.thing(),
        [GOOD_BOX],
    ),
    Voc.thing(box=""): ("no <bndbox>", Voc.thing(), [GOOD_BOX]),
    Voc.thing(box=Voc.corners("41px", 16, 60, 35)): (
        "not four numbers",
        Voc.thing(),
        [GOOD_BOX],
    ),
}


@pytest.mark.parametrize("broken", CURES)
def test_object_written_as_its_reason_says_is_kept(voc, broken):
    words, cured, boxes = CURES[broken]
    voc.add("b")
    voc.add("a", broken)
    voc.convert()
    assert reasons(voc.report) == ["bad row"]
    assert words in details(voc)[0]
    voc.add("a", cured)
    assert voc.convert()[0]["boxes"] == boxes
    assert voc.report.clean


@pytest.mark.parametrize(
    "box",
    [
        Voc.corners(0.4, 0.3, 0.6, 0.7),
        "<polygon><x1>.4</x1><y1>.3</y1><x2>.6</x2><y2>.7</y2><x3>.5</x3><y3>.5</y3></polygon>",
    ],
)
def test_fractions_multiplied_as_their_reason_says_are_kept(voc, box):
    voc.add("a", voc.thing(box=box))
    with pytest.raises(UserError, match="fractions of the image: multiply by its sides"):
        voc.convert()
    assert voc.boxes(voc.thing(box=voc.corners(40, 15, 60, 35)), zero_based=True) == [GOOD_BOX]
    assert voc.report.clean


# ---------------------------------------------------------------- where corners count from


def test_corners_from_0_are_converted_as_the_note_says(voc):
    thing = voc.thing(box=voc.corners(0, 15, 20, 35))
    voc.boxes(thing)
    assert noted(voc.report, "1 of 1 boxes start at 0")
    assert noted(voc.report, "convert with --zero_based (zero_based=True)")
    assert voc.boxes(thing, zero_based=True) == [[0, 15, 20, 35]]
    assert not noted(voc.report, "--zero_based") and voc.report.clean


def test_corners_from_1_are_converted_as_the_note_says(voc):
    things = [voc.thing(box=voc.corners(1, 16, x, 35)) for x in (10, 20, 30)]
    voc.boxes(*things, zero_based=True)
    assert noted(voc.report, "look 1-based, convert without --zero_based")
    assert voc.boxes(*things) == [[0, 15, 10, 35], [0, 15, 20, 35], [0, 15, 30, 35]]
    assert not noted(voc.report, "--zero_based")


def test_the_option_of_the_note_is_one_of_the_command(voc):
    voc.add("a", voc.thing(box=voc.corners(0, 15, 20, 35)))
    folders = ["--annotation_dir", voc.root / "xml", "--image_dir", voc.root / "images"]
    output = ["--output_dir", voc.root / "out", "--zero_based", "--strict"]
    assert main(["convert", "voc", *map(str, folders + output)]) == 0
    assert read_annotations(voc.root / "out").records[0]["boxes"] == [[0, 15, 20, 35]]


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    "text, words",
    {
        CVAT: "export 'PASCAL VOC' or 'COCO' there",
        DLIB: "save it as Pascal VOC or COCO",
        "<thing/>": "the root is <thing>, not <annotation>",
        f"{DTD}<annotation>{Voc.thing()}</annotation>": "it has a DTD or entities",
        "": "export the labels again, in the format you name here",
    }.items(),
)
def test_file_that_is_no_voc_is_read_once_it_is(voc, text, words):
    write(voc, text)
    with pytest.raises(UserError, match=words):
        voc.convert()
    write(voc, f"<annotation>{Voc.thing()}</annotation>")
    assert voc.convert()[0]["boxes"] == [GOOD_BOX]


def test_of_two_files_for_one_image_one_is_kept(voc):
    write(voc, "<annotation/>", "a.XML")
    with pytest.raises(UserError, match=r"both 'a.XML' and 'a.xml': keep one"):
        voc.convert()
    (voc.root / "xml/a.XML").unlink()
    assert voc.convert()[0]["boxes"] == [GOOD_BOX]


def test_folder_without_xml_files_is_not_the_one(voc):
    voc.convert()
    (voc.root / "xml").rename(voc.root / "labels")
    (voc.root / "xml").mkdir()
    with pytest.raises(UserError, match="no .xml file below '.*xml'"):
        voc.convert()
    (voc.root / "xml").rmdir()
    (voc.root / "labels").rename(voc.root / "xml")
    assert voc.convert()[0]["boxes"] == [GOOD_BOX]


def test_list_of_another_label_folder_is_exchanged_for_its_own(voc):
    listed = voc.root / "train.txt"
    listed.write_text("x\ny\n")
    with pytest.raises(UserError, match="label file missing.*give the list of this label folder"):
        voc.convert(split_file=listed)
    listed.write_text("a\n")
    assert voc.convert(split_file=listed)[0]["boxes"] == [GOOD_BOX]
    assert voc.report.clean


def test_wrong_image_folder_is_exchanged_for_the_right_one(voc):
    (voc.root / "images").rename(voc.root / "photos")
    picture(voc.root / "images/other.png")
    with pytest.raises(UserError, match=r"not one of the 1 images is below '.*images'"):
        voc.convert()
    (voc.root / "images/other.png").unlink()
    (voc.root / "images").rmdir()
    (voc.root / "photos").rename(voc.root / "images")
    assert voc.convert()[0]["boxes"] == [GOOD_BOX]


def test_filename_settles_which_of_two_images_is_meant(voc):
    picture(voc.root / "images/a.jpg")
    with pytest.raises(UserError, match="'a.jpg' or 'a.png'. Say in <filename>"):
        voc.convert()
    voc.add("a", "<filename>a.jpg</filename>" + voc.thing())
    assert [record["file_name"] for record in voc.convert()] == ["a.jpg"]


def test_existing_output_is_overwritten_with_force(voc):
    folders = ["--annotation_dir", voc.root / "xml", "--image_dir", voc.root / "images"]
    command = ["convert", "voc", *map(str, folders), "--output_dir", str(voc.root / "out")]
    assert [main(command), main(command), main([*command, "--force"])] == [0, 2, 0]


# ---------------------------------------------------------------- classes


def test_class_list_makes_the_note_on_the_order_go(voc):
    voc.add("b", voc.thing("Bus"))
    voc.convert(None)
    assert noted(voc.report, "classes in alphabetical order: Bus, x.")
    assert noted(voc.report, "give all the same --class_list (class_list=...)")
    voc.convert(["x", "Bus"])
    assert read_annotations(voc.root / "out").classes == ["x", "Bus"]
    assert not noted(voc.report, "class_list")


def test_class_written_as_its_reason_says_is_kept(voc):
    voc.boxes(voc.thing("Tower crain"), voc.thing("Tower crane"), class_list=["Tower crane"])
    assert details(voc) == ["'Tower crain', is it 'Tower crane'?"]
    things = [voc.thing("Tower crane")] * 2
    assert voc.boxes(*things, class_list=["Tower crane"]) == [GOOD_BOX] * 2
    assert voc.report.clean


@pytest.mark.parametrize("name, classes", [("y", ["y", "z"]), ("x", ["y", "z", "x"])])
def test_classes_of_which_none_is_known_are_mended_or_added(voc, name, classes):
    cure = "mend these classes in the labels, or the list that should name them"
    with pytest.raises(UserError, match=cure):
        voc.convert(["y", "z"])
    assert voc.boxes(voc.thing(name), class_list=classes) == [GOOD_BOX]


def test_without_a_list_of_classes_no_message_speaks_of_one(voc):
    voc.add("a", f"<object>{CORNERS}</object>")
    with pytest.raises(UserError, match="no <name>") as refused:
        voc.convert(None)
    assert "class list" not in str(refused.value) and "class_list" not in str(refused.value)


def test_object_that_cannot_be_read_does_not_hide_where_corners_count_from(voc):
    things = [voc.thing(box=voc.corners(1, 16, x, 35)) for x in (10, 20, 30)]
    voc.boxes(*things, voc.thing(box=""), zero_based=True)
    assert noted(voc.report, "no box starts at 0 and 3 start at 1")
