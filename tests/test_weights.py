"""Weights from anywhere, and nothing loaded without proof."""

import json
import shutil
import socket
import sys
from pathlib import Path

import pytest
import torch
from hub_server import SHA, Hub, serve
from safetensors.torch import load_file, save_file

from dinofrcnn.backbone import sources
from dinofrcnn.backbone import weights as layouts
from dinofrcnn.backbone.sources import check_access, load_weights, local_copy, mount_drive
from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot
from dinofrcnn.backbone.weights import (
    config_from_tensors,
    find_snapshots,
    fingerprint,
    hub_tensors,
)
from dinofrcnn.runtime import UserError

SMALL = dict(hidden_size=64, layers=2, heads=1)
IMAGENET = layouts.IMAGENET_MEAN, layouts.IMAGENET_STD


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_snapshot(tmp_path_factory.mktemp("tiny") / "snapshot", **SMALL)


@pytest.fixture
def copy(tiny, tmp_path):
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def change(folder, edit):
    "Rewrite the tensors of a snapshot after `edit(tensors)`."
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / "model.safetensors")


def refusal(folder):
    with pytest.raises(UserError) as e:
        load_weights(folder)
    assert "\n" not in str(e.value)
    return str(e.value)


# The tiny snapshot


def test_tiny_snapshot_has_the_layout_of_a_hub_snapshot(tiny):
    assert {"config.json", "preprocessor_config.json", "model.safetensors"} <= {
        f.name for f in tiny.iterdir()
    }
    assert "embeddings.register_tokens" in load_file(
        tiny / "model.safetensors"
    ) and "layer.1.attention.q_proj.bias" in load_file(tiny / "model.safetensors")


def test_tiny_snapshot_says_everywhere_that_it_is_random(tiny):
    assert (
        load_weights(tiny).random
        and "RANDOM" in repr(load_weights(tiny))
        and "Random" in (tiny / "README.md").read_text()
    )


def test_tiny_snapshot_is_loaded_by_transformers_itself_to_the_same_weights(tiny):
    from transformers import DINOv3ViTModel

    theirs, ours = DINOv3ViTModel.from_pretrained(tiny).eval(), load_weights(tiny).model
    assert all(
        torch.equal(a, b) for a, b in zip(theirs.state_dict().values(), ours.state_dict().values())
    )
    x = torch.randn(1, 3, 32, 48)
    assert torch.equal(theirs(x).last_hidden_state, ours(x).last_hidden_state)


def test_tiny_snapshot_depends_on_the_seed_only(tiny, tmp_path):
    same, other = (
        make_tiny_snapshot(tmp_path / "a", **SMALL),
        make_tiny_snapshot(tmp_path / "b", seed=1, **SMALL),
    )
    assert (
        load_weights(same).fingerprint
        == load_weights(tiny).fingerprint
        != load_weights(other).fingerprint
    )


