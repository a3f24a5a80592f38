"What is written about weights is read in one place, and believed only when it is whole."

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from snapshots import (
    SMALL,
    drop_key,
    each_dinov2,
    edit_json,
    split_into_shards,
    why_refused,
    write_index,
)

from dinofrcnn.backbone import snapshot as snapshot_module
from dinofrcnn.backbone.snapshot import IMAGENET_MEAN, SATELLITE_MEAN, SATELLITE_STD, find_snapshots
from dinofrcnn.backbone.sources import load_weights
from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_snapshot(tmp_path_factory.mktemp("tiny") / "snapshot", **SMALL)


@pytest.fixture
def copy(tiny, tmp_path):
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


# The JSON files beside the weights


DAMAGED = {  # what a JSON file may hold instead of what it should
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "cut short": '{"image_mean": [0.48, 0.4',
    "empty": "",
    "a pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "no text": b"\xff\xfe\x00",
    "nested": "[" * 100_000,
}
FILES = ["config.json", "preprocessor_config.json", "model.safetensors.index.json"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_json_file_is_refused_by_name(file, text, copy):
    (copy / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert str(copy / file) in why_refused(copy)


@pytest.mark.parametrize(
    "shard_of",
    [None, [], {}, "model.safetensors", {"norm.weight": None}, {"norm.weight": ["a"]}],
    ids=str,
)
def test_an_index_without_a_usable_weight_map_is_refused(shard_of, copy):
    write_index(copy, shard_of)
    assert "weight_map" in why_refused(copy)


def test_an_index_without_weight_map_is_refused(copy):
    (copy / "model.safetensors.index.json").write_text("{}")
    assert "weight_map" in why_refused(copy)


@pytest.mark.parametrize("key", ["image_mean", "image_std"])
@pytest.mark.parametrize(
    "numbers",
    [None, 0.5, "0.5", [], [0.5, 0.5], [0.5] * 4, [0.5, "0.5", 0.5], [0.5, None, 0.5]]
    + [
        [True] * 3,
        [123.7, 116.3, 103.5],
        [float("nan")] * 3,
        [-0.5] * 3,
        {"r": 0.5},
        [10**400] * 3,
    ],
    ids=lambda n: str(n)[:20],
)
def test_a_normalisation_that_is_no_three_numbers_is_refused(key, numbers, copy):
    edit_json(copy / "preprocessor_config.json", **{key: numbers})
    text = why_refused(copy)
    assert key in text and str(copy / "preprocessor_config.json") in text
    assert len(text) < 500


def test_a_deviation_of_zero_is_refused(copy):
    edit_json(copy / "preprocessor_config.json", image_std=[0.2, 0, 0.2])
    assert "image_std" in why_refused(copy)


@pytest.mark.parametrize("key", ["image_mean", "image_std"])
def test_snapshot_without_a_normalisation_is_refused(key, copy):
    drop_key(copy / "preprocessor_config.json", key)
    assert key in why_refused(copy)


@pytest.mark.parametrize("given", ["folder", "file"])
def test_snapshot_without_preprocessor(given, copy):
    (copy / "preprocessor_config.json").unlink()
    text = why_refused(copy if given == "folder" else copy / "model.safetensors")
    assert f"'{copy}' has no preprocessor_config.json" in text
    assert "did you mean" not in text and "save_pretrained" in text


@pytest.mark.parametrize(
    "change",
    [
        dict(model_type=None),
        dict(model_type=["dinov3_vit"]),
        dict(hidden_size="64"),
        dict(hidden_size=None),
        dict(num_attention_heads=0),
        dict(num_attention_heads=7),
        dict(patch_size=0),
        dict(hidden_act="tanhh"),
        dict(num_hidden_layers=-1),
    ],
    ids=str,
)
def test_a_config_that_no_model_can_have_is_refused(change, copy):
    edit_json(copy / "config.json", **change)
    assert str(copy) in why_refused(copy)


TIMM = {"architecture": "vit_small_patch16_dinov3"}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"pretrained_cfg": []}, "pretrained_cfg"),
        ({"pretrained_cfg": {"mean": None}}, "mean"),
        ({"pretrained_cfg": {"std": [1, 1]}}, "std"),
        ({"model_args": 3}, "model_args"),
        ({"model_args": {"num_heads": "many"}}, "num_heads"),
    ],
    ids=["list", "null", "two", "number", "text"],
)
def test_a_damaged_config_of_timm_is_refused(part, said, copy):
    (copy / "config.json").write_text(json.dumps({**TIMM, **part}))
    text = why_refused(copy)
    assert said in text and str(copy / "config.json") in text


# A file inside a snapshot


@pytest.mark.parametrize("kind", ["safetensors", "pth", "bin"])
def test_a_file_inside_a_snapshot_uses_the_json_beside_it(kind, copy):
    edit_json(copy / "preprocessor_config.json", image_mean=SATELLITE_MEAN, image_std=SATELLITE_STD)
    path = copy / "model.safetensors"
    if kind != "safetensors":
        torch.save(load_file(path), copy / f"model.{kind}")
        path = copy / f"model.{kind}"
    alone, whole = load_weights(path), load_weights(copy)
    assert alone.mean == SATELLITE_MEAN
    assert alone.random
    assert alone.fingerprint == whole.fingerprint


