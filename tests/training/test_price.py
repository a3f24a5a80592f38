"The bill before the run: sums, stand-ins, names. How long a machine takes is not tested."

import shutil
from dataclasses import replace

import pytest
import torch

from dinofrcnn.backbone.backbone import Backbone
from dinofrcnn.backbone.sources import DINOV3_IDS, UNGATED_IDS
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.cli import main
from dinofrcnn.data_commands import say_price
from dinofrcnn.training import price as room
from dinofrcnn.training.price import (
    Price,
    backbone_size,
    in_words,
    look_seconds,
    price,
    seconds,
    size_by_name,
    stand_in,
)

CPU = torch.device("cpu")
BILL = Price(
    read=1,
    look=10,
    step=2,
    check=3,
    images=100,
    checked=20,
    views=2,
    epochs=5,
    cached=True,
    device=CPU,
)


def test_with_a_cache_the_backbone_is_paid_once_a_view_and_the_head_once_an_epoch():
    assert BILL.features == 11 * (200 + 20)
    assert BILL.epoch == 2 * 100 + 3 * 20
    assert BILL.total == BILL.features + 5 * BILL.epoch


def test_without_a_cache_both_are_paid_in_every_epoch():
    live = replace(BILL, cached=False)
    assert live.features == 0
    assert live.epoch == BILL.epoch + 11 * (100 + 2 * 20)


def test_beside_a_gpu_threads_read_ahead():
    on_gpu = replace(BILL, device=torch.device("cuda", 0))
    assert on_gpu.see == 10
    assert replace(on_gpu, read=30).see == 15


def test_a_bill_is_said_in_words():
    said = str(BILL)
    assert "about 62 min in all" in said and "features 40 min, then 5 epochs of 4 min" in said
    assert [in_words(t) for t in (0, 119, 121, 7199, 7201)] == [
        "1 s",
        "119 s",
        "2 min",
        "120 min",
        "2 h",
    ]


@pytest.mark.parametrize("model_id", DINOV3_IDS + UNGATED_IDS)
def test_every_published_backbone_has_a_size(model_id):
    assert size_by_name(model_id)


@pytest.mark.parametrize(
    ("name", "channels", "blocks", "gated"),
    [
        ("facebook/dinov3-vits16-pretrain-lvd1689m", 384, 12, False),
        ("timm/vit_small_plus_patch16_dinov3.lvd1689m", 384, 12, True),
        ("facebook/dinov3-vits16plus-pretrain-lvd1689m", 384, 12, True),
        ("facebook/dinov3-vitb16-pretrain-lvd1689m", 768, 12, False),
        ("facebook/dinov3-vitl16-pretrain-sat493m", 1024, 24, False),
        ("timm/vit_huge_plus_patch16_dinov3.lvd1689m", 1280, 32, True),
        ("facebook/dinov3-vit7b16-pretrain-lvd1689m", 4096, 40, True),
        ("facebook/dinov2-with-registers-base", 768, 12, False),
    ],
)
def test_a_name_tells_the_size(name, channels, blocks, gated):
    size = size_by_name(name)
    found = size["hidden_size"], size["num_hidden_layers"], size["use_gated_mlp"]
    assert found == (channels, blocks, gated)


def test_a_folder_tells_its_size_whatever_it_is_called(tmp_path):
    folder = make_tiny_snapshot(tmp_path / "vit7b", layers=2)
    assert backbone_size(str(folder))["num_hidden_layers"] == 2


def test_a_name_that_says_nothing_has_no_size():
    assert backbone_size("somebody/my-own-model") is None


@pytest.mark.parametrize("name", ["vits16plus", "convnext-tiny"])
def test_a_stand_in_gives_maps_of_the_right_shape(name):
    backbone = Backbone(stand_in(size_by_name(f"dinov3-{name}")), "four")
    (maps,) = backbone([torch.rand(3, 64, 96)])
    for stride, channels in backbone.out_channels.items():
        assert maps[stride].shape == (channels, 64 // stride, 96 // stride)
        assert maps[stride].isfinite().all()


def test_a_stand_in_has_the_memory_of_one_block():
    weights = stand_in(size_by_name("vit_7b"))
    assert sum(p.numel() for p in weights.model.parameters()) < 200e6


@pytest.mark.parametrize(("layers", "share"), [("last", 4), ([1], 1), ([5], 2)])
def test_few_blocks_are_timed_and_the_rest_is_reckoned(layers, share, monkeypatch):
    weights = stand_in(size_by_name("vits"))
    backbone = Backbone(weights, layers)
    monkeypatch.setattr(room, "seconds", lambda function, device: 1.0)
    assert look_seconds(weights, backbone, torch.rand(3, 32, 32)) == share


def test_the_first_call_is_not_counted():
    calls = []
    assert seconds(lambda: calls.append(1), CPU, repeats=3) >= 0
    assert len(calls) == 4


def test_a_price_writes_nothing_and_fetches_nothing(config, tmp_path):
    config.model_id = "facebook/dinov3-vits16-pretrain-lvd1689m"
    before = sorted(tmp_path.rglob("*"))
    bill = price(config)
    assert bill.images == 4 and bill.checked == 3 and bill.views == 2
    assert bill.cached and 0 < bill.look < bill.total
    assert sorted(tmp_path.rglob("*")) == before


def test_a_backbone_that_learns_has_no_price(config):
    assert price(config.model_copy(update={"unfreeze": 1})) is None


def test_a_larger_view_costs_more(config):
    config.views = ["identity", "scale2"]
    assert price(config).views == 5


def test_what_cannot_be_priced_is_said(config, capsys):
    config.model_id = "somebody/my-own-model"
    say_price(config)
    assert "not known before 'somebody/my-own-model' has begun to train" in capsys.readouterr().out
    config.train_ann = "nowhere.json"
    config.model_id = "facebook/dinov3-vits16-pretrain-lvd1689m"
    say_price(config)
    assert "training time: unknown (config: train_ann 'nowhere.json'" in capsys.readouterr().out


def test_training_prices_what_will_be_trained(monkeypatch, data, tiny, tmp_path):
    asked = []

    def one_price(config):
        asked.append((config.model_id, config.epochs, config.min_size))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(room, "price", one_price)
    options = ["--model_id", str(tiny), "--epochs", "1", "--min_size", "64", "--max_size", "96"]
    options += ["--train_limit", "2", "--val_limit", "2", "--cache_dir", "cache"]
    source = tmp_path / "sites"
    for kind in ("images", "labels"):
        shutil.copytree(data.root / kind / "train", source, dirs_exist_ok=True)
    shutil.copy(data.root / "classes.txt", source)
    assert main(["train", "--data", str(source), *options]) == 0
    assert asked == [(str(tiny), 1, 64)]
    assert main(["train", "--data", str(source), *options]) == 0
    assert len(asked) == 1  # what is under way, or finished, is not priced again
