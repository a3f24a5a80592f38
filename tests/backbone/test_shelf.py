"What lies in a cache, and that only what was meant is deleted."

import json
import os
import time

import pytest

from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.backbone.shelf import kept_recipes, list_features, prune
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.data.views import View

SIZES = 64, 96
DAY = 86_400


def filled(data, backbone, folder, *rest):
    features = FeatureDataset(DetectionDataset(*data.val, limit=3), backbone, *SIZES, *rest)
    features = FeatureDataset(features.dataset, backbone, *SIZES, features.view, folder)
    features.fill()
    return features


@pytest.fixture
def plain(data, backbone, tmp_path):
    return filled(data, backbone, tmp_path / "cache")


@pytest.fixture
def flipped(data, backbone, tmp_path):
    return filled(data, backbone, tmp_path / "cache", View(flip=True))


def all_files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def used_days_ago(features, days):
    then = time.time() - days * DAY
    os.utime(features.folder / "recipe.json", (then, then))


def test_every_recipe_is_listed_with_what_it_takes(plain, flipped, tmp_path):
    used_days_ago(flipped, 400)
    *lines, total = list_features(tmp_path / "cache").splitlines()
    size = sum(plain.file(i).stat().st_size for i in range(3)) / 1e6
    today = time.strftime("%Y-%m-%d")
    assert lines[0] == (
        f"{plain.folder.name}  3 images, {size:.1f} MB, last used {today}: "
        "tiny, layers 0,1,2,3, fp32, kept as fp16, 64-96, identity"
    )
    assert lines[1].startswith(flipped.folder.name) and lines[1].endswith("64-96, flip")
    assert f"last used {today}" not in lines[1]
    assert f"2 recipes, 6 files, {2 * size:.1f} MB" in total and len(lines) == 2


def test_a_cache_that_is_not_there_is_an_empty_list(tmp_path):
    assert list_features(tmp_path / "none").endswith("0 recipes, 0 files, 0.0 MB")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"recipe": {}, "backbone": 3}'])
def test_a_page_that_cannot_be_read_is_said(plain, tmp_path, text):
    (plain.folder / "recipe.json").write_text(text)
    assert "3 images" in list_features(tmp_path / "cache")
    assert "page cannot be read" in list_features(tmp_path / "cache")


def test_an_early_page_is_of_fp16(plain, tmp_path):
    page = json.loads((plain.folder / "recipe.json").read_text())
    del page["recipe"]["cache_format"]
    (plain.folder / "recipe.json").write_text(json.dumps(page))
    assert "kept as fp16" in list_features(tmp_path / "cache")


def test_reading_one_after_another_is_use(plain, tmp_path):
    used_days_ago(plain, 100)
    list(plain.features([0]))
    assert time.time() - kept_recipes(tmp_path / "cache")[0].used < DAY


def test_what_is_to_stay_stays(plain, flipped, tmp_path, capsys):
    keep = {plain.file(0), plain.file(2)}
    prune(tmp_path / "cache", keep)
    assert all_files(tmp_path / "cache") == sorted([*keep, plain.folder / "recipe.json"])
    out = capsys.readouterr().out
    assert "1 of 3 images" in out and "3 of 3 images" in out and "deleted: 4 files" in out


def test_a_dry_run_says_the_same_and_deletes_nothing(plain, flipped, tmp_path, capsys):
    before = all_files(tmp_path / "cache")
    prune(tmp_path / "cache", dry_run=True)
    said = capsys.readouterr().out
    assert all_files(tmp_path / "cache") == before
    prune(tmp_path / "cache")
    assert capsys.readouterr().out == said.replace("would be deleted", "deleted")
    assert all_files(tmp_path / "cache") == []


def test_what_was_used_lately_stays(plain, flipped, tmp_path):
    used_days_ago(plain, 31)
    used_days_ago(flipped, 29)
    prune(tmp_path / "cache", unused_days=30)
    assert not plain.folder.exists() and flipped.is_full()


FOREIGN = [
    "notes.txt",
    "0123456789abcdef/model.safetensors",
    "0123456789abcdef/sub/0123456789abcdef0123456789abcdef.safetensors",
    "models/0123456789abcdef0123456789abcdef.safetensors",
    "{plain}/notes.txt",
    "{plain}/.notes.txt.k3x9",
    "{plain}/weights.safetensors",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_ours_stays(plain, tmp_path, name, capsys):
    foreign = tmp_path / "cache" / name.format(plain=plain.folder.name)
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("mine")
    os.utime(foreign, (0, 0))
    prune(tmp_path / "cache")
    assert all_files(tmp_path / "cache") == [foreign]
    assert "deleted: 3 files" in capsys.readouterr().out


def test_a_folder_that_is_a_link_stays(plain, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / plain.folder.name).symlink_to(plain.folder)
    prune(tmp_path / "other")
    assert plain.is_full()


def test_what_killed_runs_have_left_goes_once_it_is_old(plain, tmp_path, capsys):
    old, new = (plain.folder / f".{plain.file(0).name}.{end}" for end in ("k3x9", "a7_2"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    keep = {plain.file(i) for i in range(3)}
    prune(tmp_path / "cache", keep)
    assert not old.exists() and new.exists() and plain.is_full()
    assert "left by killed runs" in capsys.readouterr().out
