"The cache: what is kept on disk, and what is checked although it is there."

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from PIL import Image

from dinofrcnn.backbone import cache
from dinofrcnn.backbone.backbone import Backbone, load_backbone
from dinofrcnn.backbone.cache import (
    FORMATS,
    IMAGE,
    FeatureDataset,
    in_steps,
    read_ahead,
    read_features,
    recorded_backbone,
    recorded_specs,
    write_features,
)
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


@pytest.mark.parametrize("cache_format", FORMATS)
def test_the_image_is_kept_with_the_features(cached, backbone, tmp_path, cache_format):
    "In bytes, as it was decoded: nothing is lost."
    features = FeatureDataset(
        cached.dataset, backbone, *SIZES, folder=tmp_path / "new", cache_format=cache_format
    )
    image = features.on_disk(0)
    features.fill()
    kept = features.on_disk(0)[IMAGE]
    assert torch.equal((kept.float() * 255).round(), (image * 255).round())
    assert kept.shape == (3, *features.size(0))


@pytest.mark.parametrize("cache_format", FORMATS)
@pytest.mark.parametrize("value", [1e6, float("inf"), float("nan")])
def test_infinite_features_are_not_stored(tmp_path, value, cache_format):
    fmap = torch.ones(2, 2, 2)
    fmap[1, 0, 1] = value
    with pytest.raises(UserError, match="infinite"):
        write_features(tmp_path / "a.safetensors", {16: fmap}, cache_format)
    assert list(tmp_path.iterdir()) == []


def kept_in_steps(fmap, tmp_path):
    "What is read of a map that was kept as int8, and the step of each of its channels."
    write_features(tmp_path / "a.safetensors", {16: fmap}, "int8")
    return read_features(tmp_path / "a.safetensors")[16], fmap.abs().amax((1, 2)) / 127


def test_int8_is_off_by_half_a_step_of_the_channel_at_most(tmp_path):
    fmap = torch.randn(64, 9, 7, generator=torch.Generator().manual_seed(0))
    fmap *= torch.logspace(-4, 4, 64)[:, None, None]  # a few channels are far larger than others
    kept, steps = kept_in_steps(fmap, tmp_path)
    assert kept.dtype == torch.float32
    assert ((kept - fmap).abs() <= steps[:, None, None] * 0.5001).all()


def test_constant_channels_are_kept_by_int8(tmp_path):
    values = torch.tensor([0.0, -3.0, 1e-30, 6e4])
    kept, _ = kept_in_steps(values[:, None, None].expand(4, 3, 2), tmp_path)
    torch.testing.assert_close(kept, values[:, None, None].expand(4, 3, 2), rtol=1e-6, atol=0)


def test_no_channel_is_divided_by_zero():
    counts, steps = in_steps(torch.zeros(2, 3, 3))
    assert (steps > 0).all() and not counts.any()


def test_a_huge_number_costs_its_own_channel_only(tmp_path):
    fmap = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(0))
    fmap[0, 0, 0] = 6e4
    kept, steps = kept_in_steps(fmap, tmp_path)
    assert kept[0, 0, 0] == pytest.approx(6e4, rel=1e-6)
    assert (kept[1] - fmap[1]).abs().max() <= steps[1] * 0.5001


@pytest.mark.parametrize("cache_format", FORMATS)
def test_features_just_computed_are_those_that_will_be_read(tmp_path, cache_format):
    fmap = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(0))
    said = write_features(tmp_path / "a.safetensors", {16: fmap, 32: fmap[:, :4]}, cache_format)
    read = read_features(tmp_path / "a.safetensors", torch.float16)
    assert set(said) == set(read) == {16, 32}
    assert all(torch.equal(said[stride], read[stride]) for stride in said)


def test_an_int8_cache_and_one_of_fp16_share_nothing(cached, backbone, tmp_path):
    features = FeatureDataset(
        cached.dataset, backbone, *SIZES, folder=tmp_path, cache_format="int8"
    )
    assert not features.is_full()
    assert features.fill() == 2 and features.folder != cached.folder
    again = FeatureDataset(cached.dataset, backbone, *SIZES, folder=tmp_path)
    assert torch.equal(again[0][0][16], cached[0][0][16])
    assert not torch.equal(features[0][0][16], cached[0][0][16])