def test_tiny_snapshot_never_overwrites_weights_that_are_not_random(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(
        json.dumps({k: v for k, v in config.items() if k != layouts.RANDOM_FLAG})
    )
    with pytest.raises(UserError, match="not random"):
        make_tiny_snapshot(copy)


# Proof of loading


def test_loaded_weights_are_frozen_in_eval_and_float32(tiny):
    model = load_weights(tiny).model
    assert not model.training and all(
        p.dtype == torch.float32 and not p.requires_grad and p.device.type == "cpu"
        for p in model.parameters()
    )


def test_one_tensor_removed_is_refused_by_name(copy):
    change(copy, lambda t: t.pop("layer.1.norm2.bias"))
    assert "1 missing (layer.1.norm2.bias)" in (text := refusal(copy)) and "incomplete" in text


def test_one_tensor_renamed_is_refused_with_both_names(copy):
    change(copy, lambda t: t.update({"layer.1.norm2.bais": t.pop("layer.1.norm2.bias")}))
    assert "'layer.1.norm2.bais' should be 'layer.1.norm2.bias'" in refusal(copy)


def test_one_tensor_reshaped_is_refused_with_both_shapes(copy):
    change(copy, lambda t: t.update({"layer.0.attention.q_proj.weight": torch.ones(32, 64)}))
    assert "layer.0.attention.q_proj.weight is (32, 64), not (64, 64)" in refusal(copy)


def test_a_truncated_file_is_refused_as_truncated(copy):
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[: len(data) * 2 // 3])
    assert "truncated" in refusal(copy)


def test_missing_register_tokens_key_is_refused_not_guessed(copy):
    config = json.loads((copy / "config.json").read_text())
    del config["num_register_tokens"]  # the config class would quietly say 0
    (copy / "config.json").write_text(json.dumps(config))
    assert "register_tokens" in refusal(copy)


def test_a_tensor_that_is_not_finite_is_refused(copy):
    change(copy, lambda t: t["norm.weight"].fill_(float("nan")))
    assert "not finite (norm.weight)" in refusal(copy)


def test_a_matrix_of_zeros_is_refused(copy):
    change(copy, lambda t: t["layer.0.mlp.up_proj.weight"].zero_())
    assert "all zero" in refusal(copy)


def test_a_git_lfs_pointer_is_recognised(copy):
    (copy / "model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    )
    assert "git lfs pull" in refusal(copy)


def test_a_folder_without_config_is_refused_and_a_snapshot_inside_it_offered(copy, tmp_path):
    assert f"did you mean '{copy}'" in refusal(tmp_path)


def test_an_unknown_model_type_is_refused(copy):
    (copy / "config.json").write_text('{"model_type": "bert"}')
    assert "'bert'" in refusal(copy)


def test_weights_that_do_not_fit_into_memory_are_refused_before_they_are_read(tiny, monkeypatch):
    def forbidden(path):
        raise AssertionError("the weights were read")

    monkeypatch.setattr(sources, "read_source", forbidden)
    monkeypatch.setattr(sources, "memory_needed", lambda path: 26.9e9)
    monkeypatch.setattr(sources, "memory_left", lambda: 12.1e9)
    assert "26.9 GB" in (text := refusal(tiny)) and "12.1 GB" in text and "smaller model" in text


@pytest.mark.parametrize("kind", ["half precision", "shards", "one file"])
def test_memory_needed_is_that_of_the_loaded_model(kind, copy):
    tensors, path = load_file(copy / "model.safetensors"), copy
    if kind == "half precision":
        save_file({n: t.half() for n, t in tensors.items()}, copy / "model.safetensors")
    if kind == "one file":
        path = copy / "model.safetensors"
    if kind == "shards":
        (copy / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": {n: f"{i % 2}.safetensors" for i, n in enumerate(tensors)}})
        )
        for i in range(2):
            save_file(dict(list(tensors.items())[i::2]), copy / f"{i}.safetensors")
    assert sources.memory_needed(path) == sum(
        4 * p.numel() for p in load_weights(path).model.parameters()
    )


def test_a_missing_shard_is_named(copy):
    tensors = load_file(copy / "model.safetensors")
    (copy / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {n: "model-00001-of-00002.safetensors" for n in tensors}})
    )
    assert "model-00001-of-00002.safetensors' is missing" in refusal(copy)


# Fingerprint


def test_fingerprint_does_not_depend_on_the_file_layout(tiny, copy):
    tensors = load_file(copy / "model.safetensors")
    shards = {
        n: f"model-0000{1 + i % 2}-of-00002.safetensors"
        for i, n in enumerate(sorted(tensors, reverse=True))
    }
    for shard in set(shards.values()):
        save_file({n: t for n, t in tensors.items() if shards[n] == shard}, copy / shard)
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    (copy / "model.safetensors").unlink()
    assert load_weights(copy).fingerprint == load_weights(tiny).fingerprint


def test_fingerprint_does_not_depend_on_the_names_in_memory(tiny):
    model = load_weights(tiny).model

    class Renamed:  # as transformers 4.56 (no prefix) or 5.4 (model.) would have it
        def state_dict(self):
            return {
                ("" if n.startswith("model.") else "model.") + n.removeprefix("model."): t
                for n, t in model.state_dict().items()
            }

        config = model.config

    assert fingerprint(Renamed(), *IMAGENET) == fingerprint(model, *IMAGENET)


def test_fingerprint_changes_with_a_single_number(tiny):
    model = load_weights(tiny).model
    before = fingerprint(model, *IMAGENET)
    next(p for n, p in model.named_parameters() if n.endswith("down_proj.weight")).view(-1)[7] += (
        1e-3
    )
    assert fingerprint(model, *IMAGENET) != before


def test_fingerprint_changes_with_the_normalisation(copy, tiny):
    pixels = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").write_text(
        json.dumps({**pixels, "image_std": layouts.SATELLITE_STD})
    )
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
    (copy / "config.json").write_text(
        json.dumps({**json.loads((copy / "config.json").read_text()), **change})
    )
    assert load_weights(copy).fingerprint != load_weights(tiny).fingerprint


