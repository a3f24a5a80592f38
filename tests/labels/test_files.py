"Files and folders: the sample sets are found, and what the system says of others is passed on."

import errno
import os
from pathlib import Path

import pytest

from dinofrcnn.labels.files import need_folder, read_class_list, samples_dir, split_entries
from dinofrcnn.runtime import UserError


@pytest.mark.parametrize("name", ["construction", "broken"])
def test_sample_sets_are_found(name):
    assert (samples_dir() / name / "classes.txt").is_file()


@pytest.fixture(params=[errno.EACCES, errno.EIO])
def refused(request, tmp_path, monkeypatch):
    "(path, what the system says): a path the system tells nothing about."
    path = tmp_path / "set.txt"
    plain = Path.stat

    def stat(self, **options):
        if self == path:
            raise OSError(request.param, os.strerror(request.param))
        return plain(self, **options)

    monkeypatch.setattr(Path, "stat", stat)
    return path, os.strerror(request.param)


def test_folder_that_cannot_be_read_is_not_said_to_be_missing(refused):
    path, said = refused
    with pytest.raises(UserError, match=f"image folder '.*set.txt' cannot be read: {said}"):
        need_folder(path, "image folder")


@pytest.mark.parametrize("read", [split_entries, read_class_list])
def test_list_that_cannot_be_read_is_not_said_to_be_missing(refused, read):
    path, said = refused
    with pytest.raises(UserError, match=f"'.*set.txt' cannot be read: {said}"):
        read(path)


def test_circle_of_links_is_no_missing_folder(tmp_path):
    (tmp_path / "a").symlink_to("a")
    with pytest.raises(UserError, match="cannot be read: Too many levels of symbolic links"):
        need_folder(tmp_path / "a", "image folder")
