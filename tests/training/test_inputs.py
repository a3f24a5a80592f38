"What a run reads: a full cache stands for its backbone, also on another machine."

import re
import shutil
import threading
import time
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.detector.checkpoint import read_checkpoint
from dinofrcnn.evaluation.coco import evaluate
from dinofrcnn.runtime import UserError
from dinofrcnn.training.inputs import batches, files_read, load_data, recorded_or_loaded
from dinofrcnn.training.loop import train
from dinofrcnn.training.price import fill_caches


@pytest.fixture
def filled(config, tmp_path):
    "A config whose features are all in the cache, with a snapshot of its own."
    config.model_id = str(make_tiny_snapshot(tmp_path / "mine", layers=4))
    fill_caches(config)
    return config


def without_weights(config):
    shutil.rmtree(config.model_id)
    return config


def test_a_full_cache_trains_where_the_weights_are_not(filled, tmp_path, capsys):
    whole = train(filled.model_copy(update={"cache_dir": str(tmp_path / "other")}))
    shutil.rmtree(whole.folder)
    expected = whole.history
    run = train(without_weights(filled))
    assert run.history == expected
    assert "no weights were loaded" in capsys.readouterr().out


def test_the_checkpoint_of_such_a_run_names_the_backbone(filled):
    fingerprint = recorded_or_loaded(filled, *load_data(filled)).spec.fingerprint
    run = train(without_weights(filled))
    assert read_checkpoint(run.best)["backbone"]["fingerprint"] == fingerprint


def test_such_a_run_goes_on(filled):
    train(without_weights(filled))
    run = train(filled.model_copy(update={"epochs": 2}))
    assert len(run.history) == 2


def test_a_full_cache_evaluates_where_the_weights_are_not(filled, data):
    run = train(filled)
    split = data.val
    with_weights = evaluate(run.best, split, limit=3)
    report = evaluate(run.best, split, filled.cache_dir, limit=3)
    without_weights(filled)
    again = evaluate(run.best, split, filled.cache_dir, limit=3)
    assert again.stats == report.stats
    assert again.map == pytest.approx(with_weights.map, abs=0.02)


@pytest.fixture
def in_int8(filled):
    "The same config with features kept as int8 only."
    shutil.rmtree(filled.cache_dir)
    filled.cache_format = "int8"
    fill_caches(filled)
    return filled


def test_a_full_cache_in_int8_trains_and_evaluates_where_the_weights_are_not(in_int8, data):
    run = train(without_weights(in_int8))
    report = evaluate(run.best, data.val, in_int8.cache_dir, limit=3, cache_format="int8")
    assert report.map == pytest.approx(run.history[-1]["map"])


def test_features_in_int8_are_not_taken_for_others(in_int8):
    assert recorded_or_loaded(in_int8, *load_data(in_int8)).model is None
    in_int8.cache_format = "fp16"
    assert recorded_or_loaded(in_int8, *load_data(in_int8)).model is not None


def test_a_run_on_features_of_another_format_is_another_run(in_int8):
    train(in_int8)
    in_int8.epochs = 2
    in_int8.cache_format = "fp16"
    with pytest.raises(UserError, match="cache_format int8 → fp16"):
        train(in_int8)


def test_images_that_are_not_in_the_cache_are_said_to_need_the_weights(filled):
    without_weights(filled)
    filled.train_limit = 5
    with pytest.raises(UserError, match="neither a path on this machine"):
        train(filled)


def test_shards_share_the_work_and_do_all_of_it(config, capsys):
    for part in (3, 1, 2):
        fill_caches(config, shard=(part, 3))
    said = capsys.readouterr().out
    assert [int(n) for n in re.findall(r"(\d+) computed, 0 found", said)] == [3, 5, 3]
    assert recorded_or_loaded(config, *load_data(config)).model is None
    fill_caches(config)
    assert "0 computed, 11 found" in capsys.readouterr().out


def test_what_a_config_reads_are_its_images_under_its_recipes(filled, data):
    files = files_read(filled)
    there = set(Path(filled.cache_dir).rglob("*.safetensors"))
    tests = len(DetectionDataset(*data.test))
    assert there < files and len(files) == len(there) + tests
    filled.train_limit = 2
    assert len(there - files_read(filled)) == 2 * 2  # two images in two views
    filled.views = ["identity"]
    assert len(there - files_read(filled)) == 2 + 4
    filled.cache_format = "int8"
    assert not there & files_read(filled)


def test_what_a_config_reads_is_known_where_the_weights_are_not(filled):
    assert files_read(without_weights(filled))


def test_a_cache_that_knows_nothing_of_the_backbone_is_not_read_by_nobody(filled):
    filled.layers = "last"
    with pytest.raises(UserError, match="all of them would go"):
        files_read(filled)