@pytest.mark.parametrize(
    "change",
    [dict(layerscale_value=0.5), dict(image_size=512), dict(pos_embed_rescale=None)],
    ids=lambda c: next(iter(c)),
)
def test_fingerprint_does_not_depend_on_settings_that_the_features_do_not(change, copy, tiny):
    (copy / "config.json").write_text(
        json.dumps({**json.loads((copy / "config.json").read_text()), **change})
    )
    assert load_weights(copy).fingerprint == load_weights(tiny).fingerprint


# Other layouts. Parity is with timm's own forward on random weights; layer scale is made large, or a wrong block would not show.


def randomise(model):
    g = torch.Generator().manual_seed(0)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        p.data = (
            1 + 0.1 * noise
            if "norm" in name and name.endswith("weight") or "gamma" in name
            else 0.1 * noise
        )
    return model


TIMM_VITS = {
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
    timm, (name, head_dim) = pytest.importorskip("timm"), TIMM_VITS[family]
    model = randomise(
        timm.create_model(name, num_classes=0, embed_dim=2 * head_dim, num_heads=2, depth=3).eval()
    )
    (tmp_path / "config.json").write_text(
        json.dumps(
            {
                "architecture": name,
                "model_args": {"num_heads": 2},
                "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]},
            }
        )
    )
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    weights, x = load_weights(tmp_path), torch.randn(2, 3, 48, 80)
    with torch.no_grad():
        theirs, ours = model.forward_features(x), weights.model(x).last_hidden_state
    assert weights.mean == [0.1, 0.2, 0.3] and theirs.shape == ours.shape
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", ["tiny", "small", "base", "large"])
def test_timm_convnext_and_ours_agree(size, tmp_path):
    timm = pytest.importorskip("timm")
    model = randomise(
        timm.create_model(
            f"convnext_{size}.dinov3_lvd1689m",
            pretrained=False,
            num_classes=0,
            depths=(1, 2, 3, 1),
            dims=(8, 16, 24, 32),
        ).eval()
    )
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    weights, x = load_weights(tmp_path / "model.safetensors"), torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        theirs, ours = (
            model.forward_features(x),
            (weights.model(x, output_hidden_states=True)).hidden_states[-1],
        )
    assert weights.family == "convnext"
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", sources.UNGATED_IDS[:6])
def test_config_of_the_real_timm_models_has_the_published_numbers(size):
    "Heads, widths and tensor counts of the full-size architectures, on the meta device."
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        model = timm.create_model(size.removeprefix("timm/"), num_classes=0, pretrained=False)
    config = config_from_tensors(hub_tensors(model.state_dict()))
    names = ["small", "small_plus", "base", "large", "huge_plus", "7b"]
    hidden, mlp, layers, heads, gated = [
        (384, 1536, 12, 6, False),
        (384, 1536, 12, 6, True),
        (768, 3072, 12, 12, False),
        (1024, 4096, 24, 16, False),
        (1280, 5120, 32, 20, True),
        (4096, 8192, 40, 32, True),
    ][next(i for i in (5, 4, 3, 2, 1, 0) if f"vit_{names[i]}_p" in size)]
    assert [
        config[k]
        for k in (
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "use_gated_mlp",
            "num_register_tokens",
        )
    ] == [hidden, mlp, layers, heads, gated, 4]


def to_meta(hub, gated):
    "Hub names to Meta's, stated a second time and the other way round."
    meta, layers = {}, 1 + max(int(n.split(".")[1]) for n in hub if n.startswith("layer."))
    for hub_name, name in (("cls_token", "cls_token"), ("register_tokens", "storage_tokens")):
        meta[name] = hub[f"embeddings.{hub_name}"]
    meta["mask_token"] = hub["embeddings.mask_token"][0]
    for kind in ("weight", "bias"):
        meta[f"patch_embed.proj.{kind}"], meta[f"norm.{kind}"] = (
            hub[f"embeddings.patch_embeddings.{kind}"],
            hub[f"norm.{kind}"],
        )
    for i in range(layers):
        h, m = f"layer.{i}.", f"blocks.{i}."
        meta[m + "attn.qkv.weight"] = torch.cat(
            [hub[h + f"attention.{part}_proj.weight"] for part in "qkv"]
        )
        if h + "attention.q_proj.bias" in hub:
            q, v = hub[h + "attention.q_proj.bias"], hub[h + "attention.v_proj.bias"]
            meta[m + "attn.qkv.bias"] = torch.cat(
                [q, torch.full_like(q, 9.0), v]
            )  # the key's part is masked away by Meta's code
            meta[m + "attn.qkv.bias_mask"] = torch.cat(
                [torch.ones_like(q), torch.zeros_like(q), torch.ones_like(v)]
            )
        for kind in ("weight", "bias"):
            meta[m + f"attn.proj.{kind}"] = hub[h + f"attention.o_proj.{kind}"]
            for norm in ("norm1", "norm2"):
                meta[m + f"{norm}.{kind}"] = hub[h + f"{norm}.{kind}"]
            pairs = (
                (("gate_proj", "w1"), ("up_proj", "w2"), ("down_proj", "w3"))
                if gated
                else (("up_proj", "fc1"), ("down_proj", "fc2"))
            )
            for hub_name, name in pairs:
                meta[m + f"mlp.{name}.{kind}"] = hub[h + f"mlp.{hub_name}.{kind}"]
        for j in "12":
            meta[m + f"ls{j}.gamma"] = hub[h + f"layer_scale{j}.lambda1"]
    meta["rope_embed.periods"] = 100 ** (torch.arange(16) / 16)
    return meta


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
    meta = to_meta(load_file(folder / "model.safetensors"), "use_gated_mlp" in changes)
    torch.save(
        {**meta, "local_cls_norm.weight": torch.ones(64)},
        tmp_path / "dinov3_vits16_pretrain_lvd1689m-00000000.pth",
    )
    ours, theirs = (
        load_weights(tmp_path / "dinov3_vits16_pretrain_lvd1689m-00000000.pth"),
        load_weights(folder),
    )
    assert ours.fingerprint == theirs.fingerprint
    x = torch.randn(1, 3, 32, 32)
    assert torch.equal(ours.model(x).last_hidden_state, theirs.model(x).last_hidden_state)


def test_meta_convnext_pth_gives_the_fingerprint_of_the_hub_snapshot(tmp_path):
    folder = random_snapshot(
        tmp_path / "hub",
        dict(model_type="dinov3_convnext", depths=[1, 2, 1, 1], hidden_sizes=[8, 16, 24, 32]),
    )
    meta = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        parts = name.split(".")
        if name.startswith("layer_norm"):
            names = [name.replace("layer_norm", "norm"), name.replace("layer_norm", "norms.3")]
        elif parts[2] == "downsample_layers":
            names = [".".join(["downsample_layers", parts[1], *parts[3:]])]
        else:
            names = [
                ".".join(["stages", parts[1], parts[3], *parts[4:]])
                .replace("depthwise_conv", "dwconv")
                .replace("pointwise_conv", "pwconv")
                .replace("layer_norm", "norm")
            ]
        for n in names:
            meta[n] = tensor
    torch.save(meta, tmp_path / "convnext.pth")
    assert load_weights(tmp_path / "convnext.pth").fingerprint == load_weights(folder).fingerprint


def test_a_single_file_in_hub_naming_gives_the_weights_of_its_folder(tiny, tmp_path):
    convnext = random_snapshot(
        tmp_path,
        dict(model_type="dinov3_convnext", depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32]),
    )
    assert all(
        load_weights(folder / "model.safetensors").fingerprint == load_weights(folder).fingerprint
        for folder in (tiny, convnext)
    )


