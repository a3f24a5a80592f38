"Configs: what is accepted, what is refused, and in which words."

import argparse
import os
from pathlib import Path

import pytest
import yaml
from conftest import REPO

from dinofrcnn.cli import config_of
from dinofrcnn.detector.checkpoint import load_model
from dinofrcnn.runtime import UserError
from dinofrcnn.training.config import TrainConfig, from_text, load_config, read_yaml
from dinofrcnn.training.loop import train

GOOD = dict(model_id="tiny", train_images="i", val_images="j", train_ann="a", val_ann="b")
SEED_README = """
# backbone
model_id: "{tiny}"  # or HF repo id

# data
train_images: "{root}/images/train"
val_images:   "{root}/images/val"
train_ann:    "{root}/annotations/train/annotations_torchvision.json"
val_ann:      "{root}/annotations/val/annotations_torchvision.json"

# training
epochs: 10
batch_size: 2
lr: 0.0005
grad_clip: 1.0
min_size: 640
max_size: 960
ckpt_dir: "{out}/checkpoints"

# anchors (reasonable defaults)
anchor_sizes: [[32,64,128],[64,128,256],[128,256,512]]
aspect_ratios: [[0.5,1.0,2.0],[0.5,1.0,2.0],[0.5,1.0,2.0]]
"""
FULLER = """
model_id: "{tiny}"
data_root: "{root}"
train_images: images/train
val_images: images/val
train_ann: annotations/train/annotations_torchvision.json
val_ann: annotations/val/annotations_torchvision.json
ckpt_dir: "{out}/checkpoints"
hidden_dim: 64
weight_decay: 0.0001
train_limit: 2
val_limit: 1
min_size: 128
max_size: 192
epochs: 1
batch_size: 2
lr: 0.0005
grad_clip: 1.0
anchor_sizes: [[16,32],[48,64],[96,160]]
aspect_ratios: [[0.5,1.0,2.0],[0.5,1.0,2.0],[0.5,1.0,2.0]]
"""


def refused(**values):
    with pytest.raises(UserError) as e:
        TrainConfig(**{**GOOD, **values})
    assert "\n" not in str(e.value)
    return str(e.value)


def test_unknown_key_names_the_nearest():
    assert "did you mean 'batch_size'" in refused(batchsize=2)


@pytest.mark.parametrize("missing", ["model_id", "val_ann"])
def test_missing_key_is_named(missing):
    with pytest.raises(UserError, match=missing):
        TrainConfig(**{k: v for k, v in GOOD.items() if k != missing})


@pytest.mark.parametrize(
    "values",
    [
        dict(epochs="ten"),
        dict(epochs=0),
        dict(lr=-1),
        dict(lr="fast"),
        dict(min_size=8),
        dict(views=["flop"]),
        dict(views=[]),
        dict(precision="fp8"),
        dict(hidden_dim=100),
        dict(layers="all"),
        dict(min_size=900, max_size=600),
    ],
)
def test_wrong_value_is_refused_with_its_key(values):
    assert any(key.rstrip("s") in refused(**values) for key in values)


def test_level_counts_that_differ_are_both_named():
    said = refused(anchor_sizes=[[32], [64]])
    assert "2 levels" in said
    assert "3" in said


def test_config_of_the_original_readme_is_accepted(tiny, data, tmp_path):
    path = tmp_path / "mocs.yaml"
    path.write_text(SEED_README.format(tiny=tiny, root=data.root, out=tmp_path))
    config = load_config(path)
    config.check_paths()
    assert (config.epochs, config.lr, config.anchor_sizes[0]) == (10, 5e-4, [32, 64, 128])


def test_readmes_config_trains(tiny, data, tmp_path):
    "The minimal config verbatim but for its paths; only the amount of work is overridden."
    path = tmp_path / "mocs.yaml"
    path.write_text(SEED_README.format(tiny=tiny, root=data.root, out=tmp_path))
    less = dict(epochs=1, train_limit=2, val_limit=1)
    run = train(load_config(path, **less, cache_dir=str(tmp_path / "cache")))
    assert len(run.history) == 1
    assert run.best.exists()


def test_fuller_config_with_data_root_trains(tiny, data, tmp_path):
    path = tmp_path / "fuller.yaml"
    path.write_text(FULLER.format(tiny=tiny, root=data.root, out=tmp_path))
    run = train(load_config(path, cache_dir=str(tmp_path / "cache")))
    assert load_model(run.best).detector.pyramid.levels[0][-1].num_channels == 64


