"Public data: fetched in pieces, unpacked safely, verified; and folders brought over as one file."

import errno
import io
import os
import stat
import tarfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from dinofrcnn.data import download as room
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.data.download import (
    PublicData,
    copy_file,
    copy_to_local,
    download,
    fetch,
    folder_checksum,
    pack,
    unpack,
)
from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.runtime import UserError, atomic_write

CONTENT = os.urandom(50_000)


class Handler(BaseHTTPRequestHandler):
    "Serves `server.files`, each broken off in the middle for the first `server.breaks` requests."

    def log_message(self, *args):
        pass

    def do_GET(self):
        asked = self.headers.get("Range")
        body = self.server.files.get(self.path)
        self.server.asked.append(asked)
        if body is None:
            return self.send_error(404)
        start = int(asked[6:-1]) if asked and self.server.ranges else 0
        if start >= len(body):
            return self.send_error(416)
        rest = body[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.server.breaks -= 1
        self.wfile.write(rest[: len(rest) // 2] if self.server.breaks >= 0 else rest)


@pytest.fixture
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.files = {"/set.zip": CONTENT}
    httpd.asked = []
    httpd.breaks = 0
    httpd.ranges = True
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()


# fetching


def test_broken_download_goes_on_where_it_stopped(server, tmp_path):
    server.breaks = 2
    assert fetch(server.url + "/set.zip", tmp_path / "set.zip", wait=0).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=25000-", "bytes=37500-"]


def test_part_of_an_earlier_session_is_continued(server, tmp_path):
    (tmp_path / "set.zip.part").write_bytes(CONTENT[:10_000])
    assert fetch(server.url + "/set.zip", tmp_path / "set.zip", wait=0).read_bytes() == CONTENT
    assert server.asked == ["bytes=10000-"] and os.listdir(tmp_path) == ["set.zip"]


def test_server_without_ranges_starts_over(server, tmp_path):
    server.breaks, server.ranges = 1, False
    assert fetch(server.url + "/set.zip", tmp_path / "set.zip", wait=0).read_bytes() == CONTENT


def test_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    (tmp_path / "set.zip.part").write_bytes(b"x" * 60_000)
    assert fetch(server.url + "/set.zip", tmp_path / "set.zip", wait=0).read_bytes() == CONTENT


def test_file_that_is_there_is_not_fetched(server, tmp_path):
    (tmp_path / "set.zip").write_bytes(b"mine")
    file = fetch(server.url + "/set.zip", tmp_path / "set.zip")
    assert file.read_bytes() == b"mine" and server.asked == []


def test_download_that_keeps_breaking_keeps_its_part(server, tmp_path):
    server.breaks = 99
    with pytest.raises(UserError, match="broke off.*continues"):
        fetch(server.url + "/set.zip", tmp_path / "set.zip", tries=2, wait=0)
    assert os.listdir(tmp_path) == ["set.zip.part"]
    assert (tmp_path / "set.zip.part").stat().st_size == 37_500


def test_missing_page_is_refused_at_once(server, tmp_path):
    with pytest.raises(UserError, match="404"):
        fetch(server.url + "/other.zip", tmp_path / "other.zip")
    assert len(server.asked) == 1


def test_no_network_is_said(tmp_path):
    with pytest.raises(UserError, match="is there a network"):
        fetch("http://127.0.0.1:9/set.zip", tmp_path / "set.zip", tries=2, wait=0)


# unpacking


def zip_of(path, members):
    with zipfile.ZipFile(path, "w") as z:
        for name, content in members.items():
            z.writestr(name, content)
    return path


def tar_of(path, *members):
    with tarfile.open(path, "w") as t:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            t.addfile(info, io.BytesIO())
    return path


@pytest.mark.parametrize(
    "name", ["../out.txt", "a/../../out.txt", "/out.txt", "C:\\out.txt", "..\\out.txt"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_member_that_leads_out_is_refused(tmp_path, kind, name):
    file = tmp_path / f"evil.{kind}"
    if kind == "zip":
        zip_of(file, {"good.txt": "good", name: "evil"})
    else:
        tar_of(file, ("good.txt", tarfile.REGTYPE, ""), (name, tarfile.REGTYPE, ""))
    with pytest.raises(UserError, match="nothing was unpacked"):
        unpack(file, tmp_path / "in/side")
    assert not list((tmp_path / "in").iterdir()) and not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize("target", ["../..", "/etc"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_link_that_leads_out_of_a_tar_is_refused(tmp_path, kind, target):
    members = ("link", kind, target), ("link/x", tarfile.REGTYPE, "")
    with pytest.raises(UserError, match="evil.tar"):
        unpack(tar_of(tmp_path / "evil.tar", *members), tmp_path / "inside")
    assert os.listdir(tmp_path) == ["evil.tar"]


def test_device_in_a_tar_is_refused(tmp_path):
    with pytest.raises(UserError, match="evil.tar"):
        unpack(tar_of(tmp_path / "evil.tar", ("null", tarfile.CHRTYPE, "")), tmp_path / "inside")


def test_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as z:
        z.writestr(link, "/etc")
    with pytest.raises(UserError, match="'link' is a link"):
        unpack(tmp_path / "evil.zip", tmp_path / "inside")


def test_archive_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(UserError, match="are free"):
        unpack(zip_of(tmp_path / "a.zip", {"a": "x" * 11}), tmp_path / "inside")


@pytest.mark.parametrize("cut", [10, 200, 5000])
@pytest.mark.parametrize("suffix,mode", [("zip", ""), ("tar", "w"), ("tar.gz", "w:gz")])
def test_archive_cut_short_is_refused(tmp_path, suffix, mode, cut):
    file = tmp_path / f"cut.{suffix}"
    if suffix == "zip":
        zip_of(file, {"a.bin": CONTENT})
    else:
        (tmp_path / "a.bin").write_bytes(CONTENT)
        with tarfile.open(file, mode) as t:
            t.add(tmp_path / "a.bin", "a.bin")
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(UserError, match="cut"):
        unpack(file, tmp_path / "inside")
    assert not (tmp_path / "inside").exists()


def test_folder_that_is_there_is_not_unpacked_into(tmp_path):
    with pytest.raises(UserError, match="exists"):
        unpack(zip_of(tmp_path / "a.zip", {"a": "x"}), tmp_path)


# a public data set


LABELS = """<annotation>
  <filename>img{i}.jpg</filename>
  <size><width>64</width><height>48</height></size>
  <object>
    <name>WBC</name>
    <bndbox><xmin>{xmin}</xmin><ymin>1</ymin><xmax>20</xmax><ymax>30</ymax></bndbox>
  </object>
</annotation>"""


def voc(folder):
    "A tiny data set in the folders of Pascal VOC: three images, one per split."
    for name in "Annotations", "ImageSets/Main", "JPEGImages":
        (folder / name).mkdir(parents=True)
    for i, split in enumerate(("train", "val", "test")):
        (folder / f"ImageSets/Main/{split}.txt").write_text(f"img{i}\n")
        (folder / f"Annotations/img{i}.xml").write_text(LABELS.format(i=i, xmin=i + 1))
        Image.new("RGB", (64, 48), (80 * i, 90, 90)).save(folder / f"JPEGImages/img{i}.jpg")
    return folder


@pytest.fixture
def public(server, tmp_path, monkeypatch):
    "The tiny set as 'bccd' on the local server, packed as the real one is."
    folder = voc(tmp_path / "made/BCCD_Dataset-d272/BCCD")
    file = tmp_path / "made.zip"
    with zipfile.ZipFile(file, "w") as z:
        for p in sorted((tmp_path / "made").rglob("*")):
            z.write(p, p.relative_to(tmp_path / "made"))
    server.files["/bccd.zip"] = file.read_bytes()
    tiny = PublicData(
        url=server.url + "/bccd.zip",
        inside="BCCD",
        checksum=folder_checksum(folder),
        classes=("Platelets", "RBC", "WBC"),
    )
    monkeypatch.setitem(room.PUBLIC, "bccd", tiny)
    monkeypatch.delenv("DINOFRCNN_DATASETS", raising=False)
    monkeypatch.setattr(room.time, "sleep", lambda seconds: None)
    return folder


def test_downloaded_set_is_ready_to_train_on(public, server, tmp_path):
    server.breaks = 1
    data = download("bccd", tmp_path / "data")
    assert [len(DetectionDataset(*data.split(s))) for s in ("train", "val", "test")] == [1, 1, 1]
    assert read_annotations(data.val.annotations).records[0]["boxes"] == [[1, 0, 20, 30]]
    assert read_annotations(data.val.annotations).classes == ["Platelets", "RBC", "WBC"]


def test_nothing_but_the_set_stays_behind(public, tmp_path):
    download("bccd", tmp_path / "data")
    assert os.listdir(tmp_path / "data") == ["bccd"]


def test_second_call_asks_for_nothing(public, server, tmp_path):
    download("bccd", tmp_path / "data")
    server.asked.clear()
    download("bccd", tmp_path / "data")
    assert server.asked == []


def test_interrupted_conversion_is_completed(public, tmp_path):
    data = download("bccd", tmp_path / "data")
    data.test.annotations.unlink()
    assert len(DetectionDataset(*download("bccd", tmp_path / "data").test)) == 1


def test_wrong_content_is_refused_and_fetched_anew(public, server, tmp_path):
    right = server.files["/bccd.zip"]
    wrong = zip_of(tmp_path / "wrong.zip", {"BCCD_Dataset-x/BCCD/Annotations/a.xml": "else"})
    server.files["/bccd.zip"] = wrong.read_bytes()
    with pytest.raises(UserError, match="not the published data set"):
        download("bccd", tmp_path / "data")
    assert os.listdir(tmp_path / "data") == []
    server.files["/bccd.zip"] = right
    download("bccd", tmp_path / "data")


def test_local_copy_is_taken_before_the_network(public, server, tmp_path, monkeypatch):
    (tmp_path / "mine/bccd").mkdir(parents=True)
    public.rename(tmp_path / "mine/bccd/BCCD")
    monkeypatch.setenv("DINOFRCNN_DATASETS", str(tmp_path / "mine"))
    assert download("bccd", tmp_path / "data").test.annotations.exists() and server.asked == []


def test_changed_local_copy_is_refused_and_kept(public, tmp_path, monkeypatch):
    (tmp_path / "mine/bccd").mkdir(parents=True)
    public.rename(tmp_path / "mine/bccd/BCCD")
    (tmp_path / "mine/bccd/BCCD/Annotations/img0.xml").write_text("<annotation/>")
    monkeypatch.setenv("DINOFRCNN_DATASETS", str(tmp_path / "mine"))
    with pytest.raises(UserError, match="DINOFRCNN_DATASETS"):
        download("bccd", tmp_path / "data")
    assert (tmp_path / "mine/bccd/BCCD/Annotations/img0.xml").exists()


@pytest.mark.parametrize("cure", ["right files", "unset"])
def test_changed_local_copy_is_put_right_or_left_aside(public, tmp_path, monkeypatch, cure):
    local = tmp_path / "mine/bccd/BCCD"
    local.parent.mkdir(parents=True)
    public.rename(local)
    right = (local / "Annotations/img0.xml").read_text()
    (local / "Annotations/img0.xml").write_text("<annotation/>")
    monkeypatch.setenv("DINOFRCNN_DATASETS", str(tmp_path / "mine"))
    with pytest.raises(UserError, match="put the right files there, or unset DINOFRCNN_DATASETS"):
        download("bccd", tmp_path / "data")
    if cure == "unset":
        monkeypatch.delenv("DINOFRCNN_DATASETS")
    else:
        (local / "Annotations/img0.xml").write_text(right)
    assert len(DetectionDataset(*download("bccd", tmp_path / "data").train)) == 1


def test_unknown_set_names_the_nearest(tmp_path):
    with pytest.raises(UserError, match="'bccd'"):
        download("bcd", tmp_path)


def test_bccd_is_the_published_one(bccd, tmp_path):
    data = download("bccd", tmp_path)
    counts = {}
    for split in "train", "val", "test":
        records = read_annotations(data.split(split).annotations).records
        counts[split] = (len(records), sum(len(r["boxes"]) for r in records))
    assert counts == {"train": (205, 2805), "val": (87, 1138), "test": (72, 945)}


# from a slow disk


@pytest.fixture
def drive(tmp_path):
    (tmp_path / "drive/photos/night").mkdir(parents=True)
    for name in "a.jpg", "night/b.jpg":
        (tmp_path / "drive/photos" / name).write_bytes(os.urandom(3000))
    return tmp_path / "drive"


def test_folder_comes_over_as_one_archive(drive, tmp_path):
    local = copy_to_local(drive / "photos", tmp_path / "data")
    assert local == tmp_path / "data/photos"
    assert folder_checksum(local) == folder_checksum(drive / "photos")
    with tarfile.open(drive / "photos.tar") as t:
        assert t.getnames() == ["a.jpg", "night/b.jpg"]
    assert os.listdir(tmp_path / "data") == ["photos"]


def test_archive_comes_over_and_is_unpacked(drive, tmp_path):
    local = copy_to_local(zip_of(drive / "set.zip", {"images/a.jpg": "a"}), tmp_path / "data")
    assert (local / "images/a.jpg").read_text() == "a" and local.name == "set"
    assert os.listdir(tmp_path / "data") == ["set"]


def test_second_session_reads_the_archive_and_not_the_folder(drive, tmp_path):
    copy_to_local(drive / "photos", tmp_path / "one")
    made = (drive / "photos.tar").stat().st_mtime_ns
    copy_to_local(drive / "photos", tmp_path / "two")
    assert (drive / "photos.tar").stat().st_mtime_ns == made


def test_changed_folder_is_packed_again(drive, tmp_path):
    copy_to_local(drive / "photos", tmp_path / "one")
    (drive / "photos/c.jpg").write_bytes(b"new")
    later = time.time() + 10
    os.utime(drive / "photos/c.jpg", (later, later))
    assert (copy_to_local(drive / "photos", tmp_path / "two") / "c.jpg").read_bytes() == b"new"


@pytest.fixture
def read_only(drive, monkeypatch):
    "Drive as `backbone.sources.mount_drive` mounts it."

    def write(path):
        if drive in path.parents:
            raise OSError(errno.EROFS, "Read-only file system")
        return atomic_write(path)

    monkeypatch.setattr(room, "atomic_write", write)


def test_folder_on_a_read_only_drive_is_packed_on_the_local_disk(drive, read_only, tmp_path):
    local = copy_to_local(drive / "photos", tmp_path / "data")
    assert folder_checksum(local) == folder_checksum(drive / "photos")
    assert os.listdir(tmp_path / "data") == ["photos"] and os.listdir(drive) == ["photos"]


def test_archive_beside_a_folder_on_a_read_only_drive_is_used(drive, tmp_path, request):
    copy_to_local(drive / "photos", tmp_path / "one")
    request.getfixturevalue("read_only")
    request.getfixturevalue("monkeypatch").delattr(room, "write_tar")
    assert (copy_to_local(drive / "photos", tmp_path / "two") / "a.jpg").stat().st_size == 3000


def test_full_local_disk_is_explained_and_leaves_nothing(drive, tmp_path, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(room, "atomic_write", full)
    with pytest.raises(UserError, match="No space left"):
        copy_to_local(drive / "photos", tmp_path / "data")
    assert os.listdir(tmp_path / "data") == []


def test_local_folder_is_kept(drive, tmp_path):
    local = copy_to_local(drive / "photos", tmp_path / "data")
    (local / "mine.txt").write_text("kept")
    assert (copy_to_local(drive / "photos", tmp_path / "data") / "mine.txt").exists()


def test_drive_that_is_not_mounted_is_explained(tmp_path):
    with pytest.raises(UserError, match="mount_drive"):
        copy_to_local("/content/drive/MyDrive/photos", tmp_path)


def test_damaged_archive_leaves_nothing_behind(drive, tmp_path):
    (drive / "set.zip").write_bytes(b"PK nothing")
    with pytest.raises(UserError, match="no zip or tar"):
        copy_to_local(drive / "set.zip", tmp_path / "data")
    assert os.listdir(tmp_path / "data") == []


def test_tilde_is_the_home_folder(public, drive, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(drive)
    assert download("bccd", "~/data").root == tmp_path / "data/bccd"
    assert copy_to_local("~/drive/photos", "~/fast") == tmp_path / "fast/photos"
    unpack("~/drive/photos.tar", "~/again")
    assert folder_checksum("~/again") == folder_checksum(tmp_path / "fast/photos")
    assert "~" not in os.listdir(drive)


def test_tilde_in_the_place_of_local_copies(public, server, tmp_path, monkeypatch):
    (tmp_path / "mine/bccd").mkdir(parents=True)
    public.rename(tmp_path / "mine/bccd/BCCD")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DINOFRCNN_DATASETS", "~/mine")
    assert download("bccd", tmp_path / "data").test.annotations.exists() and server.asked == []


def test_one_changed_byte_changes_the_checksum(drive):
    before = folder_checksum(drive / "photos")
    content = bytearray((drive / "photos/a.jpg").read_bytes())
    content[-1] ^= 1
    (drive / "photos/a.jpg").write_bytes(content)
    assert folder_checksum(drive / "photos") != before


def test_copy_that_lost_bytes_is_refused(drive, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "progress", lambda chunks, *about: list(chunks)[:-1])
    with pytest.raises(UserError, match="came over with 0 of 3000 bytes"):
        copy_file(drive / "photos/a.jpg", tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()


def test_silent_server_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    asked = {}

    def silent(request, timeout=None):
        asked["timeout"] = timeout
        raise TimeoutError

    monkeypatch.setattr(room.urllib.request, "urlopen", silent)
    with pytest.raises(UserError, match="is there a network"):
        fetch("http://127.0.0.1/set.zip", tmp_path / "set.zip", tries=1)
    assert 0 < asked["timeout"] <= 60


# another version, another archive


def test_archives_of_two_versions_are_two_folders(drive, tmp_path):
    for version in "photos.v1", "photos.v2":
        archive = zip_of(drive / f"{version}.zip", {"a.txt": version})
        assert (copy_to_local(archive, tmp_path / "data") / "a.txt").read_text() == version


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".TGZ"])
def test_ending_of_an_archive_is_no_part_of_the_name(drive, tmp_path, ending):
    archive = drive / f"set.v1{ending}"
    if ending == ".zip":
        zip_of(archive, {"a.txt": "a"})
    else:
        with tarfile.open(archive, "w:" + ("" if ending == ".tar" else "gz")) as t:
            t.add(drive / "photos/a.jpg", "a.txt")
    assert copy_to_local(archive, tmp_path / "data").name == "set.v1"


def change(path):
    path.write_bytes(path.read_bytes() + b"more")


@pytest.mark.parametrize("again", ["the same name elsewhere", "changed", "a folder"])
def test_copy_of_something_else_is_not_passed_off(drive, tmp_path, again):
    first = zip_of(drive / "photos.zip", {"a.txt": "1"})
    copy_to_local(first, tmp_path / "data")
    second = first
    if again == "changed":
        zip_of(first, {"a.txt": "other"})
    elif again == "a folder":
        second = drive / "photos"
    else:
        (drive / "b").mkdir()
        second = zip_of(drive / "b/photos.zip", {"a.txt": "another"})
    with pytest.raises(UserError, match="move that folder away"):
        copy_to_local(second, tmp_path / "data")
    (tmp_path / "data/photos").rename(tmp_path / "away")
    copy_to_local(second, tmp_path / "data")


def test_folder_that_somebody_made_is_no_copy(drive, tmp_path):
    (tmp_path / "data/photos").mkdir(parents=True)
    with pytest.raises(UserError, match="is no copy of it"):
        copy_to_local(drive / "photos", tmp_path / "data")


def test_changed_folder_on_drive_is_not_passed_over(drive, tmp_path):
    copy_to_local(drive / "photos", tmp_path / "data")
    change(drive / "photos/a.jpg")
    with pytest.raises(UserError, match="before it changed"):
        copy_to_local(drive / "photos", tmp_path / "data")


def test_copy_stays_good_when_drive_is_gone(drive, tmp_path):
    copy_to_local(drive / "photos", tmp_path / "data")
    drive.rename(tmp_path / "unmounted")
    assert copy_to_local(drive / "photos", tmp_path / "data") == tmp_path / "data/photos"


def test_two_copies_at_once_are_one(drive, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(copy_to_local, drive / "photos", tmp_path / "data") for _ in range(4)]
    assert {call.result() for call in calls} == {tmp_path / "data/photos"}
    assert os.listdir(tmp_path / "data") == ["photos"]


# what a folder is packed of


def names_in(archive):
    with tarfile.open(archive) as t:
        return t.getnames()


def test_changed_file_with_an_old_time_is_packed_again(drive, tmp_path):
    "An unpacked or synchronised file keeps its time, which may lie before that of the tar."
    pack(drive / "photos", tmp_path / "x.tar")
    (drive / "photos/c.jpg").write_bytes(b"new")
    for path in drive / "photos/c.jpg", drive / "photos":
        os.utime(path, (1e9, 1e9))
    assert "c.jpg" in names_in(pack(drive / "photos", tmp_path / "x.tar"))
    (drive / "photos/c.jpg").unlink()
    os.utime(drive / "photos", (1e9, 1e9))
    assert "c.jpg" not in names_in(pack(drive / "photos", tmp_path / "x.tar"))


def test_files_behind_links_come_along(drive, tmp_path):
    (drive / "more").mkdir()
    (drive / "more/m.jpg").write_bytes(b"m")
    for name in "one", "two":
        (drive / "photos" / name).symlink_to(drive / "more")
    (drive / "more/circle").symlink_to(drive / "more")
    (drive / "photos/link.jpg").symlink_to(drive / "more/m.jpg")
    local = copy_to_local(drive / "photos", tmp_path / "data")
    for name in "one/m.jpg", "two/m.jpg", "link.jpg":
        assert (local / name).read_bytes() == b"m"
    assert folder_checksum(local) == folder_checksum(drive / "photos")


def test_broken_link_is_said_and_packed_around_twice(drive, tmp_path, capsys):
    (drive / "photos/gone.jpg").symlink_to(drive / "nowhere.jpg")
    for _ in range(2):
        assert names_in(pack(drive / "photos", tmp_path / "x.tar")) == ["a.jpg", "night/b.jpg"]
        assert "gone.jpg' is a link to nothing" in capsys.readouterr().out


def test_tar_of_somebody_else_beside_the_folder_is_left_alone(drive, tmp_path, capsys):
    mine = tar_of(drive / "photos.tar", ("mine.txt", tarfile.REGTYPE, "")).read_bytes()
    local = copy_to_local(drive / "photos", tmp_path / "data")
    assert folder_checksum(local) == folder_checksum(drive / "photos")
    assert (drive / "photos.tar").read_bytes() == mine
    assert "packed locally" in capsys.readouterr().out


def test_tar_that_an_older_version_packed_is_used(drive, tmp_path, monkeypatch):
    with tarfile.open(drive / "photos.tar", "w") as t:
        for name in "a.jpg", "night/b.jpg":
            t.add(drive / "photos" / name, name)
    monkeypatch.delattr(room, "write_tar")
    assert pack(drive / "photos", tmp_path / "x.tar") == drive / "photos.tar"


# ordinary archives


def test_tar_of_a_folder_with_itself_as_a_member(drive, tmp_path):
    "As `tar -cf set.tar -C photos .` makes it."
    with tarfile.open(tmp_path / "set.tar", "w") as t:
        t.add(drive / "photos", ".")
    inside = unpack(tmp_path / "set.tar", tmp_path / "inside")
    assert folder_checksum(inside) == folder_checksum(drive / "photos")


def test_zip_with_a_dot_as_a_member(tmp_path):
    inside = unpack(zip_of(tmp_path / "set.zip", {"./": "", "./a.txt": "a"}), tmp_path / "inside")
    assert (inside / "a.txt").read_text() == "a"


# killed half-way, and two at once


def test_bar_counts_what_is_still_to_come(server, tmp_path, monkeypatch):
    seen = []

    def counted(chunks, desc, total):
        chunks = list(chunks)
        seen.append((len(chunks), total))
        return chunks

    monkeypatch.setattr(room, "CHUNK", 1000)
    monkeypatch.setattr(room, "progress", counted)
    (tmp_path / "set.zip.part").write_bytes(CONTENT[:30_000])
    fetch(server.url + "/set.zip", tmp_path / "set.zip")
    assert seen == [(20, 20)]


def test_archive_that_cannot_be_unpacked_is_fetched_anew(public, server, tmp_path):
    right = server.files["/bccd.zip"]
    server.files["/bccd.zip"] = b"<html>sign in</html>"
    with pytest.raises(UserError, match="deleted, download again"):
        download("bccd", tmp_path / "data")
    server.files["/bccd.zip"] = right
    download("bccd", tmp_path / "data")


def test_what_a_killed_download_left_is_removed(public, tmp_path):
    left = tmp_path / "data/.making-bccd-killed"
    left.mkdir(parents=True)
    download("bccd", tmp_path / "data")
    assert os.listdir(tmp_path / "data") == ["bccd"]


def test_two_downloads_at_once_are_one(public, server, tmp_path):
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(download, "bccd", tmp_path / "data") for _ in range(3)]
    assert len({str(call.result().root) for call in calls}) == 1
    assert len(server.asked) == 1 and os.listdir(tmp_path / "data") == ["bccd"]


def test_two_fetches_of_one_file_do_not_mix(server, tmp_path):
    server.breaks = 1
    with ThreadPoolExecutor(3) as pool:
        args = server.url + "/set.zip", tmp_path / "set.zip", 5, 0.01
        calls = [pool.submit(fetch, *args) for _ in range(3)]
    assert {call.result().read_bytes() for call in calls} == {CONTENT}
    assert server.asked == [None, "bytes=25000-"]
    assert os.listdir(tmp_path) == ["set.zip"]


def test_hidden_folders_do_not_count_in_a_checksum(drive):
    before = folder_checksum(drive / "photos")
    (drive / "photos/.ipynb_checkpoints").mkdir()
    (drive / "photos/.ipynb_checkpoints/a-checkpoint.jpg").write_bytes(b"x")
    assert folder_checksum(drive / "photos") == before