def test_satellite_models_get_their_own_normalisation_from_the_file_name(tiny, tmp_path):
    torch.save(
        to_meta(load_file(tiny / "model.safetensors"), False),
        tmp_path / "dinov3_vitl16_pretrain_sat493m-eadcf0ff.pth",
    )
    assert load_weights(tmp_path / "dinov3_vitl16_pretrain_sat493m-eadcf0ff.pth").mean == [
        0.430,
        0.411,
        0.296,
    ]


def test_a_pickle_that_could_run_code_is_not_opened(tmp_path):
    class Harm:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "touched",))

    torch.save({"cls_token": Harm()}, tmp_path / "model.pth")
    assert (
        "could run code" in refusal(tmp_path / "model.pth") and not (tmp_path / "touched").exists()
    )


def test_a_truncated_pth_is_refused_as_truncated(tiny, tmp_path):
    torch.save(load_file(tiny / "model.safetensors"), tmp_path / "model.pth")
    (tmp_path / "model.pth").write_bytes((tmp_path / "model.pth").read_bytes()[:5000])
    assert "truncated" in refusal(tmp_path / "model.pth")


def test_a_pth_of_something_else_is_refused(tmp_path):
    torch.save({"fc.weight": torch.ones(2, 2)}, tmp_path / "model.pth")
    assert "not a DINOv3 backbone" in refusal(tmp_path / "model.pth")


