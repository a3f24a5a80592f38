"Other tools' labels: every shape its box, every doubt said, no object lost."

import json
import math

import pytest

from dinofrcnn.runtime import UserError
from dinofrcnn.tables import table_kind, table_rows
from dinofrcnn.translate import cvat_box, file_kind, labelme_box, translate, via_box


def read(kind, path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return translate(kind, [path], path.parent)


def boxes(translation):
    found = [a["bbox"] for a in translation.coco()["annotations"]]
    return [list(b.values()) if isinstance(b, dict) else b for b in found]


def cvat(tmp_path, shapes, about=""):
    text = f"<annotations><image id='0' name='a.jpg' {about}>{shapes}</image></annotations>"
    return read("cvat", tmp_path / "annotations.xml", text)


@pytest.mark.parametrize(
    "kind, points, box",
    [
        ("rectangle", [[40, 5], [10, 30]], (10, 5, 40, 30)),
        ("rectangle", [[10, 5], [40, 5], [40, 30], [10, 30]], (10, 5, 40, 30)),
        ("polygon", [[10, 5], [40, 7], [20, 30]], (10, 5, 40, 30)),
        ("rotation", [[20, 0], [40, 20], [20, 40], [0, 20]], (0, 0, 40, 40)),
        ("circle", [[20, 20], [23, 24]], (15, 15, 25, 25)),
        ("mask", [[3, 4], [13, 24]], (3, 4, 13, 24)),
    ],
)
def test_a_labelme_shape_has_the_box_around_it(kind, points, box):
    assert labelme_box({"shape_type": kind, "points": points})[1] == box


@pytest.mark.parametrize("kind", ["point", "line", "linestrip", "points"])
def test_a_shape_without_a_box_is_kept_to_be_counted(kind, tmp_path):
    shape = {"label": "a", "shape_type": kind, "points": [[1, 2], [3, 4]]}
    content = {"imagePath": "a.jpg", "shapes": [shape]}
    assert boxes(read("labelme", tmp_path / "a.json", content)) == [f"none: '{kind}' has no box"]


@pytest.mark.parametrize(
    "shape, box",
    [
        ({"name": "rect", "x": "10", "y": 5, "width": 30, "height": 25}, (10, 5, 40, 30)),
        ({"name": "circle", "cx": 20, "cy": 30, "r": 5}, (15, 25, 25, 35)),
        ({"name": "ellipse", "cx": 20, "cy": 30, "rx": 5, "ry": 2}, (15, 28, 25, 32)),
        (
            {"name": "ellipse", "cx": 20, "cy": 30, "rx": 5, "ry": 2, "theta": math.pi / 2},
            (18, 25, 22, 35),
        ),
        (
            {"name": "polygon", "all_points_x": [1, 9, 5], "all_points_y": [2, 3, 8]},
            (1, 2, 9, 8),
        ),
    ],
)
def test_a_via_shape_has_the_box_around_it(shape, box):
    assert via_box(shape)[1] == pytest.approx(box)


@pytest.mark.parametrize(
    "shape, box",
    [
        ("<box xtl='10' ytl='5' xbr='40' ybr='30'/>", (10, 5, 40, 30)),
        ("<box xtl='10' ytl='0' xbr='40' ybr='10' rotation='90'/>", (20, -10, 30, 20)),
        ("<polygon points='1,2;9,3;5,8'/>", (1, 2, 9, 8)),
        ("<ellipse cx='20' cy='30' rx='5' ry='2' rotation='90'/>", (18, 25, 22, 35)),
        ("<mask rle='1, 2' left='3' top='4' width='10' height='20'/>", (3, 4, 13, 24)),
    ],
)
def test_a_cvat_shape_has_the_box_around_it(shape, box, tmp_path):
    from defusedxml.ElementTree import fromstring

    assert cvat_box(fromstring(shape))[1] == pytest.approx(box)


def test_points_of_cvat_are_counted_and_tags_are_said(tmp_path):
    found = cvat(tmp_path, "<points label='eye' points='1,2'/><tag label='night'/>")
    assert boxes(found) == ["none: 'points' has no box"]
    assert found.notes == ["tags of whole images, which have no box and were left out: 1"]


def test_a_video_of_cvat_is_refused_with_what_to_export(tmp_path):
    with pytest.raises(UserError, match="annotations.xml' holds tracks.*'CVAT for images 1.1'"):
        read("cvat", tmp_path / "annotations.xml", "<annotations><track id='0'/></annotations>")


def test_entities_in_xml_are_refused(tmp_path):
    text = "<!DOCTYPE a [<!ENTITY b 'c'>]><annotations><image name='&b;'/></annotations>"
    with pytest.raises(UserError, match="has a DTD"):
        read("cvat", tmp_path / "annotations.xml", text)


def test_createml_counts_from_the_centre(tmp_path):
    place = {"x": 25, "y": 15, "width": 30, "height": 20}
    entry = {"image": "a.jpg", "annotations": [{"label": "a", "coordinates": place}]}
    assert boxes(read("createml", tmp_path / "a.json", [entry])) == [[10, 5, 40, 25]]


def via(attributes):
    shape = {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}
    regions = [{"shape_attributes": shape, "region_attributes": a} for a in attributes]
    return {"a.jpg9": {"filename": "a.jpg", "regions": regions}}


@pytest.mark.parametrize(
    "attributes, label",
    [
        ({"kind of part": "bolt"}, "bolt"),
        ({"colour": "red", "label": "bolt"}, "bolt"),
        ({"colour": "red", "name": "x", "Class": "bolt"}, "bolt"),
        ({"type": {"bolt": True, "nut": False}}, "bolt"),
        ({}, "object"),
    ],
)
def test_the_attribute_that_is_the_class_is_found(attributes, label, tmp_path):
    found = read("via", tmp_path / "a.json", via([attributes]))
    assert found.coco()["categories"] == [{"id": 1, "name": label}]


def test_attributes_that_may_all_be_the_class_are_asked_and_the_cure_works(tmp_path):
    with pytest.raises(UserError, match="'colour', 'shape'.*call that one 'class'"):
        read("via", tmp_path / "a.json", via([{"colour": "red", "shape": "round"}]))
    assert read("via", tmp_path / "a.json", via([{"colour": "red", "class": "round"}])).annotations


def test_a_region_without_a_class_among_others_is_not_given_one(tmp_path):
    found = read("via", tmp_path / "a.json", via([{"name": "bolt"}, {"name": ""}])).coco()
    assert [a["category_id"] for a in found["annotations"]] == [1, "without a name"]


@pytest.mark.parametrize(
    "header, row",
    [
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "a.jpg,80,60,bolt,10,5,40,30"),
        ("image;x1;y1;x2;y2;label", "a.jpg;10;5;40;30;bolt"),
        ("ImageID,LabelName,XMin,XMax,YMin,YMax", "a.jpg,bolt,10,40,5,30"),
        ("img name,left,top,width,height,category", "a.jpg,10,5,30,25,bolt"),
        (
            "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
            "bolt,10,5,30,25,a.jpg,80,60",
        ),
    ],
)
def test_the_names_of_columns_tell_what_numbers_are(header, row, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"\ufeff{header}\r\n{row}\r\n", encoding="utf-8")
    assert table_kind(path) == "csv"
    found = translate("csv", [path], tmp_path)
    assert boxes(found) == [[10, 5, 40, 30]]
    assert found.images[0]["file_name"] == "a.jpg"
    assert found.coco()["categories"] == [{"id": 1, "name": "bolt"}]
    assert found.images[0]["width"] in ("80", "")


