"Two images learned by heart, through every door: labels, cache, training, evaluation, prediction."

import pytest
import torch
from torchvision.ops import box_iou

from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.evaluation.coco import evaluate
from dinofrcnn.training.config import TrainConfig
from dinofrcnn.training.loop import train
from dinofrcnn.use.predict import predict


@pytest.fixture(scope="module")
def by_heart(data, tiny, tmp_path_factory):
    "A run on two images, which are its validation images, too."
    folder = tmp_path_factory.mktemp("by_heart")
    images, annotations = map(str, data.train)
    config = TrainConfig(
        train_images=images,
        val_images=images,
        train_ann=annotations,
        val_ann=annotations,
        train_limit=2,
        val_limit=2,
        model_id=str(tiny),
        ckpt_dir=str(folder / "run"),
        cache_dir=str(folder / "cache"),
        views=["identity"],
        min_size=192,
        max_size=256,
        hidden_dim=64,
        rois_per_image=64,
        anchor_sizes=[[16, 32], [48, 64], [96, 160]],
        epochs=120,
        lr=1e-3,
        weight_decay=0,
    )
    return train(config)


@pytest.mark.timeout(300)
def test_two_images_are_learned_by_heart(by_heart, data):
    report = evaluate(by_heart.best, data.train, limit=2)
    assert report.map50 > 0.9


def test_the_best_checkpoint_is_the_best_epoch(by_heart, data):
    best = max(row["map"] for row in by_heart.history)
    assert evaluate(by_heart.best, data.train, limit=2).map == pytest.approx(best, abs=1e-3)


def test_predicted_boxes_and_class_names_are_those_of_the_labels(by_heart, data):
    dataset = DetectionDataset(*data.train, limit=2)
    for i in range(2):
        found = predict(by_heart.best, dataset.path(i), score=0.5)[0]
        record = dataset.records[i]
        if not record["boxes"]:
            assert found["boxes"] == [], "an empty image is learned, too"
            continue
        overlaps = box_iou(torch.tensor(record["boxes"]).float(), torch.tensor(found["boxes"]))
        names = [dataset.classes[label] for label in record["labels"]]
        hits = [found["classes"][j] for j in overlaps.argmax(dim=1).tolist()]
        assert overlaps.max(dim=1).values.mean() > 0.7
        assert sum(a == b for a, b in zip(names, hits, strict=True)) >= len(names) - 1


def test_no_prediction_is_below_the_score_asked_for(by_heart, data):
    dataset = DetectionDataset(*data.train, limit=1)
    many = predict(by_heart.best, dataset.path(0), score=0.05)[0]["scores"]
    few = predict(by_heart.best, dataset.path(0), score=0.9)[0]["scores"]
    assert min(many) >= 0.05 and min(few) >= 0.9 and len(few) < len(many)
