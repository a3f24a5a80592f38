"Images that are one, and images that are missing, damaged or of another size than their labels."

import tracemalloc

import numpy as np
import pytest
from patients import image_split, picture, the_only
from PIL import Image

from dinofrcnn.data import twins
from dinofrcnn.data.doctor import inspect
from dinofrcnn.data.findings import read_table
from dinofrcnn.data.twins import alike, check_twins, difference_hash
from dinofrcnn.labels.annotations import Annotations


def pairs_of(prints):
    return [[a, b] for a, those in alike(prints) for b in those.tolist() if b > a]


def pairs(*images):
    return pairs_of(np.stack([difference_hash(image) for image in images]))


def pictures(tmp_path, train=range(12), val=range(20, 26), change=None):
    "Findings about two splits of pictures, which `change({split: (folder, annotations)})` hurt."
    both = {
        "train": image_split(tmp_path / "train", train),
        "val": image_split(tmp_path / "val", val),
    }
    if change:
        change(both)
    return inspect(both).findings


def test_different_images_pass(tmp_path):
    assert pictures(tmp_path) == []


def test_image_in_two_splits_is_a_fault(tmp_path):
    f = the_only(pictures(tmp_path, val=[20, 3]), "1 image of val (of 2) is in train")
    assert f.severity == "fault" and set(f.examples) == {("train", "3.jpg"), ("val", "1.jpg")}


def test_smaller_and_worse_copy_is_found():
    copy = picture(1).resize((90, 70)).point(lambda v: min(255, v * 1.1))
    assert pairs(picture(1), copy, picture(2)) == [[0, 1]]


def test_image_twice_in_a_split_is_a_note(tmp_path):
    findings = pictures(tmp_path, train=[*range(12), 5])
    assert the_only(findings, "2 of 13 images", "in 1 group").severity == "note"


def test_blank_pages_with_different_words_are_not_alike():
    "Most bits of nearly blank pages agree."
    pages = [Image.new("L", (160, 120), "white") for _ in range(2)]
    pages[0].paste(0, (20, 20, 60, 40))
    pages[1].paste(0, (90, 70, 140, 80))
    assert pairs(*pages) == []


def test_missing_image(tmp_path):
    def remove(both):
        (both["train"][0] / "4.jpg").unlink()

    the_only(pictures(tmp_path, change=remove), "1 image of 12", "missing")


def test_damaged_image(tmp_path):
    def cut(both):
        path = both["train"][0] / "4.jpg"
        path.write_bytes(path.read_bytes()[:1000])

    the_only(pictures(tmp_path, change=cut), "damaged", "4.jpg")


def test_image_of_another_size_than_its_labels(tmp_path):
    def shrink(both):
        picture(4).resize((80, 60)).save(both["train"][0] / "4.jpg")

    the_only(pictures(tmp_path, change=shrink), "another size", "80×60")


def test_name_that_leads_out_of_the_folder(tmp_path):
    def lead_out(both):
        (both["train"][0] / "4.jpg").unlink()
        (both["train"][0] / "4.jpg").symlink_to(both["val"][0] / "0.jpg")

    the_only(pictures(tmp_path, change=lead_out), "leads out")


def test_limit_of_images_is_said(tmp_path):
    inspection = inspect({"train": image_split(tmp_path / "train", range(12))}, look=5)
    assert "5 of 12 images of train" in str(inspection)


@pytest.mark.parametrize("compared", [1, 5000, 2**22])
def test_equal_images_after_the_first_thousand_are_named(compared, monkeypatch):
    "They are compared in stripes."
    monkeypatch.setattr(twins, "COMPARED", compared)
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], (1300, 256))
    greys = rng.normal(size=(1300, 256))
    greys = greys / np.linalg.norm(greys, axis=1, keepdims=True)
    prints = np.stack([signs, greys], axis=1).astype(np.float32)
    prints[1200] = prints[5]
    prints[1250] = prints[1100]
    assert pairs_of(prints) == [[5, 1200], [1100, 1250]]
    assert {i: those.tolist() for i, those in alike(prints)}[1250] == [1100]


def test_images_that_are_looked_at_are_spread_over_the_split(tmp_path):
    folder, annotations = image_split(tmp_path / "train", range(12))
    (folder / "11.jpg").unlink()
    findings = inspect({"train": (folder, annotations)}, look=5).findings
    the_only(findings, "missing", "11.jpg")


def test_images_are_counted_and_not_pairs(tmp_path):
    "Three frames of one picture in train and two in val are six pairs, of two images."
    findings = pictures(tmp_path, train=[*range(4), 3, 3], val=[3, 3])
    leak = next(f for f in findings if f.severity == "fault")
    assert "2 images of val (of 2) are in train as well" in leak.seen
    within = {f.split: f.seen for f in findings if "in this split" in f.seen}
    assert within["train"].startswith("3 of 6 images") and within["val"].startswith("2 of 2")


def test_leaks_into_the_test_split_come_first(tmp_path):
    three = {name: image_split(tmp_path / name, [1, 2]) for name in ("train", "val", "test")}
    faults = [f for f in inspect(three).findings if f.severity == "fault"]
    assert [f.split for f in faults] == ["train+test", "val+test", "train+val"]


def test_frames_of_a_fixed_camera_fit_into_memory():
    "4,000 of them are 8 million pairs, once 2.7 GB."
    frames = 4000
    record = {"width": 64, "height": 48, "boxes": [], "labels": []}
    records = [{**record, "file_name": f"{i}.jpg"} for i in range(frames)]
    table = read_table("train", Annotations(records, ["cat"]), 640, 960, 16)
    one = difference_hash(picture(1))
    prints = np.broadcast_to(one, (frames, 2, 256))
    tracemalloc.start()
    (finding,) = check_twins([table], [(prints, np.arange(frames))])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "4000 of 4000 images" in finding.seen and "1 group" in finding.seen
    assert peak < 200e6


def test_black_image_is_looked_at(tmp_path):
    "Twelve bits that were stored as sixteen: nothing in them is brighter than 15 of 255."

    def darken(both):
        path = both["train"][0] / "4.jpg"
        Image.open(path).point(lambda v: v // 16).save(path)

    finding = the_only(pictures(tmp_path, change=darken), "1 image of 12", "nearly black")
    assert finding.examples == [("train", "4.jpg")] and finding.severity == "look"


def test_night_with_a_lamp_is_no_black_image(tmp_path):
    def night(both):
        path = both["train"][0] / "4.jpg"
        image = Image.open(path).point(lambda v: v // 16)
        image.paste((250, 240, 200), (20, 20, 40, 40))
        image.save(path)

    assert pictures(tmp_path, change=night) == []


def test_dark_twins_are_still_found(tmp_path):
    def darken(both):
        for name in "4.jpg", "5.jpg":
            picture(4).point(lambda v: v // 16).save(both["train"][0] / name)

    findings = pictures(tmp_path, change=darken)
    assert any("2 of 12 images have" in f.seen for f in findings)
