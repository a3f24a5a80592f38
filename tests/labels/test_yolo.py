"YOLO: which image and label files belong together, and what a row says."

import pytest
from label_sets import GOOD, GOOD_BOX, Yolo, noted, picture, reasons

from dinofrcnn.labels.files import files_below
from dinofrcnn.runtime import UserError


@pytest.fixture
def yolo(tmp_path):
    return Yolo(tmp_path)


# ---------------------------------------------------------------- images and label files


def test_yolo_box_in_pixels(yolo):
    assert yolo.rows(GOOD) == [GOOD_BOX]


def test_yolo_blank_and_missing_label_files_are_counted_apart(yolo):
    yolo.add("a")
    yolo.add("b", "")
    yolo.add("c", " \n\n")
    yolo.add("d", None)
    records = yolo.convert()
    assert [len(r["boxes"]) for r in records] == [1, 0, 0, 0]
    assert yolo.report.background == {"with blank label file": 2, "without label file": 1}
    assert yolo.report.clean


def test_yolo_image_whose_rows_are_all_bad_is_kept_and_counted_apart(yolo):
    yolo.add("b")
    assert yolo.rows("x") == []
    assert yolo.report.background == {"whose boxes were all dropped": 1}


def test_yolo_one_bad_row_does_not_drop_the_image(yolo):
    assert yolo.rows(f"{GOOD}\n0 x y\n{GOOD}") == [GOOD_BOX] * 2
    assert reasons(yolo.report) == ["bad row"]


def test_yolo_bad_row_is_reported_with_file_and_line(yolo):
    yolo.rows(f"{GOOD}\n\n7 0.5 0.5 0.1 0.1")
    assert [(r["file"], r["where"]) for r in yolo.report.rows] == [("a.txt", "line 3")]


@pytest.mark.parametrize("suffix", [".JPG", ".Jpeg", ".PNG", ".WEBP"])
def test_yolo_upper_case_suffix(yolo, suffix):
    yolo.add("a", suffix=suffix)
    assert yolo.convert()[0]["boxes"] == [GOOD_BOX]


def test_yolo_nested_folders(yolo):
    yolo.add("x/y/a")
    assert yolo.convert()[0]["file_name"] == "x/y/a.png"
    assert yolo.report.boxes.kept == 1


def test_yolo_same_stem_in_two_folders(yolo):
    yolo.add("x/a", GOOD)
    yolo.add("y/a", "1 0.5 0.5 0.1 0.1")
    assert [r["labels"] for r in yolo.convert()] == [[0], [1]]


def test_yolo_flat_labels_for_nested_images(yolo):
    yolo.add("x/a", None)
    yolo.label("a", GOOD)
    assert len(yolo.convert()[0]["boxes"]) == 1


def test_yolo_flat_label_is_given_to_neither_of_two_images_with_its_stem(yolo):
    yolo.add("x/a", None)
    yolo.add("y/a", None)
    yolo.add("b")
    yolo.label("a", GOOD)
    assert sum(len(r["boxes"]) for r in yolo.convert()) == 1
    assert reasons(yolo.report) == ["unknown image"]


def test_yolo_flat_folder_of_images_and_labels(yolo):
    yolo.add("a", None)
    (yolo.images / "a.txt").write_text(GOOD)
    (yolo.images / "classes.txt").write_text("a\n")
    assert yolo.convert(yolo_dir=yolo.images)[0]["boxes"] == [GOOD_BOX]
    assert yolo.report.clean


def test_yolo_images_becomes_labels_only_at_its_last_place(yolo):
    root = yolo.root / "images/set"  # /images/ stands earlier in the path, too
    picture(root / "images/train/a.png")
    (root / "labels/train").mkdir(parents=True)
    (root / "labels/train/a.txt").write_text(GOOD)
    assert yolo.convert(yolo_dir=root, image_dir=root)[0]["boxes"] == [GOOD_BOX]
    assert yolo.convert(yolo_dir=root, image_dir=root / "images/train")[0]["boxes"] == [GOOD_BOX]


