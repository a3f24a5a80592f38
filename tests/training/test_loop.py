"Training: exact continuation, files that are whole, and a frozen backbone that stays frozen."

import math
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.data.views import View
from dinofrcnn.detector.checkpoint import load_model, read_checkpoint
from dinofrcnn.runtime import UserError
from dinofrcnn.training import loop
from dinofrcnn.training.inputs import TrainingViews
from dinofrcnn.training.loop import lr_factor, make_optimizer, train
from dinofrcnn.training.run import Run


class Killed(BaseException):
    "Not an Exception: like a kill signal, nothing in the library may swallow it."


def change(config, **values):
    return config.model_copy(update=values)


def weights(run):
    return read_checkpoint(run.last)["state"]


def test_epoch_line_and_files_are_the_originals(config, capsys):
    run = train(config)
    said = capsys.readouterr().out
    row = run.history[0]
    line = (
        f"Epoch 1/1 | train {row['train_loss']:.4f} | val {row['val_loss']:.4f} | "
        f"mAP {row['map']:.3f} | AP50 {row['map50']:.3f} | AP75 {row['map75']:.3f}"
    )
    assert line in said
    assert f"saved {run.folder / 'best_by_loss.pth'}" in said[said.index(line) :]
    assert {p.name for p in run.folder.iterdir()} == {
        "config.yaml",
        "history.csv",
        "best_by_loss.pth",
        "best_by_map.pth",
        "last.pth",
    }


