"Configs: what is accepted, what is refused, and in which words."

import pytest
import yaml
from conftest import REPO

from dinofrcnn.detector.checkpoint import load_model
from dinofrcnn.runtime import UserError
from dinofrcnn.training.config import TrainConfig, from_text, load_config
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
