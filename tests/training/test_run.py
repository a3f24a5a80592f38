"The run folder: what may be continued, what is refused, and what a lost file costs."

import csv
import json
import os
from pathlib import Path

import pytest
import torch

from dinofrcnn.detector.checkpoint import read_checkpoint
from dinofrcnn.labels.annotations import read_annotations, write_annotations
from dinofrcnn.runtime import UserError
from dinofrcnn.training import loop
from dinofrcnn.training.config import load_config
from dinofrcnn.training.loop import Trainer, lr_factor, new_bests, train
from dinofrcnn.training.run import Run


class Killed(BaseException):
    "Not an Exception: like a kill signal, nothing in the library may swallow it."


def change(config, **values):
    return config.model_copy(update=values)


def kill_after(epochs):
    def kill(run):
        if len(run.history) == epochs:
            raise Killed

    return kill


def interrupted(config, epochs, **settings):
    "A run of three epochs that was killed after some."
    config = change(config, epochs=3, **settings)
    with pytest.raises(Killed):
        train(config, after_epoch=kill_after(epochs))
    return config


def fewer_boxes(annotations, folder):
    "The annotation file once more, every image with one box at most."
    source = read_annotations(annotations)
    for record in source.records:
        for key in ("boxes", "labels"):
            record[key] = record[key][:1]
    return str(write_annotations(source, folder, force=True))


def test_history_has_a_row_per_epoch(config):
    run = train(change(config, epochs=2))
    with open(run.folder / "history.csv") as f:
        rows = list(csv.DictReader(f))
    assert [int(row["epoch"]) for row in rows] == [1, 2]
    assert float(rows[1]["train_loss"]) == pytest.approx(run.history[1]["train_loss"])


def test_other_settings_in_the_same_folder_are_refused_with_the_difference(config):
    train(config)
    with pytest.raises(UserError, match="lr 0.001 → 0.1"):
        train(change(config, lr=0.1))


def test_config_of_the_run_is_kept_beside_the_results(config):
    assert load_config(train(config).folder / "config.yaml") == config


def test_a_run_that_failed_in_its_first_epoch_has_claimed_nothing(config, monkeypatch):
    with monkeypatch.context() as m:
        m.setattr(loop, "train_epoch", lambda *a: (_ for _ in ()).throw(UserError("no number")))
        with pytest.raises(UserError, match="no number"):
            train(change(config, lr=1.0))
    assert len(train(change(config, lr=1e-4)).history) == 1


def test_more_epochs_go_on_and_are_said(config, capsys):
    first = train(config)
    more = train(change(config, epochs=2))
    assert "epochs 1 → 2: taken over" in capsys.readouterr().out
    assert more.history[0] == first.history[0] and len(more.history) == 2


def test_fewer_epochs_than_are_done_is_a_finished_run(config, capsys):
    train(change(config, epochs=2))
    assert len(train(config).history) == 2
    assert "is finished: 2 epochs" in capsys.readouterr().out


def test_a_finished_run_loads_no_backbone(config, monkeypatch):
    first = train(config)
    monkeypatch.setattr(loop, "build_model", lambda *a, **k: pytest.fail("a model was built"))
    monkeypatch.setattr(loop, "load_weights", lambda *a: pytest.fail("weights were loaded"))
    assert train(config).history == first.history


def test_labels_that_changed_under_a_run_are_refused(config, tmp_path):
    config = interrupted(config, 1)
    changed = fewer_boxes(config.train_ann, tmp_path / "corrected")
    said = "labels of train have changed.*4 images with 19 boxes, now 4 with 3"
    with pytest.raises(UserError, match=said):
        train(change(config, train_ann=changed))


def test_the_same_labels_in_another_place_continue(config, tmp_path):
    config = interrupted(config, 1)
    copy = tmp_path / "moved"
    write_annotations(read_annotations(config.train_ann), copy)
    assert len(train(change(config, train_ann=str(copy))).history) == 3


def test_a_snapshot_that_moved_continues(config, tiny, tmp_path):
    moved = tmp_path / "moved"
    os.symlink(tiny, moved)
    config = interrupted(config, 1)
    assert len(train(change(config, model_id=str(moved))).history) == 3


@pytest.mark.parametrize("how", ["missing", "cut short", "empty"])
def test_a_lost_last_checkpoint_goes_on_from_the_one_before(config, how, tmp_path, capsys):
    whole = train(change(config, epochs=3, ckpt_dir=str(tmp_path / "whole")))
    config = interrupted(config, 2, ckpt_dir=str(tmp_path / how))
    last = Run(Path(config.ckpt_dir)).last
    if how == "missing":
        last.unlink()
    else:
        last.write_bytes(last.read_bytes()[: 1000 if how == "cut short" else 0])
    continued = train(config)
    assert "last.pth is lost: going on from previous.pth" in capsys.readouterr().out
    assert [row["map"] for row in continued.history] == [row["map"] for row in whole.history]


