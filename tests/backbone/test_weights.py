"Nothing is loaded without proof, and a model is the same model in whichever kind of file."

import json
import shutil
from pathlib import Path

import pytest
import torch
from meta_names import meta_convnext, meta_vit
from safetensors.torch import load_file, save_file
from snapshots import (
    CONVNEXT,
    SMALL,
    drop_key,
    edit_json,
    edit_tensors,
    split_into_shards,
    why_refused,
    write_index,
)

from dinofrcnn.backbone import weights as weights_module
from dinofrcnn.backbone.snapshot import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    SATELLITE_STD,
    read_source,
)
from dinofrcnn.backbone.sources import UNGATED_IDS, load_weights
from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot
from dinofrcnn.backbone.weights import config_from_tensors, fingerprint, hub_tensors


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_snapshot(tmp_path_factory.mktemp("tiny") / "snapshot", **SMALL)


@pytest.fixture
def copy(tiny, tmp_path):
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


# Proof of loading


def test_loaded_weights_are_frozen_in_eval_and_float32(tiny):
    model = load_weights(tiny).model
    assert not model.training
    for p in model.parameters():
        assert p.dtype == torch.float32 and not p.requires_grad and p.device.type == "cpu"


def test_one_tensor_removed_is_refused_by_name(copy):
    edit_tensors(copy, lambda t: t.pop("layer.1.norm2.bias"))
    text = why_refused(copy)
    assert "1 missing (layer.1.norm2.bias)" in text and "incomplete" in text


def test_one_tensor_renamed_is_refused_with_both_names(copy):
    edit_tensors(copy, lambda t: t.update({"layer.1.norm2.bais": t.pop("layer.1.norm2.bias")}))
    assert "'layer.1.norm2.bais' should be 'layer.1.norm2.bias'" in why_refused(copy)


def test_one_tensor_reshaped_is_refused_with_both_shapes(copy):
    edit_tensors(copy, lambda t: t.update({"layer.0.attention.q_proj.weight": torch.ones(32, 64)}))
    assert "layer.0.attention.q_proj.weight is (32, 64), not (64, 64)" in why_refused(copy)


