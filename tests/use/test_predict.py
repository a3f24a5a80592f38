import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from dinofrcnn.backbone.cache import IMAGE, FeatureDataset
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.detector.checkpoint import load_model
from dinofrcnn.labels.annotations import Annotations
from dinofrcnn.labels.images import read_image
from dinofrcnn.runtime import UserError
from dinofrcnn.use.predict import (
    list_images,
    own_pictures,
    predict,
    predict_one,
    save_predictions,
)


def test_folder_is_searched_to_the_bottom_and_other_files_are_left_alone(data):
    found = list_images(data.test.images)
    assert len(found) == 10
    assert any("night" in str(path) for path in found)
    assert found == sorted(found)


@pytest.mark.parametrize("name", ["nowhere", "."], ids=["missing", "empty"])
def test_nothing_to_predict_on_is_refused(name, tmp_path):
    with pytest.raises(UserError):
        list_images(tmp_path / name)


def test_prediction_is_in_pixels_of_its_image_above_the_score_by_class_name(trained, data):
    model = load_model(trained.best)
    results = predict(model, data.test.images, score=0.01)
    assert len(results) == 10
    assert any(result["boxes"] for result in results)
    for result in results:
        assert all(score >= 0.01 for score in result["scores"])
        assert set(result["classes"]) <= set(model.classes)
        for x1, y1, x2, y2 in result["boxes"]:
            assert 0 <= x1 <= x2 <= 481
            assert 0 <= y1 <= y2 <= 481


def test_broken_image_is_kept_with_its_reason_and_stops_nothing(trained, data, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "b.jpg").write_bytes(sorted(data.test.images.glob("*.jpg"))[0].read_bytes())
    broken, good = predict(trained.best, tmp_path)
    assert "a.jpg" in broken["error"]
    assert "boxes" in good
    folder = save_predictions([broken, good], load_model(trained.best).classes, tmp_path / "out")
    assert sorted(p.name for p in folder.iterdir()) == ["0001_b.jpg", "predictions.json"]
    assert json.loads((folder / "predictions.json").read_text())[1] == good


@pytest.fixture
def photos(data, tmp_path):
    "A folder with two images."
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, source in zip("ab", sorted(data.test.images.glob("*.jpg")), strict=False):
        shutil.copy(source, folder / f"{name}.jpg")
    return folder


def test_images_that_cannot_be_read_here_are_counted_by_their_kind(photos, capsys):
    for name in ["1.HEIC", "2.heic", "3.HEIF", "c.jxl", "notes.txt"]:
        (photos / name).write_bytes(b"x")
    assert len(list_images(photos)) == 2
    said = "2 HEIC, 1 HEIF, 1 JXL files were passed over: convert them to JPEG\n"
    assert capsys.readouterr().out == said


def test_folder_of_nothing_but_heic_says_so(tmp_path):
    (tmp_path / "a.HEIC").write_bytes(b"x")
    with pytest.raises(UserError, match="1 HEIC file was passed over: convert it to JPEG"):
        list_images(tmp_path)


def test_avif_is_read_where_pillow_can(photos):
    if ".avif" not in Image.registered_extensions():
        pytest.skip("this Pillow knows no AVIF")
    Image.open(photos / "a.jpg").save(photos / "c.avif")
    assert [path.name for path in list_images(photos)] == ["a.jpg", "b.jpg", "c.avif"]


@pytest.mark.parametrize(
    "given",
    [
        lambda folder: folder.glob("*.jpg"),
        lambda folder: [str(folder)],
        lambda folder: {folder / "a.jpg", folder / "b.jpg"},
        lambda folder: (str(path) for path in folder.iterdir()),
    ],
    ids=["glob", "list of a folder", "set", "generator"],
)
def test_anything_that_yields_paths_is_predicted_on(trained, photos, given):
    results = predict(trained.best, given(photos))
    assert sorted(result["file"] for result in results) == [f"{photos}/a.jpg", f"{photos}/b.jpg"]


