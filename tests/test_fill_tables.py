"Tables of measured numbers: what stands in README and lessons is what was measured."

import json

import fill_tables as tables
import pytest


def speed_row(**changes):
    row = {"name": "a step", "ratio": 13.66, "goal": 12, "direction": "at least", "unit": "×"}
    return {**row, "ok": True, **changes}


def run(seed, best, **changes):
    precisions = {"best": {"map": best, "map50": 0.9}, "epochs": 16, "minutes": 2.0}
    smallest = {"Platelets": {"ap": 0.4}}
    row = {"variant": "default", "budget": "16 epochs", "seed": seed, "per_class": smallest}
    return {**row, **precisions, **changes}


def test_a_number_stands_beside_its_goal():
    assert tables.speed_table([speed_row()]).endswith("| a step | 13.7× | ≥ 12× |\n")


def test_a_goal_that_is_missed_is_said():
    memory = speed_row(direction="at most", unit="MB", ok=False)
    assert "| 13.7 MB, missed | ≤ 12 MB |" in tables.speed_table([memory])
    assert "| – | ≥ 12× |" in tables.speed_table([speed_row(ratio=None, ok=None)])


def test_the_best_epochs_of_all_seeds_are_averaged():
    rows = [
        run(0, 0.5),
        run(1, 0.6),
        run(0, 0.9, variant="other"),
        run(0, 0.9, budget="13 minutes"),
    ]
    last = tables.bccd_table(rows, {"ours": ("default", "16 epochs")}).splitlines()[-1]
    assert last.startswith("| ours | 2 | 16 | 2.0 | 0.550 (0.500 to 0.600) | 0.900 (")


def test_one_seed_has_no_range():
    assert "| 0.500 | 0.900 |" in tables.bccd_table([run(0, 0.5)], {"a": ("default", "16 epochs")})


def test_the_text_around_a_table_stays(monkeypatch):
    monkeypatch.setattr(tables, "table", lambda name: f"new {name}\n")
    text = "before\n<!-- table one -->\nold\n<!-- /table -->\nbetween\n<!-- table two -->\n"
    text += "<!-- /table -->\nafter"
    filled = tables.filled(text)
    assert "old" not in filled
    for line in ("before", "new one", "between", "new two", "after"):
        assert filled.splitlines().count(line) == 1
    assert tables.filled(filled) == filled


def test_a_notebook_keeps_all_else(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "table", lambda name: "new\n")
    text = "<!-- table one -->\n<!-- /table -->"
    cells = [{"cell_type": kind, "source": [text]} for kind in ("markdown", "code")]
    notebook = tmp_path / "a.ipynb"
    notebook.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    first, second = json.loads(tables.fill_notebook(notebook))["cells"]
    assert "new\n" in first["source"] and second["source"] == [text]


PLACES = tables.places()


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.name)
def test_every_table_shows_what_was_measured(path):
    assert PLACES[path]() == path.read_text(encoding="utf-8"), (
        "run python benchmarks/fill_tables.py"
    )
