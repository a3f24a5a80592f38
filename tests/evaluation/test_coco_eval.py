"The measurement itself, with both engines, and what a report says."

import copy
import json
import shutil

import numpy as np
import pytest
import torch
from perfect import perfect, scores
from PIL import Image

from dinofrcnn import __version__
from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.data.dataset import DataFolder, DetectionDataset
from dinofrcnn.data.views import View
from dinofrcnn.detector.checkpoint import load_model
from dinofrcnn.detector.inference import detect, detections_in_image
from dinofrcnn.evaluation.coco import (
    STATS,
    Report,
    coco_eval,
    evaluate,
    make_report,
)
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
        direct = model([dataset.photo(i) for i in range(2)])
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


# what is not measured, and other limits


def split_of(folder, truth, leave_out=()):
    "The images of `truth`, black, but for some: a data set on them."
    folder.mkdir(exist_ok=True)
    for r in truth.records:
        if r["file_name"] not in leave_out:
            Image.new("RGB", (r["width"], r["height"])).save(folder / r["file_name"])
    return DetectionDataset(folder, truth)


def report_of(dataset):
    return make_report(dataset, oracle(dataset.annotations))


def test_evaluation_on_fewer_images_says_so(truth, tmp_path):
    report = report_of(split_of(tmp_path / "images", truth, ["1.jpg", "3.jpg"]))
    assert "2 of 4 image files are missing and were not measured: 1.jpg, 3.jpg" in str(report)
    assert report.missing == ["1.jpg", "3.jpg"] == report.metrics()["missing"]
    assert "missing" not in str(report_of(split_of(tmp_path / "all", truth)))


@pytest.mark.parametrize("limit", [0, -1, 2.5])
def test_limit_below_one_is_refused(trained, data, limit):
    with pytest.raises(UserError, match="limit"):
        evaluate(trained.best, data.test, limit=limit)


@ENGINES
def test_boxes_without_area_are_no_misses(truth, engine, tmp_path):
    "pycocotools counts each as a miss. Our numbers are its numbers for the file without them."
    flat = copy.deepcopy(truth)
    for r in flat.records:
        r["boxes"] = [[5, 5, 5, 30], *r["boxes"], [60, 40, 50, 70]]
        r["labels"] = [0, *r["labels"], 1]
        r["area"] = [0, *[9.0] * (len(r["boxes"]) - 2), None]
    found = [{k: v[1:] for k, v in d.items()} for d in oracle(truth)]  # one of each is missed
    without = copy.deepcopy(truth)
    for r in without.records:
        r["area"] = [9.0] * len(r["boxes"])
    assert np.array_equal(coco_eval(flat, found, engine).stats, coco_eval(without, found).stats)
    assert coco_eval(flat, oracle(truth), engine).stats[0] == 1
    reference = scores(to_coco(without), perfect(to_coco(without)))
    assert np.allclose(coco_eval(flat, oracle(truth), engine).stats, reference)
    assert scores(to_coco(flat), perfect(to_coco(without)))[0] < 1  # what pycocotools says
    report = report_of(split_of(tmp_path / "images", flat))
    assert "boxes without area, not measured because nothing can find them: 8" in str(report)
    assert [c["objects"] for c in report.per_class.values()] == [4, 2]


@ENGINES
@pytest.mark.parametrize(
    "ids", [["a", "b", "7", "é"], [2**63 + i for i in range(4)], [1, "1", 2, 3]]
)
def test_image_ids_that_engines_cannot_take_are_numbered_anew(truth, engine, ids, tmp_path):
    for r, image_id in zip(truth.records, ids, strict=True):
        r["image_id"] = image_id
    assert coco_eval(truth, oracle(truth), engine).stats[0] == 1
    folder = report_of(split_of(tmp_path / "images", truth)).save(tmp_path / "report")
    rows = json.loads((folder / "detections.json").read_text())
    assert {row["image_id"] for row in rows} == set(ids) - {ids[2]}


@ENGINES
def test_null_area_and_iscrowd_are_measured(truth, engine):
    for r in truth.records:
        r["area"] = r["iscrowd"] = [None] * len(r["boxes"])
    assert coco_eval(truth, oracle(truth), engine).stats[0] == 1


@pytest.mark.parametrize("kind", ["empty", "crowds", "flat"])
def test_no_objects_to_measure_on(truth, tmp_path, kind):
    "The report said -1 and nothing else."
    for r in truth.records:
        n = len(r["boxes"])
        if kind == "crowds":
            r["iscrowd"] = [1] * n
        else:
            r["boxes"] = [[3, 3, 3, 9]] * (n if kind == "flat" else 0)
            r["labels"] = r["labels"][: len(r["boxes"])]
    report = report_of(split_of(tmp_path / "images", truth))
    assert report.map == -1
    assert "no objects to measure on: none of the 4 images has a box" in str(report)
    assert all(c["objects"] == 0 for c in report.per_class.values())
    assert len(list(report.save(tmp_path / "report").iterdir())) == 5


