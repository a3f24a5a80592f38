"The measurement itself, with both engines, and what a report says."

import copy

import numpy as np
import pytest
import torch

from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.detector.checkpoint import load_model
from dinofrcnn.evaluation.coco import coco_eval, detect, evaluate, make_report
from dinofrcnn.labels.annotations import Annotations, to_coco
from dinofrcnn.runtime import UserError

ENGINES = pytest.mark.parametrize("engine", ["pycocotools", "faster-coco-eval"])


def oracle(annotations):
    return [
        {
            "boxes": torch.tensor(r["boxes"], dtype=torch.float32).reshape(-1, 4),
            "labels": torch.tensor(r["labels"], dtype=torch.int64) + 1,
            "scores": torch.linspace(1, 0.5, len(r["boxes"])),
        }
        for r in annotations.records
    ]


@pytest.fixture
def truth():
    "Four images, the third without an object."
    records = []
    for i in range(4):
        n = 0 if i == 2 else 2
        boxes = [[1 + i, 2, 40, 50], [50, 10, 90, 70]][:n]
        record = {"file_name": f"{i}.jpg", "width": 100, "height": 80}
        records.append({**record, "boxes": boxes, "labels": [0, i % 2][:n]})
    return Annotations(records, ["a", "b"], {})


@ENGINES
def test_oracle_scores_one(truth, engine):
    assert coco_eval(truth, oracle(truth), engine).stats[0] == 1


@ENGINES
def test_zero_detections_score_zero(truth, engine):
    none = [{k: v[:0] for k, v in d.items()} for d in oracle(truth)]
    assert coco_eval(truth, none, engine).stats[0] == 0


def test_engines_agree_on_noisy_detections(truth):
    generator = torch.Generator().manual_seed(0)
    noisy = oracle(truth)
    for d in noisy:
        d["boxes"] = d["boxes"] + torch.randn(d["boxes"].shape, generator=generator) * 3
    a, b = (coco_eval(truth, noisy, e).stats[:12] for e in ("pycocotools", "faster-coco-eval"))
    assert np.allclose(a, b, atol=1e-12)
    assert 0 < a[0] < 1


@ENGINES
def test_label_shifted_by_one_scores_zero(truth, engine):
    "Fault of the original: the ground truth was shifted by one and the predictions were not."
    only_a = copy.deepcopy(truth)
    for r in only_a.records:
        r["labels"] = [0] * len(r["labels"])
    shifted = [{**d, "labels": d["labels"] + 1} for d in oracle(only_a)]
    assert coco_eval(only_a, shifted, engine).stats[0] == 0


@ENGINES
def test_more_than_100_detections_in_an_image_do_not_make_ap_minus_one(truth, engine):
    found = oracle(truth)
    extra = {
        "boxes": torch.tensor([[0.0, 0, 3, 3]]).repeat(150, 1),
        "labels": torch.ones(150, dtype=torch.int64),
        "scores": torch.full((150,), 0.01),
    }
    found[0] = {k: torch.cat([v, extra[k]]) for k, v in found[0].items()}
    assert coco_eval(truth, found, engine).stats[0] == 1


@pytest.mark.parametrize("key", ["scores", "boxes"])
def test_nan_score_or_coordinate_is_refused_not_ranked(truth, key):
    found = oracle(truth)
    found[0][key].view(-1)[0] = float("nan")
    with pytest.raises(UserError, match="not a number"):
        coco_eval(truth, found)


@ENGINES
def test_ground_truth_without_area_and_iscrowd_is_measured(truth, engine):
    assert "area" not in truth.records[0]
    assert "iscrowd" not in truth.records[0]
    assert coco_eval(truth, oracle(truth), engine).stats[0] == 1


def test_annotation_ids_begin_at_one_so_that_a_perfect_box_counts(truth):
    "pycocotools takes a match with annotation id 0 for no match."
    assert min(a["id"] for a in to_coco(truth)["annotations"]) == 1