def test_a_truncated_file_is_refused_as_truncated(copy):
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[: len(data) * 2 // 3])
    assert "truncated" in why_refused(copy)


def test_missing_register_tokens_key_is_refused_not_guessed(copy):
    # The config class would quietly say 0.
    drop_key(copy / "config.json", "num_register_tokens")
    assert "register_tokens" in why_refused(copy)


def test_a_tensor_that_is_not_finite_is_refused(copy):
    edit_tensors(copy, lambda t: t["norm.weight"].fill_(float("nan")))
    assert "not finite (norm.weight)" in why_refused(copy)


def test_a_matrix_of_zeros_is_refused(copy):
    edit_tensors(copy, lambda t: t["layer.0.mlp.up_proj.weight"].zero_())
    assert "all zero" in why_refused(copy)


def test_a_git_lfs_pointer_is_recognised(copy):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (copy / "model.safetensors").write_text(pointer)
    assert "git lfs pull" in why_refused(copy)


def test_a_folder_without_config_is_refused_and_a_snapshot_inside_it_offered(copy, tmp_path):
    assert f"did you mean '{copy}'" in why_refused(tmp_path)


def test_an_unknown_model_type_is_refused(copy):
    (copy / "config.json").write_text('{"model_type": "bert"}')
    assert "'bert'" in why_refused(copy)


def test_a_missing_shard_is_named(copy):
    names = load_file(copy / "model.safetensors")
    write_index(copy, {name: "model-00001-of-00002.safetensors" for name in names})
    assert "model-00001-of-00002.safetensors' is missing" in why_refused(copy)


# One pass


def test_loading_is_one_pass_that_holds_no_tensor_twice(copy, monkeypatch):
    seen = []
    is_broken = weights_module._is_broken
    monkeypatch.setattr(
        weights_module, "_is_broken", lambda name, t: seen.append(name) or is_broken(name, t)
    )
    source = read_source(copy)
    model, tensors = weights_module.open_model(source)
    in_file = {tensor.data_ptr() for tensor in tensors.values()}
    found = weights_module.fill_model(model, tensors, source.mean, source.std, copy)
    assert found == fingerprint(model, source.mean, source.std)
    assert seen == sorted(load_file(copy / "model.safetensors")), "each once, then hashed"
    assert not tensors, "tensors of the file are let go on the way"
    assert {tensor.data_ptr() for tensor in model.state_dict().values()} == in_file


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_fingerprint_of_loading_is_that_of_the_model_in_every_number_format(dtype, copy):
    edit_tensors(copy, lambda t: t.update({n: x.to(dtype) for n, x in t.items()}))
    weights = load_weights(copy)
    assert weights.fingerprint == fingerprint(weights.model, weights.mean, weights.std)


# Fingerprint


def test_fingerprint_does_not_depend_on_the_file_layout(tiny, copy):
    names = sorted(load_file(copy / "model.safetensors"), reverse=True)
    shards = [f"model-0000{1 + i % 2}-of-00002.safetensors" for i in range(len(names))]
    split_into_shards(copy, dict(zip(names, shards, strict=True)))
    (copy / "model.safetensors").unlink()
    assert load_weights(copy).fingerprint == load_weights(tiny).fingerprint


def test_fingerprint_does_not_depend_on_the_names_in_memory(tiny):
    model = load_weights(tiny).model

    class Renamed:  # as transformers 4.56 (no prefix) or 5.4 (model.) would have it
        config = model.config

        def state_dict(self):
            renamed = {}
            for name, tensor in model.state_dict().items():
                prefix = "" if name.startswith("model.") else "model."
                renamed[prefix + name.removeprefix("model.")] = tensor
            return renamed

    ours = fingerprint(model, IMAGENET_MEAN, IMAGENET_STD)
    assert fingerprint(Renamed(), IMAGENET_MEAN, IMAGENET_STD) == ours


def test_fingerprint_changes_with_a_single_number(tiny):
    model = load_weights(tiny).model
    before = fingerprint(model, IMAGENET_MEAN, IMAGENET_STD)
    named = model.named_parameters()
    matrix = next(p for name, p in named if name.endswith("down_proj.weight"))
    matrix.view(-1)[7] += 1e-3
    assert fingerprint(model, IMAGENET_MEAN, IMAGENET_STD) != before


def test_fingerprint_changes_with_the_normalisation(copy, tiny):
    edit_json(copy / "preprocessor_config.json", image_std=SATELLITE_STD)
    assert load_weights(copy).fingerprint != load_weights(tiny).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        dict(num_attention_heads=2),
        dict(rope_theta=10.0),
        dict(layer_norm_eps=1e-3),
        dict(hidden_act="relu"),
    ],
    ids=lambda c: next(iter(c)),
)
def test_fingerprint_changes_with_a_setting_that_no_tensor_shows(change, copy, tiny):
    edit_json(copy / "config.json", **change)
    assert load_weights(copy).fingerprint != load_weights(tiny).fingerprint


@pytest.mark.parametrize(
    "change",
    [dict(layerscale_value=0.5), dict(image_size=512), dict(pos_embed_rescale=None)],
    ids=lambda c: next(iter(c)),
)
def test_fingerprint_does_not_depend_on_settings_that_the_features_do_not(change, copy, tiny):
    edit_json(copy / "config.json", **change)
    assert load_weights(copy).fingerprint == load_weights(tiny).fingerprint


# timm's layout. Parity is with timm's own forward on random weights; layer scale is made large, or
# a wrong block would not show.


def randomise(model):
    "The model with seeded random numbers: scales near 1, all else near 0."
    g = torch.Generator().manual_seed(0)
    for name, p in model.named_parameters():
        noise = 0.1 * torch.randn(p.shape, generator=g)
        is_norm = "norm" in name and name.endswith("weight")
        p.data = 1 + noise if is_norm or "gamma" in name else noise
    return model