def many(objects, classes=1):
    "An image with so many objects, and detections of all of them."
    boxes = [
        [8 * (k % 40), 8 * (k // 40), 8 * (k % 40) + 6, 8 * (k // 40) + 6] for k in range(objects)
    ]
    record = dict(file_name="0.jpg", width=320, height=240, boxes=boxes)
    record["labels"] = [k % classes for k in range(objects)]
    return Annotations([record], ["a", "b", "c"][:classes])


@ENGINES
def test_more_than_100_objects(engine, tmp_path):
    "250 perfect detections scored 0.41."
    truth = many(250)
    result = coco_eval(truth, oracle(truth), engine)
    numbers = dict(zip(STATS, result.stats, strict=True))
    assert numbers["map"] == numbers["map50"] == numbers["map_small"] == 1
    assert numbers["recall_100"] == pytest.approx(0.4) and numbers["recall_small"] == 1
    report = report_of(split_of(tmp_path / "images", truth))
    assert "up to 250 detections were counted, not COCO's 100" in str(report)
    assert report.per_class["a"]["ap"] == 1


@ENGINES
@pytest.mark.parametrize("objects, classes", [(100, 1), (200, 2), (3, 3)])
def test_up_to_100_objects_of_a_class_the_numbers_are_cocos(objects, classes, engine, tmp_path):
    truth = many(objects, classes)
    found = oracle(truth)
    found[0]["boxes"] = found[0]["boxes"] + torch.rand(objects, 4).sort().values
    result = coco_eval(truth, found, engine)
    assert result.params.maxDets == [1, 10, 100]
    mine = np.array(result.stats)
    result.summarize()
    assert np.array_equal(mine, np.asarray(result.stats)[:12])
    assert "detections were counted" not in str(report_of(split_of(tmp_path / "images", truth)))


def test_other_slips_than_a_split_show_the_right_call(data):
    slips = [data, data.root, str(data.root), str(data.test.annotations), None, (data.test,), {}]
    for slip in [*slips, DetectionDataset(*data.test), DataFolder("ab"), "ab"]:
        with pytest.raises(UserError, match=r"evaluate\(model, data.test\)"):
            evaluate("no/model.pth", slip)


def test_metrics_name_what_was_measured_on(trained, data, tmp_path):
    folder = evaluate(trained.best, data.test, limit=2).save(tmp_path / "report")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["split"] == {
        "images": str(data.test.images),
        "annotations": str(data.test.annotations),
    }
    assert metrics["checkpoint"] == str(trained.best)
    assert (metrics["images"], metrics["dinofrcnn"]) == (2, __version__)


def test_metrics_name_no_checkpoint_that_is_not_known(data):
    metrics = report_of(DetectionDataset(data.test.images, data.test.annotations)).metrics()
    assert metrics["checkpoint"] is None


def test_pictures_say_which_file_each_image_is(truth, tmp_path):
    report = report_of(split_of(tmp_path / "images", truth))
    names = {record["file_name"] for record in truth.records}
    for figure in report.show_failures(), report.show(range(len(truth.records))):
        titles = [ax.get_title().split("\n") for ax in figure.axes if ax.get_title()]
        assert {title[0] for title in titles} <= names and len(titles) > 1
    assert all("missed" in ax.get_title() for ax in report.show_failures(2).axes[:2])


def test_failing_picture_stops_neither_numbers_nor_pictures(truth, tmp_path, monkeypatch, capsys):
    report = report_of(split_of(tmp_path / "images", truth))
    report.save(tmp_path / "report")

    def fails(self, n=6, score=0.5):
        assert (tmp_path / "report/metrics.json").exists()
        raise RuntimeError("no ink")

    monkeypatch.setattr(Report, "show_failures", fails)
    names = {p.name for p in report.save(tmp_path / "report").iterdir()}
    assert "failures.jpg" not in names and "detections.jpg" in names and len(names) == 4
    assert "no ink" in capsys.readouterr().out


def test_names_that_are_mathematics_or_no_text_stop_no_report(truth, tmp_path, capsys):
    truth.classes[:] = ["a_b$x^$", "a\udcffb"]
    folder = report_of(split_of(tmp_path / "images", truth)).save(tmp_path / "report")
    assert len(list(folder.iterdir())) == 5 and not capsys.readouterr().out
    assert "a_b$x^$" in json.loads((folder / "metrics.json").read_text())["per_class"]


def test_tilde_in_checkpoint_and_cache_is_the_home_folder(trained, data, tmp_path, monkeypatch):
    "cache_dir=config.cache_dir, the default '~/.cache/…', made a folder named ~."
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copy(trained.best, tmp_path / "best.pth")
    evaluate("~/best.pth", data.test, cache_dir="~/cache", limit=1)
    assert {p.name for p in tmp_path.iterdir()} == {"best.pth", "cache"}


def test_tilde_is_the_home_folder(truth, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert report_of(split_of(tmp_path / "images", truth)).save("~/report") == tmp_path / "report"
    assert {p.name for p in tmp_path.iterdir()} == {"images", "report"}


def test_boxes_found_in_a_mirrored_image_are_mirrored_back(data, backbone):
    dataset = DetectionDataset(*data.test, limit=1)
    features = FeatureDataset(dataset, backbone, 128, 192, View(flip=True))
    _, size, target = features[0]
    found = {**target, "scores": torch.ones(len(target["boxes"]))}
    boxes = detections_in_image(found, size, features, 0)["boxes"]
    assert len(boxes) and torch.allclose(boxes, dataset.target(0)["boxes"], atol=1e-2)


def test_detections_of_a_batch_are_those_of_each_image(trained, data, monkeypatch):
    "On a GPU several images go through the heads together."
    model = load_model(trained.best)
    dataset = DetectionDataset(*data.test, limit=3)
    alone = detect(model, features_of(dataset, model))
    monkeypatch.setattr("dinofrcnn.detector.inference.images_at_once", lambda device: 3)
    together = detect(model, features_of(dataset, model))
    assert sum(len(found["boxes"]) for found in alone) > 3
    for a, b in zip(alone, together, strict=True):
        assert torch.allclose(a["boxes"], b["boxes"], atol=1e-2)
        assert torch.equal(a["labels"], b["labels"])
