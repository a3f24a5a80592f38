"One pass over a data set: the loss of training, and detections, of features that are read once."

import pytest
import torch
from small_detector import small_detector

from dinofrcnn.backbone.backbone import Backbone
from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.detector import inference
from dinofrcnn.detector.inference import detect, measure


@pytest.fixture
def model(backbone):
    return small_detector(backbone)


@pytest.fixture
def features(model, data):
    dataset = DetectionDataset(*data.val, limit=3)
    return FeatureDataset(dataset, model.backbone, 128, 192)


def test_the_backbone_looks_once_at_every_image(model, features, monkeypatch):
    seen = []
    forward = Backbone.forward
    monkeypatch.setattr(
        Backbone, "forward", lambda self, images: seen.extend(images) or forward(self, images)
    )
    loss, detections = measure(model, features)
    assert len(seen) == len(detections) == 3 and loss > 0


def test_the_loss_is_that_of_training(model, features):
    torch.manual_seed(0)
    loss, _ = measure(model, features)
    model.detector.train()
    torch.manual_seed(0)
    losses = []
    with torch.no_grad():
        for maps, size, target in (features[i] for i in range(3)):
            losses.append(sum(model.heads([maps], [size], [target]).values()).item())
    assert loss == pytest.approx(sum(losses) / 3, abs=1e-4)


def test_detections_do_not_depend_on_the_comparison(model, features):
    compared = measure(model, features)[1]
    for one, other in zip(compared, detect(model, features), strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_images_of_a_group_weigh_alike(model, features, monkeypatch):
    "The last group of a pass may be smaller."
    nothing = {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0)}

    def pretend(maps, sizes, targets):
        return {"loss": torch.tensor(len(maps))}, [nothing] * len(maps)

    monkeypatch.setattr(model, "measure", pretend)
    monkeypatch.setattr(inference, "images_at_once", lambda device: 2)
    assert measure(model, features)[0] == pytest.approx((2 + 2 + 1) / 3)


def test_no_image_is_no_loss(model, features):
    assert measure(model, features, []) == (0.0, [])
