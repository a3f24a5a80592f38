"COCO as the tools of this world write it: what is evident is read and said, the rest refused."

import json
import math

import pytest
from label_sets import GOOD_BOX, Coco, H, W, exif_of, noted, picture, reasons

from dinofrcnn.cli import main
from dinofrcnn.labels.annotations import Annotations, write_annotations
from dinofrcnn.labels.coco import convert_coco, export_coco, find_box, plain_id
from dinofrcnn.runtime import UserError

POLYGON = [[40, 15, 60, 15, 60, 35, 40, 35]]


@pytest.fixture
def coco(tmp_path):
    return Coco(tmp_path)


def first_box(coco, **keys):
    "The box of the first annotation once some of its keys are changed; None takes a key away."
    annotation = coco.data["annotations"][0]
    changed = {key: value for key, value in {**annotation, **keys}.items() if value is not None}
    coco.data["annotations"][0] = changed
    return coco.convert()[0]["boxes"][0]


def refused(coco, **options):
    "The message of the refusal; nothing may have been written."
    with pytest.raises(UserError) as error:
        coco.convert(**options)
    assert not (coco.root / "out").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


# ---------------------------------------------------------------- where the box is


@pytest.mark.parametrize("bbox", [None, [], [0, 0, 0, 0], [40, 15, 0, 20], {}, "?"])
@pytest.mark.parametrize(
    "shape",
    [
        POLYGON,
        POLYGON[0],
        [[[40, 15], [60, 15], [60, 35]]],
        [[40, 15], [60, 15], [60, 35]],
        [[40, 15, 60, 15, 50, 20], [40, 35, 60, 35, 50, 20]],
        {"size": [H, W], "counts": [40 * H + 15, 20, *[30, 20] * 19, 40 * H + 15]},
    ],
)
def test_a_box_that_is_missing_is_made_around_its_outline_and_said(coco, bbox, shape):
    assert first_box(coco, bbox=bbox, segmentation=shape) == GOOD_BOX
    assert noted(coco.report, "made around their polygons or masks (segmentation): 1")


@pytest.mark.parametrize("shape", [[[1, 2, 3]], [[40, 15, 60, 35]], {"counts": "??"}, [[]], "x", 7])
def test_an_outline_that_is_none_makes_no_box(coco, shape):
    coco.data["annotations"][0].update(bbox=[], segmentation=shape)
    coco.convert()
    assert reasons(coco.report) == ["bad row"]


def test_a_box_beside_an_outline_stays_as_it_is(coco):
    assert first_box(coco, segmentation=[[0, 0, 99, 0, 99, 49]]) == GOOD_BOX
    assert coco.report.notes == []


@pytest.mark.parametrize(
    "bbox",
    [
        {"x": 40, "y": 15, "width": 20, "height": 20},
        {"x": "40", "y": 15, "w": 20.0, "h": 20},
        {"left": 40, "top": 15, "width": 20, "height": 20},
        {"x1": 40, "y1": 15, "x2": 60, "y2": 35},
        {"xmin": 40, "ymin": 15, "xmax": 60, "ymax": 35},
    ],
)
def test_a_box_given_as_an_object_is_read_by_its_keys_and_said(coco, bbox):
    assert first_box(coco, bbox=bbox) == GOOD_BOX
    assert noted(coco.report, "given as objects, read by the names of their numbers: 1")


@pytest.mark.parametrize("degrees, box", [(90, [45, 5, 55, 45]), (-90, [45, 5, 55, 45])])
def test_a_box_that_cvat_turned_becomes_the_upright_one_around_it(coco, degrees, box):
    turned = first_box(coco, bbox=[30, 20, 40, 10], attributes={"rotation": degrees})
    assert turned == box
    assert noted(coco.report, "attributes.rotation: each became the upright box")


