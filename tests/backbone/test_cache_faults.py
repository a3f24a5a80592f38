"Never a wrong feature: damage, kill -9, two writers, a full disk."

import errno
import os
import shutil
import subprocess
import sys

import filling
import pytest
import torch
from conftest import REPO
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dinofrcnn.backbone import cache
from dinofrcnn.backbone.backbone import Backbone
from dinofrcnn.backbone.cache import FORMATS, DamagedFeatures, FeatureDataset, read_features
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.runtime import UserError

SIZES = 64, 96


@pytest.fixture(params=FORMATS)
def cached(request, data, backbone, tmp_path):
    dataset = DetectionDataset(*data.train, limit=3)
    kept = dict(folder=tmp_path / "cache", cache_format=request.param)
    features = FeatureDataset(dataset, backbone, *SIZES, **kept)
    features.fill()
    return features


def cut_in_half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file):
    file.write_bytes(b"")


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[len(content) * 2 // 3] ^= 64
    file.write_bytes(content)


def zero_a_page(file):
    content = bytearray(file.read_bytes())
    content[-4096:] = bytes(4096)
    file.write_bytes(content)


def write_text(file):
    file.write_text("<html>404 Not Found</html>")


def write_other_tensors(file):
    save_file({"weight": torch.ones(3, 4)}, file)


def rewrite(file, change):
    "Write the tensors of `file` again as `change` has them, with a checksum that is right."
    stored = change({name: tensor.clone() for name, tensor in load_file(file).items()})
    save_file(stored, file, {"checksum": cache.checksum(stored, file)})


def reshape(file):
    rewrite(
        file, lambda stored: {k: t.mT.contiguous() if t.ndim == 3 else t for k, t in stored.items()}
    )


def rename_the_stride(file):
    rewrite(file, lambda stored: {k.replace("16", "32"): t for k, t in stored.items()})


def drop_a_channel(file):
    rewrite(file, lambda stored: {k: t[1:].contiguous() for k, t in stored.items()})


def store_floats(file):
    rewrite(file, lambda stored: {k: t.float() for k, t in stored.items()})


DAMAGE = [
    cut_in_half,
    empty,
    flip_a_bit,
    zero_a_page,
    write_text,
    write_other_tensors,
    reshape,
    rename_the_stride,
    drop_a_channel,
    store_floats,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_computed_again_and_that_is_said(cached, damage, capsys):
    expected, content = cached[1][0][16].clone(), cached.file(1).read_bytes()
    damage(cached.file(1))
    assert torch.equal(cached[1][0][16], expected)
    assert f"'{cached.file(1)}' is damaged" in capsys.readouterr().out
    assert cached.file(1).read_bytes() == content
    cached[1]
    assert capsys.readouterr().out == ""


def test_no_bit_of_a_file_turns_without_notice(cached):
    "All of the header, and every hundredth byte of the numbers."
    file = cached.file(0)
    expected, content = cached[0][0][16].clone(), file.read_bytes()
    layout = cache.file_layout(cached.backbone, *cached.size(0), cached.cache_format)
    numbers = cached.bytes_on_disk(0)
    places = [*range(len(content) - numbers), *range(len(content) - numbers, len(content), 997)]
    for place in places:
        turned = bytearray(content)
        turned[place] ^= 1 << (place % 8)
        file.unlink()  # a file that is mapped must not change under a reader
        file.write_bytes(turned)
        try:
            read = read_features(file, torch.float16, layout)
        except DamagedFeatures:
            continue
        assert torch.equal(read[16], expected), place


def test_the_entry_of_another_image_is_computed_again_and_that_is_said(cached, capsys):
    "It is whole, and of the right shapes."
    right = cached.on_disk(1)
    other = cached.folder / f"{'f' * 32}.safetensors"
    wrong = {stride: fmap.float().flip(-1) for stride, fmap in right.items()}
    cache.write_features(other, wrong, cached.cache_format)
    other.replace(cached.file(1))
    found = cached[1][0]
    assert all(torch.equal(found[stride], right[stride]) for stride in right)
    assert "its checksum is another" in capsys.readouterr().out


def test_a_file_without_a_checksum_is_read(cached, capsys):
    "As they were written before there was one."
    stored = {name: tensor.clone() for name, tensor in load_file(cached.file(0)).items()}
    expected = cached[0][0][16].clone()
    cached.file(0).unlink()
    save_file(stored, cached.file(0))
    assert torch.equal(cached[0][0][16], expected)
    assert capsys.readouterr().out == ""


def test_a_file_that_vanishes_while_it_is_wanted_is_computed(cached, monkeypatch):
    "As one does that is pruned meanwhile."
    expected = cached[0][0][16].clone()
    cached.file(0).unlink()
    monkeypatch.setattr(FeatureDataset, "is_kept", lambda self, i: True)
    assert torch.equal(cached[0][0][16], expected)


def test_damage_without_the_weights_names_the_file_and_the_cure(cached, tiny, tmp_path, data):
    mine = make_tiny_snapshot(tmp_path / "mine", layers=4)
    spec = cached.backbone.spec.__class__(**{**vars(cached.backbone.spec), "model_id": str(mine)})
    shutil.rmtree(mine)
    kept = dict(folder=tmp_path / "cache", cache_format=cached.cache_format)
    features = FeatureDataset(cached.dataset, Backbone(spec), *SIZES, **kept)
    cut_in_half(features.file(1))
    with pytest.raises(UserError, match="Bring the weights back") as e:
        features[1]
    assert str(features.file(1)) in str(e.value) and "cannot be computed again" in str(e.value)
    features[0]  # the others still serve
    features.file(1).unlink()
    with pytest.raises(UserError) as e:
        features[1]
    assert "damaged" not in str(e.value), "a file that is not there is not damaged"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    "A folder after tests/filling.py, the features computed afresh, and data with backbone."
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    folder = tmp_path_factory.mktemp("filled")
    command = [sys.executable, filling.__file__, str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, env=environment)
    assert done.returncode == 0, done.stderr
    data = filling.small_data(folder / "images")
    live = FeatureDataset(*data, 64, 64)
    return folder, [live[i][0][16].half() for i in range(filling.IMAGES)], data


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_whoever_is_killed_while_filling_leaves_no_wrong_feature(filled, capsys):
    folder, fresh, data = filled
    there = []
    for number in range(filling.KILLS):
        features = filling.features_in(folder / str(number), data)
        kept = [i for i in range(filling.IMAGES) if features.is_kept(i)]
        assert all(torch.equal(features.kept(i)[16], fresh[i]) for i in kept)
        there.append(len(kept))
        assert features.fill() == filling.IMAGES - len(kept)
        assert all(torch.equal(features.kept(i)[16], fresh[i]) for i in range(filling.IMAGES))
    assert len(set(there)) > 3, "killed at the same moment each time"
    assert "damaged" not in capsys.readouterr().out


def test_two_processes_fill_one_cache_at_once(filled):
    folder, fresh, data = filled
    features = filling.features_in(folder / "together", data)
    assert all(torch.equal(features.kept(i)[16], fresh[i]) for i in range(filling.IMAGES))
    files = [features.file(i).name for i in range(filling.IMAGES)]
    assert names_in(features.folder) == sorted([*files, "recipe.json"])


def no_space(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def half_a_file(tensors, path, metadata):
    path.write_bytes(b"half")
    raise SafetensorError("I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("place, fault", [(cache, half_a_file), (os, no_space)], ids=str)
def test_a_full_disk_is_one_clear_error_and_keeps_what_was_computed(
    cached, place, fault, monkeypatch
):
    name = "save_file" if place is cache else "fsync"
    usual = getattr(place, name)
    calls = []

    def third_fails(*args):
        calls.append(args)
        return usual(*args) if len(calls) < 3 else fault(*args)

    shutil.rmtree(cached.folder)
    cache.write_page(cached.folder, cached.recipe, cached.backbone.spec)
    monkeypatch.setattr(place, name, third_fails)
    with pytest.raises(UserError, match="No space left on device.*make room on that disk"):
        cached.fill()
    kept = [cached.file(i).name for i in range(2)]
    assert names_in(cached.folder) == sorted([*kept, "recipe.json"])
    monkeypatch.setattr(place, name, usual)
    assert cached.fill() == 1


def test_what_a_killed_save_has_left_is_swept_unless_it_may_still_be_written(cached):
    file = cached.file(0)
    old = file.with_name(f".{file.name}.k3x9")
    new = file.with_name(f".{file.name}.a7_2")
    foreign = file.with_name(".notes.txt")
    for path in (old, new, foreign):
        path.write_bytes(b"half")
    for path in (old, foreign):
        os.utime(path, (0, 0))
    cached.fill()
    assert not old.exists() and new.exists() and foreign.exists() and file.exists()