def test_yolo_split_with_images_and_labels_inside(yolo):
    picture(yolo.root / "d/train/images/a.png")
    (yolo.root / "d/train/labels").mkdir()
    (yolo.root / "d/train/labels/a.txt").write_text(GOOD)
    root = yolo.root / "d"
    assert yolo.convert(yolo_dir=root, image_dir=root)[0]["boxes"] == [GOOD_BOX]


def test_yolo_split_list(yolo):
    for stem in "abc":
        yolo.add(stem)
    (yolo.root / "train.txt").write_text("./images/a.png\r\n\r\nc.png\ngone.png\n")
    records = yolo.convert(split_file=yolo.root / "train.txt")
    assert [r["file_name"] for r in records] == ["a.png", "c.png"]
    assert reasons(yolo.report, "image") == ["image missing"]


def test_yolo_symlinked_image_folder(yolo):
    yolo.add()
    (yolo.root / "link").symlink_to(yolo.images)
    assert yolo.convert(image_dir=yolo.root / "link")[0]["boxes"] == [GOOD_BOX]


def test_yolo_symlinked_folder_inside_the_image_folder(yolo):
    yolo.add("x/a")
    (yolo.images / "y").symlink_to(yolo.images / "x")
    yolo.convert()
    assert yolo.report.images.kept == 1  # the same folder is not walked twice


def test_yolo_label_file_without_image_is_reported(yolo):
    yolo.add("a")
    yolo.label("b", GOOD + "\n" + GOOD)
    yolo.convert()
    assert yolo.report.boxes.found == 3
    assert reasons(yolo.report) == ["unknown image"] * 2
    assert yolo.report.rows[0]["where"] == "b.txt line 1"


def test_yolo_labels_of_another_split_are_noted(yolo):
    yolo.add("train/a")
    yolo.label("val/b", GOOD)
    yolo.convert()
    assert yolo.report.clean
    assert any("other folders" in n and "val/b.txt" in n for n in yolo.report.notes)


def test_yolo_wrong_label_folder_is_refused(yolo):
    yolo.add("a", None)
    yolo.label("b", GOOD)
    with pytest.raises(UserError, match="none of the 1 label files"):
        yolo.convert()


def test_yolo_image_called_train_keeps_its_labels(yolo):
    yolo.add("train")
    assert yolo.convert()[0]["boxes"] == [GOOD_BOX]


def test_yolo_readme_among_the_labels_is_no_label_file(yolo):
    yolo.add()
    yolo.label("README", "hello")
    yolo.convert()
    assert yolo.report.clean


def test_yolo_no_images_is_refused(yolo):
    with pytest.raises(UserError, match="no images"):
        yolo.convert()


def test_folder_with_a_typing_error_names_the_nearest(yolo):
    with pytest.raises(UserError, match="did you mean .*labels"):
        yolo.convert(yolo_dir=yolo.root / "lables")


def test_files_below_is_sorted_and_ignores_other_suffixes(tmp_path):
    for name in ("b.png", "a/c.JPG", "x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert files_below(tmp_path, {".png", ".jpg"}) == ["a/c.JPG", "b.png"]


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize(
    "text",
    [
        "0\t0.5\t0.5\t0.2\t0.4",
        "0,0.5,0.5,0.2,0.4",
        "0, 0.5, 0.5, 0.2, 0.4",
        "  0  0.5 0.5   0.2 0.4  ",
        "0 5e-1 .5 0.20 0.40",
    ],
)
def test_yolo_tabs_commas_and_blanks(yolo, text):
    assert yolo.rows(text) == [GOOD_BOX]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        f"{GOOD}\r\n".encode(),
        f"{GOOD}\r".encode(),
    ],
)
def test_yolo_bom_and_crlf(yolo, data):
    assert yolo.rows(data) == [GOOD_BOX]


def test_yolo_decimal_commas_are_refused_not_misread(yolo):
    assert yolo.rows(f"0 0,5 0,5 0,2 0,4\n{GOOD}") == [GOOD_BOX]
    assert reasons(yolo.report) == ["bad row"]


