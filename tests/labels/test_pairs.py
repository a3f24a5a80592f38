"Which image, whose labels: lists of other tools, one image by two names, one label file for two."

import time

import pytest
from label_sets import GOOD, GOOD_BOX, H, W, Yolo, noted, picture, reasons

from dinofrcnn.cli import main
from dinofrcnn.labels.yolo import convert_yolo
from dinofrcnn.runtime import UserError

OTHER = "0 0.2 0.5 0.2 0.4"
OTHER_BOX = [10, 15, 30, 35]


@pytest.fixture
def yolo(tmp_path):
    return Yolo(tmp_path)


def boxes(records):
    return {record["file_name"]: record["boxes"] for record in records}


def split_list(yolo, *entries):
    path = yolo.root / "train.txt"
    path.write_text("\n".join(entries) + "\n")
    return path


# ---------------------------------------------------------------- lists from another machine


@pytest.mark.parametrize("prefix", ["data/obj_train_data/", "D:\\set\\images\\", "/home/bob/x/"])
@pytest.mark.parametrize("folder", ["images", "."])
def test_list_written_for_another_root(yolo, prefix, folder):
    yolo.add("obj_train_data/a", None)
    (yolo.images / "obj_train_data/a.txt").write_text(GOOD)
    if "\\" in prefix or "bob" in prefix:
        prefix += "obj_train_data/"
    records = yolo.convert(
        image_dir=yolo.root / folder,
        yolo_dir=yolo.root / folder,
        split_file=split_list(yolo, prefix + "a.png"),
    )
    assert [record["boxes"] for record in records] == [[GOOD_BOX]]
    assert noted(yolo.report, "another folder")


def test_listed_image_that_is_missing_is_not_replaced_by_a_namesake(yolo):
    yolo.add("train/a")
    yolo.add("train/b")
    split = split_list(yolo, "train/b.png", "val/a.png")
    assert boxes(yolo.convert(split_file=split)) == {"train/b.png": [GOOD_BOX]}
    assert reasons(yolo.report, "image") == ["image missing"]


def test_list_none_of_whose_images_is_there_names_list_and_entry(yolo):
    yolo.add()
    with pytest.raises(UserError, match=r"train.txt.*the first is '/home/x/b.png'"):
        yolo.convert(split_file=split_list(yolo, "/home/x/b.png", "c.png"))
    assert not (yolo.root / "out").exists()


def test_image_named_twice_in_a_list_is_kept_once(yolo):
    yolo.add("a")
    yolo.add("b")
    split = split_list(yolo, "images/a.png", "images/b.png", "images/a.png", "./images/b.png")
    assert boxes(yolo.convert(split_file=split)) == {"a.png": [GOOD_BOX], "b.png": [GOOD_BOX]}
    assert yolo.report.images.found == yolo.report.boxes.found == 2
    assert noted(yolo.report, "duplicate image, kept once: named twice in the list: 2")


def test_linked_image_keeps_its_listed_name_and_its_labels(yolo):
    picture(yolo.images / "store/1.png")
    (yolo.images / "a.png").symlink_to(yolo.images / "store/1.png")
    yolo.label("a", GOOD)
    split = split_list(yolo, f"{yolo.images}/a.png")
    assert boxes(yolo.convert(split_file=split)) == {"a.png": [GOOD_BOX]}


def test_image_and_a_link_to_it_are_one_and_labels_decide_the_name(yolo):
    picture(yolo.images / "a_store/1.png")
    (yolo.images / "b.png").symlink_to(yolo.images / "a_store/1.png")
    yolo.label("b", GOOD)
    assert boxes(yolo.convert()) == {"b.png": [GOOD_BOX]}
    assert noted(yolo.report, "a link to another one: 1")


def test_one_image_by_two_names_with_own_labels_is_one_with_the_labels_of_both(yolo):
    yolo.add("a", GOOD)
    (yolo.images / "b.png").symlink_to(yolo.images / "a.png")
    yolo.label("b", f"{GOOD}\n{OTHER}")
    assert boxes(yolo.convert()) == {"a.png": [GOOD_BOX, OTHER_BOX]}
    assert [row["reason"] for row in yolo.report.rows] == ["duplicate image", "image dropped"]


def test_one_image_through_a_linked_folder_is_one_with_the_labels_of_both(yolo):
    yolo.add("night/a", GOOD)
    (yolo.images / "dark").symlink_to(yolo.images / "night", target_is_directory=True)
    yolo.label("dark/a", f"{GOOD}\n{OTHER}")
    (kept,) = boxes(yolo.convert()).values()
    assert sorted(kept) == sorted([GOOD_BOX, OTHER_BOX])


# ---------------------------------------------------------------- whose labels


def test_label_file_that_serves_two_images_is_noted(yolo):
    yolo.add("a", GOOD, suffix=".png")
    picture(yolo.images / "a.jpg")
    yolo.convert()
    assert noted(
        yolo.report, "one label file serves two images: 1, for example 'a.txt': a.jpg, a.png"
    )


def test_label_files_with_the_images_suffix(yolo):
    picture(yolo.images / "a.jpg")
    picture(yolo.images / "a.png")
    yolo.label("a.jpg", GOOD)
    yolo.label("a.png", OTHER)
    assert boxes(yolo.convert()) == {"a.jpg": [GOOD_BOX], "a.png": [OTHER_BOX]}


