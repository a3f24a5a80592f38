"The features of an image depend on that image and the recipe, and on nothing else."

import weakref

import pytest
import torch
from snapshots import CONVNEXT, each_dinov2, edit_json, normalised, picture
from torch import nn

from dinofrcnn.backbone.backbone import (
    Backbone,
    Recipe,
    cls_attention,
    load_backbone,
    patch_similarity,
)
from dinofrcnn.backbone.snapshot import SATELLITE_MEAN, SATELLITE_STD
from dinofrcnn.backbone.sources import load_weights
from dinofrcnn.backbone.tiny import make_tiny_snapshot, random_snapshot
from dinofrcnn.backbone.tokens import blocks_of
from dinofrcnn.runtime import UserError

VIT = dict(hidden_size=128, heads=2, layers=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_snapshot(tmp_path_factory.mktemp("backbone"), **VIT)


@pytest.fixture(scope="module")
def backbone(folder):
    return make(folder)


@pytest.fixture(scope="module")
def image():
    return picture(48, 80)


def make(folder, **options):
    return load_backbone(folder, **{"device": "cpu", "precision": "fp32", **options})


def shapes(maps):
    return {stride: tuple(fmap.shape) for stride, fmap in maps.items()}


def patches(features):
    "A map (C, h, w) as a row per patch, as transformers has it."
    return features.flatten(1).T


# The contract


def test_backbone_returns_one_float32_map_per_image_at_its_stride(backbone):
    out = backbone([picture(48, 80), picture(32, 32)])
    assert [shapes(maps) for maps in out] == [{16: (512, 3, 5)}, {16: (512, 2, 2)}]
    assert backbone.out_channels == {16: 512}
    assert all(maps[16].dtype == torch.float32 for maps in out)
    assert all(maps[16].is_contiguous() for maps in out)


def test_backbone_of_no_images_is_an_empty_list(backbone):
    assert backbone([]) == []


def test_backbone_normalises_with_the_mean_and_std_of_the_weights(folder, image):
    weights = load_weights(folder)
    weights.mean, weights.std = [0.430, 0.411, 0.296], [0.213, 0.156, 0.143]
    other = Backbone(weights, "last", "fp32", "cpu")([image])[0][16]
    mean = torch.tensor(weights.mean).view(3, 1, 1)
    std = torch.tensor(weights.std).view(3, 1, 1)
    tokens = weights.model(((image - mean) / std)[None]).last_hidden_state[0, 5:]
    torch.testing.assert_close(patches(other), tokens)


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(1, 32, 32),
        torch.zeros(3, 32, 32, dtype=torch.uint8),
        torch.full((3, 32, 32), 255.0),
    ],
    ids=["grey", "bytes", "0 to 255"],
)
def test_backbone_refuses_what_is_not_an_rgb_image_in_0_to_1(backbone, images):
    with pytest.raises(UserError):
        backbone([images])


# Trap 1, CLS and registers, is in test_tokens.py. Trap 2: train mode


def test_trap_2_train_on_any_parent_leaves_features_bit_identical(backbone, image):
    before = backbone([image])[0][16]
    nn.Sequential(nn.Sequential(backbone)).train()
    assert not any(m.training for m in backbone.modules())
    assert torch.equal(backbone([image])[0][16], before)


def test_trap_2_an_unfrozen_backbone_stays_in_eval_too(folder, image):
    backbone = make(folder, unfreeze=1).train()
    assert not any(m.training for m in backbone.modules())
    assert torch.equal(backbone([image])[0][16], backbone([image])[0][16])


# Trap 3: batch-mates, order, padding


def test_trap_3_images_of_other_sizes_in_the_batch_change_nothing(backbone, image):
    alone = backbone([image])[0][16]
    among_others = backbone([picture(96, 96, 1), image, picture(16, 160, 2)])
    assert torch.equal(among_others[1][16], alone)


def test_trap_3_batch_mates_of_the_same_size_and_their_order_change_nothing(backbone, image):
    alone, other = backbone([image])[0][16], picture(48, 80, 1)
    assert torch.equal(backbone([other, image])[1][16], alone)
    assert torch.equal(backbone([image, other])[0][16], alone)