def test_a_box_turned_by_a_third_of_a_right_angle():
    _, box = find_box({"bbox": [20, 40, 80, 20], "attributes": {"rotation": 30}})
    half_w, half_h = 40 * math.sqrt(0.75) + 5, 20 + 10 * math.sqrt(0.75)
    assert box == pytest.approx((60 - half_w, 50 - half_h, 60 + half_w, 50 + half_h))


@pytest.mark.parametrize("attributes", [{"rotation": 0.0}, {"rotation": 180}, {}, None, "x", [1]])
def test_a_box_that_was_not_turned_stays(coco, attributes):
    assert first_box(coco, attributes=attributes) == GOOD_BOX
    assert coco.report.notes == []


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("degrees", [90, "-90.0"])
def test_a_rotation_is_read_in_both_places(coco, inside, degrees):
    row = coco.data["annotations"][0]
    row.update(bbox=[30, 20, 40, 10])
    row.update({"attributes": {"rotation": degrees}} if inside else {"rotation": degrees})
    assert coco.convert()[0]["boxes"][0] == [45, 5, 55, 45]
    assert noted(coco.report, "boxes with rotation or attributes.rotation: each became")


@pytest.mark.parametrize("rotation", [0, 180, "x", None, [1], float("inf")])
def test_a_rotation_that_turns_nothing_is_not_said(coco, rotation):
    coco.data["annotations"][0]["rotation"] = rotation
    assert coco.convert()[0]["boxes"][0] == GOOD_BOX
    assert coco.report.notes == []


@pytest.mark.parametrize("angle", [0, None, 0.0])
def test_an_angle_that_turns_nothing_is_not_said(coco, angle):
    coco.data["annotations"][0]["angle"] = angle
    coco.convert()
    assert coco.report.notes == []


def test_an_angle_beside_an_outline_is_not_said(coco):
    shape = [[40, 15, 60, 15, 60, 35, 40, 35]]
    coco.data["annotations"][0].update(angle=30, segmentation=shape)
    coco.convert()
    assert coco.report.notes == []


# ---------------------------------------------------------------- what its numbers mean


def with_corners(coco, boxes, area=None):
    "Both images with these bboxes, given as corners."
    coco.data["annotations"] = [
        {"id": i, "image_id": 1 + i % 2, "category_id": 1, "bbox": box}
        for i, box in enumerate(boxes)
    ]
    for row in coco.data["annotations"] if area else []:
        x1, y1, x2, y2 = row["bbox"]
        row["area"] = (x2 - x1) * (y2 - y1)
    return [box for record in coco.convert() for box in record["boxes"]]


CORNERS = [[50, 15, 70, 40], [60, 20, 95, 45], [2, 2, 9, 9], [70, 25, 90, 49]]


def test_corners_where_sizes_belong_are_read_as_corners_and_said(coco):
    assert sorted(with_corners(coco, CORNERS)) == sorted(CORNERS)
    assert noted(coco.report, "was read as corners (x1, y1, x2, y2)")
    assert coco.report.boxes.repaired == 0


def test_corners_are_told_by_their_area_even_where_all_fit(coco):
    assert with_corners(coco, [[5, 5, 15, 12], [20, 10, 40, 22]], area=True)[0] == [5, 5, 15, 12]
    assert noted(coco.report, "was read as corners")


def test_one_box_drawn_too_far_is_cut_as_ever_and_the_doubt_is_said(coco):
    assert with_corners(coco, [[50, 10, 70, 40]]) == [[50, 10, 100, 50]]
    assert noted(coco.report, "bbox may hold corners")


def test_boxes_that_reach_out_but_are_no_corners_stay(coco):
    boxes = [[50, 15, 70, 40], [60, 20, 95, 45], [70, 30, 60, 40], [40, 15, 20, 20]]
    assert [40, 15, 60, 35] in with_corners(coco, boxes)
    assert not noted(coco.report, "corners")


def test_fractions_are_read_as_fractions_and_said(coco):
    boxes = [[0.4, 0.3, 0.2, 0.4], [0.1, 0.1, 0.9, 0.9], [0, 0, 0.5, 0.5]]
    assert GOOD_BOX in with_corners(coco, boxes)
    assert noted(coco.report, "was read as fractions of the images")