TIMM_VITS = {  # name and channels of a head
    "S": ("vit_small_patch16_dinov3", 64),
    "S qkvb": ("vit_small_patch16_dinov3_qkvb", 64),
    "S+": ("vit_small_plus_patch16_dinov3", 64),
    "B": ("vit_base_patch16_dinov3", 64),
    "L": ("vit_large_patch16_dinov3", 64),
    "H+": ("vit_huge_plus_patch16_dinov3", 64),
    "7B": ("vit_7b_patch16_dinov3", 128),
}


@pytest.mark.parametrize("family", TIMM_VITS)
def test_timm_vit_and_ours_agree(family, tmp_path):
    timm = pytest.importorskip("timm")
    name, head_dim = TIMM_VITS[family]
    small = dict(embed_dim=2 * head_dim, num_heads=2, depth=3)
    model = randomise(timm.create_model(name, num_classes=0, **small).eval())
    config = {
        "architecture": name,
        "model_args": {"num_heads": 2},
        "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    weights = load_weights(tmp_path)
    x = torch.randn(2, 3, 48, 80)
    with torch.no_grad():
        theirs = model.forward_features(x)
        ours = weights.model(x).last_hidden_state
    assert weights.mean == [0.1, 0.2, 0.3] and theirs.shape == ours.shape
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", ["tiny", "small", "base", "large"])
def test_timm_convnext_and_ours_agree(size, tmp_path):
    timm = pytest.importorskip("timm")
    small = dict(depths=(1, 2, 3, 1), dims=(8, 16, 24, 32))
    name = f"convnext_{size}.dinov3_lvd1689m"
    model = randomise(timm.create_model(name, pretrained=False, num_classes=0, **small).eval())
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    weights = load_weights(tmp_path / "model.safetensors")
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        theirs = model.forward_features(x)
        ours = weights.model(x, output_hidden_states=True).hidden_states[-1]
    assert weights.family == "convnext"
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


PUBLISHED = {  # hidden size, MLP, layers, heads, gated
    "timm/vit_small_patch16_dinov3.lvd1689m": (384, 1536, 12, 6, False),
    "timm/vit_small_plus_patch16_dinov3.lvd1689m": (384, 1536, 12, 6, True),
    "timm/vit_base_patch16_dinov3.lvd1689m": (768, 3072, 12, 12, False),
    "timm/vit_large_patch16_dinov3.lvd1689m": (1024, 4096, 24, 16, False),
    "timm/vit_huge_plus_patch16_dinov3.lvd1689m": (1280, 5120, 32, 20, True),
    "timm/vit_7b_patch16_dinov3.lvd1689m": (4096, 8192, 40, 32, True),
}


@pytest.mark.parametrize("size", UNGATED_IDS[:6])
def test_config_of_the_real_timm_models_has_the_published_numbers(size):
    "Heads, widths and tensor counts of the full-size architectures, on the meta device."
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        model = timm.create_model(size.removeprefix("timm/"), num_classes=0, pretrained=False)
    config = config_from_tensors(hub_tensors(model.state_dict()))
    hidden, mlp, layers, heads, gated = PUBLISHED[size]
    assert config["hidden_size"] == hidden
    assert config["intermediate_size"] == mlp
    assert config["num_hidden_layers"] == layers
    assert config["num_attention_heads"] == heads
    assert config["use_gated_mlp"] == gated
    assert config["num_register_tokens"] == 4


# Meta's layout


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(use_gated_mlp=True, hidden_act="silu"),
        dict(use_gated_mlp=True, hidden_act="silu", query_bias=False, value_bias=False),
    ],
    ids=["S, B, L", "S+, H+", "7B"],
)
def test_meta_pth_gives_the_tensors_and_fingerprint_of_the_hub_snapshot(changes, tmp_path):
    folder = make_tiny_snapshot(tmp_path / "hub", **SMALL, **changes)
    meta = meta_vit(load_file(folder / "model.safetensors"), "use_gated_mlp" in changes)
    path = tmp_path / "dinov3_vits16_pretrain_lvd1689m-00000000.pth"
    torch.save({**meta, "local_cls_norm.weight": torch.ones(64)}, path)
    ours, theirs = load_weights(path), load_weights(folder)
    assert ours.fingerprint == theirs.fingerprint
    x = torch.randn(1, 3, 32, 32)
    assert torch.equal(ours.model(x).last_hidden_state, theirs.model(x).last_hidden_state)