@pytest.mark.parametrize(
    "given",
    [
        lambda folder: Image.open(folder / "a.jpg"),
        lambda folder: [Image.open(folder / "a.jpg")],
        lambda folder: torch.rand(3, 64, 64),
        lambda folder: [torch.rand(3, 64, 64)],
        lambda folder: None,
    ],
    ids=["picture", "pictures", "tensor", "tensors", "nothing"],
)
def test_picture_itself_is_refused_with_the_right_call(trained, photos, given):
    with pytest.raises(UserError, match=r"predict\(model, 'photo.jpg'\)"):
        predict(trained.best, given(photos))


def test_pattern_that_matches_nothing_is_refused(trained, photos):
    with pytest.raises(UserError, match="empty"):
        predict(trained.best, photos.glob("*.JPEG"))


def test_run_given_as_a_model_is_refused_with_the_right_call(trained, photos):
    with pytest.raises(UserError, match=r"predict\(run.best"):
        predict(trained, photos)


@pytest.mark.parametrize("score", [50, -0.1, float("nan"), True, "0.5", None])
def test_score_that_is_not_from_0_to_1_is_refused(trained, photos, score):
    with pytest.raises(UserError, match="from 0 to 1"):
        predict(trained.best, photos, score=score)


def test_best_score_is_kept_also_where_it_is_below_the_score(trained, photos):
    low = predict(trained.best, photos, score=0)
    high = predict(trained.best, photos, score=1)
    for found, none in zip(low, high, strict=True):
        assert none["boxes"] == []
        assert none["best_score"] == max(found["scores"], default=0)


def test_home_folder_is_understood(photos, monkeypatch):
    monkeypatch.setenv("HOME", str(photos.parent))
    assert list_images("~/photos") == list_images(photos)
    folder = save_predictions([], ["x"], "~/out")
    assert folder == photos.parent / "out"


def test_path_that_is_not_there_names_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=str(tmp_path)):
        list_images("nowhere")


def blank(*files):
    "Results without objects."
    return [{"file": str(f), "boxes": [], "scores": [], "classes": []} for f in files]


def test_pictures_of_an_earlier_prediction_go_and_foreign_ones_stay(photos, tmp_path):
    out = tmp_path / "out"
    save_predictions(blank(photos / "a.jpg", photos / "b.jpg"), ["x"], out)
    (out / "0001_mine.jpg").write_bytes(b"mine")
    save_predictions(blank(photos / "b.jpg"), ["x"], out)
    names = sorted(path.name for path in out.iterdir())
    assert names == ["0000_b.jpg", "0001_mine.jpg", "predictions.json"]


def test_pictures_of_an_earlier_prediction_are_no_input(photos):
    save_predictions(blank(photos / "a.jpg", photos / "b.jpg"), ["x"], photos / "runs/predictions")
    assert [path.name for path in list_images(photos)] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("text", ["not json", "{}", "[1]", '[{"file": 3}]', '[{"name": "a"}]'])
def test_somebody_elses_list_names_no_pictures(text, tmp_path):
    (tmp_path / "predictions.json").write_text(text)
    assert own_pictures(tmp_path) == set()


def test_picture_that_cannot_be_drawn_is_said_and_stops_nothing(photos, tmp_path, capsys):
    results = blank(photos / "a.jpg", photos / "b.jpg")
    results[0].update(boxes=[[0, 0, 9, 9]], scores=[0.9], classes=["unknown"])
    out = save_predictions(results, ["x"], tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == ["0001_b.jpg", "predictions.json"]
    assert "0000_a.jpg" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    ["$x_{$.jpg", "n" * 251 + ".jpg", os.fsdecode(b"caf\xe9.jpg"), "line\nbreak.jpg"],
    ids=["dollars", "long", "not UTF-8", "two lines"],
)
def test_image_with_an_odd_name_has_its_picture(photos, tmp_path, name):
    shutil.copy(photos / "a.jpg", photos / name)
    out = save_predictions(blank(photos / name), ["x"], tmp_path / "out")
    assert len(list(out.glob("*.jpg"))) == 1