def test_data_root_alone_means_the_usual_layout(data):
    config = TrainConfig(model_id="tiny", data_root=str(data.root))
    assert {k: getattr(config, k) for k in data.paths} == data.paths


def test_relative_data_root_is_rooted_once_not_at_every_reading(tmp_path):
    config = TrainConfig(model_id="tiny", data_root="data/mine")
    config.save(tmp_path / "c.yaml")
    assert load_config(tmp_path / "c.yaml") == config
    assert config.train_images == "data/mine/images/train"


@pytest.mark.parametrize(
    "name, text, value",
    [
        ("revision", "1234567", "1234567"),
        ("ckpt_dir", "My Drive/set #2", "My Drive/set #2"),
        ("min_size", "320", 320),
        ("views", "[flip]", ["flip"]),
        ("revision", "", None),
    ],
)
def test_text_settings_that_look_like_numbers_stay_texts(name, text, value):
    assert from_text(name, text) == value


@pytest.mark.parametrize("path", ["mocs.yaml", "bccd.yaml"])
def test_configs_of_the_repository_are_valid(path):
    load_config(REPO / "configs" / path)


def test_saved_config_reads_back_equal(tmp_path):
    config = TrainConfig(**GOOD, layers=[1, -1], unfreeze=["layer.3.*"], strides=[16, 32, 64])
    config.save(tmp_path / "c.yaml")
    assert load_config(tmp_path / "c.yaml") == config


@pytest.mark.parametrize("text", ["", "- a\n- b", "a: [1", "\x00"])
def test_file_that_is_no_config_is_refused(text, tmp_path):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match="c.yaml"):
        load_config(tmp_path / "c.yaml")


def test_numbers_without_a_dot_are_numbers(tmp_path):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(GOOD) + "lr: 1e-4\n")
    assert load_config(tmp_path / "c.yaml").lr == 1e-4


def in_python(folder, name, text):
    return TrainConfig(**GOOD, **{name: yaml.safe_load(text)})


def in_a_file(folder, name, text):
    (folder / "c.yaml").write_text(yaml.safe_dump(GOOD) + f"{name}: {text}\n")
    return load_config(folder / "c.yaml")


def on_the_command_line(folder, name, text):
    return config_of(argparse.Namespace(config=None, **GOOD, **{name: text}))


def changed_later(folder, name, text):
    config = TrainConfig(**GOOD)
    setattr(config, name, yaml.safe_load(text))
    return config


def changed_in_a_copy(folder, name, text):
    return TrainConfig(**GOOD).model_copy(update={name: yaml.safe_load(text)})


DOORS = [in_python, in_a_file, on_the_command_line, changed_later, changed_in_a_copy]
each_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)


@each_door
@pytest.mark.parametrize(
    "name, text",
    [
        ("aspect_ratios", "[[0, 1, 2], [0.5, 1, 2], [0.5, 1, 2]]"),
        ("aspect_ratios", "[[-1, 1, 2], [0.5, 1, 2], [0.5, 1, 2]]"),
        ("aspect_ratios", "[[], [], []]"),
        ("anchor_sizes", "[[.nan, 32], [48, 64], [96, 160]]"),
        ("anchor_sizes", "[[.inf, 32], [48, 64], [96, 160]]"),
        ("anchor_sizes", "[[0, 32], [48, 64], [96, 160]]"),
        ("anchor_sizes", "[[true, 32], [48, 64], [96, 160]]"),
        ("anchor_sizes", "[[], [], []]"),
        ("anchor_sizes", "[]"),
        ("strides", "[0, 0, 0]"),
        ("strides", "[-8, -16, -32]"),
        ("strides", "[]"),
        ("layers", "[]"),
        ("lr", ".inf"),
        ("backbone_lr", ".nan"),
        ("weight_decay", ".inf"),
        ("grad_clip", ".inf"),
        ("warmup", ".nan"),
        ("seed", "2147483648"),
        ("seed", "-1"),
        ("detections_per_img", "0"),
        ("lr", "true"),
        ("epochs", "true"),
        ("unfreeze", "false"),
        ("unfreeze", "[]"),
        ("unfreeze", "-1"),
    ],
)
def test_number_that_cannot_be_is_refused_at_every_door(door, name, text, tmp_path):
    with pytest.raises(UserError, match=name):
        door(tmp_path, name, text)