@each_dinov2
def test_a_file_of_dinov2_is_loaded_with_the_json_beside_it(config, tmp_path):
    folder = random_snapshot(tmp_path, config)
    torch.save(load_file(folder / "model.safetensors"), folder / "model.pth")
    for name in ("model.safetensors", "model.pth"):
        assert load_weights(folder / name).fingerprint == load_weights(folder).fingerprint


def test_a_file_inside_a_folder_of_timm_uses_the_json_beside_it(copy):
    pixels = {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}
    text = json.dumps({**TIMM, "model_args": {"num_heads": 2}, "pretrained_cfg": pixels})
    (copy / "config.json").write_text(text)
    weights = load_weights(copy / "model.safetensors")
    assert weights.mean == [0.1, 0.2, 0.3] and weights.model.config.num_attention_heads == 2


def test_a_file_named_after_the_satellite_is_normalised_so_beside_another_snapshot(copy):
    path = copy / "dinov3_vits16_pretrain_sat493m.safetensors"
    shutil.copy(copy / "model.safetensors", path)
    assert load_weights(path).mean == SATELLITE_MEAN


def test_a_bare_file_in_a_folder_named_after_the_satellite_is_normalised_so(tiny, tmp_path):
    folder = tmp_path / "dinov3-vitl16-pretrain-sat493m"
    folder.mkdir()
    shutil.copy(tiny / "model.safetensors", folder)
    assert load_weights(folder / "model.safetensors").mean == SATELLITE_MEAN


def test_a_file_beside_some_other_programs_config_is_a_bare_file(copy):
    (copy / "config.json").write_text('{"model_type": "clip"}')
    edit_json(copy / "preprocessor_config.json", image_mean=[0.1, 0.1, 0.1])
    assert load_weights(copy / "model.safetensors").mean == IMAGENET_MEAN


def test_one_shard_of_a_snapshot_is_refused_with_its_folder(copy):
    names = load_file(copy / "model.safetensors")
    split_into_shards(copy, dict.fromkeys(names, "model-00001-of-00002.safetensors"))
    assert f"give its folder, '{copy}'" in why_refused(copy / "model-00001-of-00002.safetensors")


def test_a_file_that_holds_no_weights_by_its_name_is_refused(copy):
    assert "no weights file" in why_refused(copy / "config.json")


# Searching


def test_a_folder_with_a_bare_weights_file_offers_it(tmp_path):
    torch.save({}, tmp_path / "dinov3.pth")
    assert f"did you mean '{tmp_path / 'dinov3.pth'}'" in why_refused(tmp_path)


@pytest.mark.parametrize("name", ["preprocessor_config.json", "model.safetensors"])
def test_did_you_mean_never_offers_what_cannot_be_loaded(name, copy, tmp_path):
    (copy / name).unlink()
    assert "did you mean" not in why_refused(tmp_path)


def test_the_search_for_a_snapshot_ends_with_a_sentence(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(snapshot_module, "SEARCH_FOLDERS", 5)
    for i in range(9):
        (tmp_path / str(i)).mkdir()
    shutil.copytree(tiny, tmp_path / "8" / "tiny")
    assert "stopped after 5 folders" in why_refused(tmp_path)
    assert find_snapshots(tmp_path) == []
    assert "stopped after 5 folders" in capsys.readouterr().out


def test_the_search_for_a_snapshot_is_bounded_in_depth(tiny, tmp_path, capsys):
    deep = tmp_path.joinpath(*"abcdefgh")
    shutil.copytree(tiny, deep)
    assert find_snapshots(tmp_path) == []
    assert "6 levels" in capsys.readouterr().out
    assert find_snapshots(tmp_path / "a" / "b") == [deep]
    assert not capsys.readouterr().out


def test_check_of_the_root_folder_does_not_walk_the_disk(monkeypatch):
    looked_at = []
    scandir = os.scandir

    def counting(folder):
        looked_at.append(folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counting)
    assert "'/' has no config.json" in why_refused("/")
    assert len(looked_at) <= snapshot_module.SEARCH_FOLDERS


def test_a_folder_that_may_not_be_read_does_not_end_the_search(copy, tmp_path, monkeypatch):
    "Met at /proc/1/fdinfo, which may be listed and not looked into."
    closed = tmp_path / "closed"
    closed.mkdir()
    needed = snapshot_module.needed_files

    def needed_if_allowed(folder):
        if folder == closed:
            raise PermissionError(13, "Permission denied", str(folder / "config.json"))
        return needed(folder)

    monkeypatch.setattr(snapshot_module, "needed_files", needed_if_allowed)
    assert find_snapshots(tmp_path) == [copy]


def test_find_snapshots_lists_only_folders_that_can_be_loaded(copy, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    assert find_snapshots(tmp_path) == [copy]
