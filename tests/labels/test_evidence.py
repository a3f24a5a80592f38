"What the boxes are drawn on: images turned by EXIF, resized, or with a wrong size stated."

import json

import pytest
from label_sets import Coco, H, Voc, W, noted, picture, reasons, sideways
from PIL import Image

from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.labels.voc import convert_voc
from dinofrcnn.runtime import UserError

FORMATS = ["coco", "voc"]
CURE = "take width and height out of the labels"


class Set:
    "Images with boxes x1, y1, x2, y2, in COCO or VOC."

    def __init__(self, root, format):
        self.root = root
        self.format = format
        self.entries = []

    def add(self, size, stated, boxes, orientation=1):
        "An image of `size` once it is upright, whose labels state another one, or None."
        name = f"{len(self.entries):02}.png"
        stored = size if orientation < 5 else size[::-1]
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture(self.root / "images" / name, stored, exif=exif)
        self.entries.append((name, stated, boxes))

    def write_coco(self):
        images, rows = [], []
        for i, (name, stated, boxes) in enumerate(self.entries):
            size = dict(zip(("width", "height"), stated, strict=True)) if stated else {}
            images.append({"id": i, "file_name": name, **size})
            for x1, y1, x2, y2 in boxes:
                bbox = [x1, y1, x2 - x1, y2 - y1]
                area = bbox[2] * bbox[3]
                rows.append({"id": len(rows), "image_id": i, "category_id": 1, "bbox": bbox})
                rows[-1]["area"] = area
        data = {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "x"}]}
        (self.root / "i.json").write_text(json.dumps(data))

    def write_voc(self):
        (self.root / "xml").mkdir(exist_ok=True)
        for name, stated, boxes in self.entries:
            size = ""
            if stated:
                size = "<width>{}</width><height>{}</height>".format(*stated)
            corners = [Voc.corners(x1 + 1, y1 + 1, x2, y2) for x1, y1, x2, y2 in boxes]
            things = "".join(Voc.thing(box=box) for box in corners)
            text = f"<annotation><size>{size}</size>{things}</annotation>"
            (self.root / "xml" / name).with_suffix(".xml").write_text(text)

    def convert(self):
        "The records; `report` is the report."
        images, out = self.root / "images", self.root / "out"
        if self.format == "coco":
            self.write_coco()
            self.report = convert_coco(self.root / "i.json", images, out, force=True)
        else:
            self.write_voc()
            self.report = convert_voc(self.root / "xml", images, out, class_list=["x"], force=True)
        return read_annotations(out).records

    def boxes(self):
        return [record["boxes"] for record in self.convert()]


@pytest.fixture(params=FORMATS)
def data(request, tmp_path):
    return Set(tmp_path, request.param)


# ---------------------------------------------------------------- turned by EXIF


def test_boxes_beyond_the_stored_picture_were_drawn_on_the_upright_one(data):
    "stated-size-is-stored-size-boxes-upright: a phone picture, 120 x 80 as it is stored."
    data.add((80, 120), (120, 80), [[25, 70, 75, 100]], orientation=6)
    assert data.boxes() == [[[25, 70, 75, 100]]]
    assert noted(data.report, "taken as labelled on the upright picture")


def test_the_evidence_of_one_image_counts_for_the_whole_file(data):
    data.add((80, 120), (120, 80), [[10, 10, 40, 40]], orientation=6)  # fits either way
    data.add((80, 120), (120, 80), [[25, 70, 75, 100]], orientation=8)
    assert data.boxes() == [[[10, 10, 40, 40]], [[25, 70, 75, 100]]]


def test_boxes_beyond_the_upright_picture_were_drawn_on_the_stored_one(data):
    data.add((80, 120), (120, 80), [[90, 10, 115, 40]], orientation=6)
    data.add((80, 120), (120, 80), [[10, 20, 40, 50]], orientation=6)
    assert data.boxes() == [[[40, 90, 70, 115]], [[30, 10, 60, 40]]]
    assert reasons(data.report, "image") == ["turned upright"] * 2


def test_the_majority_decides_and_both_numbers_are_said(data):
    for _ in range(2):
        data.add((80, 120), (120, 80), [[90, 10, 115, 40]], orientation=6)
    data.add((80, 120), (120, 80), [[25, 70, 75, 100]], orientation=6)
    assert data.boxes()[:2] == [[[40, 90, 70, 115]]] * 2
    assert noted(data.report, "of 1 fit into the upright one only, of 2 into the stored one")


def test_without_evidence_the_stated_size_decides(data):
    data.add((80, 120), (120, 80), [[10, 20, 40, 50]], orientation=6)
    assert data.boxes() == [[[30, 10, 60, 40]]]
    assert reasons(data.report, "image") == ["turned upright"]


def test_without_a_stated_size_the_boxes_decide(data):
    data.add((80, 120), None, [[90, 10, 115, 40]], orientation=6)
    assert data.boxes() == [[[40, 90, 70, 115]]]
    assert noted(data.report, "taken as labelled on the stored picture")


def test_without_a_stated_size_and_evidence_the_upright_picture_is_meant_and_said(data):
    data.add((80, 120), None, [[10, 20, 40, 50]], orientation=6)
    assert data.boxes() == [[[10, 20, 40, 50]]]
    assert noted(data.report, "do not tell which way is meant: 1")


def test_a_box_that_is_no_box_has_no_vote(data):
    data.add((80, 120), (120, 80), [[10, 20, 40, 50], [10, 70, 20, 1e9]], orientation=6)
    assert data.boxes()[0][0] == [30, 10, 60, 40]


# ---------------------------------------------------------------- another size than stated


