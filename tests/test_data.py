import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.data.views import (
    View,
    boxes_to_image,
    boxes_to_network,
    network_input,
    network_size,
    resize_to_network,
)
from dinofrcnn.runtime import UserError

sides = st.integers(1, 4000)


@given(sides, sides, st.sampled_from([14, 16, 32]))
def test_network_sides_are_whole_patches(h, w, patch):
    height, width = network_size(h, w, 320, 480, patch)
    assert height % patch == 0 and width % patch == 0 and height > 0 and width > 0
    assert max(height, width) <= 480 + patch / 2


def test_resize_to_network_pads_and_crops_nothing():
    "The last column of a 100 px wide image is still the last column at network size."
    image = torch.zeros(3, 64, 100)
    image[:, :, -8:] = 1
    x = resize_to_network(image, 64, 96)
    assert x.shape[-1] % 16 == 0 and x[..., -1].min() > 0.9 and x[..., 0].max() < 0.1


@given(st.integers(20, 500), st.integers(20, 500))
def test_boxes_go_to_the_network_and_come_back(h, w):
    boxes = torch.tensor([[0.0, 0, w, h], [1, 2, 11, 12]])
    size = network_size(h, w, 160, 240)
    there = boxes_to_network(boxes, (h, w), size)
    assert there[0].tolist() == pytest.approx([0, 0, size[1], size[0]])
    assert torch.allclose(boxes_to_image(there, (h, w), size), boxes, atol=1e-3)


@pytest.mark.parametrize(
    "text", ["identity", "flip", "scale0.75", "colour2", "flip+scale1.25+colour3"]
)
def test_view_is_named_and_can_be_undone(text):
    view, boxes = View.parse(text), torch.tensor([[3.0, 4, 30, 40]])
    assert str(view) == text
    x, at = network_input(torch.rand(3, 60, 90), boxes, 64, 96, 16, view)
    assert torch.allclose(
        view.boxes(boxes_to_image(at, (60, 90), x.shape[-2:]), 90), boxes, atol=1e-3
    )


@pytest.mark.parametrize("text", ["flop", "scale", "scale99", "colourx", ""])
def test_unknown_view_is_refused(text):
    with pytest.raises(UserError, match="view"):
        View.parse(text)


def test_flip_moves_the_object_with_its_box():
    image = torch.zeros(3, 64, 96)
    image[:, 16:32, 0:16] = 1
    x, boxes = network_input(image, torch.tensor([[0.0, 16, 16, 32]]), 64, 96, 16, View(flip=True))
    x1, y1, x2, y2 = boxes[0].int().tolist()
    assert x[:, y1:y2, x1:x2].min() == 1 and x.sum() == image.sum()


def write(folder, records, classes=("a", "b")):
    (folder / "annotations_torchvision.json").write_text(json.dumps(records))
    (folder / "dataset_meta.json").write_text(json.dumps({"classes": list(classes)}))
    return folder / "annotations_torchvision.json"


def record(name, boxes=(), labels=(), size=(40, 30), **kw):
    return {
        "file_name": name,
        "width": size[0],
        "height": size[1],
        "boxes": [list(b) for b in boxes],
        "labels": list(labels),
        **kw,
    }


@pytest.fixture
def folder(tmp_path):
    from PIL import Image

    for name in "a.jpg", "sub/b.jpg":
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    return tmp_path


def test_first_class_becomes_label_one(folder):
    "Fault of the original: 0-based labels in a model whose class 0 is the background."
    dataset = DetectionDataset(folder, write(folder, [record("a.jpg", [(1, 1, 5, 5)], [0])]))
    assert dataset.target(0)["labels"].tolist() == [1]


def test_missing_image_is_skipped_counted_and_named(folder):
    dataset = DetectionDataset(
        folder, write(folder, [record("a.jpg"), record("gone.jpg"), record("sub/b.jpg")])
    )
    assert len(dataset) == 2 and [r["file_name"] for r in dataset.missing] == ["gone.jpg"]
    assert "gone.jpg" in dataset.summary() and "1 image" in dataset.summary()


def test_all_images_missing_is_refused(folder):
    with pytest.raises(UserError, match="gone.jpg"):
        DetectionDataset(folder, write(folder, [record("gone.jpg")]))


def test_image_without_boxes_is_an_item_with_an_empty_table(folder):
    image, target = DetectionDataset(folder, write(folder, [record("a.jpg")]))[0]
    assert (
        target["boxes"].shape == (0, 4)
        and target["labels"].shape == (0,)
        and target["labels"].dtype == torch.int64
    )


def test_crowd_and_zero_area_boxes_are_not_trained_on_but_counted(folder):
    boxes = [(1, 1, 5, 5), (2, 2, 2, 9), (0, 0, 30, 30)]
    dataset = DetectionDataset(
        folder, write(folder, [record("a.jpg", boxes, [0, 0, 1], iscrowd=[0, 0, 1])])
    )
    assert dataset.target(0)["boxes"].tolist() == [[1, 1, 5, 5]] and "2 boxes" in dataset.summary()


def test_image_of_another_size_than_its_labels_is_refused(folder):
    dataset = DetectionDataset(folder, write(folder, [record("a.jpg", size=(80, 60))]))
    with pytest.raises(UserError, match="a.jpg"):
        dataset.image(0)


def test_order_is_that_of_the_file(folder):
    dataset = DetectionDataset(folder, write(folder, [record("sub/b.jpg"), record("a.jpg")]))
    assert [r["file_name"] for r in dataset.records] == ["sub/b.jpg", "a.jpg"]


def test_limit_limits_the_ground_truth_too(data):
    "Fault of the original: a subset was evaluated against the ground truth of all images."
    assert len(DetectionDataset(*data.val, limit=3).annotations.records) == 3


def test_sample_data_keeps_what_is_there(data):
    from dinofrcnn.data.dataset import sample_data

    marker = data.root / "mine.txt"
    marker.write_text("kept")
    sample_data(data.root)
    assert marker.read_text() == "kept"