@pytest.mark.parametrize(
    "image, label", [("IMG_1", "img_1"), ("caf\u00e9", "cafe\u0301"), ("caf\u00e9", "caf%C3%A9")]
)
def test_label_file_of_another_spelling_is_found_and_noted(yolo, image, label):
    yolo.add(image, None)
    yolo.label(label, GOOD)
    yolo.add("b")
    assert boxes(yolo.convert())[f"{image}.png"] == [GOOD_BOX]
    assert noted(yolo.report, "spelled otherwise")


def test_label_file_of_another_case_is_not_given_to_two_images(yolo):
    yolo.add("IMG", None)
    yolo.add("Img", None)
    yolo.label("img", GOOD)
    yolo.add("b")
    assert sum(map(len, boxes(yolo.convert()).values())) == 1
    assert reasons(yolo.report) == ["unknown image"]


def test_flat_label_is_not_given_to_a_namesake_because_the_other_is_not_listed(yolo):
    yolo.add("x/a", None)
    yolo.add("y/a", None)
    yolo.add("b")
    yolo.label("a", GOOD)
    records = yolo.convert(split_file=split_list(yolo, "x/a.png", "b.png"))
    assert boxes(records) == {"x/a.png": [], "b.png": [GOOD_BOX]}


@pytest.mark.parametrize("suffix", [".xml", ".json"])
def test_labels_of_another_format_are_no_background(yolo, suffix):
    yolo.add("a", None)
    (yolo.labels / f"a{suffix}").write_text("{}")
    with pytest.raises(UserError, match=f"no YOLO label file .*a{suffix}"):
        yolo.convert()
    assert not (yolo.root / "out").exists()


# ---------------------------------------------------------------- what is an image


@pytest.mark.parametrize("suffix", [".ppm", ".pgm", ".tga"])
def test_images_of_other_kinds_keep_their_labels(yolo, suffix):
    yolo.add("a", GOOD, suffix)
    yolo.add("b")
    assert boxes(yolo.convert()) == {f"a{suffix}": [GOOD_BOX], "b.png": [GOOD_BOX]}


def test_images_nobody_can_decode_are_noted(yolo):
    yolo.add("a")
    (yolo.images / "b.heic").write_bytes(b"x")
    yolo.convert()
    assert noted(yolo.report, "files that are no known image: 1, passed over: .heic")


def test_folder_of_nothing_but_such_images_says_so(yolo):
    (yolo.images / "b.heic").write_bytes(b"x")
    with pytest.raises(UserError, match="no images.*heic"):
        yolo.convert()


def test_copies_that_jupyter_and_a_mac_leave_are_no_data(yolo):
    yolo.add("a")
    picture(yolo.images / ".ipynb_checkpoints/a-checkpoint.png")
    picture(yolo.images / "__MACOSX/._a.png")
    (yolo.images / "._a.png").write_bytes(b"x")
    yolo.label("._a", "\0\1binary")
    yolo.label(".ipynb_checkpoints/a-checkpoint", GOOD)
    assert boxes(yolo.convert()) == {"a.png": [GOOD_BOX]}
    assert yolo.report.clean and yolo.report.boxes.found == 1


def test_hidden_files_in_a_list_are_no_data(yolo):
    yolo.add("a")
    picture(yolo.images / ".ipynb_checkpoints/a-checkpoint.png")
    split = split_list(yolo, "images/.ipynb_checkpoints/a-checkpoint.png", "images/a.png")
    assert boxes(yolo.convert(split_file=split)) == {"a.png": [GOOD_BOX]}
    assert noted(yolo.report, "hidden files in the list, left out: 1")


@pytest.mark.parametrize("rows, code", {GOOD: 0, GOOD + " 0.5 0.5 2": 2, "0 50 50 9 9": 2}.items())
def test_command_line_ends_with_2_and_writes_nothing_where_rows_are_refused(yolo, rows, code):
    yolo.add("a", rows)
    split = split_list(yolo, "D:\\set\\a.png")
    folders = ["--yolo_dir", str(yolo.labels), "--image_dir", str(yolo.images)]
    output = ["--split_file", str(split), "--output_dir", str(yolo.root / "out")]
    assert main(["convert", "yolo", *folders, *output]) == code
    assert (yolo.root / "out").exists() == (code == 0)


def test_time_grows_with_the_number_of_labels_and_not_with_its_square(tmp_path):
    picture(tmp_path / "x.png", (W // 10, H // 10))
    (tmp_path / "x.txt").write_text(GOOD)
    times = []
    for count in (500, 4000):
        folder = tmp_path / str(count)
        (folder / "images").mkdir(parents=True)
        (folder / "labels").mkdir()
        for i in range(count):
            (folder / f"images/{i}.png").hardlink_to(tmp_path / "x.png")
            (folder / f"labels/{i}.txt").hardlink_to(tmp_path / "x.txt")
        start = time.process_time()
        convert_yolo(
            folder / "labels", folder / "images", folder / "out", ["a"], check_images=False
        )
        times.append(time.process_time() - start)
    assert times[1] < 8 * 3 * max(times[0], 0.05)
