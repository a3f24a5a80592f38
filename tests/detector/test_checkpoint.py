"Checkpoints: what is in them, and which ones are refused."

import dataclasses

import pytest
import torch
from small_detector import RATIOS, SIZES, small_detector

from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.detector import checkpoint
from dinofrcnn.detector.checkpoint import load_model, read_checkpoint, save_checkpoint
from dinofrcnn.runtime import UserError


@pytest.fixture
def model(backbone):
    return small_detector(backbone)


def test_checkpoint_trained_in_fp16_on_a_gpu_loads_on_a_cpu(
    model, tiny, tmp_path, monkeypatch, capsys
):
    args = dict(
        model_id=str(tiny),
        precision="fp16",
        strides=[8, 16, 32],
        anchor_sizes=SIZES,
        aspect_ratios=RATIOS,
    )
    monkeypatch.setattr(model.backbone, "precision", "fp16")
    save_checkpoint(tmp_path / "a.pth", model, args)
    assert load_model(tmp_path / "a.pth", device="cpu").backbone.precision == "fp32"
    assert "trained in fp16, which cpu cannot: computing in fp32" in capsys.readouterr().out


def test_checkpoint_computes_in_the_precision_it_was_trained_in(model, tiny, tmp_path, monkeypatch):
    args = dict(model_id=str(tiny), strides=[8, 16, 32], anchor_sizes=SIZES, aspect_ratios=RATIOS)
    monkeypatch.setattr(model.backbone, "precision", "bf16")
    save_checkpoint(tmp_path / "a.pth", model, args)
    assert load_model(tmp_path / "a.pth", device="cpu").backbone.precision == "bf16"
    asked = load_model(tmp_path / "a.pth", device="cpu", precision="fp32")
    assert asked.backbone.precision == "fp32"


def test_checkpoint_takes_the_weights_at_the_commit_it_was_trained_on(
    model, tiny, tmp_path, monkeypatch
):
    "`main` may have moved on since."
    args = dict(model_id="facebook/some-model")
    spec = dataclasses.replace(model.backbone.spec, revision="c0ffee")
    monkeypatch.setattr(model.backbone, "spec", spec)
    save_checkpoint(tmp_path / "a.pth", model, args)
    asked = {}

    def build(classes, **given):
        asked.update(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "build_model", build)
    with pytest.raises(KeyboardInterrupt):
        load_model(tmp_path / "a.pth", device="cpu")
    assert asked["revision"] == "c0ffee"
    asked.clear()
    with pytest.raises(KeyboardInterrupt):
        load_model(tmp_path / "a.pth", model_id=str(tiny), device="cpu")
    assert "revision" not in asked, "another place has other commits"


def test_checkpoint_holds_no_frozen_weights(model, tiny, tmp_path):
    "Fault of the original: the full backbone in every checkpoint."
    save_checkpoint(tmp_path / "a.pth", model, dict(model_id=str(tiny)))
    state = read_checkpoint(tmp_path / "a.pth")["state"]
    assert not [name for name in state if name.startswith("backbone")]


def test_checkpoint_on_another_backbone_is_refused(trained, tmp_path):
    other = make_tiny_snapshot(tmp_path / "other", seed=1, layers=4)
    with pytest.raises(UserError, match="fingerprint"):
        load_model(trained.best, model_id=str(other))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_damaged_checkpoint_is_refused(content, tmp_path):
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(UserError, match="bad.pth"):
        read_checkpoint(tmp_path / "bad.pth")


def test_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    torch.save({"state": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(UserError):
        read_checkpoint(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_killed_while_saving_leaves_the_old_checkpoint(model, tiny, tmp_path, monkeypatch):
    path = tmp_path / "a.pth"
    save_checkpoint(path, model, dict(model_id=str(tiny)), epoch=1)

    def die(obj, path):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", die)
    with pytest.raises(OSError):
        save_checkpoint(path, model, dict(model_id=str(tiny)), epoch=2)
    assert read_checkpoint(path)["epoch"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_given_for_a_checkpoint_is_told_the_right_call(trained, data):
    from dinofrcnn.evaluation.coco import evaluate

    for call in (load_model, read_checkpoint, lambda run: evaluate(run, data.test)):
        with pytest.raises(UserError, match="needed here, not a Run.*run.best"):
            call(trained)
