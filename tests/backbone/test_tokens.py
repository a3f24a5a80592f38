"Which tokens are patches, and which layers they are taken from."

import pytest
import torch
from snapshots import normalised, picture

from dinofrcnn.backbone.backbone import load_backbone
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.backbone.tokens import blocks_of, pca_colours, pick_layers
from dinofrcnn.runtime import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    return make_tiny_snapshot(folder, hidden_size=128, heads=2, layers=4)


@pytest.fixture(scope="module")
def backbone(folder):
    return load_backbone(folder, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def image():
    return picture(48, 80)


# Layers


def test_layers_four_are_evenly_spaced_and_end_with_the_last():
    assert pick_layers("four", 6) == (1, 2, 4, 5)
    assert pick_layers("four", 12) == (2, 5, 8, 11)
    assert pick_layers("four", 24) == (5, 11, 17, 23)
    assert pick_layers("four", 40) == (9, 19, 29, 39)


def test_layers_may_be_negative_and_unordered():
    assert pick_layers([-1, 0, 11], 12) == (0, 11)


@pytest.mark.parametrize("layers", ["all", [], [12], [-13], 3.5, ["last"]])
def test_layers_that_do_not_exist_are_refused(layers):
    with pytest.raises(UserError):
        pick_layers(layers, 12)


def test_the_final_norm_is_applied_to_every_layer(folder, image):
    backbone = load_backbone(folder, layers=[1, 3], device="cpu", precision="fp32")
    caught = []
    for i in (1, 3):
        blocks_of(backbone.model)[i].register_forward_hook(lambda m, args, out: caught.append(out))
    features = backbone([image])[0][16]
    patches = [backbone.model.norm(tokens)[0, 5:] for tokens in caught]
    expected = [tokens.T.unflatten(1, (3, 5)) for tokens in patches]
    assert torch.equal(features, torch.cat(expected))


def test_blocks_after_the_last_chosen_layer_are_not_run(folder, image):
    backbone = load_backbone(folder, layers=[1], device="cpu", precision="fp32")
    ran = []
    for block in blocks_of(backbone.model):
        block.register_forward_hook(lambda m, args, out: ran.append(m))
    backbone([image])
    assert len(ran) == 2


# Trap 1: CLS and registers


def test_trap_1_cls_and_registers_are_never_in_the_map(backbone, image):
    tokens = backbone.model(normalised(image)[None]).last_hidden_state[0]
    assert tokens.shape[0] == 1 + 4 + 15
    last_layer = backbone([image])[0][16][-128:]
    torch.testing.assert_close(last_layer.flatten(1).T, tokens[5:])


def test_trap_1_a_change_in_one_patch_shows_at_its_own_cell(backbone, image):
    changed = image.clone()
    changed[:, 16:32, 48:64] = 1 - changed[:, 16:32, 48:64]
    distance = (backbone([changed])[0][16] - backbone([image])[0][16]).norm(dim=0)
    assert divmod(distance.argmax().item(), 5) == (1, 3)


# Features as colours


def test_pca_colours_are_rgb_between_0_and_1_and_repeatable(backbone, image):
    features = backbone([image])[0][16]
    colours = pca_colours(features)
    assert colours.shape == (3, 5, 3)
    assert colours.min() >= 0 and colours.max() <= 1
    assert (colours == pca_colours(features)).all()


def test_pca_colours_separate_two_kinds_of_patch():
    features = torch.zeros(8, 4, 6)
    features[2, :, 3:] = 5
    noise = 1e-3 * torch.rand(8, 4, 6, generator=torch.Generator().manual_seed(0))
    colours = pca_colours(features + noise)
    assert abs(colours[:, :3, 0].mean() - colours[:, 3:, 0].mean()) > 0.9
