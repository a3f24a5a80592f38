"Weights from anywhere: a folder, a mounted Drive, the Hub behind its gate."

import contextlib
import shutil
import socket
import sys
import types
from pathlib import Path

import pytest
from hub_server import SHA, Hub, serve
from safetensors.torch import load_file, save_file
from snapshots import SMALL, split_into_shards, why_refused

from dinofrcnn.backbone import sources
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
    def forbidden(path):
        raise AssertionError("the weights were read")

    monkeypatch.setattr(sources, "read_source", forbidden)
    monkeypatch.setattr(sources, "memory_needed", lambda path: 26.9e9)
    monkeypatch.setattr(sources, "memory_left", lambda: 12.1e9)
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
    assert sources.memory_needed(path) == sum(4 * p.numel() for p in loaded.parameters())


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
    assert "did you mean 'copy'" in why_refused(copy.parent / "copi")


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
    path, _ = sources.find_source(copy)
    assert tmp_path / "home" in path.parents
    original = (copy / "model.safetensors").read_bytes()
    assert (path / "model.safetensors").read_bytes() == original


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

        def start(token=None, **options):
            server = Hub({ID: files}, **options)
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
    assert f"did you mean '{ID}'" in no_access("facebook/dinov3-vits16-pretrain-lvd168m")


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
