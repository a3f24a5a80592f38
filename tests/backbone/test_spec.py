"A backbone on one page: default layers and strides, recipes, and whose features are whose."

import dataclasses
import json
import os
import shutil

import pytest
from snapshots import CONVNEXT, SMALL, edit_json

from dinofrcnn.backbone.sources import load_weights
from dinofrcnn.backbone.spec import (
    BackboneSpec,
    Recipe,
    describe_backbone,
    describes,
    read_page,
    write_page,
)
from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot
from dinofrcnn.detector.pyramid import FeaturePyramid
from dinofrcnn.runtime import UserError


@pytest.fixture
def folder(tmp_path):
    return make_tiny_snapshot(tmp_path / "tiny", **SMALL)


def spec_of(folder, layers="last", precision="fp32"):
    return describe_backbone(load_weights(folder), layers, precision)


def test_the_default_pyramid_reads_all_that_a_convnext_keeps(tmp_path):
    spec = spec_of(random_snapshot(tmp_path / "c", CONVNEXT), "four")
    assert spec.out_channels == {8: 16, 16: 24, 32: 32}
    pyramid = FeaturePyramid(spec.out_channels, spec.strides, 32)
    assert set(pyramid.source) == set(spec.out_channels)
    assert spec.strides == [8, 16, 32]


def test_the_finest_stage_of_a_convnext_can_be_asked_for(tmp_path):
    spec = spec_of(random_snapshot(tmp_path / "c", CONVNEXT), [0, -1])
    assert spec.out_channels == {4: 8, 32: 32}


def test_the_default_strides_of_a_vit_lie_around_its_patch(folder):
    assert spec_of(folder).strides == [8, 16, 32]


def test_layers_that_are_not_there_are_refused(folder):
    with pytest.raises(UserError, match="layer 9 does not exist"):
        spec_of(folder, [9])


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "0" * 16},
        {"layers": (0,)},
        {"precision": "bf16"},
    ],
    ids=str,
)
def test_what_features_depend_on_is_in_the_recipe(folder, change):
    spec = spec_of(folder)
    assert dataclasses.replace(spec, **change).recipe(64, 96).hash != spec.recipe(64, 96).hash


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "0" * 16},
        {"layers": (0,)},
        {"precision": "bf16"},
        {"min_size": 656},
        {"max_size": 976},
        {"view": "flip"},
        {"version": 3},
        {"cache_format": "int8"},
    ],
    ids=str,
)
def test_every_part_of_a_recipe_is_in_its_hash(change):
    recipe = Recipe("0123456789abcdef", (2, 5, 8, 11), "fp32", 640, 960)
    assert dataclasses.replace(recipe, **change).hash != recipe.hash


def test_the_test_of_the_hash_names_every_part_of_a_recipe():
    (mark,) = test_every_part_of_a_recipe_is_in_its_hash.pytestmark
    named = {name for change in mark.args[1] for name in change}
    assert named == {field.name for field in dataclasses.fields(Recipe)}


def test_a_cache_that_was_filled_before_there_was_a_choice_of_format_is_found():
    recipe = Recipe("0123456789abcdef", (2, 5, 8, 11), "fp32", 640, 960, version=2)
    assert recipe.hash == "54592c4c655aef4e"


def test_the_page_is_read_back_as_it_was_written(folder, tmp_path):
    spec = spec_of(folder)
    write_page(tmp_path / "kept", spec.recipe(64, 96), spec)
    assert read_page(tmp_path / "kept") == spec
    page = json.loads((tmp_path / "kept/recipe.json").read_text())
    assert page["recipe"]["min_size"] == 64 and page["backbone"]["model_id"] == str(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"backbone": {}}', '{"backbone": []}'])
def test_a_page_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / "recipe.json").write_text(text)
    assert read_page(tmp_path) is None


def test_a_page_of_another_version_is_none(folder, tmp_path):
    spec = spec_of(folder)
    write_page(tmp_path, spec.recipe(64, 96), spec)
    page = json.loads((tmp_path / "recipe.json").read_text())
    page["backbone"]["new_key"] = 1
    (tmp_path / "recipe.json").write_text(json.dumps(page))
    assert read_page(tmp_path) is None


def test_the_same_weights_are_known_again(folder):
    assert describes(spec_of(folder), folder) and describes(spec_of(folder), str(folder) + "/")


def test_a_moved_snapshot_is_known_again(folder, tmp_path):
    spec = spec_of(folder)
    assert describes(spec, folder.rename(tmp_path / "elsewhere"))


def test_weights_replaced_by_others_of_the_same_size_and_time_are_others(folder):
    spec = spec_of(folder)
    file = folder / "model.safetensors"
    before = file.stat()
    with open(file, "rb+") as f:
        f.seek(-4, os.SEEK_END)
        f.write(b"\0\0\0?")
    assert file.stat().st_size == before.st_size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not describes(spec, folder)


def test_another_normalisation_makes_other_features(folder):
    spec = spec_of(folder)
    edit_json(folder / "preprocessor_config.json", image_mean=[0.5, 0.5, 0.5])
    assert not describes(spec, folder)


def test_weights_that_are_not_here_go_by_their_name(folder, tmp_path):
    spec = spec_of(folder)
    shutil.rmtree(folder)
    assert describes(spec, folder) and not describes(spec, tmp_path / "other")


def test_a_hub_model_goes_by_its_commit(folder):
    spec = dataclasses.replace(spec_of(folder), model_id="owner/name", revision="abc")
    assert describes(spec, "owner/name") and describes(spec, "owner/name", "abc")
    assert not describes(spec, "owner/name", "def") and not describes(spec, "owner/other")


def test_a_damaged_snapshot_is_not_the_one_on_the_page(folder):
    spec = spec_of(folder)
    (folder / "config.json").write_text("{")
    assert not describes(spec, folder)


def test_every_field_is_on_the_page(folder, tmp_path):
    spec = spec_of(folder)
    write_page(tmp_path, spec.recipe(64, 96), spec)
    page = json.loads((tmp_path / "recipe.json").read_text())
    assert set(page["backbone"]) == {field.name for field in dataclasses.fields(BackboneSpec)}
