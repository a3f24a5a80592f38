"The run folder: its history, its config, and other settings that are refused."

import csv

import pytest

from dinofrcnn.runtime import UserError
from dinofrcnn.training.config import load_config
from dinofrcnn.training.loop import train


def test_history_has_a_row_per_epoch(config):
    run = train(config.model_copy(update={"epochs": 2}))
    with open(run.folder / "history.csv") as f:
        rows = list(csv.DictReader(f))
    assert [int(row["epoch"]) for row in rows] == [1, 2]
    assert float(rows[1]["train_loss"]) == pytest.approx(run.history[1]["train_loss"])


def test_other_settings_in_the_same_folder_are_refused_with_the_difference(config):
    train(config)
    with pytest.raises(UserError, match="lr 0.0005 → 0.1"):
        train(config.model_copy(update={"lr": 0.1}))


def test_config_of_the_run_is_kept_beside_the_results(config):
    assert load_config(train(config).folder / "config.yaml") == config