def test_one_tiny_box_is_no_fraction_but_the_doubt_is_said(coco):
    assert with_corners(coco, [[0, 0, 1, 1]]) == [[0, 0, 1, 1]]
    assert noted(coco.report, "bbox may hold fractions")


# ---------------------------------------------------------------- what stands beside a box


def test_a_region_to_ignore_is_a_crowd_and_said(coco):
    coco.data["annotations"][1]["ignore"] = 1
    assert coco.convert()[0]["iscrowd"] == [0, 1]
    assert noted(coco.report, "marked 'ignore', kept as crowds: 1")


@pytest.mark.parametrize("value", [True, "1", "true", " True "])
def test_flags_in_words_are_flags(coco, value):
    coco.data["annotations"][0]["iscrowd"] = value
    coco.data["annotations"][1]["ignore"] = value
    assert coco.convert()[0]["iscrowd"] == [1, 1]
    assert noted(coco.report, "marked 'ignore', kept as crowds: 1")


@pytest.mark.parametrize("value", [False, 0, "0", "false", "", None, [1]])
def test_what_is_no_flag_is_none(coco, value):
    coco.data["annotations"][0]["iscrowd"] = value
    assert coco.convert()[0]["iscrowd"] == [0, 0]


@pytest.mark.parametrize(
    "row", [{"score": "0.9"}, {"confidence": 0.9}, {"probability": 1}], ids=str
)
def test_a_score_by_another_name_or_as_text_is_said(coco, row):
    coco.data["annotations"][0].update(row)
    coco.convert()
    assert noted(coco.report, "annotations that carry a score: 1")


def test_a_box_whose_rotation_is_text_is_turned(coco):
    turned = first_box(coco, bbox=[30, 20, 40, 10], attributes={"rotation": "90.0"})
    assert turned == first_box(coco, bbox=[30, 20, 40, 10], attributes={"rotation": 90})


def test_a_region_to_ignore_is_a_crowd_in_a_file_without_crowds(coco):
    for annotation in coco.data["annotations"]:
        del annotation["iscrowd"]
        annotation["ignore"] = 0
    coco.data["annotations"][2]["ignore"] = 1
    records = coco.convert()
    assert [record["iscrowd"] for record in records] == [[0, 0], [1]]


@pytest.mark.parametrize("area", [0, 307_200, 442])
def test_an_area_that_cannot_be_is_that_of_the_box_and_said(coco, area):
    coco.data["annotations"][0]["area"] = area
    assert coco.convert()[0]["area"] == [400, 400]
    assert noted(coco.report, "areas that are 0 or larger than their box: 1")


@pytest.mark.parametrize("area", [4, 399.5, 440])
def test_an_area_within_a_pixel_of_its_box_stays(coco, area):
    coco.data["annotations"][0]["area"] = area
    assert coco.convert()[0]["area"][0] == area
    assert coco.report.notes == []


def test_one_object_among_crowds_is_enough(coco):
    for row in coco.data["annotations"][1:]:
        row["iscrowd"] = 1
    coco.convert()
    assert not noted(coco.report, "all annotations are crowds")


def test_one_object_that_is_dropped_is_not_enough(coco):
    for row in coco.data["annotations"][1:]:
        row["iscrowd"] = 1
    coco.data["annotations"][0]["image_id"] = 9
    coco.convert()
    assert noted(coco.report, "all annotations are crowds")


def test_a_small_area_of_an_outline_stays(coco):
    shape = [[40, 15, 60, 35, 59.9, 35]]
    coco.data["annotations"][0].update(area=1, segmentation=shape)
    assert coco.convert()[0]["area"] == [1, 400]
    assert coco.report.notes == []


