import pytest
import torch

from dinofrcnn.detector.checkpoint import load_model, read_checkpoint, save_checkpoint
from dinofrcnn.detector.detector import Detector, DinoFasterRCNN, GridAnchors, same_size
from dinofrcnn.detector.pyramid import FeaturePyramid
from dinofrcnn.runtime import UserError, seed_everything

RATIOS = [[0.5, 1.0, 2.0]] * 3
SIZES = [[16, 32], [48, 64], [96, 160]]


@pytest.fixture
def model(backbone):
    seed_everything(0)
    detector = Detector(
        backbone.out_channels,
        4,
        [8, 16, 32],
        anchor_sizes=SIZES,
        aspect_ratios=RATIOS,
        score_thresh=0.0,
    )
    return DinoFasterRCNN(backbone, detector, list("abcd"), 128, 192).eval()


@pytest.mark.parametrize("h, w", [(128, 128), (112, 176), (16, 16), (48, 304)])
def test_pyramid_levels_cover_the_image_at_their_stride(h, w):
    levels = FeaturePyramid({16: 8}, [8, 16, 32], 64)({16: torch.rand(1, 8, h // 16, w // 16)})
    assert [tuple(level.shape[-2:]) for level in levels.values()] == [
        (-(-h // s), -(-w // s)) for s in (8, 16, 32)
    ]


def test_pyramid_takes_each_level_from_the_nearest_backbone_map():
    pyramid = FeaturePyramid({4: 8, 8: 16, 16: 32, 32: 64}, [8, 16, 32], 32)
    assert pyramid.source == [8, 16, 32]


def test_pyramid_of_patch_14_keeps_its_true_strides():
    levels = FeaturePyramid({14: 8}, [7, 14, 28], 32)({14: torch.rand(1, 8, 10, 12)})
    assert list(levels) == ["p3", "p4", "p5"] and levels["p3"].shape[-2:] == (20, 24)


def test_anchors_sit_at_the_centres_of_their_cells_with_the_true_stride():
    "A 19-cell map pooled to 10 cells has stride 32, not 304 // 10 = 30."
    from torchvision.models.detection.image_list import ImageList

    anchors = GridAnchors([[32]], [[1.0]], [32])(
        ImageList(torch.zeros(1), [(304, 304)]), [torch.zeros(1, 1, 10, 10)]
    )[0]
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert (
        centres[0].tolist() == [16, 16]
        and centres[1].tolist() == [48, 16]
        and centres[-1].tolist() == [304, 304]
    )


@pytest.mark.parametrize(
    "sizes, ratios, said",
    [
        ([[32], [64]], RATIOS, "2 levels but the pyramid has 3"),
        (SIZES, RATIOS[:2], "2 levels but the pyramid has 3"),
        ([[32], [64], [128, 256]], RATIOS, "same number of anchors"),
    ],
)
def test_level_counts_that_do_not_match_are_refused_with_both_numbers(sizes, ratios, said):
    with pytest.raises(UserError, match=said):
        Detector({16: 8}, 2, [8, 16, 32], 32, sizes, ratios)


def test_detections_are_the_same_alone_and_in_any_batch(model):
    seed_everything(1)
    images = [
        torch.rand(3, 100, 150),
        torch.rand(3, 150, 100),
        torch.rand(3, 100, 150),
        torch.rand(3, 90, 200),
    ]
    with torch.no_grad():
        together, alone = model(images), [model([image])[0] for image in images]
    for a, b in zip(together, alone):
        assert torch.equal(a["labels"], b["labels"])
        assert torch.allclose(a["boxes"], b["boxes"], atol=1e-2) and torch.allclose(
            a["scores"], b["scores"], atol=1e-4
        )


def test_detections_lie_in_the_image(model):
    with torch.no_grad():
        boxes = model([torch.rand(3, 77, 203)])[0]["boxes"]
    assert (
        len(boxes)
        and boxes.min() >= 0
        and boxes[:, 2].max() <= 203.01
        and boxes[:, 3].max() <= 77.01
    )


def test_training_gives_torchvisions_four_losses_also_for_an_image_without_boxes(model):
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    one = {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}
    losses = model.train()([torch.rand(3, 100, 150)] * 2, [one, empty])
    assert set(losses) == {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}
    assert all(loss.isfinite() for loss in losses.values())


def test_loss_of_a_mixed_batch_weighs_every_image_alike(model):
    "Two sizes: the mean over images, not over groups."
    assert same_size([(1, 2), (3, 4), (1, 2)]) == [[0, 2], [1]]
    target = {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}
    images = [torch.rand(3, 100, 150), torch.rand(3, 150, 100), torch.rand(3, 100, 150)]
    model.train()
    loss = lambda ims: (seed_everything(3), model(ims, [target] * len(ims))["loss_objectness"])[1]
    mixed, wide, tall = loss(images), loss([images[0], images[2]]), loss([images[1]])
    assert mixed.item() == pytest.approx((2 * wide.item() + tall.item()) / 3, rel=0.05)


def test_only_the_detector_trains(model):
    target = {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}
    sum(model.train()([torch.rand(3, 100, 150)], [target]).values()).backward()
    assert all(p.grad is None for p in model.backbone.parameters())
    assert all(p.grad is not None for p in model.detector.pyramid.parameters())
    assert len(model.trainable_parameters()) == 1


def test_mixed_precision_evaluation_runs(model):
    "Fault of the original: evaluation without autocast crashed on a half-precision backbone."
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = model([torch.rand(3, 100, 150)])[0]
    assert found["boxes"].isfinite().all()


def test_boxes_are_not_rounded_to_bf16_under_autocast(model):
    "bf16 knows every second number above 256: proposals, targets and boxes have to be computed in float32."
    for head, x in (
        (model.detector.rpn.head, [torch.rand(1, 256, 4, 4)] * 3),
        (model.detector.roi_heads.box_predictor, torch.rand(2, 1024)),
    ):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = head(x)
        for part in out:
            assert {t.dtype for t in (part if isinstance(part, list) else [part])} == {
                torch.float32
            }


def test_checkpoint_trained_in_fp16_on_a_gpu_loads_on_a_cpu(model, tiny, tmp_path):
    save_checkpoint(
        tmp_path / "a.pth",
        model,
        dict(
            model_id=str(tiny),
            precision="fp16",
            strides=[8, 16, 32],
            anchor_sizes=SIZES,
            aspect_ratios=RATIOS,
        ),
    )
    assert load_model(tmp_path / "a.pth", device="cpu").backbone.precision == "fp32"


def test_checkpoint_holds_no_frozen_weights(model, tiny, tmp_path):
    "Fault of the original: the full backbone in every checkpoint."
    save_checkpoint(tmp_path / "a.pth", model, dict(model_id=str(tiny)))
    assert not [
        name for name in read_checkpoint(tmp_path / "a.pth")["state"] if name.startswith("backbone")
    ]


def test_checkpoint_on_another_backbone_is_refused(trained, tmp_path):
    from dinofrcnn.backbone.tiny import make_tiny_snapshot

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
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",))

    torch.save({"state": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(UserError):
        read_checkpoint(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_killed_while_saving_leaves_the_old_checkpoint(model, tiny, tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "a.pth", model, dict(model_id=str(tiny)), epoch=1)

    def die(obj, path):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", die)
    with pytest.raises(OSError):
        save_checkpoint(tmp_path / "a.pth", model, dict(model_id=str(tiny)), epoch=2)
    assert read_checkpoint(tmp_path / "a.pth")["epoch"] == 1 and [
        p.name for p in tmp_path.iterdir()
    ] == ["a.pth"]
