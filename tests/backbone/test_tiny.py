"A snapshot of random numbers that is a snapshot in every other respect."

import pytest
import torch
from safetensors.torch import load_file, save_file
from snapshots import SMALL, drop_key, each_dinov2

from dinofrcnn.backbone.snapshot import MODELS, RANDOM_FLAG
from dinofrcnn.backbone.sources import load_weights
from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot
from dinofrcnn.runtime import UserError


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_snapshot(tmp_path_factory.mktemp("tiny") / "snapshot", **SMALL)


def test_tiny_snapshot_has_the_layout_of_a_hub_snapshot(tiny):
    files = {f.name for f in tiny.iterdir()}
    assert {"config.json", "preprocessor_config.json", "model.safetensors"} <= files
    names = set(load_file(tiny / "model.safetensors"))
    assert {"embeddings.register_tokens", "layer.1.attention.q_proj.bias"} <= names


def test_tiny_snapshot_says_everywhere_that_it_is_random(tiny):
    assert load_weights(tiny).random
    assert "RANDOM" in repr(load_weights(tiny))
    assert "Random" in (tiny / "README.md").read_text()


def test_tiny_snapshot_is_loaded_by_transformers_itself_to_the_same_weights(tiny):
    from transformers import DINOv3ViTModel

    theirs = DINOv3ViTModel.from_pretrained(tiny).eval()
    ours = load_weights(tiny).model
    pairs = zip(theirs.state_dict().values(), ours.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    x = torch.randn(1, 3, 32, 48)
    assert torch.equal(theirs(x).last_hidden_state, ours(x).last_hidden_state)


def test_tiny_snapshot_depends_on_the_seed_only(tiny, tmp_path):
    first = load_weights(tiny).fingerprint
    same = make_tiny_snapshot(tmp_path / "a", **SMALL)
    other = make_tiny_snapshot(tmp_path / "b", seed=1, **SMALL)
    assert load_weights(same).fingerprint == first != load_weights(other).fingerprint


def test_tiny_snapshot_never_overwrites_weights_that_are_not_random(tmp_path):
    folder = make_tiny_snapshot(tmp_path, **SMALL)
    drop_key(folder / "config.json", RANDOM_FLAG)
    with pytest.raises(UserError, match="not random"):
        make_tiny_snapshot(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "x.safetensors", "x.bin", "x.pth", "x.pt"])
def test_tiny_snapshot_never_overwrites_weights_without_a_config(name, tmp_path):
    if name.endswith("safetensors"):
        save_file({"norm.weight": torch.ones(3)}, tmp_path / name)
    else:
        torch.save({"norm.weight": torch.ones(3)}, tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(UserError, match=f"not random .{name}"):
        make_tiny_snapshot(tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{", "{}"])
def test_tiny_snapshot_never_overwrites_a_config_that_it_did_not_write(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match="not random"):
        make_tiny_snapshot(tmp_path)


def test_tiny_snapshot_is_written_again_over_its_own_files(tmp_path):
    first = load_weights(make_tiny_snapshot(tmp_path, **SMALL)).fingerprint
    (tmp_path / "config.json").unlink()
    again = make_tiny_snapshot(tmp_path, seed=1, **SMALL)
    assert load_weights(again).fingerprint != first


def test_tiny_snapshot_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert make_tiny_snapshot("~/tiny", **SMALL) == tmp_path / "tiny"


def test_tiny_snapshot_of_settings_that_no_model_can_have_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot|can be built"):
        make_tiny_snapshot(tmp_path, hidden_size="wide")
    assert not list(tmp_path.iterdir())


def test_tiny_snapshot_keeps_the_fingerprints_of_version_0_1_0(tiny, tmp_path):
    "Caches and checkpoints carry them: how weights are loaded may change, these may not."
    assert load_weights(tiny).fingerprint == "568532a27feada8d"
    assert load_weights(make_tiny_snapshot(tmp_path)).fingerprint == "2da1de1aa3d087aa"


@each_dinov2
def test_dinov2_snapshot_has_the_names_of_the_hub_and_is_loaded_as_transformers_loads_it(
    config, tmp_path
):
    import transformers

    weights = load_weights(random_snapshot(tmp_path, config))
    assert weights.family == "vit"
    names = load_file(tmp_path / "model.safetensors")
    assert "encoder.layer.1.attention.attention.query.weight" in names
    _, model_class, _ = MODELS[config["model_type"]]
    theirs = getattr(transformers, model_class).from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(t, theirs[n]) for n, t in weights.model.state_dict().items())
