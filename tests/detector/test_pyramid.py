"Levels of the pyramid: where they come from and how large they are."

import pytest
import torch

from dinofrcnn.backbone.cache import IMAGE
from dinofrcnn.detector.pyramid import FeaturePyramid


@pytest.mark.parametrize("h, w", [(128, 128), (112, 176), (16, 16), (48, 304)])
def test_pyramid_levels_cover_the_image_at_their_stride(h, w):
    pyramid = FeaturePyramid({16: 8}, [8, 16, 32], 64)
    levels = pyramid({16: torch.rand(1, 8, h // 16, w // 16), IMAGE: torch.rand(1, 3, h, w)})
    covering = [(-(-h // stride), -(-w // stride)) for stride in (8, 16, 32)]
    assert [tuple(level.shape[-2:]) for level in levels.values()] == covering


def test_pyramid_takes_each_level_from_the_nearest_backbone_map():
    pyramid = FeaturePyramid({4: 8, 8: 16, 16: 32, 32: 64}, [8, 16, 32], 32)
    assert pyramid.source == [8, 16, 32]


def test_pyramid_of_patch_14_keeps_its_true_strides():
    pyramid = FeaturePyramid({14: 8}, [7, 14, 28], 32)
    levels = pyramid({14: torch.rand(1, 8, 10, 12), IMAGE: torch.rand(1, 3, 140, 168)})
    assert list(levels) == ["p3", "p4", "p5"]
    assert levels["p3"].shape[-2:] == (20, 24)


def test_what_the_image_shows_reaches_every_level_where_it_is():
    "A bright spot changes the cells around it, and none far away."
    torch.manual_seed(0)
    pyramid = FeaturePyramid({16: 8}, [8, 16, 32], 32)
    for layer in pyramid.modules():  # normalising would spread the change over the whole map
        if isinstance(layer, torch.nn.GroupNorm):
            layer.forward = lambda x: x
    dark = {16: torch.rand(1, 8, 16, 16), IMAGE: torch.zeros(1, 3, 256, 256)}
    bright = {**dark, IMAGE: dark[IMAGE].clone()}
    bright[IMAGE][:, :, 200:204, 60:64] = 1
    levels = zip(pyramid(dark).values(), pyramid(bright).values(), [8, 16, 32], strict=True)
    for before, after, stride in levels:
        changed = ((before - after).abs().amax(dim=1)[0] > 1e-6).nonzero() * stride
        assert len(changed)
        middle = changed.float().mean(dim=0) + stride / 2
        assert (middle - torch.tensor([202.0, 62.0])).abs().max() < 2 * stride


def test_without_the_branch_the_image_is_not_needed():
    pyramid = FeaturePyramid({16: 8}, [8, 16, 32], 32, from_image=False)
    assert pyramid.needs == [16]
    assert list(pyramid({16: torch.rand(1, 8, 4, 4)})) == ["p3", "p4", "p5"]


def test_every_level_sees_the_mean_of_the_pixels_below_it():
    pyramid = FeaturePyramid({16: 8}, [8, 16, 32], hidden_dim=32)
    features = {IMAGE: torch.rand(1, 3, 128, 192), 16: torch.rand(1, 8, 8, 12)}
    seen = []
    for level in pyramid.levels:  # what comes in behind the resampling
        level[1].register_forward_hook(lambda _, inputs, out: seen.append(inputs[0]))
    pixels = torch.rand(1, 32, 16, 24)
    for shown in (pixels, 0 * pixels):
        pyramid.image = Shows(shown)
        pyramid(features)
    for halvings in range(3):
        mean = torch.nn.functional.avg_pool2d(pixels, 2**halvings)
        torch.testing.assert_close(seen[halvings] - seen[3 + halvings], mean, atol=1e-5, rtol=1e-5)


class Shows(torch.nn.Module):
    "A branch that shows the same whatever the image."

    def __init__(self, fmap):
        super().__init__()
        self.fmap = fmap

    def forward(self, image):
        return self.fmap