@pytest.mark.parametrize("factor", [0.5, 2, 1 / 3])
def test_boxes_of_images_resized_by_one_factor_are_scaled_and_it_is_said(data, factor):
    "resized-after-labelling"
    size = round(192 * factor), round(128 * factor)
    data.add(size, (192, 128), [[10, 8, 40, 30]])
    data.add(size, (192, 128), [[20, 16, 50, 40]])
    first, second = data.boxes()
    exact = [value * size[i % 2] / (192, 128)[i % 2] for i, value in enumerate([10, 8, 40, 30])]
    assert first[0] == pytest.approx(exact, abs=1e-3)
    assert second[0][2] == pytest.approx(50 * size[0] / 192, abs=1e-3)
    assert reasons(data.report, "image") == ["boxes scaled"] * 2
    assert noted(data.report, f"by a factor of {factor:.2g}")


def test_images_of_several_sizes_resized_by_one_factor_are_scaled(data):
    data.add((50, 33), (100, 67), [[10, 8, 40, 30]])  # half a pixel is rounding
    data.add((100, 50), (200, 100), [[20, 16, 60, 40]])
    assert data.boxes()[1] == [[10, 8, 30, 20]]


def test_areas_are_scaled_with_the_boxes(tmp_path):
    data = Set(tmp_path, "coco")
    data.add((50, 40), (100, 80), [[10, 8, 40, 30]])
    assert data.convert()[0]["area"] == [30 * 22 / 4]


def test_a_wrong_size_beside_right_boxes_is_corrected(data):
    "The boxes reach beyond the stated size and fit the file: microsoft/VoTT#350."
    data.add((200, 100), (100, 50), [[120, 60, 180, 90]])
    data.add((200, 100), (80, 90), [[10, 10, 50, 50]])
    assert data.boxes() == [[[120, 60, 180, 90]], [[10, 10, 50, 50]]]
    assert reasons(data.report, "image") == ["size corrected"] * 2


def test_a_pixel_of_difference_moves_no_box(data):
    data.add((100, 51), (100, 50), [[10, 10, 50, 50]])
    data.add((100, 50), (100, 50), [[10, 10, 50, 50]])
    assert data.boxes()[0] == [[10, 10, 50, 50]]
    assert reasons(data.report, "image") == ["size corrected"]


def test_one_image_of_another_size_among_right_ones_is_dropped_not_guessed(data):
    data.add((100, 50), (100, 50), [[10, 10, 50, 50]])
    data.add((50, 25), (100, 50), [[10, 10, 40, 20]])
    assert data.boxes() == [[[10, 10, 50, 50]]]
    assert reasons(data.report, "image") == ["other size"]
    assert "100×50" in data.report.rows[0]["detail"] and "50×25" in data.report.rows[0]["detail"]


def test_an_image_of_another_size_without_boxes_is_kept(data):
    data.add((100, 50), (100, 50), [[10, 10, 50, 50]])
    data.add((50, 25), (100, 50), [])
    assert data.boxes() == [[[10, 10, 50, 50]], []]
    assert reasons(data.report, "image") == ["size corrected"]


@pytest.mark.parametrize(
    "sizes", [[(64, 64), (64, 64)], [(50, 40), (20, 16)]], ids=["squeezed", "two factors"]
)
def test_a_set_whose_boxes_cannot_be_fitted_is_refused_with_a_cure_that_works(data, sizes):
    for size in sizes:
        data.add(size, (100, 80), [[1, 2, 12, 14]])
    with pytest.raises(UserError, match=CURE) as e:
        data.convert()
    assert "labels say 100×80" in str(e.value)
    assert not (data.root / "out").exists()
    data.entries = [(name, None, boxes) for name, _, boxes in data.entries]
    assert data.boxes() == [[[1, 2, 12, 14]]] * 2


def test_sizes_that_are_trusted_unseen_change_nothing(tmp_path):
    coco = Coco(tmp_path)
    picture(tmp_path / "images/a.png", (W // 2, H // 2))
    assert coco.convert(check_images=False)[0]["boxes"][0] == [40, 15, 60, 35]


def test_the_lesson_of_the_stored_size_still_holds_for_mirrors(tmp_path):
    coco = Coco(tmp_path)
    sideways(tmp_path / "images/a.png", 3)
    assert coco.convert()[0]["boxes"][0] == [40, 15, 60, 35]
    assert noted(coco.report, "do not tell which way is meant")


@pytest.mark.parametrize("missing", [False, True])
def test_sloppy_boxes_and_missing_images_do_not_hide_that_all_were_resized(data, missing):
    "A box a little beyond the stated size fits the larger file and proves nothing."
    for _ in range(12):
        data.add((384, 256), (192, 128), [[10, 8, 40, 30]])
    data.add((384, 256), (192, 128), [[100, 8, 194, 30], [10, 90, 40, 129]])
    data.add((384, 256), (192, 128), [[100, 8, 210, 30]])
    if missing:
        (data.root / "images/00.png").unlink()
    boxes = data.boxes()
    assert boxes[0] == [[20, 16, 80, 60]]
    assert boxes[-2] == [[200, 16, 384, 60], [20, 180, 80, 256]]


def test_one_wrong_size_that_is_proved_corrects_no_other_image(data):
    data.add((200, 100), (100, 50), [[120, 60, 180, 90]])
    for _ in range(3):
        data.add((200, 100), (150, 150), [[10, 10, 50, 50]])
    assert data.boxes() == [[[120, 60, 180, 90]]]
    assert reasons(data.report, "image").count("other size") == 3


def test_images_without_a_stated_size_among_resized_ones_are_no_guess(data):
    data.add((96, 64), (192, 128), [[10, 8, 40, 30]])
    data.add((96, 64), None, [[10, 8, 40, 30]])
    assert data.boxes() == [[[10, 8, 40, 30]]]
    assert reasons(data.report, "image") == ["other size"]
