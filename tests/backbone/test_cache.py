"The cache: what is kept on disk, and what is checked although it is there."

import pytest
import torch

from dinofrcnn.backbone.cache import FeatureDataset, read_features, write_features
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.labels.annotations import Annotations, read_annotations
from dinofrcnn.runtime import UserError

SIZES = 128, 192


@pytest.fixture
def cached(data, backbone, tmp_path):
    dataset = DetectionDataset(*data.train, limit=2)
    features = FeatureDataset(dataset, backbone, *SIZES, folder=tmp_path)
    features.fill()
    return features


def test_a_warm_cache_checks_the_size_of_the_labels(cached, data, backbone, tmp_path):
    source = read_annotations(data.train.annotations)
    for record in source.records:
        record.update(width=2 * record["width"], height=2 * record["height"])
    doubled = Annotations(source.records, source.classes)
    dataset = DetectionDataset(data.train.images, doubled, limit=2)
    with pytest.raises(UserError, match="labels were made for"):
        FeatureDataset(dataset, backbone, *SIZES, folder=tmp_path)[0]


def test_a_cache_below_tilde_is_in_the_home_folder(data, backbone, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    features = FeatureDataset(DetectionDataset(*data.train), backbone, folder="~/cache")
    assert features.folder.parent == tmp_path / "cache"


def test_features_are_handed_on_as_stored_and_read_as_float32(cached):
    maps, _, _ = cached[0]
    assert {fmap.dtype for fmap in maps.values()} == {torch.float16}
    read = read_features(cached.file(0))
    assert all(torch.equal(read[stride], fmap.float()) for stride, fmap in maps.items())


def test_another_view_is_another_cache(cached, data, backbone, tmp_path):
    from dinofrcnn.data.views import View

    flipped = FeatureDataset(cached.dataset, backbone, *SIZES, View(flip=True), folder=tmp_path)
    assert flipped.folder != cached.folder


def test_infinite_features_are_not_stored(tmp_path):
    with pytest.raises(UserError, match="infinite"):
        write_features(tmp_path / "a.safetensors", {16: torch.full((1, 2, 2), 1e6)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [-2.0, float("nan"), 255.0])
def test_values_out_of_range_do_not_reach_the_backbone(backbone, value):
    with pytest.raises(UserError, match="values in \\[0, 1\\]"):
        backbone([torch.full((3, 32, 32), value)])
