"The detector and the whole model: anchors, losses, and detections that depend on one image alone."

import pytest
import torch
from PIL import Image
from small_detector import RATIOS, SIZES, small_detector

from dinofrcnn.backbone.backbone import load_backbone
from dinofrcnn.backbone.cache import IMAGE, FeatureDataset
from dinofrcnn.compute import seed_everything
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.detector.detector import Detector, same_size
from dinofrcnn.detector.heads import roi_pooler
from dinofrcnn.detector.proposals import GridAnchors
from dinofrcnn.runtime import UserError


@pytest.fixture
def model(backbone):
    return small_detector(backbone)


@pytest.fixture
def target():
    return {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}


def test_anchors_sit_at_the_centres_of_their_cells_with_the_true_stride():
    "A 19-cell map pooled to 10 cells has stride 32, not 304 // 10 = 30."
    from torchvision.models.detection.image_list import ImageList

    images = ImageList(torch.zeros(1), [(304, 304)])
    anchors = GridAnchors([[32]], [[1.0]], [32])(images, [torch.zeros(1, 1, 10, 10)])[0]
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centres[[0, 1, -1]].tolist() == [[16, 16], [48, 16], [304, 304]]


@pytest.mark.parametrize(
    "sizes, ratios, said",
    [
        ([[32], [64]], RATIOS, "2 levels but the pyramid has 3"),
        (SIZES, RATIOS[:2], "2 levels but the pyramid has 3"),
        ([[32], [64], [128, 256]], RATIOS, "same number of anchors"),
    ],
)
def test_level_counts_that_do_not_match_are_refused_with_both_numbers(sizes, ratios, said):
    with pytest.raises(UserError, match=said):
        Detector({16: 8}, 2, [8, 16, 32], 32, sizes, ratios)


def test_detections_are_the_same_alone_and_in_any_batch(model):
    seed_everything(1)
    images = [torch.rand(3, h, w) for h, w in [(100, 150), (150, 100), (100, 150), (90, 200)]]
    with torch.no_grad():
        together = model(images)
        alone = [model([image])[0] for image in images]
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a["labels"], b["labels"])
        assert torch.allclose(a["boxes"], b["boxes"], atol=1e-2)
        assert torch.allclose(a["scores"], b["scores"], atol=1e-4)


def test_detections_lie_in_the_image(model):
    with torch.no_grad():
        boxes = model([torch.rand(3, 77, 203)])[0]["boxes"]
    assert len(boxes)
    assert boxes.min() >= 0
    assert boxes[:, 2].max() <= 203.01
    assert boxes[:, 3].max() <= 77.01


def test_training_gives_torchvisions_four_losses_also_for_an_image_without_boxes(model, target):
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    losses = model.train()([torch.rand(3, 100, 150)] * 2, [target, empty])
    assert set(losses) == {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}
    assert all(loss.isfinite() for loss in losses.values())


def test_loss_of_a_mixed_batch_weighs_every_image_alike(model, target):
    "Two sizes: the mean over images, not over groups."
    assert same_size([(1, 2), (3, 4), (1, 2)]) == [[0, 2], [1]]
    images = [torch.rand(3, 100, 150), torch.rand(3, 150, 100), torch.rand(3, 100, 150)]
    model.train()

    def objectness(batch):
        seed_everything(3)
        return model(batch, [target] * len(batch))["loss_objectness"].item()

    mixed = objectness(images)
    wide = objectness([images[0], images[2]])
    tall = objectness([images[1]])
    assert mixed == pytest.approx((2 * wide + tall) / 3, rel=0.05)


def test_only_the_detector_trains(model, target):
    sum(model.train()([torch.rand(3, 100, 150)], [target]).values()).backward()
    assert all(p.grad is None for p in model.backbone.parameters())
    assert all(p.grad is not None for p in model.detector.pyramid.parameters())
    assert len(model.trainable_parameters()) == 1


def test_mixed_precision_evaluation_runs(model):
    "Fault of the original: evaluation without autocast crashed on a half-precision backbone."
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = model([torch.rand(3, 100, 150)])[0]
    assert found["boxes"].isfinite().all()


def test_proposals_are_not_rounded_to_bf16_under_autocast(model):
    "bf16 knows every second number above 256: proposals have to be computed in float32."
    with torch.autocast("cpu", dtype=torch.bfloat16):
        objectness, changes = model.detector.rpn.head([torch.rand(1, 96, 4, 4)] * 3)
    assert {t.dtype for t in [*objectness, *changes]} == {torch.float32}