def test_numbers_are_there_before_a_picture_is_drawn(photos, tmp_path, monkeypatch):
    from dinofrcnn.use import predict as room

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "show_prediction", stop)
    with pytest.raises(KeyboardInterrupt):
        save_predictions(blank(photos / "a.jpg"), ["x"], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions.json"]


def test_image_with_as_many_objects_as_are_reported_is_said(trained, photos, capsys):
    model = load_model(trained.best)
    predict(model, photos, score=1)
    assert capsys.readouterr().out == ""
    model.detector.roi_heads.detections_per_img = 1
    predict(model, photos, score=0)
    said = capsys.readouterr().out
    assert said.startswith("2 of 2 images may hold more than the 1 objects")
    assert "a.jpg" in said


def test_what_the_model_found_is_named_and_kept_from_the_score_on(photos):
    class Known:
        classes = ["a", "b", "c"]
        min_size, max_size = 640, 960
        backbone = SimpleNamespace(patch_size=16)

        def __call__(self, images):
            boxes = torch.tensor([[0.0, 0, 5, 5], [1, 1, 6, 6], [2, 2, 7, 7]])
            labels, scores = torch.tensor([1, 3, 2]), torch.tensor([0.75, 0.5, 0.25])
            return [{"boxes": boxes, "labels": labels, "scores": scores}]

    found = predict_one(Known(), photos / "a.jpg", score=0.5)
    assert found["classes"] == ["a", "c"] and found["scores"] == [0.75, 0.5]
    assert found["boxes"] == [[0, 0, 5, 5], [1, 1, 6, 6]] and found["best_score"] == 0.75


def large_photograph(folder, orientation=1):
    """A JPEG of 800×600 as stored, on which a smaller decoding shows: its lines are one pixel wide.

    And the data set of it.
    """
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    image = Image.fromarray(pixels).resize((800, 600))
    image.paste(Image.new("RGB", (800, 1), "white"), (0, 301))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(folder / "large.jpg", exif=exif)
    width, height = (600, 800) if orientation >= 5 else (800, 600)
    record = {"file_name": "large.jpg", "width": width, "height": height, "boxes": [], "labels": []}
    return DetectionDataset(folder, Annotations([record], ["a"]))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("cached", [True, False], ids=["cache", "live"])
def test_prediction_sees_what_training_sees_of_a_large_photograph(
    trained, tmp_path, orientation, cached, monkeypatch
):
    model = load_model(trained.best)
    dataset = large_photograph(tmp_path, orientation)
    sizes = model.min_size, model.max_size
    folder = tmp_path / "cache" if cached else None
    known = FeatureDataset(dataset, model.backbone, *sizes, folder=folder)[0][0]

    seen = []
    heads = model.heads
    monkeypatch.setattr(model, "heads", lambda f, *args: (seen.extend(f), heads(f, *args))[1])
    predict_one(model, tmp_path / "large.jpg", 0.5)
    assert (seen[0][IMAGE].cpu() - known[IMAGE].float()).abs().max() < 1e-3
    assert (seen[0][16].cpu() - known[16].float()).abs().max() < 5e-3
    whole = model.network_image(read_image(tmp_path / "large.jpg")).cpu()
    assert (whole - known[IMAGE].float()).abs().max() > 1e-2  # so that the test can fail


@pytest.mark.parametrize("orientation", [1, 6])
def test_boxes_on_a_large_photograph_are_in_its_own_pixels(tmp_path, orientation):
    "The model saw half of them, or fewer."

    class OneBox:
        classes = ["a"]
        min_size, max_size = 64, 96
        backbone = SimpleNamespace(patch_size=16)

        def __call__(self, images):
            width, height = images[0].size
            assert width < 400
            boxes = torch.tensor([[0.0, 0, width / 2, height]])
            return [{"boxes": boxes, "labels": torch.ones(1).long(), "scores": torch.ones(1)}]

    record = large_photograph(tmp_path, orientation).records[0]
    found = predict_one(OneBox(), tmp_path / "large.jpg", 0.5)
    assert found["boxes"] == [[0, 0, record["width"] / 2, record["height"]]]