def test_with_both_lost_it_goes_on_from_the_best(config, capsys):
    config = interrupted(config, 2)
    run = Run(Path(config.ckpt_dir))
    best = read_checkpoint(run.best)["epoch"]
    run.last.unlink()
    run.previous.unlink()
    assert len(train(config).history) == 3
    said = capsys.readouterr().out
    assert f"after epoch {best} of 3" in said and "the optimizer starts afresh" in said


def test_a_run_of_which_nothing_can_be_read_is_not_overwritten(config):
    train(config)
    run = Run(Path(config.ckpt_dir))
    files = [run.last, run.best, run.best_by_loss]
    for path in files:
        path.write_bytes(b"half")
    with pytest.raises(UserError, match="cannot be continued.*damaged"):
        train(config)
    assert all(path.read_bytes() == b"half" for path in files)


def test_a_history_without_checkpoints_is_not_overwritten(config):
    run = train(config)
    for path in (run.last, run.best, run.best_by_loss):
        path.unlink()
    with pytest.raises(UserError, match="there is a history.csv, but no checkpoint"):
        train(config)


def test_a_best_that_is_better_is_never_overwritten(config):
    config = interrupted(config, 2)
    run = Run(Path(config.ckpt_dir))
    best = torch.load(run.best, weights_only=True)
    best["metrics"].update(map=0.99, epoch=2)
    torch.save(best, run.best)
    train(config)
    assert read_checkpoint(run.best)["metrics"]["map"] == 0.99


def test_an_evaluation_that_fails_loses_no_epoch(config, monkeypatch):
    whole = train(change(config, epochs=2, ckpt_dir=config.ckpt_dir + "whole"))
    config = change(config, epochs=2)
    with monkeypatch.context() as m:
        m.setattr(loop, "measure", lambda *a: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            train(config)
    assert read_checkpoint(Run(Path(config.ckpt_dir)).last)["epoch"] == 1
    continued = train(config)
    assert [r["map"] for r in continued.history] == [r["map"] for r in whole.history]
    assert json.dumps(continued.history) == json.dumps(whole.history)


def test_temporary_files_of_a_killed_save_are_swept(config):
    folder = Path(config.ckpt_dir)
    folder.mkdir(parents=True)
    (folder / ".last.pth.x1y2").write_bytes(b"half")
    (folder / ".mine").write_text("stays")
    train(config)
    assert sorted(path.name for path in folder.glob(".*")) == [".mine"]


def test_the_learning_rate_never_rises_past_its_end():
    factors = [lr_factor(step, 100, 0.1) for step in range(10, 300)]
    assert factors == sorted(factors, reverse=True) and factors[-1] == 0


def test_of_equal_map_the_lower_loss_is_best(tmp_path):
    run = Run(tmp_path, [{"map": -1.0, "val_loss": 0.5}])
    assert run.best in new_bests(run, {"map": -1.0, "val_loss": 0.4})
    assert new_bests(run, {"map": -1.0, "val_loss": 0.6}) == []


def test_data_without_a_box_is_not_trained_on(config, tmp_path):
    source = read_annotations(config.train_ann)
    for record in source.records:
        record.update(boxes=[], labels=[])
    empty = write_annotations(source, tmp_path / "empty")
    with pytest.raises(UserError, match="no box to learn from.*conversion_report.json"):
        train(change(config, train_ann=str(empty)))


@pytest.mark.parametrize("seed", [184_000_001, 1_764_000_000, 2**31 - 1])
def test_a_seed_from_a_clock_works(config, seed):
    assert len(train(change(config, seed=seed)).history) == 1


def test_train_with_a_path_shows_the_right_call():
    with pytest.raises(UserError, match=r"train\(load_config\('c.yaml'\)\)"):
        train("c.yaml")


def test_resumed_rates_are_those_of_the_new_length(config):
    train(config)
    longer = change(config, epochs=4)
    data = loop.load_data(longer)
    trainer = Trainer(longer, *data, Run(Path(longer.ckpt_dir)).begun())
    step, steps = 2, 8  # two steps an epoch
    wanted = longer.lr * lr_factor(step, steps, longer.warmup)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(wanted)


def test_best_checkpoints_are_those_of_the_best_epochs(tmp_path):
    run = Run(tmp_path, [{"map": 0.3, "val_loss": 1.0}, {"map": 0.2, "val_loss": 1.5}])
    assert new_bests(run, {"map": 0.4, "val_loss": 1.2}) == [run.best]
    assert new_bests(run, {"map": 0.25, "val_loss": 0.9}) == [run.best_by_loss]
    assert new_bests(run, {"map": 0.1, "val_loss": 2.0}) == []