def test_boxes_are_not_rounded_to_bf16_under_autocast(model):
    "The same for targets and boxes."
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, changes = model.detector.roi_heads.box_predictor(torch.rand(2, 512))
    assert {logits.dtype, changes.dtype} == {torch.float32}


def test_roi_pooling_looks_where_the_box_is():
    "Every cell of these maps says how far to the right it is, in network pixels."
    levels = {}
    for name, stride in zip(("p3", "p4", "p5"), (8, 16, 32), strict=True):
        right = torch.arange(512 // stride) * float(stride)
        levels[name] = right.expand(1, 1, len(right), len(right))
    boxes = torch.tensor([[100.0, 40, 160, 100], [40, 40, 360, 360], [200, 200, 240, 240]])
    pooled = roi_pooler([8, 16, 32])(levels, [boxes], [(512, 512)])
    assert pooled.mean(dim=(1, 2, 3)).tolist() == pytest.approx([130, 200, 220], abs=2)


def some_features(images):
    "Of images of 128×192, as the tiny backbone gives them."
    return [{IMAGE: torch.rand(3, 128, 192), 16: torch.rand(768, 8, 12)} for _ in range(images)]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_features_as_a_cache_keeps_them_are_taken_in_every_precision(tiny, precision):
    model = small_detector(load_backbone(tiny, precision=precision, device="cpu"))
    stored = [{stride: fmap.half() for stride, fmap in one.items()} for one in some_features(2)]
    found = model.heads(stored, [(128, 192)] * 2)
    assert all(one["boxes"].isfinite().all() for one in found)


def test_images_that_do_not_fit_together_are_looked_at_one_by_one(backbone, monkeypatch):
    model = small_detector(backbone)
    features = some_features(3)
    expected = model.heads(features, [(128, 192)] * 3)
    one_size = model.detector.one_size

    def small_gpu(maps, sizes, targets):
        if len(sizes) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return one_size(maps, sizes, targets)

    monkeypatch.setattr(model.detector, "one_size", small_gpu)
    found = model.heads(features, [(128, 192)] * 3)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a["boxes"], b["boxes"], atol=1e-3, rtol=1e-4)


def test_a_pillow_image_is_seen_as_its_tensor_is(backbone):
    model = small_detector(backbone)
    noise = torch.randint(256, (128, 192, 3), dtype=torch.uint8)
    photo = Image.fromarray(noise.numpy())
    tensor = noise.permute(2, 0, 1) / 255
    assert torch.equal(model.network_image(photo), model.network_image(tensor))
    assert torch.equal(model([photo])[0]["boxes"], model([tensor])[0]["boxes"])


def test_loss_is_a_mean_over_images_not_over_groups_of_a_size(model, monkeypatch):
    def one_size(features, sizes, targets):
        loss = 1.0 if sizes[0] == (64, 96) else 4.0
        return [], {"loss": torch.tensor(loss)}

    monkeypatch.setattr(model.detector, "one_size", one_size)
    features = [{IMAGE: torch.zeros(3, 32, 32), 16: torch.zeros(1, 2, 2)}] * 3
    losses = model.detector.train()(features, [(64, 96), (96, 64), (64, 96)], [{}] * 3)
    assert losses["loss"].item() == pytest.approx((1 + 4 + 1) / 3)


def test_parts_of_a_batch_that_does_not_fit_keep_their_sizes(model, monkeypatch):
    sizes = [(128, 192), (128, 192), (192, 128)]
    seen = []

    def small_gpu(maps, sizes, targets):
        if len(sizes) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        seen.extend(sizes)
        return [{}], {}

    monkeypatch.setattr(model.detector, "one_size", small_gpu)
    features = []
    for height, width in sizes:
        fmap = torch.zeros(1, height // 16, width // 16)
        features.append({IMAGE: torch.zeros(3, height, width), 16: fmap})
    assert len(model.heads(features, sizes)) == 3
    assert seen == sizes


def test_features_without_the_image_are_refused_with_what_is_needed(model):
    with pytest.raises(ValueError, match=r"strides \[1, 16\] are needed, 1 is the image itself"):
        model.heads([{16: torch.zeros(768, 8, 12)}], [(128, 192)])


def test_the_image_that_the_branch_sees_is_that_of_the_features(model, data):
    "Through a cache or alone, the same pixels."
    dataset = DetectionDataset(*data.val, limit=1)
    features = FeatureDataset(dataset, model.backbone, model.min_size, model.max_size)
    seen = []
    model.detector.pyramid.image.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    with torch.no_grad():
        model([dataset.photo(0)])
        maps, size, _ = features[0]
        model.heads([maps], [size])
    assert torch.equal(*seen)