@pytest.mark.parametrize(
    "config",
    [
        dict(
            model_type="dinov2",
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=1,
            patch_size=14,
            image_size=56,
        ),
        dict(
            model_type="dinov2_with_registers",
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=1,
            patch_size=14,
            image_size=56,
            num_register_tokens=4,
        ),
    ],
    ids=["plain", "registers"],
)
def test_dinov2_snapshot_has_the_names_of_the_hub_and_is_loaded_as_transformers_loads_it(
    config, tmp_path
):
    import transformers

    weights = load_weights(random_snapshot(tmp_path, config))
    assert (
        weights.family == "vit"
        and "encoder.layer.1.attention.attention.query.weight"
        in load_file(tmp_path / "model.safetensors")
    )
    theirs = (
        getattr(transformers, layouts.MODELS[config["model_type"]][1])
        .from_pretrained(tmp_path)
        .state_dict()
    )
    assert all(torch.equal(t, theirs[n]) for n, t in weights.model.state_dict().items())


# Where weights come from


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
    assert "did you mean 'copy'" in refusal(copy.parent / "copi")


def test_find_snapshots_lists_only_folders_that_can_be_loaded(copy, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    assert find_snapshots(tmp_path) == [copy]


def test_mount_drive_outside_colab_explains_itself():
    with pytest.raises(UserError, match="only inside Colab"):
        mount_drive()


def test_mount_drive_in_colab_mounts_read_only(monkeypatch):
    import types

    calls = []
    drive = types.SimpleNamespace(mount=lambda path, readonly: calls.append((path, readonly)))
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(drive=drive))
    assert mount_drive() == Path("/content/drive/MyDrive") and calls == [("/content/drive", True)]


def test_weights_on_drive_are_copied_to_the_local_disk_first(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "DRIVE", tmp_path)
    monkeypatch.setattr(sources.Path, "home", lambda: tmp_path / "home")
    path, _ = sources.find_source(copy)
    assert (
        tmp_path / "home" in path.parents
        and (path / "model.safetensors").read_bytes() == (copy / "model.safetensors").read_bytes()
    )


