"Weights from anywhere: a folder, a mounted Drive, the Hub behind its gate."

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import types
from pathlib import Path

import pytest
from hub_server import SHA, Hub, serve
from safetensors.torch import load_file, save_file
from snapshots import SMALL, split_into_shards, why_refused

from dinofrcnn.backbone import sources, weights
from dinofrcnn.backbone.sources import check_access, load_weights, local_copy, mount_drive
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.runtime import UserError

ID = "facebook/dinov3-vits16-pretrain-lvd1689m"
NOBODY = "http://127.0.0.1:9"  # an address where nothing answers


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_snapshot(tmp_path_factory.mktemp("tiny") / "snapshot", **SMALL)


@pytest.fixture
def copy(tiny, tmp_path):
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


# Memory


def test_weights_that_do_not_fit_into_memory_are_refused_before_they_are_read(tiny, monkeypatch):
    def forbidden(source):
        raise AssertionError("the weights were read")

    monkeypatch.setattr(sources, "open_model", forbidden)
    monkeypatch.setattr(sources, "on_local_disk", forbidden)
    monkeypatch.setattr(weights, "memory_needed", lambda path: 26.9e9)
    monkeypatch.setattr(weights, "memory_left", lambda: 12.1e9)
    text = why_refused(tiny)
    assert "26.9 GB" in text and "12.1 GB" in text and "smaller model" in text


@pytest.mark.parametrize("kind", ["half precision", "shards", "one file"])
def test_memory_needed_is_that_of_the_loaded_model(kind, copy):
    tensors, path = load_file(copy / "model.safetensors"), copy
    if kind == "half precision":
        save_file({n: t.half() for n, t in tensors.items()}, copy / "model.safetensors")
    if kind == "one file":
        path = copy / "model.safetensors"
    if kind == "shards":
        split_into_shards(copy, {n: f"{i % 2}.safetensors" for i, n in enumerate(tensors)})
    loaded = load_weights(path).model
    assert weights.memory_needed(path) == sum(4 * p.numel() for p in loaded.parameters())


# Folders


