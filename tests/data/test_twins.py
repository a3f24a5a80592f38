"Images that are one, and images that are missing, damaged or of another size than their labels."

import numpy as np
from patients import image_split, picture, the_only
from PIL import Image

from dinofrcnn.data.doctor import inspect
from dinofrcnn.data.twins import alike, difference_hash


def pairs(*images):
    return alike(np.stack([difference_hash(image) for image in images])).tolist()


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
    f = the_only(pictures(tmp_path, val=[20, 3]), "1 image of val is in train")
    assert f.severity == "fault" and set(f.examples) == {("train", "3.jpg"), ("val", "1.jpg")}


def test_smaller_and_worse_copy_is_found():
    copy = picture(1).resize((90, 70)).point(lambda v: min(255, v * 1.1))
    assert pairs(picture(1), copy, picture(2)) == [[0, 1]]


def test_image_twice_in_a_split_is_a_note(tmp_path):
    findings = pictures(tmp_path, train=[*range(12), 5])
    assert the_only(findings, "1 pair of nearly equal images").severity == "note"


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


def test_equal_images_after_the_first_thousand_are_named():
    "They are compared in stripes of a thousand."
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], (1300, 256))
    greys = rng.normal(size=(1300, 256))
    greys = greys / np.linalg.norm(greys, axis=1, keepdims=True)
    prints = np.stack([signs, greys], axis=1).astype(np.float32)
    prints[1200] = prints[5]
    prints[1250] = prints[1100]
    assert alike(prints).tolist() == [[5, 1200], [1100, 1250]]


def test_images_that_are_looked_at_are_spread_over_the_split(tmp_path):
    folder, annotations = image_split(tmp_path / "train", range(12))
    (folder / "11.jpg").unlink()
    findings = inspect({"train": (folder, annotations)}, look=5).findings
    the_only(findings, "missing", "11.jpg")