def test_meta_convnext_pth_gives_the_fingerprint_of_the_hub_snapshot(tmp_path):
    folder = random_snapshot(tmp_path / "hub", {**CONVNEXT, "depths": [1, 2, 1, 1]})
    meta = meta_convnext(load_file(folder / "model.safetensors"))
    torch.save(meta, tmp_path / "convnext.pth")
    assert load_weights(tmp_path / "convnext.pth").fingerprint == load_weights(folder).fingerprint


def test_satellite_models_get_their_own_normalisation_from_the_file_name(tiny, tmp_path):
    meta = meta_vit(load_file(tiny / "model.safetensors"), gated=False)
    path = tmp_path / "dinov3_vitl16_pretrain_sat493m-eadcf0ff.pth"
    torch.save(meta, path)
    assert load_weights(path).mean == [0.430, 0.411, 0.296]


def test_a_pickle_that_could_run_code_is_not_opened(tmp_path):
    class Harm:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "touched",))

    torch.save({"cls_token": Harm()}, tmp_path / "model.pth")
    assert "could run code" in why_refused(tmp_path / "model.pth")
    assert not (tmp_path / "touched").exists()


def test_a_truncated_pth_is_refused_as_truncated(tiny, tmp_path):
    torch.save(load_file(tiny / "model.safetensors"), tmp_path / "model.pth")
    (tmp_path / "model.pth").write_bytes((tmp_path / "model.pth").read_bytes()[:5000])
    assert "truncated" in why_refused(tmp_path / "model.pth")


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"\x80\x02junk", b"PK\x03\x04junk", b"<html>log in</html>"],
    ids=["empty", "text", "pickle", "zip", "html"],
)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_file_of_something_else_is_refused_by_name(content, suffix, tmp_path):
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(content)
    assert str(path) in why_refused(path)


def test_a_git_lfs_pointer_of_a_pth_is_recognised(tmp_path):
    (tmp_path / "model.pth").write_text("version https://git-lfs.github.com/spec/v1\nsize 1\n")
    assert "git lfs pull" in why_refused(tmp_path / "model.pth")


@pytest.mark.parametrize(
    "tensors",
    [
        {1: torch.ones(2)},
        {"patch_embed.proj.weight": torch.ones(2), "blocks.0.mlp.fc1.weight": torch.ones(2)},
        {"blocks.0.attn.qkv.weight": torch.tensor(1.0)},
        {"blocks.0.attn.qkv.weight": torch.ones(4, 2)},
        {"stages.0.downsample_layers.0.weight": torch.ones(2)},
        {"mask_token": torch.ones(2)},
        {},
    ],
    ids=["numbered", "flat", "scalar qkv", "odd qkv", "convnext", "mask", "nothing"],
)
def test_tensors_of_an_impossible_shape_are_refused(tensors, tmp_path):
    torch.save(tensors, tmp_path / "model.pth")
    assert str(tmp_path) in why_refused(tmp_path / "model.pth")


def test_a_pth_of_something_else_is_refused(tmp_path):
    torch.save({"fc.weight": torch.ones(2, 2)}, tmp_path / "model.pth")
    assert "not a DINOv3 backbone" in why_refused(tmp_path / "model.pth")


# The Hub's layout, without its folder


def test_a_single_file_in_hub_naming_gives_the_weights_of_its_folder(tiny, tmp_path):
    convnext = random_snapshot(tmp_path, {**CONVNEXT, "depths": [1, 1, 1, 1]})
    for folder in (tiny, convnext):
        alone = load_weights(folder / "model.safetensors")
        assert alone.fingerprint == load_weights(folder).fingerprint