def test_a_small_area_of_a_turned_box_stays(coco):
    row = {"bbox": [20, 24.9, 60, 0.2], "area": 12, "rotation": 45}
    coco.data["annotations"][0].update(row)
    assert coco.convert()[0]["area"] == [12, 400]
    assert not noted(coco.report, "areas")


def test_detections_for_labels_are_said(coco):
    for annotation in coco.data["annotations"]:
        annotation["score"] = 0.3
    coco.convert()
    assert noted(coco.report, "carry a score: 3. These look like detections, not labels")


def test_an_image_whose_boxes_were_all_dropped_is_counted_as_such(coco):
    coco.data["annotations"][2]["category_id"] = 9
    coco.convert()
    assert coco.report.background == {"whose boxes were all dropped": 1}


def test_an_image_without_boxes_beside_one_that_lost_them(coco):
    picture(coco.root / "images/c.png")
    coco.data["images"].append(coco.image(3, "c.png"))
    coco.data["annotations"][2]["category_id"] = 9
    coco.convert()
    assert coco.report.background == {"no boxes": 1, "whose boxes were all dropped": 1}


# ---------------------------------------------------------------- images and their names


def test_one_file_at_two_ids_is_one_image_with_all_boxes(coco):
    coco.data["images"][1]["file_name"] = "./a.png"
    coco.data["annotations"][2]["bbox"] = [1, 2, 30, 40]
    (record,) = coco.convert()
    assert record["boxes"] == [GOOD_BOX, GOOD_BOX, [1, 2, 31, 42]]
    assert reasons(coco.report, "image") == ["duplicate image"]
    assert noted(coco.report, "merged into one image")


def test_one_file_listed_twice_in_full_has_every_box_once(coco):
    coco.data["images"][1]["file_name"] = "a.png"
    coco.data["annotations"] = [coco.box(1, 1, 1), coco.box(2, 2, 1), coco.box(3, 2, 2)]
    (record,) = coco.convert()
    assert (record["boxes"], record["labels"]) == ([GOOD_BOX] * 2, [0, 1])
    assert reasons(coco.report) == ["image dropped"]
    assert coco.report.rows[1]["detail"] == "the first entry of the image has the same box"


def test_a_link_to_a_file_is_that_file(coco):
    (coco.root / "images/b.png").unlink()
    (coco.root / "images/b.png").symlink_to("a.png")
    (record,) = coco.convert()
    assert (record["file_name"], record["labels"]) == ("a.png", [0, 1])


def test_one_file_with_two_sizes_gets_no_boxes_of_another_scale(coco):
    coco.data["images"][1].update(file_name="a.png", width=W * 2)
    (record,) = coco.convert()
    assert len(record["boxes"]) == 2
    assert reasons(coco.report) == ["image dropped"]


def test_one_id_at_two_files_gives_no_box_to_a_namesake(coco):
    coco.data["images"][1]["id"] = 1
    coco.data["images"].append(coco.image(3, "c.png"))
    picture(coco.root / "images/c.png")
    coco.data["annotations"].append(coco.box(9, 3, 1))
    records = coco.convert()
    assert [len(record["boxes"]) for record in records] == [0, 1]
    assert "stands at 'a.png' and 'b.png'" in str(coco.report)
    assert coco.report.background == {"whose boxes were all dropped": 1}


@pytest.mark.parametrize(
    "place",
    [
        "/home/bob/set/{}",
        "../../upload/1/{}",
        "..\\..\\media\\upload\\4\\{}",
        "D:\\data\\{}",
        "/data/local-files/?d=photos/{}",
        "http://localhost:8080/data/upload/1/{}",
    ],
)
def test_names_from_another_machine_are_found_by_their_last_part(coco, place):
    for entry in coco.data["images"]:
        entry["file_name"] = place.format(entry["file_name"])
    records = coco.convert()
    assert [record["file_name"] for record in records] == ["a.png", "b.png"]
    assert coco.report.clean
    assert noted(coco.report, place.format("a.png"))