@pytest.mark.parametrize("cache_format", FORMATS)
def test_bytes_on_disk_are_those_of_the_format(cached, backbone, tmp_path, cache_format):
    features = FeatureDataset(
        cached.dataset, backbone, *SIZES, folder=tmp_path, cache_format=cache_format
    )
    features.fill()
    header = 500
    assert 0 < features.file(0).stat().st_size - features.bytes_on_disk(0) < header


def test_an_unknown_format_is_refused(cached, backbone):
    with pytest.raises(UserError, match="cache_format 'int4' is unknown: use fp16 or int8"):
        FeatureDataset(cached.dataset, backbone, cache_format="int4")


@pytest.mark.parametrize("value", [-2.0, float("nan"), 255.0])
def test_values_out_of_range_do_not_reach_the_backbone(backbone, value):
    with pytest.raises(UserError, match="values in \\[0, 1\\]"):
        backbone([torch.full((3, 32, 32), value)])


def no_weights(*args):
    raise AssertionError("weights were loaded")


@pytest.fixture
def recorded(cached, monkeypatch):
    "The backbone of `cached` by its page alone; whoever loads its weights fails."
    monkeypatch.setattr("dinofrcnn.backbone.backbone.load_weights", no_weights)
    return Backbone(cached.backbone.spec)


def test_a_full_cache_needs_no_weights(cached, recorded, tmp_path):
    features = FeatureDataset(cached.dataset, recorded, *SIZES, folder=tmp_path)
    assert features.fill() == 0
    for i in range(2):
        assert torch.equal(features[i][0][16], cached[i][0][16])
    assert recorded.model is None


def test_a_feature_that_is_missing_wakes_the_backbone(cached, tmp_path, capsys):
    recorded = Backbone(cached.backbone.spec)
    kept = cached[1][0][16]
    cached.file(1).unlink()
    features = FeatureDataset(cached.dataset, recorded, *SIZES, folder=tmp_path)
    assert torch.equal(features[1][0][16], kept) and recorded.model is not None
    assert "not in the cache" in capsys.readouterr().out


def test_a_backbone_that_is_not_the_recorded_one_does_not_wake(cached, monkeypatch):
    spec = dataclasses.replace(cached.backbone.spec, fingerprint="0" * 16)
    with pytest.raises(UserError, match="bring the weights back, or choose another cache_dir"):
        Backbone(spec)([torch.rand(3, 32, 32)])


def find(cached, tmp_path, precision="auto"):
    def has_all(backbone):
        return FeatureDataset(cached.dataset, backbone, *SIZES, folder=tmp_path).is_full()

    return recorded_backbone(tmp_path, lambda spec: True, has_all, precision)


def test_a_recorded_backbone_is_found_while_its_features_are_all_there(cached, tmp_path):
    assert find(cached, tmp_path).spec == cached.backbone.spec
    cached.file(0).unlink()
    assert find(cached, tmp_path) is None


def test_features_of_another_precision_serve_unless_one_is_asked_for(cached, tiny, tmp_path):
    other = FeatureDataset(
        cached.dataset, load_backbone(tiny, precision="bf16"), *SIZES, folder=tmp_path / "b"
    )
    other.fill()
    found = find(cached, tmp_path / "b")
    assert (found.precision, found.compute.precision) == ("bf16", "fp32")
    assert find(cached, tmp_path / "b", "fp32") is None
    assert find(cached, tmp_path / "b", "bf16").precision == "bf16"


def test_the_usual_precision_is_preferred(cached, tiny, tmp_path):
    bf16 = load_backbone(tiny, precision="bf16")
    FeatureDataset(cached.dataset, bf16, *SIZES, folder=tmp_path).fill()
    assert find(cached, tmp_path).precision == "fp32"


def test_pages_that_are_damaged_are_passed_over(cached, tmp_path):
    (cached.folder / "recipe.json").write_text("{")
    assert recorded_specs(tmp_path) == []
    cached.fill()
    assert recorded_specs(tmp_path) == [cached.backbone.spec]


def test_results_read_ahead_come_in_order_and_few_at_a_time():
    begun = []

    def note(i):
        begun.append(i)
        return i

    results = read_ahead(note, range(100), threads=3, ahead=4)
    assert [next(results) for _ in range(10)] == list(range(10))
    assert len(begun) <= 10 + 4 + 1
    assert list(results) == list(range(10, 100))


