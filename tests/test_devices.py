"Where things are computed, without a GPU: torch is made to believe in one."

import contextlib

import pytest
import torch
from pretended_gpu import GPU, believed_in, moved, pretended_gpu
from small_detector import small_detector
from torchvision.models.detection.image_list import ImageList

from dinofrcnn.backbone.backbone import Backbone
from dinofrcnn.backbone.sources import load_weights
from dinofrcnn.compute import Compute, pick_compute, pick_device
from dinofrcnn.detector.detector import DinoFasterRCNN, network_target, to_device
from dinofrcnn.runtime import UserError

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def test_a_gpu_comes_with_its_number():
    with believed_in(2):
        assert pick_device("cuda") == torch.device("cuda", 0)
        assert pick_device("auto") == torch.device("cuda", 0)
        assert pick_device("cuda:1").index == 1


def test_a_gpu_of_a_number_that_is_not_there_is_refused():
    with believed_in(2), pytest.raises(UserError, match="2 GPU.*use 'cuda:1'"):
        pick_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "mps", "xpu", "meta", "gpu", "cuda:x", ""])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(UserError, match="device"):
        pick_device(name)


def test_auto_is_bf16_on_ampere_and_fp32_on_a_t4():
    with believed_in(1, (8, 0)):
        assert pick_compute().precision == "bf16"
    with believed_in(1, (7, 5)):
        assert pick_compute() == Compute(GPU, "fp32")


def test_an_autocast_around_changes_nothing_inside():
    layer, x = torch.nn.Linear(3, 3), torch.rand(2, 3)
    with torch.autocast("cpu", torch.bfloat16), Compute(torch.device("cpu"), "fp32").autocast():
        assert layer(x).dtype == torch.float32


@pytest.fixture
def parts(tiny):
    "Backbone and detector; `moved` takes them to the pretended GPU."
    backbone = Backbone(load_weights(tiny), device="cpu")
    return backbone, small_detector(backbone).detector


@pytest.mark.parametrize("precision", PRECISIONS)
def test_backbone_on_a_gpu_gives_float32_maps_there(parts, precision):
    backbone, _ = parts
    with pretended_gpu():
        maps = moved(backbone).maps(torch.empty(2, 3, 64, 96), precision)
    assert {(fmap.device, fmap.dtype) for fmap in maps.values()} == {(GPU, torch.float32)}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_pyramid_rpn_head_and_anchors_are_on_the_gpu(parts, precision):
    backbone, detector = parts
    with pretended_gpu():
        maps = moved(backbone).maps(torch.empty(1, 3, 64, 96), precision)
        moved(detector)
        with Compute(GPU, precision).autocast():
            levels = detector.pyramid(maps)
            objectness, changes = detector.rpn.head(list(levels.values()))
        images = ImageList(next(iter(levels.values())), [(64, 96)])
        anchors = detector.rpn.anchor_generator(images, list(levels.values()))
    assert {level.device for level in levels.values()} == {GPU}
    heads = [*objectness, *changes]
    assert {(t.device, t.dtype) for t in heads} == {(GPU, torch.float32)}
    assert [a.device for a in anchors] == [GPU]


def test_a_detector_beside_a_backbone_on_another_device_is_refused(parts):
    backbone, detector = parts
    with pretended_gpu():
        moved(backbone)
        with pytest.raises(UserError, match="backbone is on cuda:0 and the detector on cpu"):
            DinoFasterRCNN(backbone, detector, ["a"])


class Stop(Exception):
    pass


def monkeypatch_autocast(monkeypatch):
    "Who asks for an autocast is written down: (kind of device, dtype, enabled)."
    asked = []

    def autocast(device_type, dtype=None, enabled=True):
        asked.append((device_type, dtype, enabled))
        return contextlib.nullcontext()

    monkeypatch.setattr(torch, "autocast", autocast)
    return asked


def test_what_meets_in_the_heads_is_on_the_gpu_and_in_the_models_precision(parts, monkeypatch):
    backbone, detector = parts
    backbone.heads_precision = "fp16"
    met = {}

    def look(features, sizes, targets):
        met["tensors"] = [*features[0].values(), targets[0]["boxes"], targets[0]["labels"]]
        raise Stop

    with pretended_gpu():
        model = DinoFasterRCNN(moved(backbone), moved(detector), ["a"], 64, 96)
        monkeypatch.setattr(model.detector, "forward", look)
        asked = monkeypatch_autocast(monkeypatch)
        stored = {16: torch.empty(8, 4, 6, dtype=torch.float16)}  # as a cache has them, on the CPU
        target = {"boxes": torch.empty(1, 4), "labels": torch.empty(1, dtype=torch.int64)}
        with pytest.raises(Stop):
            model.heads([stored], [(64, 96)], [target])
    assert {t.device for t in met["tensors"]} == {GPU}
    assert met["tensors"][0].dtype == torch.float16, "features go over as they are stored"
    assert asked == [("cuda", torch.float16, True)]


def test_a_target_goes_where_the_backbone_computes():
    target = {"boxes": torch.rand(2, 4), "labels": torch.ones(2, dtype=torch.int64)}
    with pretended_gpu():
        there = network_target(target, (100, 200), (64, 96), GPU)
    assert there["boxes"].device == there["labels"].device == GPU


def test_plain_values_stay_what_they_are():
    assert to_device([1, {"a": "b"}, None], torch.device("cpu")) == [1, {"a": "b"}, None]


def test_out_of_memory_in_the_heads_is_a_sentence_with_a_cure(backbone, monkeypatch):
    model = small_detector(backbone)

    def full(*args):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.detector, "forward", full)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    for mode in (True, False):
        model.detector.train(mode)
        with pytest.raises(UserError, match="do not fit on the GPU.*lower batch_size"):
            model.heads([{16: torch.rand(8, 4, 6)}] * 2, [(64, 96)] * 2)
