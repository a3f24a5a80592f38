"Levels of the pyramid: where they come from and how large they are."

import pytest
import torch

from dinofrcnn.detector.pyramid import FeaturePyramid


@pytest.mark.parametrize("h, w", [(128, 128), (112, 176), (16, 16), (48, 304)])
def test_pyramid_levels_cover_the_image_at_their_stride(h, w):
    pyramid = FeaturePyramid({16: 8}, [8, 16, 32], 64)
    levels = pyramid({16: torch.rand(1, 8, h // 16, w // 16)})
    covering = [(-(-h // stride), -(-w // stride)) for stride in (8, 16, 32)]
    assert [tuple(level.shape[-2:]) for level in levels.values()] == covering


def test_pyramid_takes_each_level_from_the_nearest_backbone_map():
    pyramid = FeaturePyramid({4: 8, 8: 16, 16: 32, 32: 64}, [8, 16, 32], 32)
    assert pyramid.source == [8, 16, 32]


def test_pyramid_of_patch_14_keeps_its_true_strides():
    levels = FeaturePyramid({14: 8}, [7, 14, 28], 32)({14: torch.rand(1, 8, 10, 12)})
    assert list(levels) == ["p3", "p4", "p5"]
    assert levels["p3"].shape[-2:] == (20, 24)