def test_lvis_names_its_images_by_address(coco):
    for entry in coco.data["images"]:
        name = entry.pop("file_name")
        entry["coco_url"] = f"http://images.cocodataset.org/train2017/{name}"
    assert [record["file_name"] for record in coco.convert()] == ["a.png", "b.png"]


def test_namesakes_from_elsewhere_get_no_image_that_is_listed_by_its_own_name(coco):
    coco.data["images"][1]["file_name"] = "/elsewhere/a.png"
    coco.convert()
    assert reasons(coco.report, "image") == ["unsafe name"]
    assert reasons(coco.report) == ["image dropped"]


def test_boxes_drawn_on_the_upright_picture_stay_though_the_stored_size_is_stated(tmp_path):
    coco = Coco(tmp_path)
    picture(tmp_path / "images/phone.jpg", (120, 80), exif=exif_of(6))
    entry = {"id": 1, "file_name": "phone.jpg", "width": 120, "height": 80}
    coco.data.update(images=[entry], annotations=[coco.box(1, 1, 1, [25, 70, 50, 30], 1500)])
    (record,) = coco.convert()
    assert record["boxes"] == [[25, 70, 75, 100]]
    assert (record["width"], record["height"]) == (80, 120)


# ---------------------------------------------------------------- categories


def rooted(coco, root="shapes", called=None):
    "Categories as Roboflow writes them: the first one holds the others together."
    coco.data["categories"] = [
        {"id": 0, "name": root, "supercategory": "none"},
        {"id": 1, "name": "x", "supercategory": called or root},
        {"id": 2, "name": "y", "supercategory": called or root},
    ]


def test_a_category_that_only_holds_others_is_left_out_and_said(coco):
    rooted(coco)
    coco.convert()
    assert coco.annotations.classes == ["x", "y"]
    assert coco.annotations.meta["category_ids"] == [1, 2]
    assert noted(coco.report, "only are the supercategory of others")
    assert noted(coco.report, "shapes")


@pytest.mark.parametrize("called", ["shapes", "SHAPES", " Sha pes"])
def test_a_root_that_its_children_spell_otherwise_is_left_out_and_said(coco, called):
    rooted(coco, "Shapes", called)
    coco.convert()
    assert coco.annotations.classes == ["x", "y"]
    assert noted(coco.report, "left out unless a class_list has them: Shapes")


def test_a_category_that_spells_its_own_supercategory_otherwise_stays(coco):
    coco.data["categories"].append({"id": 3, "name": "z", "supercategory": "Z"})
    coco.convert()
    assert coco.annotations.classes == ["x", "y", "z"]


@pytest.mark.parametrize("keep", [True, False])
def test_a_split_without_one_of_the_classes_has_no_root_either(coco, keep):
    rooted(coco)
    coco.data["annotations"] = coco.data["annotations"][:1]
    coco.convert(keep_unused=keep)
    assert coco.annotations.classes == (["x", "y"] if keep else ["x"])


def test_a_supercategory_that_has_boxes_is_a_class(coco):
    rooted(coco)
    coco.data["annotations"][0]["category_id"] = 0
    coco.convert()
    assert coco.annotations.classes == ["shapes", "x", "y"]


def test_a_supercategory_on_the_class_list_is_a_class(coco):
    rooted(coco)
    coco.convert(class_list=["shapes", "x", "y"])
    assert coco.annotations.classes == ["shapes", "x", "y"]


def test_a_category_that_is_its_own_supercategory_stays(coco):
    coco.data["categories"].append({"id": 3, "name": "z", "supercategory": "z"})
    coco.convert()
    assert coco.annotations.classes == ["x", "y", "z"]


@pytest.mark.parametrize("class_list", [None, ["x", "y"]])
def test_a_root_with_the_name_of_a_class(coco, class_list):
    rooted(coco, "x")
    assert coco.convert(class_list=class_list)[0]["labels"] == [0, 1]
    assert coco.annotations.classes == ["x", "y"]
    assert noted(coco.report, "left out unless a class_list has them: x") == (class_list is None)