def test_a_snapshot_folder_needs_no_network(tiny, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "create_connection", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    load_weights(tiny)


def test_a_hub_cache_folder_is_followed_to_its_commit(tiny, tmp_path):
    cache = tmp_path / "models--facebook--dinov3-vits16"
    shutil.copytree(tiny, cache / "snapshots" / SHA)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(SHA)
    assert load_weights(cache).revision == SHA


def test_a_wrong_path_names_the_nearest_right_one(copy):
    assert f"did you mean '{copy}'" in why_refused(copy.parent / "copi")


def test_a_path_that_is_gone_says_that_model_id_tells_where_the_weights_are_now(copy, tmp_path):
    copy.rename(tmp_path / "elsewhere")
    text = why_refused(copy)
    assert "model_id" in text and "--model_id" in text and "did you mean" not in text


@pytest.mark.parametrize("kind", ["another name", "a broken link"])
def test_did_you_mean_never_offers_a_file_that_is_not_there_or_holds_no_weights(kind, tmp_path):
    (tmp_path / "model.txt").write_text("notes")
    if kind == "a broken link":
        (tmp_path / "model").symlink_to(tmp_path / "nowhere")
    assert "did you mean" not in why_refused(tmp_path / "model")


@pytest.mark.parametrize(
    "model_id",
    ["", "a/b--c", "a/b..c", "a//b", "a/b/c", "a/b.git", "-a/b", "~nobody/x", "a" * 5000, "a\0b"],
)
def test_a_malformed_id_is_refused_in_one_line(model_id, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert "neither a path" in no_access(model_id)
    assert "neither a path" in why_refused(model_id)


@pytest.mark.parametrize("model_id", [None, 3, ["tiny"]])
def test_a_model_id_that_is_no_text_is_refused(model_id):
    assert "as text" in why_refused(model_id)


def test_a_hub_cache_folder_without_its_commit_says_which_it_has(tiny, tmp_path):
    cache = tmp_path / "models--facebook--dinov3-vits16"
    (cache / "snapshots").mkdir(parents=True)
    assert "no revision 'main'" in why_refused(cache)
    shutil.copytree(tiny, cache / "snapshots" / "abc")
    assert load_weights(cache).revision == "abc"
    shutil.copytree(tiny, cache / "snapshots" / "def")
    assert "abc, def" in why_refused(cache)


def test_a_folder_named_snapshots_does_not_make_a_hub_cache(tiny, tmp_path):
    shutil.copytree(tiny, tmp_path / "project" / "snapshots" / "tiny")
    assert "did you mean" in why_refused(tmp_path / "project")


def test_check_access_of_a_folder_verifies_it(tiny):
    assert "fingerprint" in check_access(tiny)


# Google Drive


def test_mount_drive_outside_colab_explains_itself():
    with pytest.raises(UserError, match="only inside Colab"):
        mount_drive()


def test_mount_drive_in_colab_mounts_read_only(monkeypatch):
    calls = []
    drive = types.SimpleNamespace(mount=lambda path, readonly: calls.append((path, readonly)))
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(drive=drive))
    assert mount_drive() == Path("/content/drive/MyDrive")
    assert calls == [("/content/drive", True)]


def test_weights_on_drive_are_copied_to_the_local_disk_first(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "DRIVE", tmp_path)
    monkeypatch.setattr(sources.Path, "home", lambda: tmp_path / "home")
    source = sources.on_local_disk(sources.find_source(copy))
    original = copy / "model.safetensors"
    local = source.files[original]
    assert tmp_path / "home" in local.parents
    assert local.read_bytes() == original.read_bytes()


@pytest.fixture
def drive(tmp_path, monkeypatch):
    "A Drive of our own, and a home folder for the copies."
    drive = tmp_path / "drive"
    drive.mkdir()
    monkeypatch.setattr(sources, "DRIVE", drive)
    monkeypatch.setattr(sources.Path, "home", lambda: tmp_path / "home")
    return drive


@pytest.mark.parametrize("time", ["another time", "the same time"])
@pytest.mark.parametrize("given", ["folder", "file"])
def test_drive_copy_stale(time, given, tiny, drive, tmp_path):
    "Other weights of the same size take the place of the first, as a zip may unpack them too."
    folder = drive / "model"
    path = shutil.copytree(tiny, folder) / ("" if given == "folder" else "model.safetensors")
    load_weights(path)
    before = (folder / "model.safetensors").stat()
    shutil.rmtree(folder)
    other = make_tiny_snapshot(folder, seed=1, **SMALL)
    if time == "the same time":
        os.utime(other / "model.safetensors", ns=(before.st_atime_ns, before.st_mtime_ns))
    expected = load_weights(shutil.copytree(other, tmp_path / "off drive")).fingerprint
    assert load_weights(path).fingerprint == expected


def test_drive_copy_is_not_made_again_without_need(tiny, drive, monkeypatch):
    folder = shutil.copytree(tiny, drive / "model")
    load_weights(folder)
    monkeypatch.setattr(shutil, "copyfile", None)
    load_weights(folder)


def test_drive_copy_of_a_damaged_file_names_drive_and_is_renewed_once_mended(tiny, drive):
    file = shutil.copytree(tiny, drive / "model") / "model.safetensors"
    whole = file.read_bytes()
    for broken in (whole[:-4000], whole[:-4000] + b"\xff" * 4000):
        file.write_bytes(broken)
        text = why_refused(drive / "model")
        assert str(drive / "model") in text and "home" not in text
        file.write_bytes(whole)
        load_weights(drive / "model")


def test_drive_copy_loses_what_drive_lost(tiny, drive):
    folder = shutil.copytree(tiny, drive / "model")
    names = load_file(folder / "model.safetensors")
    split_into_shards(folder, dict.fromkeys(names, "model-00001-of-00001.safetensors"))
    copy = local_copy(folder)
    (folder / "model.safetensors.index.json").unlink()
    (folder / "model-00001-of-00001.safetensors").unlink()
    assert local_copy(folder) == copy
    wanted = {"config.json", "preprocessor_config.json", "model.safetensors"}
    assert {file.name for file in copy.iterdir()} == wanted


KILLED_COPY = """
import os, shutil, sys
from dinofrcnn.backbone.sources import local_copy

def half(source, target):
    with open(target, "wb") as f:
        f.write(b"half")
    os._exit(9)

shutil.copyfile = half
local_copy(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("given", ["folder", "file"])
def test_what_a_killed_copy_left_is_gone_before_the_next_one_asks_for_space(
    given, tiny, drive, tmp_path, monkeypatch
):
    folder = shutil.copytree(tiny, drive / "model [1]")
    path = folder if given == "folder" else folder / "model.safetensors"
    cache = tmp_path / "cache"
    killed = subprocess.run([sys.executable, "-c", KILLED_COPY, path, cache])
    assert killed.returncode == 9
    assert [file.read_bytes() for file in cache.rglob(".*")] == [b"half"]
    neighbour = cache / ".other.safetensors.k3x9"
    neighbour.write_bytes(b"of another copy")

    def usage(place):
        assert list(cache.rglob(".*")) == [neighbour]
        return types.SimpleNamespace(free=2**40)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    copy = local_copy(path, cache)
    assert load_weights(path).fingerprint == load_weights(tiny).fingerprint
    assert copy.exists() and list(cache.rglob(".*")) == [neighbour]


def test_drive_hub_cache_folder(tiny, drive):
    cache = drive / "hub" / "models--facebook--dinov3-x"
    shutil.copytree(tiny, cache / "snapshots" / "abc123")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("abc123")
    assert load_weights(cache).revision == "abc123"
    assert (local_copy(cache) / "config.json").exists()
    assert f"did you mean '{cache / 'snapshots' / 'abc123'}'" in why_refused(cache.parent)


def test_drive_is_recognised_by_a_relative_path(tiny, drive, tmp_path, monkeypatch):
    shutil.copytree(tiny, drive / "model")
    monkeypatch.chdir(drive)
    load_weights("model")
    assert list((tmp_path / "home").rglob("model.safetensors"))


def test_drive_that_is_not_mounted_is_said(drive):
    drive.rmdir()
    assert "not mounted" in why_refused(drive / "model")


def test_drive_that_breaks_off_is_one_sentence(tiny, drive, monkeypatch):
    def broken(source, target):
        raise OSError(107, "Transport endpoint is not connected")

    shutil.copytree(tiny, drive / "model")
    monkeypatch.setattr(shutil, "copyfile", broken)
    assert "Transport endpoint" in why_refused(drive / "model")


def test_a_folder_without_weights_is_not_copied(tmp_path):
    with pytest.raises(UserError, match="no weights to copy"):
        local_copy(tmp_path, tmp_path / "cache")


def test_a_copy_that_lost_bytes_is_not_kept(copy, tmp_path, monkeypatch):
    def lose_a_byte(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:-1])

    monkeypatch.setattr(shutil, "copyfile", lose_a_byte)
    with pytest.raises(UserError, match="syncing"):
        local_copy(copy, tmp_path / "cache")
    assert not [f for f in (tmp_path / "cache").rglob("*") if f.is_file()]


def test_a_full_disk_is_refused_before_copying(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(UserError, match="GiB left"):
        local_copy(copy, tmp_path / "cache")


# The Hub, spoken by a small local server


@pytest.fixture
def hub(tiny, tmp_path, monkeypatch):
    "Start a server and point huggingface_hub at it: `hub(token, **what the server should do)`."
    files = {f.name: f.read_bytes() for f in tiny.iterdir()}
    with contextlib.ExitStack() as stack:

        def start(token=None, lacks=(), **options):
            there = {name: body for name, body in files.items() if name not in lacks}
            server = Hub({ID: there}, **options)
            monkeypatch.setenv("HF_ENDPOINT", stack.enter_context(serve(server)))
            monkeypatch.setattr(sources, "hub_token", lambda: token)
            monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
            return server

        yield start


def no_access(model_id=ID, revision=None):
    "What the reader is told when a model cannot be had: one line, without the token."
    with pytest.raises(UserError) as e:
        check_access(model_id, revision)
    assert "\n" not in str(e.value) and "hf_" not in str(e.value)
    return str(e.value)


def test_hub_id_is_downloaded_and_pinned_to_its_commit(hub, tiny):
    hub()
    weights = load_weights(ID)
    assert weights.revision == SHA
    assert weights.model_id == ID
    assert weights.fingerprint == load_weights(tiny).fingerprint


def test_hub_granted_token_downloads_a_gated_model(hub):
    hub("hf_good", gated=[ID], tokens={"hf_good": "granted"})
    assert ID in check_access(ID)
    assert load_weights(ID).revision == SHA


def test_hub_without_token_says_how_to_get_one(hub):
    hub(gated=[ID])
    text = no_access()
    assert "no token was found" in text
    assert f"https://huggingface.co/{ID}" in text
    assert "timm/" in text


def test_hub_token_without_access_says_which_page_to_visit(hub):
    hub("hf_new", gated=[ID], tokens={"hf_new": "new"})
    text = no_access()
    assert "has no access" in text and f"https://huggingface.co/{ID}" in text


def test_hub_refused_request_says_so(hub):
    hub("hf_no", gated=[ID], tokens={"hf_no": "rejected"})
    assert "was refused" in no_access()


def test_hub_pending_request_says_so(hub):
    hub("hf_wait", gated=[ID], tokens={"hf_wait": "awaiting"})
    assert "waiting" in no_access()


def test_hub_invalid_token_says_so(hub):
    hub("hf_old", gated=[ID], tokens={})
    assert "invalid or expired" in no_access()


def test_hub_wrong_id_names_the_nearest_right_one(hub):
    hub()
    for slip in ("facebook/dinov3-vits16-pretrain-lvd168m", "me/dinov3-vits16"):
        assert f"did you mean '{ID}'" in no_access(slip)


def test_hub_a_dinov2_is_no_name_for_a_dinov3(hub):
    hub()
    assert "did you mean 'facebook/dinov3-" in no_access("facebook/dinov3-vitz16")
    assert "did you mean 'facebook/dinov2-small'" in no_access("facebook/dinov2-smal")


@pytest.mark.parametrize("network", [True, False])
def test_hub_id_that_may_be_a_mistyped_folder_says_that_there_is_none(
    network, hub, tmp_path, monkeypatch
):
    hub()
    if not network:
        monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    monkeypatch.chdir(tmp_path)
    said = f"nor is there a folder of that name in the current directory, '{tmp_path}'"
    with pytest.raises(UserError, match=said):
        load_weights("snapshots/tiny-random-dinov3")


def test_hub_unknown_revision_says_so(hub):
    hub()
    assert "no revision 'v9'" in no_access(revision="v9")


def test_hub_unreachable_says_so(hub, monkeypatch):
    hub()
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    assert "cannot be reached" in no_access()


def test_hub_download_broken_in_the_middle_is_resumed_not_restarted(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2**16)
    server = hub(cut=["model.safetensors"])
    load_weights(ID)
    ranges = []
    for method, path, wanted in server.requests:
        is_weights = path.startswith("cdn") and path.endswith("model.safetensors")
        if method == "GET" and is_weights:
            ranges.append(wanted)
    assert ranges[0] is None and ranges[1]
    first_byte = ranges[1].removeprefix("bytes=").split("-")[0]
    assert int(first_byte) > 0


def test_hub_connection_lost_for_good_says_so(hub, monkeypatch):
    from huggingface_hub import errors

    def lost(*args, **kwargs):
        raise errors.HTTPError("peer closed connection")  # in newer versions no OSError

    hub()
    monkeypatch.setattr("huggingface_hub.snapshot_download", lost)
    with pytest.raises(UserError, match="cannot be reached"):
        load_weights(ID)


def test_hub_download_onto_a_full_disk_says_so(hub, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    hub()
    monkeypatch.setattr("huggingface_hub.snapshot_download", full)
    with pytest.raises(UserError, match="No space left"):
        load_weights(ID)


def test_check_access_of_a_cached_model_needs_no_network(hub, monkeypatch):
    hub()
    load_weights(ID)
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    assert "cache" in check_access(ID)


XET = "Data processing error: File reconstruction error: IO Error: "


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("Data processing error: CAS service error"), "CAS service error"),
        (RuntimeError(XET + "No space left on device (os error 28)"), "No space left"),
        (RuntimeError(XET + "Permission denied (os error 13)"), "Permission denied"),
        (ValueError("hf_secret\nin two lines"), "cannot be reached"),
        (Exception(), "cannot be reached"),
    ],
    ids=["xet", "xet, full disk", "xet, not ours", "two lines", "without a word"],
)
def test_hub_any_error_of_a_download_is_one_line(error, said, hub, monkeypatch):
    def fails(*args, **kwargs):
        raise error

    hub("hf_secret")
    monkeypatch.setattr("huggingface_hub.snapshot_download", fails)
    text = why_refused(ID)
    assert said in text and ID in text and "hf_secret" not in text


def cached_folder(tmp_path):
    "The snapshot of ID in the cache that the fixture `hub` uses."
    folder = tmp_path / "hub" / ("models--" + ID.replace("/", "--")) / "snapshots"
    return folder / SHA


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_check_of_incomplete_cache(name, hub, tmp_path, monkeypatch):
    hub()
    load_weights(ID)
    (cached_folder(tmp_path) / name).unlink()
    assert "can be downloaded" in check_access(ID)
    (cached_folder(tmp_path) / name).unlink(missing_ok=True)
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    text = no_access()
    assert f"{name}' is missing" in text and "cannot be reached" in text


def test_check_of_incomplete_cache_names_the_missing_shard(hub, tmp_path, monkeypatch):
    hub()
    load_weights(ID)
    folder = cached_folder(tmp_path)
    names = list(load_file(folder / "model.safetensors"))
    shards = {n: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, n in enumerate(names)}
    split_into_shards(folder, shards)
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    assert "cache" in check_access(ID)
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors' is missing" in no_access()


def test_check_of_damaged_cache(hub, tmp_path):
    hub()
    load_weights(ID)
    file = cached_folder(tmp_path) / "model.safetensors"
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data[:-1000])
    assert "truncated" in no_access()


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_check_of_a_hub_model_that_lacks_a_file_names_it(name, hub):
    hub(lacks=[name])
    assert f"has no {name}" in no_access()


def test_check_of_a_hub_model_of_another_kind_says_so(hub):
    server = hub()
    server.repos[ID]["config.json"] = json.dumps({"model_type": "bert"}).encode()
    assert "'bert'" in no_access()


def test_hub_known_name_that_is_gone_is_not_offered_again(hub):
    server = hub()
    server.repos.clear()
    text = no_access(ID)
    assert "there is no model" in text and text.count(ID) == 1


def test_token_comes_from_colab_then_environment(monkeypatch):
    class Missing(Exception):
        pass

    def no_secret(name):
        raise Missing

    monkeypatch.setenv("HF_TOKEN", "hf_env")
    assert sources.hub_token() == "hf_env"
    userdata = types.SimpleNamespace(
        get=lambda name: "hf_secret", SecretNotFoundError=Missing, NotebookAccessError=Missing
    )
    errors = types.SimpleNamespace(Error=Missing)
    colab = types.SimpleNamespace(userdata=userdata, errors=errors)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    assert sources.hub_token() == "hf_secret"
    userdata.get = no_secret
    assert sources.hub_token() == "hf_env"