def test_run_killed_between_epochs_ends_like_one_that_was_not(config, tmp_path):
    whole = train(change(config, epochs=3, ckpt_dir=str(tmp_path / "whole")))
    config = change(config, epochs=3, ckpt_dir=str(tmp_path / "killed"))

    def kill(run):
        if len(run.history) == 2:
            raise Killed

    with pytest.raises(Killed):
        train(config, after_epoch=kill)
    continued = train(config)
    losses, expected = ([row["train_loss"] for row in r.history] for r in (continued, whole))
    assert losses == pytest.approx(expected, rel=1e-4)
    for a, b in zip(weights(whole).values(), weights(continued).values(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_run_killed_while_saving_continues_from_the_epoch_before(config, monkeypatch):
    config = change(config, epochs=2)
    save = torch.save
    calls = []

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
    assert read_checkpoint(Run(Path(config.ckpt_dir)).last)["epoch"] == 1
    assert [row["epoch"] for row in train(config).history] == [1, 2]


def test_finished_run_is_returned_without_training(config, monkeypatch):
    first = train(config)
    monkeypatch.setattr(loop, "train_epoch", lambda *args: pytest.fail("trained again"))
    assert train(config).history == first.history


def test_loss_that_is_no_number_stops_before_a_checkpoint_is_spoilt(config):
    run = train(config)
    before = run.last.read_bytes()
    wild = change(config, lr=1e9, grad_clip=0, epochs=3, warmup=0)
    wild = change(wild, ckpt_dir=config.ckpt_dir + "2")
    with pytest.raises(UserError, match="smaller lr"):
        train(wild)
    assert not Run(Path(wild.ckpt_dir)).last.exists()
    assert run.last.read_bytes() == before


def test_a_validation_loss_that_is_no_number_ends_the_run_and_keeps_what_was_trained(
    config, monkeypatch
):
    monkeypatch.setattr(loop, "measure", lambda *args: (float("nan"), []))
    with pytest.raises(UserError, match="validation loss is no longer a number.*smaller lr"):
        train(config)
    run = Run(Path(config.ckpt_dir))
    assert run.last.exists() and not run.best.exists()


def test_gradients_are_clipped_after_unscaling(config, monkeypatch):
    "Fault of the original: the bound was applied to gradients still multiplied by the loss scale."
    from accelerate import Accelerator

    order = []
    clip = Accelerator.clip_grad_norm_

    def noted_clip(self, *args, **kwargs):
        order.append("clip")
        return clip(self, *args, **kwargs)

    def noted_unscale(self, optimizer=None):
        order.append("unscale")

    monkeypatch.setattr(Accelerator, "clip_grad_norm_", noted_clip)
    monkeypatch.setattr(Accelerator, "unscale_gradients", noted_unscale)
    train(config)
    assert order[:2] == ["clip", "unscale"]  # accelerate's clip begins with its own unscaling


def test_frozen_backbone_is_bit_identical_after_training(config, monkeypatch):
    kept = {}
    build = loop.build_model

    def build_and_keep(*args, **kwargs):
        kept["model"] = build(*args, **kwargs)
        return kept["model"]

    monkeypatch.setattr(loop, "build_model", build_and_keep)
    train(config)
    backbone = kept["model"].backbone
    assert backbone.fingerprint() == backbone.spec.fingerprint


@pytest.mark.parametrize("unfreeze", [1, ["layer.3.mlp*"]])
def test_unfrozen_layers_train_and_are_kept_in_the_checkpoint(config, unfreeze, capsys):
    run = train(change(config, unfreeze=unfreeze))
    assert "computed afresh" in capsys.readouterr().out
    names = [name for name in weights(run) if name.startswith("backbone")]
    assert names
    assert all(".3." in name for name in names)
    backbone = load_model(run.last).backbone
    assert backbone.fingerprint() != backbone.spec.fingerprint


def test_validation_on_other_classes_is_refused(config, data, tmp_path):
    from dinofrcnn.labels.yolo import convert_yolo

    other = tmp_path / "other"
    convert_yolo(data.root / "labels/val", data.val.images, other, class_list=list("abcd"))
    with pytest.raises(UserError, match="different classes"):
        train(change(config, val_ann=str(other)))


@pytest.mark.parametrize("key", ["train_images", "val_images", "train_ann", "val_ann"])
def test_path_that_is_not_there_is_refused_before_anything_runs(config, key):
    with pytest.raises(UserError, match=key):
        train(change(config, **{key: "nowhere"}))
    assert not Path(config.ckpt_dir).exists()


def test_learning_rate_rises_and_falls_to_nothing():
    factors = [lr_factor(step, 100, 0.1) for step in range(101)]
    assert factors[0] > 0
    assert max(factors) == pytest.approx(1, abs=0.1)
    assert factors.index(max(factors)) == 10
    assert factors[100] == pytest.approx(0)


def test_learning_rate_of_a_run_of_one_step_is_a_number():
    assert all(math.isfinite(lr_factor(step, 1, 0)) for step in range(3))


def test_views_depend_on_seed_epoch_and_image_alone():
    def drawn(seed, epoch):
        views = TrainingViews([["identity"] * 8, ["flip"] * 8], seed)
        views.epoch = epoch
        return [views[i] for i in range(8)]

    assert drawn(0, 3) == drawn(0, 3)
    assert len({tuple(drawn(0, epoch)) for epoch in range(6)}) > 3
    assert drawn(0, 0) != drawn(1, 0)


def test_features_of_the_flipped_image_are_not_the_flipped_features(data, backbone):
    "Trap: flipping a feature map is not the feature map of the flipped image."
    dataset = DetectionDataset(*data.train, limit=1)
    sets = [FeatureDataset(dataset, backbone, 128, 192, view=View(flip=f)) for f in (False, True)]
    plain, flipped = (features[0][0][16] for features in sets)
    assert not torch.allclose(plain.flip(-1), flipped, atol=0.05)


def test_other_weights_under_the_same_name_are_not_continued(config, tiny, tmp_path):
    mine = shutil.copytree(tiny, tmp_path / "mine")
    train(change(config, model_id=str(mine), epochs=1))
    shutil.rmtree(mine)
    make_tiny_snapshot(mine, seed=9, layers=4)
    with pytest.raises(UserError, match="fingerprint"):
        train(change(config, model_id=str(mine), epochs=2))


def test_cache_that_would_not_fit_on_the_disk_is_refused_with_both_numbers(config, monkeypatch):
    usage = namedtuple("Usage", "total used free")(2**30, 2**30, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="GiB are free"):
        train(config)


def test_cache_is_reused_by_the_next_run(config, capsys):
    train(config)
    train(change(config, ckpt_dir=config.ckpt_dir + "2"))
    assert "0 computed, 11 found" in capsys.readouterr().out


def test_damaged_features_are_computed_again_and_that_is_said(config, capsys):
    expected = train(config).history
    damaged = list(Path(config.cache_dir).rglob("*.safetensors"))
    for path in damaged:
        path.write_bytes(b"half")  # all: one epoch reads only one view of each image
    assert train(change(config, ckpt_dir=config.ckpt_dir + "2")).history == expected
    out = capsys.readouterr().out
    assert "0 computed, 11 found" in out
    named = {path for path in damaged if f"'{path}' is damaged" in out}
    assert len(named) == 4 + 3  # one view of each training image, and the validation images
    assert all(path.stat().st_size > 1000 for path in named)


def test_optimizer_has_the_rates_and_the_decay_of_the_config(config):
    class TwoGroups:
        def trainable_parameters(self):
            return [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]

    config = change(config, lr=1e-3, backbone_lr=1e-6, weight_decay=0.05)
    optimizer, _ = make_optimizer(config, TwoGroups(), 10)
    assert [group["initial_lr"] for group in optimizer.param_groups] == [1e-3, 1e-6]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.05, 0.05]


def test_every_epoch_draws_its_own_order_and_views(config, monkeypatch):
    "Also in a run that goes on: what is drawn depends on seed and epoch alone."
    drawn = []

    def note(model, loader, *rest):
        drawn.append((loader.dataset.epoch, loader.generator.initial_seed()))
        return 1.0

    monkeypatch.setattr(loop, "train_epoch", note)
    train(change(config, epochs=2))
    train(change(config, epochs=3))
    assert [epoch for epoch, _ in drawn] == [0, 1, 2]
    assert len({seed for _, seed in drawn}) == 3


def test_learning_rate_rises_in_a_line():
    factors = [lr_factor(step, 100, 0.1) for step in range(10)]
    assert factors == pytest.approx([(step + 1) / 11 for step in range(10)])