def test_categories_of_one_name_are_one_class_where_the_class_list_has_it_once(coco):
    coco.data["categories"][1]["name"] = "x"
    coco.convert()
    assert noted(coco.report, "A class_list that has the name once makes them one class")
    assert coco.convert(class_list=["x"])[0]["labels"] == [0, 0]
    assert coco.convert(class_list=["x", "x (2)"])[0]["labels"] == [0, 1]


def test_one_category_id_with_two_names_is_refused(coco):
    coco.data["categories"][1]["id"] = 1
    assert "category id 1 stands at two names, 'x' and 'y'" in refused(coco)


def test_a_category_without_a_name_is_called_by_its_id(coco):
    coco.data["categories"][0]["name"] = None
    coco.convert()
    assert coco.annotations.classes == ["class_1", "y"]


@pytest.mark.parametrize("name, nearest", [("Bolt", "bolt"), ("BOLT", "bolt"), ("boltt", "bolt")])
def test_a_class_that_is_not_on_the_list_is_named_with_the_nearest(coco, name, nearest):
    coco.data["categories"][1]["name"] = name
    coco.convert(class_list=["x", "bolt"])
    assert coco.report.rows[0]["detail"] == f"'{name}' (category_id 2), is it '{nearest}'?"


def test_classes_that_are_all_spelt_otherwise_are_refused(coco):
    message = refused(coco, class_list=["X", "Y"])
    assert "'x' (category_id 1), is it 'X'?" in message


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize("text", ["--5", "-", "5-", "²", "", "1.0.0", "9" * 40])
def test_text_that_is_no_number_is_an_id_all_the_same(text):
    assert plain_id(text) == text


def test_ids_as_text_with_a_decimal_point(coco):
    coco.data["annotations"][0].update(image_id="1.0", category_id="2.0")
    assert coco.convert()[0]["labels"] == [1, 1]


@pytest.mark.parametrize("big", [2**63, 2**64, -(2**63), "a-1"])
def test_ids_that_no_array_can_hold(coco, big):
    coco.data["images"][0]["id"] = big
    coco.data["categories"][0]["id"] = big
    coco.data["annotations"] = [coco.box(big, big, big)]
    assert coco.convert()[0]["boxes"] == [GOOD_BOX]


@pytest.mark.parametrize("key", ["id", "segmentation", "area", "iscrowd", "attributes", "score"])
def test_a_key_that_is_null_says_nothing(coco, key):
    coco.data["annotations"][0][key] = None
    coco.convert()
    assert coco.report.clean
    assert coco.report.notes == []


def test_annotations_without_ids_are_found_by_their_position(coco):
    coco.data["annotations"][1].update(id=None, bbox=[1])
    coco.convert()
    assert coco.report.rows[0]["where"] == "annotation at position 1"


@pytest.mark.parametrize("keep", [True, False])
def test_shifted_ids_are_seen_also_where_unused_categories_are_dropped(coco, keep):
    coco.data["categories"].append({"id": 3, "name": "z"})
    coco.data["annotations"] = [coco.box(i, 1, i) for i in range(3)]
    coco.convert(keep_unused=keep)
    assert noted(coco.report, "add 1 to every category_id")


@pytest.mark.parametrize("stray", [99, -1, "a", None, 4])
@pytest.mark.parametrize("key", ["category_id", "image_id"])
def test_one_id_that_leads_nowhere_is_no_shift(coco, key, stray):
    coco.data["annotations"][0][key] = stray
    coco.convert()
    assert not noted(coco.report, "shifted")
    assert coco.report.boxes.dropped == 1


def test_an_id_between_two_others_does_not_tell_where_to(coco):
    coco.data["categories"] = [{"id": 1, "name": "x"}, {"id": 3, "name": "y"}]
    for row in coco.data["annotations"]:
        row["category_id"] = 2
    with pytest.raises(UserError, match="unknown class") as e:
        coco.convert()
    assert "shifted" not in str(e.value)