@pytest.mark.parametrize("box", ["x,y,width,height", "x,y,w,h", "bbox"])
def test_columns_that_may_mean_two_things_are_named_and_the_cure_works(box, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"image,{box},class\na.jpg,10,5,30,25,bolt\n")
    assert "call its four columns xmin, ymin, xmax, ymax or left" in table_kind(path)
    path.write_text("image,left,top,width,height,class\na.jpg,10,5,30,25,bolt\n")
    assert table_kind(path) == "csv"


def test_a_table_without_header_is_read_where_all_rows_can_be_corners(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("p/a.jpg,10,5,40,30,bolt\np/b.jpg,,,,,\n")
    assert table_kind(path) == "csv"
    found = translate("csv", [path], tmp_path)
    assert boxes(found) == [[10, 5, 40, 30]] and len(found.images) == 2
    assert "without header" in found.notes[0]
    path.write_text("p/a.jpg,10,5,40,30,bolt\np/b.jpg,30,20,5,5,bolt\n" * 2)
    assert table_kind(path) == "", "sides, perhaps"


def test_fractions_are_handed_on_as_such_and_too_few_are_refused(tmp_path):
    rows = "".join(f"a.jpg,0.1,0.2,0.5,0.{i},bolt\n" for i in (6, 7, 8))
    header = "filename,xmin,ymin,xmax,ymax,class\n"
    found = read("csv", tmp_path / "a.csv", header + rows)
    assert boxes(found)[0] == pytest.approx([0.1, 0.2, 0.4, 0.4])
    with pytest.raises(UserError, match="a.csv' has numbers from 0 to 1 only"):
        read("csv", tmp_path / "a.csv", header + rows.split("\n")[0])


def test_a_row_without_numbers_is_kept_to_be_counted(tmp_path):
    text = "filename,xmin,ymin,xmax,ymax,class\na.jpg,ten,2,3,4,bolt\na.jpg,1,2,3,4,bolt\n"
    assert boxes(read("csv", tmp_path / "a.csv", text))[0] == "none: 'ten' is no number"


def test_a_line_is_counted_as_an_editor_does(tmp_path):
    (tmp_path / "a.csv").write_text("filename,x1,y1,x2,y2\n\na.jpg,1,2,3,4\n")
    [(line, _)], _ = table_rows(tmp_path / "a.csv")
    assert line == 3


@pytest.mark.parametrize("text", ["", "id,name\n1,bolt\n", "epoch,loss\n1,2\n", "a\0b"])
def test_other_tables_are_no_labels(text, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    assert file_kind(tmp_path / "a.csv") == ""


DAMAGED = {
    "labelme": {"imagePath": "a.jpg", "shapes": [3]},
    "via": {"_via_img_metadata": {"a": {"filename": "a.jpg", "regions": "x"}}},
    "createml": [{"image": "a.jpg", "annotations": [{"label": "a"}]}],
    "cvat": "<annotations><image",
    "csv": "filename,xmin,ymin,xmax,ymax\n",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_named(kind, tmp_path):
    with pytest.raises(UserError, match="labels.x'"):
        read(kind, tmp_path / "labels.x", DAMAGED[kind])


def test_a_stale_path_gives_way_to_the_image_beside_the_labels(tmp_path):
    (tmp_path / "new.jpg").touch()
    found = read("labelme", tmp_path / "new.json", {"imagePath": "old.jpg", "shapes": []})
    assert found.images[0]["file_name"] == "new.jpg"
    assert found.notes == ["images found by the name of their LabelMe file: 1"]
