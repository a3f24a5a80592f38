"The table of `make bench`: its arithmetic, and the file of results. No time is measured here."

import json
from types import SimpleNamespace

import bccd
import bench
import pytest
import table
from conftest import REPO

from dinofrcnn.training.config import load_config

RESULTS = REPO / "tests/benchmarks/results.json"
FIELDS = {"name", "ratio", "goal", "direction", "unit", "note", "ok"}


def ticking(*steps):
    "A clock that moves on by these seconds, one after the other, whenever a side has run."
    readings = [0.0]
    for step in steps:
        readings += [readings[-1] + step, readings[-1] + step]
    return iter(readings).__next__


def recorder(calls, name, things=1):
    def side():
        calls.append(name)
        return things

    return side


@pytest.mark.parametrize(
    "measured, direction, ok",
    [
        (20.0, "at least", True),
        (19.9, "at least", False),
        (20.0, "at most", True),
        (20.1, "at most", False),
        (None, "at least", None),
    ],
)
def test_a_goal_is_met_at_the_goal_and_on_its_side(measured, direction, ok):
    assert table.Row("a", measured, 20, direction).ok is ok


def test_a_direction_that_is_none_is_refused():
    with pytest.raises(ValueError, match="neither 'at least' nor 'at most'"):
        table.Row("a", 1.0, 20, "≥")


def test_the_sides_take_turns_in_beginning():
    calls = []
    sides = {name: recorder(calls, name) for name in "ab"}
    table.alternate(sides, 3, ticking(*[1] * 6), warm_up=False)
    assert "".join(calls) == "abbaab"


def test_the_round_that_warms_up_is_not_counted():
    calls = []
    times = table.alternate({"a": recorder(calls, "a")}, 2, ticking(1, 1))
    assert len(calls) == 3
    assert len(times["a"]) == 2


def test_seconds_are_those_of_one_thing():
    times = table.alternate({"a": recorder([], "a", things=4)}, 1, ticking(8))
    assert times == {"a": [2.0]}


def test_the_time_of_a_side_is_its_own_in_every_round():
    sides = {name: recorder([], name) for name in "ab"}
    times = table.alternate(sides, 2, ticking(1, 2, 4, 8))
    assert times == {"a": [1, 8], "b": [2, 4]}


def test_a_ratio_is_the_median_of_the_rounds_and_not_of_the_sides():
    times = {"slow": [10.0, 90.0, 30.0], "fast": [1.0, 30.0, 2.0]}
    assert table.median_ratio(times, "slow", "fast") == 10


def test_a_goal_that_is_missed_is_said():
    rows = [table.Row("a", 3, 2, "at most"), table.Row("b", 3, 2), table.Row("c", None, 2)]
    said = table.lines([row.as_json() for row in rows])[1:]
    assert ["MISSED" in line for line in said] == [True, False, False]
    assert "not measured" in said[2]


@pytest.fixture
def one_fake(monkeypatch):
    "One benchmark, `fake`, is all there is."
    rows = [table.Row("fake", 3.0, 2), table.Row("skipped", None, 2, note="not here")]
    monkeypatch.setattr(bench, "NAMES", ["fake"])
    module = SimpleNamespace(rows=lambda clock: rows)
    monkeypatch.setattr(bench.importlib, "import_module", {"bench_fake": module}.__getitem__)


def test_results_are_written_and_read_back(one_fake, tmp_path):
    path = tmp_path / "results.json"
    bench.main(["--output", str(path)])
    results = table.read_results(path)
    assert [row["ok"] for row in results["rows"]] == [True, None]
    assert set(results["rows"][0]) == FIELDS
    assert results["versions"]["dinofrcnn"]


def test_a_part_of_the_table_does_not_replace_the_whole_file(one_fake, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    bench.main(["fake"])
    assert not bench.RESULTS.exists()
    bench.main([])
    assert bench.RESULTS.exists()


def test_merged_rows_say_that_they_are_from_another_run(one_fake, tmp_path):
    other = {"date": "2026-01-02", "machine": {"cpu": "x"}, "rows": [{"name": "AP", "ratio": 0.6}]}
    row = {"goal": 0.59, "direction": "at least", "unit": "AP", "note": "", "ok": True}
    other["rows"][0].update(row)
    (tmp_path / "ap.json").write_text(json.dumps(other))
    bench.main(["--output", str(tmp_path / "r.json"), "--merge", str(tmp_path / "ap.json")])
    mine, _, merged = table.read_results(tmp_path / "r.json")["rows"]
    assert merged["measured"] == {"date": "2026-01-02", "machine": {"cpu": "x"}}
    assert "measured" not in mine


def test_every_benchmark_that_is_named_is_there():
    missing = [n for n in bench.NAMES if not (REPO / f"benchmarks/bench_{n}.py").exists()]
    assert missing == []


@pytest.mark.parametrize("name", bccd.VARIANTS)
def test_every_variant_is_a_config(name):
    own = bccd.VARIANTS[name]
    config = load_config(REPO / "configs/bccd.yaml", **own).model_dump()
    assert {key: config[key] for key in own} == own


def test_photographs_of_another_size_have_anchors_of_another_size():
    config = load_config(REPO / "configs/bccd.yaml").model_dump()
    usual = bccd.photographs(config["max_size"] / 640)
    assert {key: config[key] for key in usual} == usual
    assert bccd.photographs(0.5)["max_size"] == 320


def test_many_views_are_all_different():
    assert len(set(bccd.many_views(64))) == 64


@pytest.mark.skipif(not RESULTS.exists(), reason="make bench has not written its results yet")
def test_the_results_that_are_kept_are_whole():
    results = table.read_results(RESULTS)
    assert set(results) == {"date", "machine", "versions", "seeds", "rows"}
    assert {"cpu", "cores", "memory_gib"} <= set(results["machine"])
    assert {"python", *table.PACKAGES} <= set(results["versions"])
    for row in results["rows"]:
        assert set(row) - {"measured"} == FIELDS
        assert row["ratio"] is not None or row["note"]
        measured = [row[key] for key in ("name", "ratio", "goal", "direction", "unit", "note")]
        assert table.Row(*measured).ok is row["ok"]
