"Nothing kept is not success: exit code 2, nothing written, and the message says what to do."

import json
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from label_sets import GOOD, GOOD_BOX, Coco, Voc, Yolo, noted, reasons

from dinofrcnn.cli import main
from dinofrcnn.labels import reconcile
from dinofrcnn.labels.reconcile import PixelBudget, usable_cores
from dinofrcnn.labels.report import CURES, REASONS, REPAIRS
from dinofrcnn.runtime import UserError

CVAT = (
    "<annotations><image name='a.png'><box label='x' xtl='5' ytl='5' xbr='20' ybr='30'/>"
    "</image></annotations>"
)


def assert_refused(data, *words, **options):
    "The conversion is a UserError of one line with these words, and nothing is written."
    with pytest.raises(UserError) as e:
        data.convert(**options)
    assert "\n" not in str(e.value)
    for word in words:
        assert word in str(e.value)
    assert not (data.root / "out").exists()


def test_yolo_whose_classes_are_all_unknown_is_refused(yolo):
    yolo.add("a", "7 0.5 0.5 0.2 0.4")
    yolo.add("b", "8 0.5 0.5 0.2 0.4")
    assert_refused(yolo, "2 boxes dropped: unknown class, first a.txt line 1", "class list")


def test_voc_whose_boxes_all_lie_outside_is_refused(voc):
    voc.add("a", voc.thing(box=voc.corners(300, 10, 310, 20)))
    assert_refused(voc, "outside image", "a.xml object 1", CURES["outside image"])


def test_coco_whose_boxes_are_all_of_unknown_images_is_refused(coco):
    for row in coco.data["annotations"]:
        row["image_id"] = 77
    assert_refused(coco, "not one of the 3 boxes", "unknown image", CURES["unknown image"])


def test_voc_whose_classes_are_all_unknown_is_refused_with_the_nearest_name(voc):
    voc.add("a", voc.thing("Bolt"))
    assert_refused(voc, "unknown class", "'Bolt', is it 'bolt'?", class_list=["bolt", "nut"])


def test_voc_in_one_file_of_cvat_is_refused_and_named(voc):
    (voc.root / "xml/a.xml").write_text(CVAT)
    assert_refused(voc, "CVAT's one file for all images", "export 'PASCAL VOC'")


def test_coco_whose_images_are_all_damaged_is_refused(coco):
    for name in "ab":
        (coco.root / f"images/{name}.png").write_bytes(b"<html>")
    assert_refused(coco, "not one of the 2 images", "image unreadable", CURES["image unreadable"])