def test_a_config_that_caches_nothing_reads_nothing(filled):
    filled.cache = False
    with pytest.raises(UserError, match="caches nothing"):
        files_read(filled)


class Noted(torch.utils.data.Dataset):
    "Items that are their number; notes which were read, and in which thread."

    def __init__(self):
        self.read = []

    def __len__(self):
        return 40

    def __getitem__(self, i):
        self.read.append((i, threading.get_ident()))
        return ({16: torch.full((2, 2), i)}, (32, 32), {"image_id": torch.tensor(i)})


def in_words(batch):
    features, sizes, targets = batch
    return [maps[16].tolist() for maps in features], sizes, [t["image_id"].item() for t in targets]


def epochs_of(config, **options):
    "The batches of two epochs, and where torch's own generator stands afterwards."
    torch.manual_seed(3)
    shuffle = torch.Generator()
    loader = batches(Noted(), config, generator=shuffle, **options)
    epochs = []
    for seed in (5, 6):
        shuffle.manual_seed(seed)
        epochs.append([in_words(batch) for batch in loader])
    return epochs, torch.rand(1)


@pytest.mark.parametrize("options", [{"shuffle": True}, {}], ids=str)
def test_batches_that_are_read_ahead_are_the_same_in_the_same_order(config, options):
    ahead = epochs_of(config, **options)
    plain = epochs_of(config.model_copy(update={"cache": False}), **options)
    assert ahead == plain and len(ahead[0][0]) == 20
    assert (ahead[0][0] != ahead[0][1]) == bool(options)


def read_after(config, used):
    "How many items were read when so many batches are used, and whether in another thread."
    dataset = Noted()
    steps = iter(batches(dataset, config))
    for _ in range(used):
        next(steps)
    time.sleep(0.2)
    threads = {thread for _, thread in dataset.read}
    return len(dataset.read), threading.get_ident() not in threads


def test_two_batches_are_read_ahead_and_no_more(config):
    "So that memory does not grow with the data."
    assert read_after(config, 1) == (2 * (1 + 2), True)
    assert read_after(config, 7) == (2 * (7 + 2), True)


@pytest.mark.parametrize("live", [{"cache": False}, {"unfreeze": 1}], ids=str)
def test_what_is_computed_live_is_not_read_ahead(config, live):
    config = config.model_copy(update=live)
    assert read_after(config, 1) == (2, False)
    assert type(batches(Noted(), config)) is DataLoader


def test_what_fails_while_batches_are_read_ahead_fails_in_the_epoch(config):
    class Broken(Noted):
        def __getitem__(self, i):
            if i == 9:
                raise UserError("image 9 is gone")
            return super().__getitem__(i)

    seen = []
    with pytest.raises(UserError, match="image 9 is gone"):
        for batch in batches(Broken(), config):
            seen.append(batch)
    assert len(seen) == 4


def test_replaced_weights_make_new_features(filled):
    old = recorded_or_loaded(filled, *load_data(filled))
    assert old.model is None
    make_tiny_snapshot(filled.model_id, layers=4, seed=1)
    new = recorded_or_loaded(filled, *load_data(filled))
    assert new.model is not None and new.spec.fingerprint != old.spec.fingerprint


def test_other_layers_are_not_taken_for_the_recorded_ones(filled):
    filled.layers = "last"
    assert recorded_or_loaded(filled, *load_data(filled)).model is not None


def test_features_filled_in_bf16_train_where_fp32_is_usual(filled, capsys):
    filled.precision = "bf16"
    fill_caches(filled)
    shutil.rmtree(filled.cache_dir)
    fill_caches(filled)
    filled.precision = "auto"
    run = train(without_weights(filled))
    assert read_checkpoint(run.last)["backbone"]["precision"] == "bf16"
    assert all(torch.tensor(row["train_loss"]).isfinite() for row in run.history)


def test_another_precision_that_is_asked_for_is_another_run(filled):
    train(filled)
    filled.epochs = 2
    filled.precision = "bf16"
    with pytest.raises(UserError, match="precision fp32 → bf16"):
        train(filled)


def test_a_run_goes_on_in_the_precision_it_was_begun_in(filled):
    filled.precision = "bf16"
    train(filled)
    filled.epochs = 2
    filled.precision = "auto"
    run = train(filled)
    assert read_checkpoint(run.last)["backbone"]["precision"] == "bf16"


def test_a_finished_run_on_weights_that_were_replaced_is_another_run(filled):
    train(filled)
    make_tiny_snapshot(filled.model_id, layers=4, seed=1)
    with pytest.raises(UserError, match="holds a run on other weights"):
        train(filled)


def test_a_finished_run_on_a_copy_of_its_weights_is_the_same(filled, tmp_path, capsys):
    train(filled)
    filled.model_id = str(shutil.copytree(filled.model_id, tmp_path / "copy"))
    train(filled)
    assert "is finished" in capsys.readouterr().out
