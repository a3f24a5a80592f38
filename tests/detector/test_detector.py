"The detector and the whole model: anchors, losses, and detections that depend on one image alone."

import pytest
import torch
from small_detector import RATIOS, SIZES, small_detector

from dinofrcnn.detector.detector import Detector, GridAnchors, same_size
from dinofrcnn.runtime import UserError, seed_everything


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
        objectness, changes = model.detector.rpn.head([torch.rand(1, 256, 4, 4)] * 3)
    assert {t.dtype for t in [*objectness, *changes]} == {torch.float32}


def test_boxes_are_not_rounded_to_bf16_under_autocast(model):
    "The same for targets and boxes."
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, changes = model.detector.roi_heads.box_predictor(torch.rand(2, 1024))
    assert {logits.dtype, changes.dtype} == {torch.float32}
