import csv
import math
from pathlib import Path

import pytest
import torch

from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.data.views import View
from dinofrcnn.detector.checkpoint import read_checkpoint
from dinofrcnn.runtime import UserError
from dinofrcnn.training.config import load_config
from dinofrcnn.training.loop import TrainingViews, lr_factor, train
from dinofrcnn.training.run import Run


class Killed(BaseException):
    "Not an Exception: like a kill signal, nothing in the library may swallow it."


def change(config, **values):
    return config.model_copy(update=values)


def test_epoch_line_and_files_are_the_originals(config, capsys):
    run = train(config)
    said = capsys.readouterr().out
    row = run.history[0]
    line = f"Epoch 1/1 | train {row['train_loss']:.4f} | val {row['val_loss']:.4f} | mAP {row['map']:.3f} | AP50 {row['map50']:.3f} | AP75 {row['map75']:.3f}"
    assert line in said and f"saved {run.folder / 'best_by_loss.pth'}" in said[said.index(line) :]
    assert {p.name for p in run.folder.iterdir()} == {
        "config.yaml",
        "history.csv",
        "best_by_loss.pth",
        "best_by_map.pth",
        "last.pth",
    }


def test_history_has_a_row_per_epoch(config):
    run = train(change(config, epochs=2))
    rows = list(csv.DictReader(open(run.folder / "history.csv")))
    assert [int(r["epoch"]) for r in rows] == [1, 2] and float(
        rows[1]["train_loss"]
    ) == pytest.approx(run.history[1]["train_loss"])


def weights(run):
    return read_checkpoint(run.last)["state"]


def test_run_killed_between_epochs_ends_like_one_that_was_not(config, tmp_path):
    whole = train(change(config, epochs=3, ckpt_dir=str(tmp_path / "whole")))
    config = change(config, epochs=3, ckpt_dir=str(tmp_path / "killed"))

    def kill(run):
        if len(run.history) == 2:
            raise Killed

    with pytest.raises(Killed):
        train(config, after_epoch=kill)
    continued = train(config)
    assert [r["train_loss"] for r in continued.history] == pytest.approx(
        [r["train_loss"] for r in whole.history], rel=1e-4
    )
    assert all(
        torch.allclose(a, b, atol=1e-5)
        for a, b in zip(weights(whole).values(), weights(continued).values())
    )


def test_run_killed_while_saving_continues_from_the_epoch_before(config, monkeypatch):
    config, save, calls = change(config, epochs=2), torch.save, []

    def die_late(obj, path):
        calls.append(path)
        if len(calls) > 3 and "last" in str(path):
            path.write_bytes(b"half")
            raise Killed
        save(obj, path)

    monkeypatch.setattr(torch, "save", die_late)
    with pytest.raises(Killed):
        train(config)
    monkeypatch.undo()
    assert len(read_checkpoint(Run(Path(config.ckpt_dir)).last)["history"]) == 1
    assert [r["epoch"] for r in train(config).history] == [1, 2]


def test_finished_run_is_returned_without_training(config, monkeypatch):
    first = train(config)
    monkeypatch.setattr(
        "dinofrcnn.training.loop.train_epoch", lambda *a: pytest.fail("trained again")
    )
    assert train(config).history == first.history


def test_other_settings_in_the_same_folder_are_refused_with_the_difference(config):
    train(config)
    with pytest.raises(UserError, match="lr 0.0005 → 0.1"):
        train(change(config, lr=0.1))


def test_loss_that_is_no_number_stops_before_a_checkpoint_is_spoilt(config):
    run = train(config)
    before = run.last.read_bytes()
    with pytest.raises(UserError, match="smaller lr"):
        train(
            change(config, lr=1e9, grad_clip=0, epochs=3, warmup=0, ckpt_dir=config.ckpt_dir + "2")
        )
    assert (
        not (Run(run.folder.with_name(run.folder.name + "2"))).last.exists()
        and run.last.read_bytes() == before
    )


def test_gradients_are_clipped_after_unscaling(config, monkeypatch):
    "Fault of the original: the bound was applied to gradients still multiplied by the loss scale."
    from accelerate import Accelerator

    order = []
    clip, step = Accelerator.clip_grad_norm_, torch.optim.AdamW.step
    monkeypatch.setattr(
        Accelerator,
        "clip_grad_norm_",
        lambda self, *a, **k: (order.append("clip"), clip(self, *a, **k))[1],
    )
    monkeypatch.setattr(
        Accelerator, "unscale_gradients", lambda self, optimizer=None: order.append("unscale")
    )
    train(config)
    assert order[:2] == ["clip", "unscale"]  # accelerate's clip begins with its own unscaling


