import json

import pytest

from dinofrcnn.detector.checkpoint import load_model
from dinofrcnn.runtime import UserError
from dinofrcnn.use.predict import list_images, predict, save_predictions


def test_folder_is_searched_to_the_bottom_and_other_files_are_left_alone(data):
    found = list_images(data.test.images)
    assert len(found) == 10 and any("night" in str(p) for p in found) and found == sorted(found)


@pytest.mark.parametrize("make", [lambda p: p / "nowhere", lambda p: p])
def test_nothing_to_predict_on_is_refused(make, tmp_path):
    with pytest.raises(UserError):
        list_images(make(tmp_path))


def test_prediction_is_in_pixels_of_its_image_above_the_score_by_class_name(trained, data):
    model = load_model(trained.best)
    results = predict(model, data.test.images, score=0.01)
    assert len(results) == 10 and any(r["boxes"] for r in results)
    for r in results:
        assert all(s >= 0.01 for s in r["scores"]) and set(r["classes"]) <= set(model.classes)
        assert all(0 <= x1 <= x2 <= 481 and 0 <= y1 <= y2 <= 481 for x1, y1, x2, y2 in r["boxes"])


def test_broken_image_is_kept_with_its_reason_and_stops_nothing(trained, data, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "b.jpg").write_bytes(sorted(data.test.images.glob("*.jpg"))[0].read_bytes())
    broken, good = predict(trained.best, tmp_path)
    assert "a.jpg" in broken["error"] and "boxes" in good
    folder = save_predictions([broken, good], load_model(trained.best).classes, tmp_path / "out")
    assert sorted(p.name for p in folder.iterdir()) == ["0001_b.jpg", "predictions.json"]
    assert json.loads((folder / "predictions.json").read_text())[1] == good