@pytest.mark.parametrize("door", [in_python, in_a_file])
def test_no_pattern_to_unfreeze_is_refused(door, tmp_path):
    with pytest.raises(UserError, match="unfreeze = '' names no part"):
        door(tmp_path, "unfreeze", "''")


@pytest.mark.parametrize("seed", [0, 20261125, 1764000000, 2**31 - 1])
def test_seed_from_a_clock_is_accepted(seed):
    assert TrainConfig(**GOOD, seed=seed).seed == seed


def test_wrong_number_is_said_once():
    assert refused(strides=[0, 0, 0]).count("strides = 0") == 1


@pytest.mark.parametrize("door", [in_a_file, on_the_command_line])
@pytest.mark.parametrize(
    "name, text",
    [
        ("aspect_ratios", "[[1:2, 1:1, 2:1], [1:2, 1:1, 2:1], [1:2, 1:1, 2:1]]"),
        ("epochs", "1:2"),
        ("epochs", "yes"),
        ("epochs", "on"),
        ("epochs", "2024-01-01"),
    ],
)
def test_number_is_not_read_in_yamls_own_way(door, name, text, tmp_path):
    with pytest.raises(UserError, match=name):
        door(tmp_path, name, text)


@pytest.mark.parametrize("door", [in_a_file, on_the_command_line])
@pytest.mark.parametrize(
    "name, text, value",
    [("epochs", "010", 10), ("lr", "5e-4", 5e-4), ("cache", "no", "off"), ("cache", "true", "on")],
)
def test_number_is_read_as_a_person_means_it(door, name, text, value, tmp_path):
    assert getattr(door(tmp_path, name, text), name) == value


@pytest.mark.parametrize(
    "given, means", [(True, "on"), (False, "off"), ("on", "on"), ("off", "off"), ("auto", "auto")]
)
def test_a_switch_is_a_truth_value_or_a_word(given, means, tmp_path):
    config = TrainConfig(model_id="x", data_root="y", cache=given)
    assert config.cache == means
    config.save(tmp_path / "c.yaml")
    assert load_config(tmp_path / "c.yaml").cache == means


def test_a_switch_has_no_other_positions():
    with pytest.raises(UserError, match="cache = 'perhaps' is wrong.*'auto', 'on' or 'off'"):
        TrainConfig(model_id="x", data_root="y", cache="perhaps")


def test_a_backbone_that_learns_is_never_cached():
    for cache in ("auto", "on"):
        config = TrainConfig(model_id="x", data_root="y", cache=cache)
        assert config.may_cache
        config.unfreeze = 1
        assert not config.may_cache


@pytest.mark.parametrize("text", ["lr: 0.1\nepochs: 3\nlr: 0.1", "{lr: 0.1, lr: 0.2}"])
def test_key_that_is_given_twice_is_refused_with_its_line(text, tmp_path):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match=r"c\.yaml.*'lr' is there twice, in lines 1"):
        load_config(tmp_path / "c.yaml")


def test_date_and_sexagesimal_stay_text():
    assert read_yaml("[2024-01-01, 12:30:45, yes, 0x1F]") == [
        "2024-01-01",
        "12:30:45",
        "yes",
        "0x1F",
    ]


@pytest.mark.parametrize("text", ["12e4567", "1:2", "010", "yes", "2024-01-01", "~", "1e5", ""])
def test_revision_that_looks_like_something_else_is_saved_as_it_is(text, tmp_path):
    config = TrainConfig(**GOOD, revision=text)
    config.save(tmp_path / "c.yaml")
    assert load_config(tmp_path / "c.yaml") == config


def test_text_that_yaml_reads_as_a_number_is_refused_with_the_cure(tmp_path):
    with pytest.raises(UserError, match="revision = 1234567 .* in quotes"):
        in_a_file(tmp_path, "revision", "1234567")


PATH_KEYS = "model_id data_root train_images train_ann val_images val_ann cache_dir ckpt_dir"


@pytest.mark.parametrize("key", PATH_KEYS.split())
def test_path_object_is_accepted(key):
    values = dict(GOOD, data_root="d")
    as_text = TrainConfig(**{**values, key: "some/where"})
    assert TrainConfig(**{**values, key: Path("some/where")}) == as_text


