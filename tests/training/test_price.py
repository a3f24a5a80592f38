"The price before the purchase: sums, stand-ins, rules. How long a machine takes is not tested."

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dinofrcnn.backbone.backbone import Backbone
from dinofrcnn.backbone.sources import DINOV3_IDS, UNGATED_IDS
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.cli import main
from dinofrcnn.data_commands import say_price
from dinofrcnn.detector.checkpoint import read_checkpoint
from dinofrcnn.runtime import UserError
from dinofrcnn.training import price as room
from dinofrcnn.training.config import load_config
from dinofrcnn.training.loop import train
from dinofrcnn.training.price import (
    Price,
    backbone_size,
    decided,
    fill_caches,
    free_bytes,
    in_bytes,
    in_words,
    look_seconds,
    price,
    seconds,
    size_by_name,
    slow_place,
    stand_in,
)

CPU = torch.device("cpu")
BILL = Price(
    images=100,
    checked=20,
    views=1,
    missing=220,
    need=3 * 2**30,
    plain=2 * 2**30,
    free=30 * 2**30,
    epochs=5,
    device=CPU,
    see=11,
    fetch=0.5,
    step=2,
    check=3,
)
SMALL_DISK = replace(BILL, need=40 * 2**30, plain=22 * 2**30)


def test_with_a_cache_the_backbone_is_paid_once_a_view_and_the_head_once_an_epoch():
    assert BILL.features == 11 * (200 + 20)
    assert BILL.epoch == 2 * 100 + 3 * 20 + 0.5 * 120
    assert BILL.total == BILL.features + 5 * BILL.epoch


def test_without_a_cache_both_are_paid_in_every_epoch():
    live = replace(BILL, cached=False)
    assert live.features == 0
    assert live.epoch == 2 * 100 + 3 * 20 + 11 * (100 + 20)


def test_without_a_cache_larger_views_cost_more_in_every_epoch():
    live = replace(BILL, cached=False)
    assert replace(live, views=2.5).epoch == live.epoch + 11 * 1.5 * 100


def test_the_cache_has_paid_where_both_ways_have_cost_the_same():
    live = replace(BILL, cached=False)
    n = BILL.pays_after
    assert BILL.features + n * BILL.epoch == pytest.approx(n * live.epoch)


def test_what_is_read_as_slowly_as_it_is_computed_never_pays():
    assert replace(BILL, fetch=11).pays_after == math.inf


def test_a_bill_is_said_in_words():
    said = str(BILL)
    assert "3.0 GiB of 30.0 GiB free, about 40 min to compute" in said
    assert "an epoch: about 5 min with them on disk, 26 min without" in said
    assert "about 67 min in all on this machine (cpu), 5 epochs" in said
    assert said.count("\n") == 1
    assert [in_words(t) for t in (0, 119, 121, 7199, 7201)] == [
        "1 s",
        "119 s",
        "2 min",
        "120 min",
        "2 h",
    ]
    assert [in_bytes(n) for n in (0, 300 * 2**20, 2**30)] == ["1 MiB", "300 MiB", "1.0 GiB"]


@pytest.fixture
def config(config):
    "With a small head: it is measured, again and again."
    config.hidden_dim = 32
    return config


@pytest.fixture
def auto(config):
    config.cache = "auto"
    return config


def test_auto_caches_what_fits_and_pays(auto):
    bill = decided(BILL, auto)
    assert bill.cached and "it pays after 1.9 epochs" in str(bill)


def test_auto_does_not_cache_what_will_not_have_paid(auto):
    bill = decided(replace(BILL, epochs=1), auto)
    assert not bill.cached and "cache off (it would pay from 2 epochs on)" in str(bill)
    assert decided(replace(BILL, epochs=2), auto).cached


def test_auto_leaves_a_tenth_of_the_free_disk(auto):
    assert decided(replace(BILL, need=27 * 2**30), auto).cached
    assert not decided(replace(BILL, need=28 * 2**30), auto).cached


def test_what_would_make_features_fit_is_said_and_not_done(auto):
    before = auto.model_dump()
    bill = decided(SMALL_DISK, auto)
    assert not bill.cached
    assert "no room; 20.0 GiB with cache_format int8, 22.0 GiB with views [identity]" in str(bill)
    assert auto.model_dump() == before