def test_who_reads_ahead_computes_alone():
    "Two teams of threads on the same cores wait for each other."
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(read_ahead(lambda _: torch.get_num_threads(), range(4))) == [1] * 4
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(torch.get_num_threads).result()
        assert (torch.get_num_threads(), later) == (2, 2)
    finally:
        torch.set_num_threads(before)


def test_what_fails_while_it_is_read_ahead_fails_where_it_is_used():
    results = read_ahead(lambda i: 1 // i, [2, 1, 0, 5])
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_features_of_a_batch_are_those_of_each_image(cached, backbone, tmp_path, monkeypatch):
    monkeypatch.setattr("dinofrcnn.backbone.cache.images_at_once", lambda device: 3)
    asked = []
    forward = backbone.forward

    def count(images):
        asked.append(len(images))
        return forward(images)

    monkeypatch.setattr(backbone, "forward", count)
    together = FeatureDataset(cached.dataset, backbone, *SIZES, folder=tmp_path / "together")
    assert together.fill() == 2 and asked == [2]
    for i in range(2):
        kept = read_features(together.file(i), torch.float16)
        assert torch.equal(kept[16], cached[i][0][16])


def test_a_photograph_is_resized_in_its_bytes(cached, monkeypatch):
    def no_floats(self, i):
        raise AssertionError("a whole photograph was made floats")

    monkeypatch.setattr(DetectionDataset, "image", no_floats)
    x = FeatureDataset(cached.dataset, cached.backbone, *SIZES).on_disk(0)
    assert x.shape[-2:] == cached[0][1] and x.dtype == torch.float32


def test_another_picture_of_the_same_name_is_computed_anew(backbone, tmp_path):
    record = dict(file_name="a.png", width=40, height=30, boxes=[], labels=[])
    files = []
    for colour in "red", "blue":
        Image.new("RGB", (40, 30), colour).save(tmp_path / "a.png")
        dataset = DetectionDataset(tmp_path, Annotations([record], ["x"]))
        files.append(FeatureDataset(dataset, backbone, *SIZES, folder=tmp_path / "cache").file(0))
    assert files[0].parent == files[1].parent and files[0] != files[1]


def test_features_are_stored_to_three_digits(tmp_path):
    "As float16; bfloat16 keeps two."
    fmap = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(0))
    write_features(tmp_path / "a.safetensors", {16: fmap})
    kept = read_features(tmp_path / "a.safetensors")[16]
    torch.testing.assert_close(kept, fmap, rtol=1e-3, atol=1e-3)


def test_killed_while_storing_leaves_no_file(tmp_path, monkeypatch):
    def die(tensors, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "save_file", die)
    with pytest.raises(KeyboardInterrupt):
        write_features(tmp_path / "a.safetensors", {16: torch.zeros(1, 2, 2)})
    assert list(tmp_path.iterdir()) == []


def test_bytes_on_disk_are_those_of_the_scaled_view(data, backbone):
    from dinofrcnn.data.views import View

    dataset = DetectionDataset(*data.train, limit=1)
    features = FeatureDataset(dataset, backbone, *SIZES, View(scale=0.5))
    maps, _, _ = features[0]
    assert features.bytes_on_disk(0) == 2 * maps[16].numel() + maps[IMAGE].numel()


def test_nothing_is_read_ahead_for_nobody():
    begun = []

    def slow(i):
        begun.append(i)
        time.sleep(0.05)

    results = read_ahead(slow, range(50), threads=1, ahead=20)
    next(results)
    results.close()
    assert len(begun) < 20


GOLDEN = {  # recipe version -> mean of every 97th channel over the patches of a sample image
    3: [-0.1374, 0.4433, -0.6740, 0.0890, -0.8511, -0.0794, -1.1955, 0.2496],
}


def test_features_that_change_get_a_new_version_of_the_recipe(tiny, data):
    backbone = load_backbone(tiny, device="cpu", precision="fp32")
    dataset = DetectionDataset(*data.train)
    names = [record["file_name"] for record in dataset.records]
    maps, _, _ = FeatureDataset(dataset, backbone, *SIZES)[names.index("train_000.jpg")]
    means = maps[16].flatten(1).mean(1)[::97]
    expected = torch.tensor(GOLDEN[backbone.recipe(*SIZES).version])
    torch.testing.assert_close(means, expected, atol=2e-4, rtol=0)