@pytest.mark.parametrize("key", PATH_KEYS.split())
def test_tilde_is_the_home_folder(key, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = TrainConfig(**{**GOOD, "data_root": "d", key: "~/here"})
    assert "~" not in str(config)
    assert "/home/me/here" in str(config)


def test_usual_cache_is_in_the_home_folder_of_whoever_reads_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = TrainConfig(**GOOD)
    assert config.cache_dir == "/home/me/.cache/dinofrcnn"
    config.save(tmp_path / "c.yaml")
    monkeypatch.setenv("HOME", "/home/you")
    assert load_config(tmp_path / "c.yaml").cache_dir == "/home/you/.cache/dinofrcnn"


def test_hub_id_is_no_path():
    assert TrainConfig(**{**GOOD, "model_id": "a/b"}).model_id == "a/b"


def test_missing_relative_path_names_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as e:
        TrainConfig(**GOOD).check_paths()
    assert f"relative to the current directory '{os.getcwd()}'" in str(e.value)
    with pytest.raises(UserError, match="current directory"):
        load_config("nowhere.yaml")


def test_missing_path_on_drive_asks_whether_drive_is_mounted():
    gone = "/content/drive/MyDrive/photos"
    with pytest.raises(UserError, match="is Drive mounted"):
        TrainConfig(**{**GOOD, "train_images": gone}).check_paths()


def test_file_given_as_image_folder_is_no_folder(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(UserError, match="train_images '.*' is not a folder"):
        TrainConfig(**{**GOOD, "train_images": tmp_path / "f"}).check_paths()


@pytest.mark.parametrize(
    "call, cure",
    [
        (lambda: load_config(TrainConfig(**GOOD)), "used as it is"),
        (lambda: load_config(GOOD), r"TrainConfig\(\*\*settings\)"),
        (lambda: load_config(None), r"load_config\('config.yaml'\)"),
        (lambda: load_config(REPO / "configs"), "give the config file in it"),
        (lambda: TrainConfig("c.yaml"), r"load_config\('config.yaml'\)"),
        (lambda: setattr(TrainConfig(**GOOD), "epoch", 3), "did you mean 'epochs'"),
    ],
)
def test_slip_in_python_is_answered_with_the_right_call(call, cure):
    with pytest.raises(UserError, match=cure):
        call()


@pytest.mark.parametrize("way", ["model_copy", "copy"])
def test_copy_with_a_change_is_checked_and_the_original_stays(way):
    "pydantic itself checks nothing in a copy: a wrong key or value came through."
    config = TrainConfig(**GOOD)

    def changed(**values):
        return getattr(config, way)(update=values)

    for wrong, said in {"epoch": "did you mean 'epochs'", "epochs": "epochs = 0 is wrong"}.items():
        with pytest.raises(UserError, match=said):
            changed(**{wrong: 0})
    with pytest.raises(UserError, match="max_size 320 is less than min_size"):
        changed(max_size=320)
    more = changed(epochs="20", ckpt_dir=Path("~/runs"))
    assert (more.epochs, more.ckpt_dir) == (20, os.path.expanduser("~/runs"))
    assert config == TrainConfig(**GOOD)


def test_copy_shares_no_list_with_the_original():
    config = TrainConfig(**GOOD)
    config.model_copy().anchor_sizes[0].append(7)
    assert config == TrainConfig(**GOOD)


def test_setting_of_more_detections_reaches_the_detector(tiny):
    from dinofrcnn.detector.detector import build_model

    config = TrainConfig(**{**GOOD, "model_id": tiny}, detections_per_img=250)
    model = build_model(["a"], **config.model_args())
    assert model.detector.roi_heads.detections_per_img == 250


def test_setting_of_proposals_reaches_the_detector(tiny):
    from dinofrcnn.detector.detector import build_model

    config = TrainConfig(**{**GOOD, "model_id": tiny}, rois_per_image=32)
    model = build_model(["a"], **config.model_args())
    assert model.detector.roi_heads.fg_bg_sampler.batch_size_per_image == 32


@pytest.mark.parametrize("typed", ["[identity, flip]", "identity,flip", "identity, flip"])
def test_a_list_of_words_needs_no_brackets(typed):
    assert from_text("views", typed) == ["identity", "flip"]


def test_what_is_no_list_is_refused_with_an_example():
    assert "give a list, such as [[32, 64], " in refused(anchor_sizes=32)
