"The data doctor: healthy labels pass in silence, each damage gives its finding and no other."

import json

import numpy as np
import pytest
from PIL import Image

from dinofrcnn.data.anchor_fit import best_overlap
from dinofrcnn.data.doctor import inspect
from dinofrcnn.data.twins import alike, difference_hash
from dinofrcnn.labels.annotations import Annotations, write_annotations
from dinofrcnn.runtime import UserError

SIZES = [(640, 480), (480, 640), (640, 360), (500, 500)]


def healthy(images=40, seed=0, per_image=12, sizes=SIZES):
    "Records with boxes of two classes spread over the whole image, none near another."
    rng, records = np.random.default_rng(seed), []
    for i in range(images):
        w, h = sizes[i % len(sizes)]
        cells = rng.permutation([(x, y) for x in range(w // 80) for y in range(h // 80)])[
            : per_image + rng.integers(-3, 4)
        ]
        labels, cell = rng.integers(0, 2, len(cells)), np.array([w / (w // 80), h / (h // 80)])
        side = np.where(labels[:, None] == 0, 34, 52) * rng.uniform(0.9, 1.25, cells.shape)
        corner = cells * cell + rng.uniform(-0.1, 1.1, cells.shape).clip(0, 1) * (
            cell - side
        )  # a few touch the edges of the image
        records.append(
            {
                "file_name": f"{seed}_{i:03}.jpg",
                "width": w,
                "height": h,
                "boxes": np.hstack([corner, corner + side]).tolist(),
                "labels": labels.tolist(),
            }
        )
    return records


def look(change=None, classes=("cat", "dog"), **kw):
    "The findings about healthy records that went through `change(record)`."
    records = healthy(**kw)
    for record in records:
        if change:
            change(record)
    return inspect({"train": Annotations(records, list(classes))}).findings


def boxes(change):
    return lambda r: r.update(boxes=[list(change(*b, r["width"], r["height"])) for b in r["boxes"]])


def first_only(change):
    return lambda r: change(r) if r["file_name"].endswith("_003.jpg") else None


def the_only(findings, *words):
    "Assert that there is one finding and that it has these words; returns it."
    assert len(findings) == 1, "\n".join(map(str, findings))
    for word in words:
        assert word in findings[0].seen, findings[0]
    return findings[0]


def test_healthy_labels_pass_without_a_remark():
    for seed in range(5):
        assert look(seed=seed) == []


def test_sample_data_passes_with_notes_only(data):
    inspection = inspect({"train": data.train, "val": data.val, "test": data.test})
    assert {f.severity for f in inspection.findings} <= {"note"}, str(inspection)


def test_every_finding_says_what_to_do():
    for f in look(boxes(lambda x1, y1, x2, y2, w, h: (x1 * h / w, y1, x2 * h / w, y2))):
        assert len(f.do) > 10 and f.do in str(f)


def test_fractions_instead_of_pixels():
    the_only(
        look(boxes(lambda x1, y1, x2, y2, w, h: (x1 / w, y1 / h, x2 / w, y2 / h))), "fractions"
    )


def test_width_and_height_instead_of_the_second_corner():
    findings = look(boxes(lambda x1, y1, x2, y2, w, h: (x1, y1, x2 - x1, y2 - y1)))
    assert "before the left" in findings[0].seen and findings[0].severity == "fault"


def test_zero_area_box():
    def flatten(r):
        r["boxes"][0][2] = r["boxes"][0][0]

    assert the_only(look(first_only(flatten)), "without area", "1 box").examples == [
        ("train", "0_003.jpg")
    ]


def test_one_pixel_box():
    def click(r):
        r["boxes"][0] = [10, 10, 11, 11]

    the_only(look(first_only(click)), "pixel wide", "1 box")


def test_box_beyond_the_image():
    def push(r):
        r["boxes"][0] = [r["width"] - 30, 20, r["width"] + 10, 60]

    the_only(look(first_only(push)), "beyond the image", "1 box")


@pytest.mark.parametrize("sizes", [[(640, 480)], [(640, 480), (480, 640)], SIZES])
def test_x_scaled_by_height_over_width(sizes):
    findings = look(
        boxes(lambda x1, y1, x2, y2, w, h: (x1 * h / w, y1, x2 * h / w, y2)), sizes=sizes, images=60
    )
    assert any(
        f.severity == "fault" and "right" in f.seen and "landscape" in f.seen for f in findings
    )


def test_boxes_of_one_half():
    f = the_only(
        look(boxes(lambda x1, y1, x2, y2, w, h: (x1 / 2, y1, x2 / 2, y2)), sizes=[(640, 480)]),
        "right 50%",
    )
    assert f.severity == "look"


def test_shape_of_boxes_follows_that_of_images():
    "Boxes drawn in squeezed square images and scaled back by the wrong side lie everywhere, only their shape tells."

    def squeeze(x1, y1, x2, y2, w, h):
        half, middle = (x2 - x1) / 2 * (h / w) ** 1.2, (x1 + x2) / 2
        return max(0, middle - half), y1, min(w, middle + half), y2

    findings = look(
        boxes(squeeze), images=80, sizes=[(640, 360), (640, 480), (480, 640), (360, 640)]
    )
    assert any("follows that of the images" in f.seen for f in findings), findings


def test_shape_is_not_judged_where_all_images_have_one():
    from dinofrcnn.data.checks import aspect_slope
    from dinofrcnn.data.findings import read_table

    assert aspect_slope(
        read_table("train", Annotations(healthy(sizes=[(640, 480)]), ["cat", "dog"]), 640, 960, 16)
    ) == (0, np.inf)


def test_boxes_clipped_at_one_edge():
    def push(x1, y1, x2, y2, w, h):
        return min(x1 * 1.4, w - 40), y1, min(x2 * 1.4, w), y2

    assert any("touch the right edge" in f.seen for f in look(boxes(push)))


def test_whole_image_boxes():
    def whole(r):
        r.update(boxes=[[0, 0, r["width"], r["height"]]] * 2, labels=[0, 1])

    assert any("cover their whole image" in f.seen for f in look(whole))


def test_one_class_only():
    def all_cats(r):
        r["labels"] = [0] * len(r["labels"])

    assert any("every box is a cat" in f.seen for f in look(all_cats))


def test_listed_class_that_no_box_has():
    the_only(look(classes=("cat", "dog", "cow")), "on no box: cow")


def splits(change, **kw):
    train, val = (
        Annotations(healthy(), ["cat", "dog"]),
        Annotations(healthy(seed=1), ["cat", "dog"]),
    )
    change(train, val)
    return inspect({"train": train, "val": val}).findings


def drop_dogs(annotations):
    for r in annotations.records:
        r.update(
            boxes=[b for b, k in zip(r["boxes"], r["labels"]) if k == 0],
            labels=[k for k in r["labels"] if k == 0],
        )


def test_two_healthy_splits_pass():
    assert splits(lambda train, val: None) == []


def test_class_absent_from_training_is_a_fault():
    faults = [
        f
        for f in splits(
            lambda train, val: (
                drop_dogs(train),
                train.records[0].update(labels=[0] * len(train.records[0]["labels"])),
            )
        )
        if f.split == "train"
    ]
    assert any("dog" in f.seen or "every box is a cat" in f.seen for f in faults)


def test_class_lists_in_different_order():
    the_only(splits(lambda train, val: val.classes.reverse()), "class lists differ")


def test_rare_class():
    def rare(r):
        r["labels"] = [min(k, 1) for k in r["labels"]]
        r["labels"][0] = 2

    the_only(look(first_only(rare), classes=("cat", "dog", "cow")), "fewer than ten boxes of cow")


def repeat(label):
    def change(r):
        x1, y1, x2, y2 = r["boxes"][0]
        r.update(
            boxes=r["boxes"] + [[x1 + 1, y1, x2 + 1, y2]],
            labels=r["labels"] + [label(r["labels"][0])],
        )

    return first_only(change)


def test_object_labelled_twice():
    the_only(look(repeat(lambda k: k)), "same class")


def test_object_labelled_as_two_classes():
    the_only(look(repeat(lambda k: 1 - k)), "another class")


def test_crowds_may_overlap_anything():
    def crowd(r):
        repeat(lambda k: k)(r)
        r["iscrowd"] = [0] * (len(r["boxes"]) - 1) + [1]

    assert look(first_only(crowd)) == []


def test_box_of_a_size_unlike_its_class():
    def grow(r):
        r["boxes"][0] = [10, 10, 410, 410]
        r["labels"][0] = 0

    the_only(look(first_only(grow)), "unlike the rest", "a cat of")


def test_unfinished_image():
    def cut(r):
        r.update(boxes=r["boxes"][:1], labels=r["labels"][:1])

    assert the_only(look(first_only(cut), images=60), "1 box", "12 are usual").examples == [
        ("train", "0_003.jpg")
    ]


def test_mostly_empty_images_are_noted():
    def empty(r):
        r.update(boxes=[], labels=[]) if int(r["file_name"][-7:-4]) > 15 else None

    the_only(look(empty), "60% of the images have no box")


def test_boxes_without_an_anchor():
    records = Annotations(healthy(), ["cat", "dog"])
    f = the_only(
        inspect({"train": records}, anchor_sizes=[[256], [512]], aspect_ratios=[[1]] * 2).findings,
        "no anchor",
        "smaller than the smallest",
    )
    assert "span" in f.do


def test_boxes_smaller_than_a_patch():
    assert any(
        "smaller than a patch" in f.seen
        for f in inspect(
            {"train": Annotations(healthy(), ["cat", "dog"])},
            min_size=96,
            max_size=144,
            anchor_sizes=[[8, 16]],
            aspect_ratios=[[1]],
        ).findings
    )


@pytest.mark.parametrize(
    "side,expected", [((100, 100), 1), ((50, 100), 0.5), ((200, 50), 1 / 3), ((200, 200), 0.25)]
)
def test_overlap_with_a_centred_anchor(side, expected):
    assert best_overlap(np.array([side], dtype=float), np.array([[100.0, 100]])) == pytest.approx(
        expected
    )


# images


def picture(seed):
    "A smooth random picture."
    small = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC)


def image_split(folder, seeds):
    folder.mkdir()
    for i, seed in enumerate(seeds):
        picture(seed).save(folder / f"{i}.jpg")
    return folder, Annotations(
        [
            {
                "file_name": f"{i}.jpg",
                "width": 160,
                "height": 120,
                "boxes": [[10, 10, 60, 60]],
                "labels": [0],
            }
            for i in range(len(seeds))
        ],
        ["cat"],
    )


def pictures(tmp_path, train=range(12), val=range(20, 26), change=None):
    "Findings about two splits of pictures, without the remark that so few boxes are rare."
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
    assert alike(
        np.stack([difference_hash(im) for im in (picture(1), copy, picture(2))])
    ).tolist() == [[0, 1]]


def test_image_twice_in_a_split_is_a_note(tmp_path):
    assert (
        the_only(
            pictures(tmp_path, train=[*range(12), 5]), "1 pair of nearly equal images"
        ).severity
        == "note"
    )


def test_blank_pages_with_different_words_are_not_alike():
    "Most bits of nearly blank pages agree."
    pages = [Image.new("L", (160, 120), "white") for _ in range(2)]
    pages[0].paste(0, (20, 20, 60, 40))
    pages[1].paste(0, (90, 70, 140, 80))
    assert alike(np.stack([difference_hash(p) for p in pages])).tolist() == []


def test_missing_image(tmp_path):
    the_only(
        pictures(tmp_path, change=lambda both: (both["train"][0] / "4.jpg").unlink()),
        "1 image of 12",
        "missing",
    )


def test_damaged_image(tmp_path):
    def cut(both):
        path = both["train"][0] / "4.jpg"
        path.write_bytes(path.read_bytes()[:1000])

    the_only(pictures(tmp_path, change=cut), "damaged", "4.jpg")


def test_image_of_another_size_than_its_labels(tmp_path):
    the_only(
        pictures(
            tmp_path,
            change=lambda both: picture(4).resize((80, 60)).save(both["train"][0] / "4.jpg"),
        ),
        "another size",
        "80×60",
    )


def test_name_that_leads_out_of_the_folder(tmp_path):
    def lead_out(both):
        (both["train"][0] / "4.jpg").unlink()
        (both["train"][0] / "4.jpg").symlink_to(both["val"][0] / "0.jpg")

    the_only(pictures(tmp_path, change=lead_out), "leads out")


def test_limit_of_images_is_said(tmp_path):
    assert "5 of 12 images of train" in str(
        inspect({"train": image_split(tmp_path / "train", range(12))}, look=5)
    )


# the conversion report


def converted(tmp_path, rows, found=1000, background={}):
    path = write_annotations(Annotations(healthy(), ["cat", "dog"]), tmp_path)
    count = {"found": found, "kept": found, "repaired": 0, "dropped": 0}
    rows = [{"item": "box", "file": "a.xml", "where": "object 3", "detail": "", **r} for r in rows]
    path.with_name("conversion_report.json").write_text(
        json.dumps({"images": count, "boxes": count, "background": background, "rows": rows})
    )
    return inspect({"train": path}).findings


def test_boxes_that_the_conversion_dropped_are_told(tmp_path):
    f = the_only(
        converted(tmp_path, [{"action": "dropped", "reason": "no area"}] * 2),
        "dropped 2 boxes of 1000",
        "2 no area",
    )
    assert f.severity == "look" and f.examples[0] == ("train", "a.xml object 3")


def test_many_boxes_outside_at_conversion_are_a_fault(tmp_path):
    assert (
        the_only(
            converted(tmp_path, [{"action": "repaired", "reason": "clipped"}] * 80), "80 clipped"
        ).severity
        == "fault"
    )


def test_images_without_a_label_file_are_noted(tmp_path):
    assert (
        the_only(
            converted(tmp_path, [], background={"without label file": 3}),
            "3 images had no label file",
        ).severity
        == "note"
    )


# the inspection


def test_page_counts_images_boxes_and_classes():
    page = str(inspect({"train": Annotations(healthy(), ["cat", "dog"])}))
    total = sum(len(r["boxes"]) for r in healthy())
    assert (
        f"{total:8}" in page and "dog" in page and "nothing to remark" in page and "IoU 0.5" in page
    )


def test_pictures_and_page_are_saved(tmp_path):
    folder = inspect({"train": image_split(tmp_path / "train", range(5))}).save(tmp_path / "report")
    assert sorted(p.name for p in folder.iterdir()) == [
        "anchors.png",
        "centres.png",
        "inspection.txt",
        "sheet.png",
    ]


def test_sheet_without_images_is_refused():
    with pytest.raises(UserError, match="no images"):
        inspect({"train": Annotations(healthy(), ["cat", "dog"])}).show_sheet()


def test_unknown_finding_is_refused():
    with pytest.raises(UserError, match="no finding 7"):
        inspect({"train": Annotations(healthy(), ["cat", "dog"])}).show_sheet(7)


@pytest.mark.parametrize(
    "source,message",
    [
        ({}, "nothing to inspect"),
        ({"train": ("no/such/folder", Annotations([], ["a"]))}, "image folder"),
        ({"train": "no/such.json"}, "not there"),
    ],
)
def test_nothing_to_inspect_is_refused(source, message):
    with pytest.raises(UserError, match=message):
        inspect(source)


@pytest.mark.parametrize(
    "records", [[], [{"file_name": "a.jpg", "width": 64, "height": 48, "boxes": [], "labels": []}]]
)
def test_split_without_boxes_is_a_page_too(records):
    inspection = inspect({"train": Annotations(records, ["cat"])})
    assert "no boxes" in str(inspection)
    inspection.show_centres()
    inspection.show_anchors()


# real data


@pytest.fixture(scope="module")
def blood(bccd, tmp_path_factory):
    "{split: (images, annotation file)} of BCCD, converted."
    from dinofrcnn.labels.voc import convert_voc

    folder = tmp_path_factory.mktemp("bccd")
    for s in "train", "val", "test":
        convert_voc(
            bccd / "Annotations",
            bccd / "JPEGImages",
            folder / s,
            split_file=bccd / f"ImageSets/Main/{s}.txt",
            check_images=False,
        )
    return {
        s: (bccd / "JPEGImages", folder / s / "annotations_torchvision.json")
        for s in ("train", "val", "test")
    }


def test_bccd(blood):
    "The two boxes of one pixel, the white cells called platelets, the unfinished images and the image of two splits; nothing else."
    findings = inspect(blood).findings

    def names(text):
        return {name for f in findings if text in f.seen for _, name in f.examples}

    assert names("pixel wide") == {"BloodImage_00343.jpg", "BloodImage_00338.jpg"}
    assert names("unlike the rest") == {
        "BloodImage_00133.jpg",
        "BloodImage_00113.jpg",
        "BloodImage_00135.jpg",
    }
    assert names("are usual") >= {
        "BloodImage_00250.jpg",
        "BloodImage_00330.jpg",
        "BloodImage_00327.jpg",
    }
    assert names("as well, or nearly") == {"BloodImage_00037.jpg", "BloodImage_00038.jpg"}
    known = (
        "pixel wide",
        "unlike the rest",
        "are usual",
        "as well, or nearly",
        "nearly equal to another",
    )
    assert [f for f in findings if not any(k in f.seen for k in known)] == []


@pytest.mark.parametrize("fx,fy", [(0.75, 1), (4 / 3, 1), (1, 0.75), (1, 4 / 3), (0.75, 4 / 3)])
def test_bccd_with_boxes_scaled_by_width_over_height(blood, fx, fy):
    from dinofrcnn.labels.annotations import read_annotations

    train = read_annotations(blood["train"][1])
    for r in train.records:
        r["boxes"] = [[x1 * fx, y1 * fy, x2 * fx, y2 * fy] for x1, y1, x2, y2 in r["boxes"]]
    assert any(f.severity == "fault" for f in inspect({"train": train}).findings)
