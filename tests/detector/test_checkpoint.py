"Checkpoints: what is in them, and which ones are refused."

import dataclasses

import pytest
import torch
from small_detector import RATIOS, SIZES, small_detector

from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.detector import checkpoint, heads
from dinofrcnn.detector.checkpoint import load_model, read_checkpoint, save_checkpoint
from dinofrcnn.detector.detector import build_model
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


def built(model, tiny, **head):
    "A model with another head on the same backbone, and what it was built with."
    args = dict(model_id=str(tiny), anchor_sizes=SIZES, aspect_ratios=RATIOS, device="cpu") | head
    sizes = dict(min_size=128, max_size=192)
    return build_model(model.classes, backbone=model.backbone, **args, **sizes), {**args, **sizes}


def test_a_head_loads_with_its_own_sizes_when_others_are_usual(model, tiny, tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "a.pth", *built(model, tiny))
    monkeypatch.setitem(heads.HEADS, "light", heads.HeadSizes(64, 16, 128, 32))
    again = load_model(tmp_path / "a.pth", device="cpu")
    assert again.detector.sizes == heads.HeadSizes(96, 32, 512, 128)


def test_a_checkpoint_knows_its_anchors_without_being_told(model, tiny, tmp_path):
    save_checkpoint(tmp_path / "a.pth", model, dict(model_id=str(tiny)))
    again = load_model(tmp_path / "a.pth", device="cpu").detector.rpn.anchor_generator
    grid = model.detector.rpn.anchor_generator
    assert (again.sizes, again.aspect_ratios) == (grid.sizes, grid.aspect_ratios)


def test_a_checkpoint_of_the_first_format_loads_as_what_it_was(model, tiny, tmp_path):
    "It had torchvision's layers, 256 ROIs, nine anchors, and did not say so."
    of_then = dict(
        rois_per_image=256, anchor_sizes=[[32, 64, 128], [64, 128, 256], [128, 256, 512]]
    )
    old, args = built(model, tiny, head="torchvision", image_branch=False, **of_then)
    save_checkpoint(tmp_path / "a.pth", old, args)
    content = torch.load(tmp_path / "a.pth", weights_only=True)
    kept = ("model_id", "aspect_ratios", "min_size", "max_size")
    content["model_args"] = {name: content["model_args"][name] for name in kept}
    torch.save({**content, "format_version": 1}, tmp_path / "old.pth")
    again = load_model(tmp_path / "old.pth", device="cpu")
    assert again.detector.sizes == heads.HeadSizes(256, None, 1024, 256)
    image = torch.rand(3, 128, 192)
    with torch.no_grad():
        before, now = old.eval()([image])[0], again([image])[0]
    assert torch.equal(before["boxes"], now["boxes"])


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