def test_a_copy_that_lost_bytes_is_not_kept(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(
        shutil, "copyfile", lambda a, b: Path(b).write_bytes(Path(a).read_bytes()[:-1])
    )
    with pytest.raises(UserError, match="syncing"):
        local_copy(copy, tmp_path / "cache")
    assert not [f for f in (tmp_path / "cache").rglob("*") if f.is_file()]


def test_a_full_disk_is_refused_before_copying(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(UserError, match="GiB left"):
        local_copy(copy, tmp_path / "cache")


# The Hub, spoken by a small local server

ID = "facebook/dinov3-vits16-pretrain-lvd1689m"


@pytest.fixture
def hub(tiny, tmp_path, monkeypatch):
    "Start a server and point huggingface_hub at it: `hub(token, **what the server should do)`."
    import contextlib

    with contextlib.ExitStack() as stack:

        def start(token=None, **options):
            server = Hub({ID: {f.name: f.read_bytes() for f in tiny.iterdir()}}, **options)
            monkeypatch.setenv("HF_ENDPOINT", stack.enter_context(serve(server)))
            monkeypatch.setattr(sources, "hub_token", lambda: token)
            monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
            return server

        yield start


def access(model_id=ID, revision=None):
    with pytest.raises(UserError) as e:
        check_access(model_id, revision)
    assert "\n" not in str(e.value) and "hf_" not in str(e.value)
    return str(e.value)


def test_hub_id_is_downloaded_and_pinned_to_its_commit(hub, tiny):
    hub()
    weights = load_weights(ID)
    assert (
        weights.revision == SHA
        and weights.fingerprint == load_weights(tiny).fingerprint
        and weights.model_id == ID
    )


def test_hub_granted_token_downloads_a_gated_model(hub):
    hub("hf_good", gated=[ID], tokens={"hf_good": "granted"})
    assert ID in check_access(ID) and load_weights(ID).revision == SHA


def test_hub_without_token_says_how_to_get_one(hub):
    hub(gated=[ID])
    assert (
        "no token was found" in (text := access())
        and f"https://huggingface.co/{ID}" in text
        and "timm/" in text
    )


def test_hub_token_without_access_says_which_page_to_visit(hub):
    hub("hf_new", gated=[ID], tokens={"hf_new": "new"})
    assert "has no access" in (text := access()) and f"https://huggingface.co/{ID}" in text


def test_hub_refused_request_says_so(hub):
    hub("hf_no", gated=[ID], tokens={"hf_no": "rejected"})
    assert "was refused" in access()


def test_hub_pending_request_says_so(hub):
    hub("hf_wait", gated=[ID], tokens={"hf_wait": "awaiting"})
    assert "waiting" in access()


def test_hub_invalid_token_says_so(hub):
    hub("hf_old", gated=[ID], tokens={})
    assert "invalid or expired" in access()


def test_hub_wrong_id_names_the_nearest_right_one(hub):
    hub()
    assert f"did you mean '{ID}'" in access("facebook/dinov3-vits16-pretrain-lvd168m")


@pytest.mark.parametrize("network", [True, False])
def test_hub_id_that_may_be_a_mistyped_folder_says_that_there_is_none(
    network, hub, tmp_path, monkeypatch
):
    hub()
    if not network:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError,
        match=f"nor is there a folder of that name in the current directory, '{tmp_path}'",
    ):
        load_weights("snapshots/tiny-random-dinov3")


def test_hub_unknown_revision_says_so(hub):
    hub()
    assert "no revision 'v9'" in access(revision="v9")


def test_hub_unreachable_says_so(hub, monkeypatch):
    hub()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "cannot be reached" in access()


def test_hub_download_broken_in_the_middle_is_resumed_not_restarted(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2**16)
    server = hub(cut=["model.safetensors"])
    load_weights(ID)
    ranges = [
        r
        for method, path, r in server.requests
        if path.endswith("model.safetensors") and path.startswith("cdn") and method == "GET"
    ]
    assert (
        ranges[0] is None and ranges[1] and int(ranges[1].removeprefix("bytes=").split("-")[0]) > 0
    )


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
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "cache" in check_access(ID)


def test_check_access_of_a_folder_verifies_it(tiny):
    assert "fingerprint" in check_access(tiny)


def test_token_comes_from_colab_then_environment(monkeypatch):
    import types

    class Missing(Exception):
        pass

    def get(name):
        raise Missing

    monkeypatch.setenv("HF_TOKEN", "hf_env")
    assert sources.hub_token() == "hf_env"
    userdata = types.SimpleNamespace(
        get=lambda name: "hf_secret", SecretNotFoundError=Missing, NotebookAccessError=Missing
    )
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(
        sys.modules,
        "google.colab",
        types.SimpleNamespace(userdata=userdata, errors=types.SimpleNamespace(Error=Missing)),
    )
    assert sources.hub_token() == "hf_secret"
    userdata.get = get
    assert sources.hub_token() == "hf_env"
