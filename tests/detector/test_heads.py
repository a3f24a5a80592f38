"Heads by name: what they consist of, and losses and detections of one pass."

import pytest
import torch

from dinofrcnn.backbone.cache import IMAGE
from dinofrcnn.detector.detector import Detector
from dinofrcnn.detector.heads import HEADS, BoxHeads, HeadSizes, ThinPooler, head_sizes
from dinofrcnn.runtime import UserError

TARGET = {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}


def make(**options):
    torch.manual_seed(0)
    return Detector({16: 8}, 2, [8, 16, 32], score_thresh=0.0, **options)


def features(images=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = {IMAGE: (3, 128, 192), 16: (8, 8, 12)}
    return [
        {stride: torch.rand(*shape, generator=generator) for stride, shape in shapes.items()}
        for _ in range(images)
    ]


def test_the_head_of_torchvision_has_torchvisions_sizes():
    detector = make(head="torchvision")
    assert detector.rpn._pre_nms_top_n == {"training": 2000, "testing": 1000}
    assert detector.rpn._post_nms_top_n == {"training": 2000, "testing": 1000}
    assert detector.rpn.head.conv[0][0].groups == 1
    heads = detector.roi_heads
    assert heads.box_head.fc6.in_features == 256 * 7 * 7 and heads.box_head.fc7.in_features == 1024
    assert heads.fg_bg_sampler.batch_size_per_image == 512
    assert heads.box_roi_pool.sampling_ratio == 2


def test_a_light_head_compares_fewer_boxes_and_looks_once_per_cell():
    detector = make()
    assert set(detector.rpn._pre_nms_top_n.values()) == {500}
    assert detector.roi_heads.box_roi_pool.pooler.sampling_ratio == 1


def test_a_light_head_is_a_tenth_of_torchvisions():
    sizes = {}
    for head in HEADS:
        detector = Detector({16: 4 * 384}, 3, [8, 16, 32], head=head)
        sizes[head] = sum(p.numel() for p in detector.parameters())
    assert sizes["light"] < sizes["torchvision"] / 10


def test_every_size_reaches_its_place():
    detector = make(hidden_dim=64, pooled_dim=16, box_dim=96, rois_per_image=24)
    heads = detector.roi_heads
    assert isinstance(heads.box_roi_pool, ThinPooler)
    assert heads.box_roi_pool.thin.weight.shape == (16, 64, 1, 1)
    assert heads.box_head.fc6.weight.shape == (96, 16 * 7 * 7)
    assert heads.fg_bg_sampler.batch_size_per_image == 24


def test_sizes_may_differ_from_those_of_the_name():
    sizes = head_sizes("torchvision", pooled_dim=32, box_dim=None)
    assert sizes == HeadSizes(256, 32, 1024, 512)
    assert isinstance(make(head="torchvision", pooled_dim=32).roi_heads.box_roi_pool, ThinPooler)


def test_an_unknown_head_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="known are light, torchvision"):
        make(head="heavy")


def test_one_pass_gives_the_detections_and_the_losses_of_two():
    detector = make().eval()
    maps = features()
    with torch.no_grad():
        torch.manual_seed(1)
        losses, detections = detector.measure(maps, [(128, 192)], [TARGET])
        alone = detector(maps, [(128, 192)])
        torch.manual_seed(1)
        trained = detector.train()(maps, [(128, 192)], [TARGET])
    assert all(torch.equal(detections[0][key], alone[0][key]) for key in alone[0])
    assert losses.keys() == trained.keys()
    assert all(torch.isclose(losses[name], trained[name], atol=1e-4) for name in losses)


def test_targets_change_nothing_about_detections():
    "torchvision's contract: outside training they are not looked at."
    detector = make().eval()
    with torch.no_grad():
        with_targets = detector(features(), [(128, 192)], [TARGET])
        without = detector(features(), [(128, 192)])
    assert torch.equal(with_targets[0]["boxes"], without[0]["boxes"])


def test_a_failure_while_comparing_leaves_the_heads_in_eval_mode():
    heads = make().eval().roi_heads
    assert isinstance(heads, BoxHeads)
    levels = {f"p{n}": torch.zeros(1, 96, 128 // 2**n, 192 // 2**n) for n in (3, 4, 5)}
    proposals = [torch.tensor([[0.0, 0, 50, 50]])]
    with pytest.raises(KeyError), torch.no_grad():
        heads(levels, proposals, [(128, 192)], [{"boxes": TARGET["boxes"]}])
    assert not heads.training
