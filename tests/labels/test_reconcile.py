"What all converters share: images are looked at, boxes judged, and every one accounted for."

import json

import fuzz_convert
import numpy as np
import pytest
from label_sets import GOOD, GOOD_BOX, H, W, exif_of, noted, reasons, sideways
from PIL import Image

from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.labels.files import samples_dir
from dinofrcnn.labels.images import read_image
from dinofrcnn.labels.reconcile import VERDICTS, judge, turn_boxes
from dinofrcnn.labels.report import REASONS, REPAIRS
from dinofrcnn.labels.voc import convert_voc
from dinofrcnn.labels.yolo import convert_yolo
from dinofrcnn.runtime import UserError

# ---------------------------------------------------------------- images


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"<html>"]
)
def test_images_that_cannot_be_decoded_are_dropped_and_reported(yolo, damage):
    yolo.add("a")
    yolo.add("b")
    path = yolo.images / "b.png"
    noise = np.random.default_rng(0).integers(0, 255, (H, W, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(damage(path.read_bytes()))
    assert len(yolo.convert()) == 1
    assert reasons(yolo.report, "image") == ["image unreadable"]
    assert reasons(yolo.report) == ["image dropped"]


def test_images_turned_by_exif_yolo_labels_refer_to_the_upright_one(yolo):
    yolo.label("a", GOOD)
    sideways(yolo.images / "a.jpg", 6)
    record = yolo.convert()[0]
    assert (record["width"], record["height"], record["boxes"]) == (W, H, [GOOD_BOX])
    assert noted(yolo.report, "EXIF")


def test_images_turned_by_exif_with_the_upright_size_in_the_labels(coco):
    sideways(coco.root / "images/a.png", 6)
    assert coco.convert()[0]["boxes"] == [GOOD_BOX] * 2
    assert coco.report.clean


def test_images_turned_by_exif_with_the_stored_size_in_the_labels_turn_their_boxes(coco):
    sideways(coco.root / "images/a.png", 6)
    coco.data["images"][0].update(width=H, height=W)
    coco.data["annotations"][0]["bbox"] = [10, 20, 5, 30]
    coco.data["annotations"][1]["bbox"] = [10, 60, 5, 30]
    record = coco.convert()[0]
    assert record["boxes"][0] == [50, 10, 80, 15]
    assert (record["width"], record["height"]) == (W, H)
    assert reasons(coco.report, "image") == ["turned upright"]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_images_turned_boxes_stay_on_their_object(tmp_path, orientation):
    stored = Image.new("RGB", (W, H))
    stored.paste("red", (10, 5, 30, 20))
    stored.save(tmp_path / "a.png", exif=exif_of(orientation))
    upright = read_image(tmp_path / "a.png")
    x1, y1, x2, y2 = turn_boxes(np.array([[10, 5, 30, 20]]), orientation, *upright.size)[0]
    assert upright.getbbox() == (x1, y1, x2, y2)


def test_images_with_odd_modes_convert(yolo):
    for mode in ("L", "RGBA", "P", "1"):
        yolo.add(mode)
        Image.new(mode, (W, H)).save(yolo.images / f"{mode}.png")
    assert len(yolo.convert()) == 4
    assert yolo.report.clean


# ---------------------------------------------------------------- boxes


def plain_verdict(x1, y1, x2, y2):
    "What is wrong with a box in an image of 100 x 100, and the part of it inside."
    inside = [min(max(edge, 0), 100) for edge in (x1, y1, x2, y2)]
    if x2 < x1 or y2 < y1:
        return "inverted", inside
    if x1 == x2 or y1 == y2:
        return "no area", inside
    if inside[0] == inside[2] or inside[1] == inside[3]:
        return "outside image", inside
    return "clipped" if inside != [x1, y1, x2, y2] else "", inside


def test_judge_agrees_with_a_slow_and_plain_version():
    boxes = np.random.default_rng(0).uniform(-40, 140, (500, 4)).round()
    cut, verdicts = judge(boxes, np.full((500, 2), 100.0))
    for box, part, verdict in zip(boxes, cut, verdicts, strict=True):
        assert (VERDICTS[verdict], part.tolist()) == plain_verdict(*box)


# ---------------------------------------------------------------- the report and the output


def test_reconciliation_holds_on_the_broken_set_and_every_reason_is_from_the_list(tmp_path):
    broken = samples_dir() / "broken"
    images, names = broken / "images", broken / "classes.txt"
    reports = [
        convert_yolo(broken / "labels", images, tmp_path / "y"),
        convert_coco(broken / "instances.json", images, tmp_path / "c"),
        convert_voc(broken / "voc", images, tmp_path / "v", class_list=names),
    ]
    for report in reports:
        fuzz_convert.assert_reconciled(report)
        assert not report.clean
        assert report.images.kept == 4
        assert {r["reason"] for r in report.rows} <= set(REASONS)


def test_reconciliation_that_does_not_add_up_is_noticed(yolo):
    yolo.add()
    yolo.convert()
    yolo.report.boxes.found += 1
    with pytest.raises(AssertionError, match="does not add up"):
        yolo.report.balance()


def test_report_is_written_beside_the_output(yolo):
    yolo.add("a", f"{GOOD}\nx")
    yolo.convert()
    saved = json.loads((yolo.root / "out/conversion_report.json").read_text())
    assert saved["boxes"] == {"found": 2, "kept": 1, "repaired": 0, "dropped": 1}
    assert saved["rows"][0]["reason"] == "bad row"


def test_report_as_text_has_the_table_and_the_reasons(yolo):
    yolo.add("a", f"{GOOD}\nx")
    yolo.convert()
    text = str(yolo.report)
    assert "found" in text
    assert "1 box dropped: bad row, a.txt line 2" in text


def test_repairs_are_kept_and_drops_are_not(yolo):
    yolo.rows("0 1 .5 .2 .2\nx")
    boxes = yolo.report.boxes
    assert (boxes.kept, boxes.repaired, boxes.dropped) == (1, 1, 1)
    assert set(REPAIRS) < set(REASONS)


def test_existing_output_is_refused_without_force(yolo):
    yolo.add()
    yolo.convert()
    with pytest.raises(UserError, match="--force"):
        convert_yolo(yolo.labels, yolo.images, yolo.root / "out")


def test_output_can_be_a_file_or_a_folder(yolo):
    yolo.add()
    convert_yolo(yolo.labels, yolo.images, yolo.root / "deep/er/my.json")
    assert (yolo.root / "deep/er/my.json").is_file()
    assert (yolo.root / "deep/er/dataset_meta.json").is_file()


def test_failed_conversion_leaves_no_output(yolo):
    yolo.add("a", f"{GOOD} 0.9")
    with pytest.raises(UserError):
        yolo.convert()
    assert not (yolo.root / "out").exists()


# ---------------------------------------------------------------- hostile input in bulk


@pytest.mark.parametrize("format", fuzz_convert.FORMATS)
def test_fuzz_always_a_reconciled_report_or_one_clear_line(format):
    tried = fuzz_convert.fuzz(format, 200)
    assert sum(tried.values()) >= 200
    assert tried["report"] > 10