def test_trap_3_a_real_batch_as_on_a_gpu_agrees_to_1e_5(backbone, image):
    alone = backbone([image])[0][16]
    batch = backbone.run(torch.stack([picture(48, 80, 1), image, picture(48, 80, 2)]))
    torch.testing.assert_close(batch[1][16], alone, atol=1e-5, rtol=1e-5)


# Trap 4: sides


@pytest.mark.parametrize("size", [(47, 80), (48, 81)])
def test_trap_4_sides_that_the_patch_does_not_divide_are_refused(backbone, size):
    with pytest.raises(UserError, match="network_size"):
        backbone([picture(*size)])


# Trap 5: precision


def test_trap_5_bf16_keeps_weights_and_position_angles_in_float32(folder, image):
    backbone, angles = make(folder, precision="bf16"), []
    backbone.model.rope_embeddings.register_forward_hook(lambda m, args, out: angles.extend(out))
    assert backbone([image])[0][16].dtype == torch.float32
    assert all(p.dtype == torch.float32 for p in backbone.parameters())
    assert {a.dtype for a in angles} == {torch.float32}


def test_trap_5_bf16_stays_close_to_float32(folder, backbone, image):
    half = make(folder, precision="bf16")([image])[0][16]
    full = backbone([image])[0][16]
    assert not torch.equal(half, full)
    assert torch.cosine_similarity(half, full, dim=0).min() > 0.999


def test_trap_5_an_autocast_around_the_backbone_changes_nothing(backbone, image):
    before = backbone([image])[0][16]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(backbone([image])[0][16], before)


def test_trap_5_fp16_that_overflows_is_refused(folder, image):
    backbone = make(folder)
    backbone.precision = "fp16"  # asked for by name, as on a GPU
    blocks_of(backbone.model)[0].mlp.down_proj.weight.data *= 1e7
    with pytest.raises(UserError, match="not finite"):
        backbone([image])


def test_trap_5_fp16_that_drifts_from_float32_is_refused(folder, image, monkeypatch):
    backbone = make(folder)
    backbone.precision, plain = "fp16", backbone.maps

    def drifting(batch, precision):
        shift = 1 if precision == "fp16" else 0
        return {s: fmap.roll(shift, 1) for s, fmap in plain(batch, "fp32").items()}

    monkeypatch.setattr(backbone, "maps", drifting)
    with pytest.raises(UserError, match="drift"):
        backbone([image])


def test_trap_5_fp16_that_holds_is_accepted_and_checked_once(folder, image):
    backbone = make(folder)
    backbone.precision = "fp16"
    backbone([image])
    assert backbone.precision_checked


def test_trap_5_bf16_that_is_not_finite_is_refused(folder, image):
    backbone = make(folder, precision="bf16")
    blocks_of(backbone.model)[0].mlp.down_proj.weight.data *= float("inf")
    with pytest.raises(UserError, match="not finite"):
        backbone([image])


# Frozen


def test_frozen_features_carry_no_graph_but_a_head_can_learn_on_them(backbone, image):
    features = backbone([image])[0][16]
    assert not features.requires_grad and not features.is_inference()
    head = nn.Conv2d(512, 2, 1)
    head(features[None]).sum().backward()
    assert head.weight.grad is not None


def test_frozen_backbone_ignores_requires_grad_set_on_a_parent(folder, image):
    backbone = make(folder)
    nn.Sequential(backbone).requires_grad_(True)
    assert not backbone([image])[0][16].requires_grad


@pytest.mark.parametrize(
    "unfreeze, learning",
    [
        (1, {"layer.3"}),
        (2, {"layer.2", "layer.3"}),
        ("layer.1.*", {"layer.1"}),
        (["norm.*", "layer.0.mlp.*"], {"norm.weight", "norm.bias", "layer.0"}),
    ],
)
def test_unfreeze_by_count_or_name_lets_exactly_these_learn(folder, image, unfreeze, learning):
    backbone = make(folder, unfreeze=unfreeze)
    backbone([image])[0][16].square().mean().backward()
    learned = {name for name, p in backbone.named_parameters() if p.grad is not None}
    names = [n.removeprefix("model.").removeprefix("model.") for n in learned]
    assert {".".join(n.split(".")[:2]) for n in names} == learning
    assert all((p.grad is not None) == p.requires_grad for p in backbone.parameters())


