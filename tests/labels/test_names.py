"Names from another machine, in another spelling; and which files of a folder count."

import errno
import os
import unicodedata

import pytest
from label_sets import picture

from dinofrcnn.labels.files import (
    files_below,
    images_below,
    match_files,
    read_text,
    split_entries,
    unread_note,
)
from dinofrcnn.runtime import UserError

NFC, NFD = "caf\u00e9.jpg", "cafe\u0301.jpg"


@pytest.mark.parametrize(
    "wanted, there",
    {
        "data/obj_train_data/a.jpg": "a.jpg",
        "data/obj/a.jpg": "obj/a.jpg",
        "D:\\set\\images\\a.jpg": "a.jpg",
        "..\\..\\media\\upload\\4\\a.jpg": "a.jpg",
        "../images/a.jpg": "images/a.jpg",
        "/home/bob/a.jpg": "a.jpg",
        "http://host/train2017/a.jpg": "a.jpg",
        "https://host/b/o/images%2Fa.jpg?alt=media&token=1": "images/a.jpg",
        "/data/local-files/?d=photos/a.jpg": "photos/a.jpg",
        "/data/local-files/?d=a.jpg": "a.jpg",
        "./a.jpg": "a.jpg",
        "a.jpg": "deep/down/a.jpg",
        "A.JPG": "a.jpg",
        NFD: NFC,
        NFC: NFD,
        "caf%C3%A9.jpg": NFC,
    }.items(),
)
def test_name_is_found_by_its_tail_or_in_another_spelling(tmp_path, wanted, there):
    assert match_files([wanted], [there, "other.jpg"], tmp_path) == {wanted: there}


def test_the_longest_tail_counts(tmp_path):
    there = ["a.jpg", "train/a.jpg", "val/a.jpg"]
    found = match_files(["/x/train/a.jpg", "/x/val/a.jpg", "/x/a.jpg"], there, tmp_path)
    assert found == {"/x/train/a.jpg": there[1], "/x/val/a.jpg": there[2], "/x/a.jpg": there[0]}


@pytest.mark.parametrize(
    "wanted, there",
    [
        (["a.jpg"], ["x/a.jpg", "y/a.jpg"]),  # which?
        (["val/a.jpg"], ["train/a.jpg"]),  # another folder's
        (["day/a.jpg", "night/a.jpg"], ["day/a.jpg"]),
        (["day/a.jpg", "night/b.jpg"], ["x/a.jpg", "x/b.jpg"]),
        (["x/a.jpg", "y/a.jpg"], ["a.jpg"]),  # two names, one file
        (["a.jpg", "x/a.jpg"], ["a.jpg"]),
        (["A.jpg", "a.jpg"], ["a.jpg"]),
        (["A.jpg"], ["a.JPG", "a.jpg"]),
        (["b.jpg"], ["ab.jpg"]),
        ([""], ["a.jpg"]),
    ],
)
def test_name_is_never_given_to_a_namesake(tmp_path, wanted, there):
    assert match_files(wanted, there, tmp_path) == {}


def test_all_names_may_have_moved_from_one_folder_to_another(tmp_path):
    wanted = ["data/obj/a.jpg", "data/obj/b.jpg"]
    there = ["images/obj/a.jpg", "images/obj/b.jpg"]
    assert match_files(wanted, there, tmp_path) == dict(zip(wanted, there, strict=True))


def test_folder_of_one_split_has_no_images_of_another(tmp_path):
    assert match_files(["set/val/a.jpg"], ["a.jpg"], tmp_path / "images/train") == {}
    assert match_files(["set/valid/images/a.jpg"], ["a.jpg"], tmp_path / "train/images") == {}
    found = match_files(["set/train2017/a.jpg"], ["a.jpg"], tmp_path / "train")
    assert found == {"set/train2017/a.jpg": "a.jpg"}


def test_names_that_are_there_are_left_alone(tmp_path):
    assert match_files(["a.jpg", "x/a.jpg"], ["a.jpg", "x/a.jpg"], tmp_path) == {}


# ---------------------------------------------------------------- what lies in a folder


@pytest.mark.parametrize(
    "name", [".ipynb_checkpoints/a-checkpoint.jpg", "._a.jpg", "__MACOSX/x/._a.jpg", ".trash/a.jpg"]
)
def test_hidden_files_never_count(tmp_path, name):
    picture(tmp_path / name)
    picture(tmp_path / "a.jpg")
    assert files_below(tmp_path, {".jpg"}) == ["a.jpg"]


def test_folder_with_a_hidden_one_above_it_is_listed(tmp_path):
    picture(tmp_path / ".cache/set/a.jpg")
    assert files_below(tmp_path / ".cache/set", {".jpg"}) == ["a.jpg"]


def test_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "night/b.jpg")
    scandir = os.scandir

    def broken(path):
        if os.fspath(path).endswith("night"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", broken)
    with pytest.raises(UserError, match="night' cannot be listed: Input/output error"):
        files_below(tmp_path, {".jpg"})


def test_an_image_is_what_can_be_decoded(tmp_path):
    for name in ["a.jpg", "b.ppm", "c.pgm", "d.tga", "e.JPE"]:
        picture(tmp_path / name)
    (tmp_path / "f.heic").write_bytes(b"x")
    (tmp_path / "g.txt").write_bytes(b"x")
    assert images_below(tmp_path) == ["a.jpg", "b.ppm", "c.pgm", "d.tga", "e.JPE"]
    assert ".heic (1)" in unread_note(tmp_path)[0]


def test_folder_of_readable_images_needs_no_note(tmp_path):
    picture(tmp_path / "a.jpg")
    assert unread_note(tmp_path) == []


# ---------------------------------------------------------------- text


def test_text_keeps_its_unicode_form(tmp_path):
    text = unicodedata.normalize("NFD", "Tür")
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert read_text(tmp_path / "a.txt") == text


def test_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_text(tmp_path)


@pytest.mark.parametrize("data", [b"a.jpg\nb\0.jpg\n", "a.jpg\nbär.jpg".encode("cp1252")])
def test_split_list_that_is_no_text_is_refused_with_the_line(tmp_path, data):
    (tmp_path / "train.txt").write_bytes(data)
    with pytest.raises(UserError, match="line 2 cannot be read"):
        split_entries(tmp_path / "train.txt")