@ENGINES
def test_crowd_region_is_neither_demanded_nor_punished(truth, engine):
    crowded = copy.deepcopy(truth)
    for r in crowded.records:
        r["iscrowd"] = [0] * len(r["boxes"])
    crowded.records[0]["iscrowd"][1] = 1
    found = oracle(crowded)
    found[0] = {k: v[:1] for k, v in found[0].items()}
    assert coco_eval(crowded, found, engine).stats[0] == 1


def test_image_ids_of_the_source_are_used_whatever_they_are(truth):
    for i, r in enumerate(truth.records):
        r["image_id"] = 2**40 - 7 * i
    assert coco_eval(truth, oracle(truth)).stats[0] == 1


def test_detections_of_other_images_than_the_ground_truth_are_refused(truth):
    with pytest.raises(UserError, match="3 images"):
        coco_eval(truth, oracle(truth)[:3])


def test_unknown_engine_is_refused(truth):
    with pytest.raises(UserError, match="engine"):
        coco_eval(truth, oracle(truth), "coco")


def test_report_says_per_class_what_the_metric_says(data):
    dataset = DetectionDataset(*data.test)
    found = oracle(dataset.annotations)
    for d in found:
        keep = d["labels"] != 2
        d.update({k: v[keep] for k, v in d.items()})  # class 2 is never found
    report = make_report(dataset, found)
    aps = [c["ap"] for c in report.per_class.values()]
    assert aps[1] == 0
    assert [a for i, a in enumerate(aps) if i != 1] == [1] * (len(aps) - 1)
    assert report.map == pytest.approx(np.mean(aps))


def test_mistakes_count_misses_and_inventions(data):
    dataset = DetectionDataset(*data.test)
    i = max(range(len(dataset)), key=lambda i: len(dataset.target(i)["boxes"]))
    found = oracle(dataset.annotations)
    invented = {
        "boxes": torch.tensor([[0.0, 0, 5, 5]]),
        "labels": torch.tensor([1]),
        "scores": torch.tensor([0.9]),
    }
    found[i] = {k: torch.cat([v[1:], invented[k]]) for k, v in found[i].items()}  # one is missed
    found[i]["scores"][:] = 0.9
    assert make_report(dataset, found).mistakes(i) == (1, 1)


def features_of(dataset, model, folder=None):
    return FeatureDataset(dataset, model.backbone, model.min_size, model.max_size, folder=folder)


def test_detections_are_the_same_from_cache_and_from_images(trained, data, tmp_path):
    model = load_model(trained.best)
    dataset = DetectionDataset(*data.test, limit=3)
    live = detect(model, features_of(dataset, model))
    kept = detect(model, features_of(dataset, model, tmp_path))
    assert sum(len(d["boxes"]) for d in live) > 3
    for a, b in zip(live, kept, strict=True):
        assert a["scores"].sum().item() == pytest.approx(b["scores"].sum().item(), rel=0.02)


def test_detecting_through_the_features_is_detecting_with_the_model(trained, data):
    model = load_model(trained.best)
    dataset = DetectionDataset(*data.test, limit=2)
    through = detect(model, features_of(dataset, model))
    with torch.no_grad():
        direct = model([dataset.image(i) for i in range(2)])
    for a, b in zip(through, direct, strict=True):
        assert torch.allclose(a["boxes"], b["boxes"], atol=1e-2)
        assert torch.equal(a["labels"], b["labels"])


def test_other_classes_than_the_models_are_refused(trained, data, tmp_path):
    from dinofrcnn.labels.yolo import convert_yolo

    names = ["Truck", "Worker", "Tower crane", "Excavator"]
    convert_yolo(data.root / "labels/test", data.test.images, tmp_path, class_list=names)
    with pytest.raises(UserError, match="classes"):
        evaluate(trained.best, (data.test.images, tmp_path))


def test_report_is_saved_with_numbers_and_pictures(trained, data, tmp_path):
    folder = evaluate(trained.best, data.test, limit=2).save(tmp_path / "report")
    assert {p.name for p in folder.iterdir()} == {
        "metrics.json",
        "detections.json",
        "failures.jpg",
        "detections.jpg",
        "precision_recall.png",
    }