def test_unfreeze_count_goes_back_from_the_last_layer_in_use(folder):
    blocks = blocks_of(make(folder, layers=[0, 2], unfreeze=1).model)
    assert all(p.requires_grad for p in blocks[2].parameters())
    assert not any(p.requires_grad for p in blocks[3].parameters())


def test_the_rest_of_an_unfrozen_backbone_is_provably_frozen(folder, image):
    backbone = make(folder, unfreeze=1)
    frozen, everything = backbone.fingerprint(frozen_only=True), backbone.fingerprint()
    optimizer = torch.optim.AdamW(backbone.parameters(), lr=1e-2)
    backbone([image])[0][16].square().mean().backward()
    optimizer.step()
    assert backbone.fingerprint(frozen_only=True) == frozen
    assert backbone.fingerprint() != everything


def test_fingerprint_of_a_frozen_backbone_is_that_of_its_weights(backbone):
    assert backbone.fingerprint() == backbone.spec.fingerprint


def test_unfreeze_of_too_many_blocks_is_refused(folder):
    with pytest.raises(UserError, match="cannot unfreeze 5"):
        make(folder, unfreeze=5)


def test_unfreeze_pattern_that_matches_nothing_is_refused_with_a_real_name(folder):
    with pytest.raises(UserError, match="names look like 'layer"):
        make(folder, unfreeze="blocks.3.*")


# Fitting into memory


def test_a_batch_that_does_not_fit_is_halved_until_it_does(folder, monkeypatch):
    backbone, sizes = make(folder), []
    plain, batch = backbone.maps, torch.stack([picture(32, 32, i) for i in range(5)])

    def small_gpu(batch, precision):
        sizes.append(len(batch))
        if len(batch) > 1:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return plain(batch, precision)

    monkeypatch.setattr(backbone, "maps", small_gpu)
    features = backbone.run(batch)
    assert len(features) == 5 and max(sizes) == 5
    for maps, image in zip(features, batch, strict=True):
        assert torch.equal(maps[16], backbone([image])[0][16])


def test_what_a_batch_that_did_not_fit_had_computed_is_freed_before_its_halves_run(
    folder, monkeypatch
):
    backbone, held = make(folder), []
    plain = backbone.maps

    def small_gpu(batch, precision):
        assert all(tensor() is None for tensor in held)
        if len(batch) == 1:
            return plain(batch, precision)
        half_way = batch * 2
        held.append(weakref.ref(half_way))
        raise torch.cuda.OutOfMemoryError("out of memory")

    monkeypatch.setattr(backbone, "maps", small_gpu)
    assert len(backbone.run(torch.rand(4, 3, 32, 32))) == 4
    assert len(held) == 3


def test_one_image_that_does_not_fit_is_explained(folder, monkeypatch, image):
    backbone = make(folder)

    def full(batch, precision):
        raise torch.cuda.OutOfMemoryError("out of memory")

    monkeypatch.setattr(backbone, "maps", full)
    with pytest.raises(UserError, match="does not fit on the GPU"):
        backbone([image])


# Other families


def test_convnext_backbone_gives_the_stages_of_transformers_at_four_strides(tmp_path):
    backbone = make(random_snapshot(tmp_path, CONVNEXT), layers=[0, 1, 2, 3])
    image = picture(64, 96)
    maps = backbone([image])[0]
    assert shapes(maps) == {4: (8, 16, 24), 8: (16, 8, 12), 16: (24, 4, 6), 32: (32, 2, 3)}
    assert backbone.out_channels == {4: 8, 8: 16, 16: 24, 32: 32}
    out = backbone.model(normalised(image)[None], output_hidden_states=True)
    stages = [h for h in out.hidden_states if h.shape[1] in (8, 16, 24)]
    for stride, theirs in zip((4, 8, 16), stages, strict=False):
        torch.testing.assert_close(maps[stride], theirs[0])
    torch.testing.assert_close(patches(maps[32]), out.last_hidden_state[0, 1:])