def test_git_lfs_pointers_are_named_and_the_cure_is_git_lfs_pull(yolo):
    yolo.add("a")
    (yolo.images / "a.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    assert_refused(yolo, "git lfs pull")


def test_coco_without_images_is_refused(coco):
    coco.data.update(images=[], annotations=[])
    assert_refused(coco, "names no image")


def test_objects_on_dropped_images_beside_blank_ones_are_objects_lost(yolo):
    yolo.add("a", "")
    yolo.add("b")
    (yolo.images / "b.png").write_bytes(b"")
    assert_refused(yolo, "not one of the 1 boxes", "image unreadable", "b.png")


def test_voc_files_without_an_object_are_a_set_of_background(voc):
    voc.add("a", "")
    assert [record["boxes"] for record in voc.convert()] == [[]]
    assert voc.report.background == {"no boxes": 1}


def test_coco_images_without_an_annotation_are_a_set_of_background(coco):
    coco.data["annotations"] = []
    assert len(coco.convert()) == 2
    assert coco.report.background == {"no boxes": 2}


def test_yolo_blank_label_files_are_a_set_of_background(yolo):
    yolo.add("a", "")
    yolo.add("b", " \n")
    assert len(yolo.convert()) == 2
    assert yolo.report.background == {"with blank label file": 2}


def test_the_command_ends_with_two_and_writes_nothing(voc, capsys):
    (voc.root / "xml/a.xml").write_text(CVAT)
    folders = ["--annotation_dir", voc.root / "xml", "--image_dir", voc.root / "images"]
    code = main(["convert", "voc", *map(str, folders), "--output_dir", str(voc.root / "out")])
    assert code == 2
    assert "CVAT" in capsys.readouterr().err
    assert not (voc.root / "out").exists()


def test_a_refused_conversion_leaves_the_old_files_with_force(yolo):
    yolo.add("a")
    yolo.convert()
    before = {p.name: p.read_bytes() for p in (yolo.root / "out").iterdir()}
    yolo.label("a", "7 0.5 0.5 0.2 0.4")
    with pytest.raises(UserError, match="nothing was written"):
        yolo.convert()
    assert {p.name: p.read_bytes() for p in (yolo.root / "out").iterdir()} == before


def test_a_neighbour_is_refused_before_the_images_are_looked_at(yolo, monkeypatch):
    yolo.add("a")
    yolo.convert()
    (yolo.root / "out/annotations_torchvision.json").rename(yolo.root / "out/train.json")
    monkeypatch.setattr(reconcile, "look_at_all", None)
    with pytest.raises(UserError, match="holds 'train.json'"):
        yolo.convert()


# ---------------------------------------------------------------- images robbed of their boxes


def robbed_yolo(root):
    data = Yolo(root)
    data.add("a", "0 3 3 .1 .1")
    data.add("b")
    return data


def robbed_coco(root):
    data = Coco(root)
    data.data["annotations"][0]["bbox"] = [500, 500, 5, 5]
    data.data["annotations"][1]["bbox"] = None
    return data


def robbed_voc(root):
    data = Voc(root)
    data.add("a", data.thing(box=data.corners(300, 10, 310, 20)))
    data.add("b")
    return data


@pytest.mark.parametrize("make", [robbed_yolo, robbed_coco, robbed_voc])
def test_images_whose_boxes_were_all_dropped_are_counted_and_said(tmp_path, make):
    data = make(tmp_path)
    assert [record["boxes"] for record in data.convert()] == [[], [GOOD_BOX]]
    assert data.report.background == {"whose boxes were all dropped": 1}
    assert noted(data.report, "whose boxes were all dropped: 1, for example 'a.png'")
    saved = json.loads((tmp_path / "out/conversion_report.json").read_text())
    assert saved["background"] == {"whose boxes were all dropped": 1}


# ---------------------------------------------------------------- words


def test_every_cure_is_for_a_reason_that_drops():
    assert set(CURES) < set(REASONS)
    assert not set(CURES) & set(REPAIRS)


ALIKE = [["Bolt", "bolt", "BOLT"], ["tower crane", "towercrane"], ["Caf\u00e9", "Cafe\u0301"]]


@pytest.mark.parametrize("names", ALIKE)
def test_class_names_that_differ_by_case_blanks_or_unicode_form_are_said(voc, names):
    voc.add("a", "".join(map(voc.thing, names)))
    voc.convert(class_list=None)
    listed = ", ".join(sorted(names))
    assert noted(voc.report, f"class names that differ only by case or blanks: {listed}")


def test_class_names_that_differ_in_a_letter_are_not_said(voc):
    voc.add("a", voc.thing("bolt") + voc.thing("bold"))
    voc.convert(class_list=None)
    assert not noted(voc.report, "differ only")


# ---------------------------------------------------------------- how many at a time


def test_only_the_cores_this_process_may_use_decode(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert usable_cores() == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores() == 64


def test_threads_unpack_no_more_pixels_at_a_time_than_the_budget(monkeypatch):
    budget, lock = PixelBudget(100), Lock()
    now, most = [0], [0]

    def unpack(pixels):
        with budget(pixels):
            with lock:
                now[0] += pixels
                most[0] = max(most[0], now[0])
            with lock:
                now[0] -= pixels

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(unpack, [60, 30, 70, 20] * 50))
    assert most[0] <= 100
    with budget(1000):  # larger than all: alone
        assert budget.free == 0
    assert budget.free == 100


@pytest.mark.parametrize("suffix, times", {".png": 1, ".tiff": 2}.items())
def test_images_are_decoded_within_the_budget(yolo, monkeypatch, suffix, times):
    "Opening a TIFF decodes it, so it asks once more."
    yolo.add("a", GOOD, suffix)
    asked = []

    class Watched(PixelBudget):
        def __call__(self, pixels):
            asked.append(pixels)
            return super().__call__(pixels)

    monkeypatch.setattr(reconcile, "DECODING", Watched(1000))
    yolo.convert()
    assert asked == [5000] * times
    assert reasons(yolo.report, "image") == []
