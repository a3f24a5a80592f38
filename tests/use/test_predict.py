import json

import pytest

from dinofrcnn.detector.checkpoint import load_model
from dinofrcnn.runtime import UserError
from dinofrcnn.use.predict import list_images, predict, save_predictions


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