def test_convnext_backbone_takes_stages_as_layers_and_multiples_of_32(tmp_path):
    backbone = make(random_snapshot(tmp_path, CONVNEXT), layers=[1, -1])
    assert backbone.out_channels == {8: 16, 32: 32}
    assert list(backbone([picture(32, 64)])[0]) == [8, 32]
    with pytest.raises(UserError, match="multiples of 32"):
        backbone([picture(48, 64)])


@each_dinov2
def test_dinov2_backbone_gives_its_patches_at_stride_14(config, tmp_path):
    backbone, image = make(random_snapshot(tmp_path, config), layers="last"), picture(42, 70)
    tokens = backbone.model(normalised(image)[None]).last_hidden_state[0, -15:]
    torch.testing.assert_close(patches(backbone([image])[0][14]), tokens)


def test_gated_mlp_backbone_runs_like_transformers(tmp_path, image):
    small = dict(hidden_size=64, heads=1, layers=2)
    folder = make_tiny_snapshot(tmp_path, **small, use_gated_mlp=True, hidden_act="silu")
    backbone = make(folder, layers="last")
    tokens = backbone.model(normalised(image)[None]).last_hidden_state[0, 5:]
    torch.testing.assert_close(patches(backbone([image])[0][16]), tokens)


# Recipe


def test_recipe_hash_is_the_same_on_every_machine():
    assert Recipe("abc", (2, 5), "fp32", 640, 960).hash == "50a3fd7bf383c544"


@pytest.mark.parametrize(
    "change",
    [
        dict(fingerprint="x"),
        dict(layers=(1,)),
        dict(precision="bf16"),
        dict(min_size=1),
        dict(max_size=1),
        dict(view="flip"),
        dict(version=1),
    ],
    ids=lambda c: next(iter(c)),
)
def test_recipe_hash_changes_with(change):
    fields = dict(fingerprint="abc", layers=(2, 5), precision="fp32", min_size=640, max_size=960)
    assert Recipe(**fields).hash != Recipe(**{**fields, **change}).hash


def test_recipe_and_fingerprint_of_a_backbone_that_normalises_otherwise_are_others(
    backbone, tmp_path
):
    folder = make_tiny_snapshot(tmp_path, **VIT)  # the same tensors
    pixels = folder / "preprocessor_config.json"
    edit_json(pixels, image_mean=SATELLITE_MEAN, image_std=SATELLITE_STD)
    other = make(folder)
    assert other.recipe(640, 960) != backbone.recipe(640, 960)
    assert other.fingerprint() == other.spec.fingerprint != backbone.fingerprint()


def test_recipe_of_a_backbone_that_learns_is_refused(folder):
    with pytest.raises(UserError, match="learns"):
        make(folder, unfreeze=1).recipe(640, 960)


# To look at


def test_patch_similarity_is_1_at_the_patch_itself(backbone, image):
    similarity = patch_similarity(backbone([image])[0][16], (1, 2))
    assert similarity.shape == (3, 5)
    assert similarity.argmax() == 1 * 5 + 2
    assert abs(similarity[1, 2] - 1) < 1e-5


def test_cls_attention_is_that_of_transformers(folder, image):
    backbone = make(folder)
    attention = cls_attention(backbone, image, block=1)
    backbone.model.set_attn_implementation("eager")
    theirs = backbone.model(normalised(image)[None], output_attentions=True).attentions[1]
    torch.testing.assert_close(attention.flatten(1), theirs[0, :, 0, 5:])


def test_cls_attention_leaves_the_backbone_as_it_was(backbone, image):
    before = backbone([image])[0][16]
    implementation = backbone.model.config._attn_implementation
    cls_attention(backbone, image, block=1)
    assert backbone.model.config._attn_implementation == implementation
    assert torch.equal(backbone([image])[0][16], before)
    assert not blocks_of(backbone.model)[1].attention._forward_hooks


def test_recipe_of_another_precision_or_other_layers_is_another(folder, backbone):
    recipe = backbone.recipe(640, 960)
    assert make(folder, precision="bf16").recipe(640, 960) != recipe
    assert make(folder, layers=[0]).recipe(640, 960) != make(folder, layers=[1]).recipe(640, 960)