def test_what_would_not_make_features_fit_is_not_proposed(auto):
    said = str(decided(replace(SMALL_DISK, plain=39 * 2**30), auto))
    assert "cache_format int8" in said and "views [identity]" not in said
    auto.cache_format = "int8"
    assert "with cache_format" not in str(decided(SMALL_DISK, auto))


@pytest.mark.parametrize("cache", ["on", "off"])
def test_orders_are_followed(config, cache):
    config.cache = cache
    for bill in (BILL, SMALL_DISK, replace(BILL, epochs=1)):
        assert decided(bill, config).cached == (cache == "on")


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
    assert bill.images == 4 and bill.checked == 3 and bill.missing == 2 * 4 + 3
    assert bill.cached and 0 < bill.see < bill.total and bill.need > 0
    assert sorted(tmp_path.rglob("*")) == before


def test_beside_a_gpu_threads_read_ahead(config, monkeypatch):
    "While it looks at an image in 4 seconds, the next one is read, which takes 1."
    config.model_id = "facebook/dinov3-vits16-pretrain-lvd1689m"
    monkeypatch.setattr(room, "look_seconds", lambda *args: 4.0)
    monkeypatch.setattr(room, "seconds", lambda function, device: 1.0)
    monkeypatch.setattr(room, "head_seconds", lambda *args: (1.0, 1.0))
    assert price(config).see == 5
    monkeypatch.setattr(Backbone, "device", torch.device("meta"))
    monkeypatch.setattr(room, "with_times", lambda bill, measured, *rest: measured)
    assert price(config).see == 4


def test_a_backbone_that_learns_has_no_price(config):
    assert price(config.model_copy(update={"unfreeze": 1})) is None


def test_a_larger_view_costs_more(config):
    config.model_id = "facebook/dinov3-vits16-pretrain-lvd1689m"
    plain = price(config)
    config.views = ["identity", "scale2"]
    bill = price(config)
    assert bill.views == 2.5 and bill.missing == 4 * (1 + 4) + 3
    scaled = (bill.need - bill.plain) / (plain.need - plain.plain)
    assert scaled == pytest.approx(4, rel=0.05)  # sides are rounded to patches


def test_what_cannot_be_priced_is_said(config, capsys):
    config.model_id = "somebody/my-own-model"
    say_price(config)
    assert "not known before 'somebody/my-own-model' has begun to train" in capsys.readouterr().out
    config.train_ann = "nowhere.json"
    config.model_id = "facebook/dinov3-vits16-pretrain-lvd1689m"
    say_price(config)
    assert "training time: unknown (config: train_ann 'nowhere.json'" in capsys.readouterr().out


def kept_in(config):
    "The files of features in a config's cache."
    return [path for path in Path(config.cache_dir).rglob("*") if path.suffix == ".safetensors"]


def test_the_price_alone_computes_two_images_and_keeps_them(config, capsys):
    fill_caches(config, only_price=True)
    assert len(kept_in(config)) == 2
    assert "an epoch: about" in capsys.readouterr().out
    fill_caches(config)
    assert "9 computed, 2 found" in capsys.readouterr().out


def test_images_computed_for_the_price_are_counted_as_computed(config, capsys):
    fill_caches(config)
    assert "11 computed, 0 found" in capsys.readouterr().out


def test_features_of_the_price_are_those_of_the_cache(config, tmp_path):
    fill_caches(config, only_price=True)
    other = config.model_copy(update={"cache_dir": str(tmp_path / "other")})
    fill_caches(other)
    for path in kept_in(config):
        same = Path(other.cache_dir) / path.relative_to(config.cache_dir)
        assert same.read_bytes() == path.read_bytes()


def test_where_nothing_is_missing_nothing_is_measured_or_said(config, capsys, monkeypatch):
    fill_caches(config)
    capsys.readouterr()
    monkeypatch.setattr(room, "head_seconds", None)
    for cache in ("on", "auto"):
        run = train(
            config.model_copy(update={"cache": cache, "ckpt_dir": f"{config.ckpt_dir}_{cache}"})
        )
        assert load_config(run.folder / "config.yaml").cache == "on"
    assert "an epoch: about" not in capsys.readouterr().out


