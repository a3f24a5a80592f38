"Where things are computed, without a GPU: torch is made to believe in one."

import contextlib

import pytest
import torch
from pretended_gpu import GPU, believed_in, pretended_gpu, tensors_in
from small_detector import small_detector
from torchvision.models.detection.image_list import ImageList

from dinofrcnn.backbone.backbone import Backbone, cls_attention
from dinofrcnn.backbone.cache import IMAGE
from dinofrcnn.backbone.sources import load_weights
from dinofrcnn.backbone.tokens import pca_colours
from dinofrcnn.compute import Compute, pick_compute, pick_device
from dinofrcnn.detector.checkpoint import load_model
from dinofrcnn.detector.detector import DinoFasterRCNN, network_target, to_device
from dinofrcnn.runtime import UserError
from dinofrcnn.training.loop import train
from dinofrcnn.use.predict import predict

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
    "Backbone and detector, made on the CPU; `there` takes them to the pretended GPU."
    backbone = Backbone(load_weights(tiny), device="cpu")
    return backbone, small_detector(backbone).detector


def there(parts, precision="fp32", device=GPU):
    "The model of `parts` on a GPU, on which `precision` is computed in."
    backbone, detector = parts
    backbone.precision = backbone.heads_precision = precision
    return DinoFasterRCNN(backbone.to(device), detector.to(device), list("abcd"), 64, 96)


def kinds(*values):
    "The (device, dtype) of all tensors in `values`."
    return {(tensor.device, tensor.dtype) for tensor in tensors_in(values)}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_backbone_on_a_gpu_gives_float32_maps_there(parts, precision):
    with pretended_gpu():
        maps = there(parts).backbone.maps(torch.rand(2, 3, 64, 96), precision)
        assert kinds(maps) == {(GPU, torch.float32)}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_pyramid_rpn_head_and_anchors_are_on_the_gpu(parts, precision):
    with pretended_gpu():
        model = there(parts, precision)
        image = torch.rand(1, 3, 64, 96)
        maps = {**model.backbone.maps(image, precision), IMAGE: image.to(GPU)}
        with model.backbone.compute.autocast():
            levels = model.detector.pyramid(maps)
            objectness, changes = model.detector.rpn.head(list(levels.values()))
        images = ImageList(next(iter(levels.values())), [(64, 96)])
        anchors = model.detector.rpn.anchor_generator(images, list(levels.values()))
        assert {level.device for level in levels.values()} == {GPU}
        assert kinds(objectness, changes, anchors) == {(GPU, torch.float32)}


def noted(module, notes):
    "What goes through `module` is written down: device and dtype of what comes in and goes out."

    def note(module, inputs, output):
        notes.append((kinds(*inputs), kinds(output)))

    module.register_forward_hook(note)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_training_step_is_on_the_gpu_and_in_the_models_precision(parts, precision):
    stored = {16: torch.rand(parts[0].out_channels[16], 4, 6).half()}  # a cache's, on the CPU
    stored[IMAGE] = torch.rand(3, 64, 96).half()
    target = {"boxes": torch.tensor([[8.0, 8, 40, 40]]), "labels": torch.tensor([1])}
    proposals, features, predictions = [], [], []
    with pretended_gpu():
        model = there(parts, precision).train()
        noted(model.detector.rpn, proposals)
        noted(model.detector.roi_heads.box_head, features)
        noted(model.detector.roi_heads.box_predictor, predictions)
        losses = model.heads([stored], [(64, 96)], [target])
        sum(losses.values()).backward()
        assert proposals[0][1] == {(GPU, torch.float32)}
        assert features[0][1] == predictions[0][0] == {(GPU, PRECISIONS[precision])}
        assert predictions[0][1] == kinds(losses) == {(GPU, torch.float32)}
        learned = list(model.detector.parameters())
        assert kinds(learned, [p.grad for p in learned]) == {(GPU, torch.float32)}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_detection_comes_from_the_gpu_in_pixels_of_the_image(parts, precision):
    with pretended_gpu(), torch.no_grad():
        found = there(parts, precision).eval()([torch.rand(3, 90, 120)])[0]
        assert kinds(found["boxes"], found["scores"]) == {(GPU, torch.float32)}
        assert found["labels"].device == GPU and len(found["labels"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_whole_run_is_on_the_gpu_that_was_asked_for(config, data, precision):
    "The second of two, so that a 'cuda' written anywhere is another device; then from its file."
    second = torch.device("cuda", 1)
    few = {"train_limit": 2, "val_limit": 1, "hidden_dim": 64}
    few |= {"precision": precision, "device": "cuda:1"}
    with pretended_gpu(2, (8, 0)):
        run = train(config.model_copy(update=few))
        train(config.model_copy(update={**few, "epochs": 2}))  # goes on from last.pth
    with pretended_gpu(2, (8, 0)):  # where the first is the current one
        model = load_model(run.last, device="cuda:1")
        assert {p.device for p in model.parameters()} == {second}
        assert model.backbone.precision == precision
        predict(model, data.test.images / "test_000.jpg")


def test_weights_that_are_loaded_late_go_to_the_gpu(parts):
    with pretended_gpu():
        recorded = Backbone(parts[0].spec, device="cuda")
        assert kinds(recorded([torch.rand(3, 64, 96)])) == {(GPU, torch.float32)}


def test_what_is_drawn_of_features_comes_from_the_gpu(parts):
    image = torch.rand(3, 64, 96)
    with pretended_gpu():
        backbone = there(parts).backbone
        assert pca_colours(backbone([image])[0][16]).shape == (4, 6, 3)
        assert cls_attention(backbone, image).device.type == "cpu"


def test_a_detector_beside_a_backbone_on_another_device_is_refused(parts):
    backbone, detector = parts
    with pretended_gpu():
        backbone.to(GPU)
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
    met = []

    def look(features, sizes, targets):
        met.append((kinds(features), kinds(targets)))
        raise Stop

    shapes = {IMAGE: (3, 64, 96), 16: (8, 4, 6)}
    stored = {s: torch.zeros(shape, dtype=torch.float16) for s, shape in shapes.items()}
    target = {"boxes": torch.zeros(1, 4)}
    with pretended_gpu():
        model = there(parts, "fp16")
        monkeypatch.setattr(model.detector, "measure", look)
        asked = monkeypatch_autocast(monkeypatch)
        with pytest.raises(Stop):
            model.measure([stored], [(64, 96)], [target])
    assert met == [({(GPU, torch.float16)}, {(GPU, torch.float32)})]
    assert asked == [("cuda", torch.float16, True)]


def test_a_target_goes_where_the_backbone_computes():
    target = {"boxes": torch.rand(2, 4), "labels": torch.ones(2, dtype=torch.int64)}
    with pretended_gpu():
        moved = network_target(target, (100, 200), (64, 96), GPU)
        assert moved["boxes"].device == moved["labels"].device == GPU


def test_plain_values_stay_what_they_are():
    assert to_device([1, {"a": "b"}, None], torch.device("cpu")) == [1, {"a": "b"}, None]


def test_out_of_memory_in_the_heads_is_a_sentence_with_a_cure(backbone, monkeypatch):
    model = small_detector(backbone)

    def full(*args):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.detector, "forward", full)
    monkeypatch.setattr(model.detector, "measure", full)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    for mode in (True, False):
        model.detector.train(mode)
        with pytest.raises(UserError, match="do not fit on the GPU.*lower batch_size"):
            model.heads([{16: torch.rand(8, 4, 6)}] * 2, [(64, 96)] * 2)