def test_frozen_backbone_is_bit_identical_after_training(config, monkeypatch):
    from dinofrcnn.training import loop as module

    kept = {}
    build = module.build_model
    monkeypatch.setattr(
        module, "build_model", lambda *a, **k: kept.setdefault("model", build(*a, **k))
    )
    train(config)
    assert kept["model"].backbone.fingerprint() == kept["model"].backbone.weights_id["fingerprint"]


@pytest.mark.parametrize("unfreeze", [1, ["layer.3.mlp*"]])
def test_unfrozen_layers_train_and_are_kept_in_the_checkpoint(config, unfreeze, capsys):
    run = train(change(config, unfreeze=unfreeze))
    assert "computed afresh" in capsys.readouterr().out
    names = [name for name in weights(run) if name.startswith("backbone")]
    assert names and all(".3." in name for name in names)
    from dinofrcnn.detector.checkpoint import load_model

    model = load_model(run.last)
    assert model.backbone.fingerprint() != model.backbone.weights_id["fingerprint"]


def test_validation_on_other_classes_is_refused(config, data, tmp_path):
    from dinofrcnn.labels.yolo import convert_yolo

    convert_yolo(
        data.root / "labels/val",
        data.val.images,
        tmp_path / "other",
        class_list=["a", "b", "c", "d"],
    )
    with pytest.raises(UserError, match="different classes"):
        train(change(config, val_ann=str(tmp_path / "other")))


@pytest.mark.parametrize("key", ["train_images", "val_images", "train_ann", "val_ann"])
def test_path_that_is_not_there_is_refused_before_anything_runs(config, key):
    with pytest.raises(UserError, match=key):
        train(change(config, **{key: "nowhere"}))
    assert not (Path(config.ckpt_dir)).exists()


def test_learning_rate_rises_and_falls_to_nothing():
    factors = [lr_factor(s, 100, 0.1) for s in range(101)]
    assert (
        factors[0] > 0
        and max(factors) == pytest.approx(1, abs=0.1)
        and factors.index(max(factors)) == 10
        and factors[100] == pytest.approx(0)
    )
    assert all(math.isfinite(lr_factor(s, 1, 0)) for s in range(3))


def test_views_depend_on_seed_epoch_and_image_alone(data, backbone):
    dataset = DetectionDataset(*data.train, limit=8)

    class Named(list):
        pass

    def drawn(seed, epoch):
        views = TrainingViews([["identity"] * 8, ["flip"] * 8], seed)
        views.epoch = epoch
        return [views[i] for i in range(8)]

    assert (
        drawn(0, 3) == drawn(0, 3)
        and len({tuple(drawn(0, e)) for e in range(6)}) > 3
        and drawn(0, 0) != drawn(1, 0)
    )


def test_features_of_the_flipped_image_are_not_the_flipped_features(data, backbone):
    "Trap: flipping a feature map is not the feature map of the flipped image."
    dataset = DetectionDataset(*data.train, limit=1)
    plain, flipped = (
        FeatureDataset(dataset, backbone, 128, 192, view=View(flip=f))[0][0][16]
        for f in (False, True)
    )
    assert not torch.allclose(plain.flip(-1), flipped, atol=0.05)


def test_other_weights_under_the_same_name_are_not_continued(config, tiny, tmp_path):
    import shutil

    from dinofrcnn.backbone.tiny import make_tiny_snapshot

    mine = shutil.copytree(tiny, tmp_path / "mine")
    train(change(config, model_id=str(mine), epochs=1))
    shutil.rmtree(mine)
    make_tiny_snapshot(mine, seed=9, layers=4)
    with pytest.raises(UserError, match="fingerprint"):
        train(change(config, model_id=str(mine), epochs=1))


def test_cache_that_would_not_fit_on_the_disk_is_refused_with_both_numbers(config, monkeypatch):
    import shutil
    from collections import namedtuple

    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: namedtuple("U", "total used free")(2**30, 2**30, 1000)
    )
    with pytest.raises(UserError, match="GiB are free"):
        train(config)


def test_cache_is_reused_by_the_next_run(config, capsys):
    train(config)
    train(change(config, ckpt_dir=config.ckpt_dir + "2"))
    assert "features: 0 computed, 11 found" in capsys.readouterr().out


def test_damaged_cache_file_is_named(config):
    train(config)
    for path in Path(config.cache_dir).rglob("*.safetensors"):
        path.write_bytes(b"half")  # all: one epoch reads only one view of each image
    with pytest.raises(UserError, match="delete this file"):
        train(change(config, ckpt_dir=config.ckpt_dir + "2"))


def test_config_of_the_run_is_kept_beside_the_results(config):
    assert load_config(train(config).folder / "config.yaml") == config