def test_yolo_polygon_becomes_its_bounding_box(yolo):
    assert yolo.rows("0 0.4 0.3 0.6 0.3 0.5 0.7") == [GOOD_BOX]


def test_yolo_polygon_and_box_rows_in_one_file(yolo):
    assert yolo.rows(f"{GOOD}\n0 0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7") == [GOOD_BOX] * 2


def test_yolo_five_fields_are_always_a_box(yolo):
    assert yolo.rows("0 0.5 0.5 0.2 0.4\n0 0.4 0.3 0.6 0.3 0.5 0.7") == [GOOD_BOX] * 2


def test_yolo_sixth_column_is_refused_with_the_place(yolo):
    with pytest.raises(UserError, match=r"a.txt' line 2 .*--sixth_column"):
        yolo.rows(f"{GOOD}\n{GOOD} 0.9")


@pytest.mark.parametrize("what", ["confidence", "track"])
def test_yolo_sixth_column_is_left_out_when_it_is_named(yolo, what):
    assert yolo.rows(f"{GOOD} 0.9", sixth_column=what) == [GOOD_BOX]
    assert noted(yolo.report, what)


def test_yolo_sixth_column_of_another_name_is_refused(yolo):
    with pytest.raises(UserError, match="confidence"):
        yolo.rows(GOOD, sixth_column="score")


def test_yolo_class_id_as_float(yolo):
    yolo.add("a", "2.0 0.5 0.5 0.2 0.4")
    assert yolo.convert()[0]["labels"] == [2]


def test_yolo_class_id_past_the_list(yolo):
    assert yolo.rows(f"3 0.5 0.5 0.2 0.4\n{GOOD}") == [GOOD_BOX]
    assert reasons(yolo.report) == ["unknown class"]


@pytest.mark.parametrize("class_id", ["-1", "1.5", "99999999999", "1e300"])
@pytest.mark.parametrize("class_list", [["a"], None])
def test_yolo_class_id_that_cannot_be_one_is_named_as_it_stands(yolo, class_id, class_list):
    yolo.add("a", f"{class_id} 0.5 0.5 0.2 0.4\n{GOOD}")
    assert yolo.convert(class_list)[0]["boxes"] == [GOOD_BOX]
    assert reasons(yolo.report) == ["bad row"]
    assert f"class {class_id} is no whole number" in yolo.report.rows[0]["detail"]


@pytest.mark.parametrize(
    "row, reason",
    [
        ("0 nan .5 .2 .2", "not finite"),
        ("0 .5 inf .2 .2", "not finite"),
        ("nan .5 .5 .2 .2", "not finite"),
        ("0 .5 .5 0 .2", "no area"),
        ("0 .5 .5 -.2 .2", "inverted"),
        ("0 1.5 .5 .2 .2", "outside image"),
        ("0 .5 .5 .2", "bad row"),
        ("0 .1 .1 .2 .2 .3 .3 .4", "bad row"),
        ("dog .5 .5 .2 .2", "bad row"),
        ("0 .5 .5 1e-9 .2", "no area"),
        ("0 1e308 1e308 1e308 1e308", "not finite"),
    ],
)
def test_yolo_row_is_dropped_alone_with_its_reason(yolo, row, reason):
    assert yolo.rows(f"{row}\n{GOOD}") == [GOOD_BOX]
    assert reasons(yolo.report) == [reason]


def test_yolo_box_partly_outside_is_clipped_and_reported(yolo):
    assert yolo.rows("0 1 0.5 0.2 0.4") == [[90, 15, 100, 35]]
    assert reasons(yolo.report) == ["clipped"]
    assert yolo.report.boxes.repaired == 1


def test_yolo_rounding_at_the_border_is_no_repair(yolo):
    assert yolo.rows("0 0.500001 0.5 1.0 1.0")[0] == [0.0001, 0, 100, 50]
    assert yolo.report.clean