def test_auto_trains_without_a_cache_that_would_not_pay(auto, capsys):
    run = train(auto)
    assert read_checkpoint(run.last)["config"]["cache"] == "off"
    assert "cache off (it would pay from" in capsys.readouterr().out
    assert len(kept_in(auto)) == 2


def test_auto_trains_without_a_cache_where_there_is_no_room(auto, capsys, monkeypatch):
    monkeypatch.setattr(room, "free_bytes", lambda folder: 1000)
    run = train(auto.model_copy(update={"views": ["identity"]}))
    assert "cache off (no room" in capsys.readouterr().out
    assert len(run.history) == 1 and kept_in(auto) == []


def test_a_run_goes_on_as_auto_decided_when_it_began(auto, capsys):
    train(auto)
    capsys.readouterr()
    run = train(auto.model_copy(update={"epochs": 3}))
    assert "cache off, as asked" in capsys.readouterr().out
    assert len(kept_in(auto)) == 2
    assert read_checkpoint(run.last)["config"]["cache"] == "off"


def test_a_run_with_a_cache_keeps_it_where_auto_would_do_without(config, monkeypatch):
    train(config)
    monkeypatch.setattr(room, "ROOM", 0.0)
    shutil.rmtree(config.cache_dir)
    run = train(config.model_copy(update={"epochs": 2, "cache": "auto"}))
    assert read_checkpoint(run.last)["config"]["cache"] == "on"
    assert len(kept_in(config)) == 11


def test_a_cache_by_order_that_does_not_fit_is_refused_before_anything_is_computed(
    config, monkeypatch
):
    "Room for each view by itself is not room for both."
    full = price(config)
    disk = type("Disk", (), {"free": full.need - 1})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: disk)
    with pytest.raises(UserError, match=r"the features of 11 images .* cache_format int8, fewer"):
        train(config)
    assert kept_in(config) == []


def test_what_is_measured_changes_no_result(config, tmp_path):
    measured = train(config)
    again = train(config.model_copy(update={"ckpt_dir": str(tmp_path / "again")}))
    assert measured.history == again.history


def test_training_from_an_export_says_one_price_and_none_when_it_is_over(
    data, tiny, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    options = ["--model_id", str(tiny), "--epochs", "1", "--min_size", "64", "--max_size", "96"]
    options += ["--train_limit", "2", "--val_limit", "2", "--cache_dir", "cache"]
    source = tmp_path / "sites"
    for kind in ("images", "labels"):
        shutil.copytree(data.root / kind / "train", source, dirs_exist_ok=True)
    shutil.copy(data.root / "classes.txt", source)
    assert main(["train", "--data", str(source), *options]) == 0
    assert capsys.readouterr().out.count("in all on this machine (cpu), 1 epoch") == 1
    assert main(["train", "--data", str(source), *options]) == 0
    assert "in all on this machine" not in capsys.readouterr().out


MOUNTS = """/dev/sda1 / ext4 rw 0 0
server:/home {0}/far nfs4 rw 0 0
/dev/sdb1 {0}/far/near xfs rw 0 0
"""


def test_a_disk_of_another_machine_is_slow(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(tmp_path.resolve()))
    assert slow_place(tmp_path / "far/cache", mounts) == "a network disk"
    assert slow_place(tmp_path / "far/near/cache", mounts) is None
    assert slow_place(tmp_path / "cache", mounts) is None
    assert slow_place(tmp_path / "far", tmp_path / "nowhere") is None


def test_google_drive_is_slow():
    assert slow_place("/content/drive/MyDrive/cache") == "Google Drive"


def test_a_slow_cache_is_said_once(config, capsys, monkeypatch):
    monkeypatch.setattr(room, "slow_place", lambda folder: "Google Drive")
    fill_caches(config)
    assert capsys.readouterr().out.count("is on Google Drive, and read in every epoch") == 1


def test_the_disk_of_a_folder_that_is_not_there_yet_is_looked_up(tmp_path):
    assert free_bytes(tmp_path / "a/b/c") > 0
    assert list(tmp_path.iterdir()) == []