# ---------------------------------------------------------------- files that are something else


@pytest.mark.parametrize(
    "annotation, what",
    [
        ({"caption": "a thing"}, "it holds captions"),
        ({"file_name": "a.png", "segments_info": [{"bbox": [1, 2, 3, 4]}]}, "panoptic segments"),
        ({"keypoints": [1, 2, 2]}, "it holds keypoints"),
        ({"bbox": None}, "annotations without 'bbox' and 'segmentation'"),
    ],
)
def test_annotations_without_any_box_are_refused_by_what_they_are(coco, annotation, what):
    coco.data["annotations"] = [{"id": 1, "image_id": 1, "category_id": 1, **annotation}]
    assert what in refused(coco)


def test_the_command_refuses_captions_with_exit_code_2(coco, capsys):
    coco.data["annotations"] = [{"id": 1, "image_id": 1, "caption": "a thing"}]
    path = coco.root / "captions.json"
    path.write_text(json.dumps(coco.data))
    options = ["--image_dir", str(coco.root / "images"), "--output_dir", str(coco.root / "out")]
    assert main(["convert", "coco", "--instances_json", str(path), *options]) == 2
    assert str(path) in capsys.readouterr().err
    assert not (coco.root / "out").exists()


def test_a_file_without_annotations_is_a_set_of_blank_images_and_said(coco):
    del coco.data["annotations"]
    assert len(coco.convert()) == 2
    assert noted(coco.report, "the file has no 'annotations'")


def test_blank_images_on_purpose_are_no_fault(coco):
    coco.data["annotations"] = []
    coco.convert()
    assert not noted(coco.report, "no 'annotations'")


def test_a_results_list_is_refused_by_what_it_is(coco):
    path = coco.root / "results.json"
    path.write_text(
        json.dumps([{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}])
    )
    with pytest.raises(UserError, match="it seems to be detections"):
        convert_coco(path, coco.root / "images", coco.root / "out")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_a_file_in_another_text_encoding_is_read(coco, encoding):
    coco.data["categories"][0]["name"] = "Schlüssel"
    path = coco.root / "other.json"
    path.write_bytes(json.dumps(coco.data, ensure_ascii=False).encode(encoding))
    report = convert_coco(path, coco.root / "images", coco.root / "out")
    assert list(report.classes) == ["Schlüssel", "y"]
    assert noted(report, "Windows-1252") == (encoding == "cp1252")


# ---------------------------------------------------------------- the way back


def export(root, records, **meta):
    write_annotations(Annotations(records, ["x", "y"], meta), root / "ann")
    export_coco(root / "ann", root / "back.json")
    return json.loads((root / "back.json").read_text())


RECORD = {"file_name": "a.png", "width": W, "height": H, "boxes": [GOOD_BOX], "labels": [1]}


def test_an_annotation_file_without_images_is_not_exported(tmp_path):
    with pytest.raises(UserError, match="holds no image"):
        export(tmp_path, [])
    assert not (tmp_path / "back.json").exists()


def test_images_without_boxes_are_exported(tmp_path):
    data = export(tmp_path, [{**RECORD, "boxes": [], "labels": []}])
    assert (len(data["images"]), data["annotations"]) == (1, [])


@pytest.mark.parametrize("ids", [[1, 1], [True, 2], ["x", "y"], [None, 1], [1.5, 2], [7], "ab", 3])
def test_category_ids_that_are_none_are_counted_from_one(tmp_path, ids):
    data = export(tmp_path, [RECORD], category_ids=ids)
    assert [category["id"] for category in data["categories"]] == [1, 2]
    assert data["annotations"][0]["category_id"] == 2


def test_category_ids_of_the_source_stay(tmp_path):
    data = export(tmp_path, [RECORD], category_ids=[2**63, 0])
    assert data["annotations"][0]["category_id"] == 0
