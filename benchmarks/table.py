"""What every benchmark shares: sides measured in turn, rows with a goal, the machine, the file.

A module `bench_NAME.py` has a function `rows(clock)`, which returns a list of `Row`; `bench.py`
calls those of all modules, prints one table and writes one file."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dinofrcnn.runtime import StrPath, atomic_write

Clock = Callable[[], float]  # seconds
Sides = dict[str, Callable[[], int]]  # by name: does some work, returns how many things it did
PACKAGES = ("torch", "torchvision", "transformers", "dinofrcnn")
SEED = 0  # of every benchmark


@dataclass(frozen=True)
class Row:
    "A promise and what was measured of it."

    name: str
    ratio: float | None  # what was measured; None: it was not, and `note` says why
    goal: float
    direction: str = "at least"  # or "at most"
    unit: str = "×"
    note: str = ""

    def __post_init__(self) -> None:
        if self.direction not in ("at least", "at most"):
            raise ValueError(f"direction '{self.direction}' is neither 'at least' nor 'at most'")

    @property
    def ok(self) -> bool | None:
        "Whether the goal is met; None where nothing was measured."
        if self.ratio is None:
            return None
        return self.ratio >= self.goal if self.direction == "at least" else self.ratio <= self.goal

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


def seconds(function: Callable[[], int], clock: Clock) -> float:
    "Seconds per thing that `function` does."
    start = clock()
    done = function()
    return (clock() - start) / done


def alternate(
    sides: Sides,
    rounds: int = 5,
    clock: Clock = time.perf_counter,
    warm_up: bool = True,
) -> dict[str, list[float]]:
    """Seconds per thing of every round, by side.

    The sides are run in turn, so that a busy machine hurts all of them, and in every other round
    the other way round. A first round that warms up is not counted."""
    if warm_up:
        for function in sides.values():
            function()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for i in range(rounds):
        names = list(sides) if i % 2 == 0 else list(reversed(sides))
        for name in names:
            times[name].append(seconds(sides[name], clock))
    return times


def median_ratio(times: dict[str, list[float]], above: str, below: str) -> float:
    "The median over the rounds of the time of side `above`, divided by that of side `below`."
    return statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))


def in_words(times: dict[str, list[float]], names: list[str], thing: str) -> str:
    "The medians of some sides: '0.031 (ours), 1.43 (theirs) s per image, 5 rounds'."
    parts = [f"{statistics.median(times[name]):.3g} ({name})" for name in names]
    return f"{', '.join(parts)} s per {thing}, {len(times[names[0]])} rounds"


def cpu_name() -> str:
    "The model of the processor, as Linux has it; elsewhere what Python knows."
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def memory_bytes() -> int:
    "The memory of the machine."
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def surroundings() -> dict[str, Any]:
    "Machine, versions, date and seeds: what a number is worth nothing without."
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = round(memory_bytes() / 2**30, 1)
    return {
        "date": date.today().isoformat(),
        "machine": {
            "cpu": cpu_name(),
            "cores": cores,
            "threads": torch.get_num_threads(),
            "memory_gib": memory,
        },
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
        "seeds": [SEED],
    }


def shown(row: dict[str, Any]) -> tuple[str, str]:
    "What was measured and the goal, as they are written: '13.7×' and '≥ 12×'."
    unit = row["unit"] if row["unit"] == "×" else f" {row['unit']}"
    measured = "–" if row["ratio"] is None else f"{row['ratio']:.3g}{unit}"
    return measured, f"{'≥' if row['direction'] == 'at least' else '≤'} {row['goal']:g}{unit}"


def lines(rows: list[dict[str, Any]]) -> list[str]:
    "The table, a line per row (see `Row.as_json`) and one above."
    width = max((len(row["name"]) for row in rows), default=4)
    table = [f"{'what':{width}}  {'measured':>10}  {'goal':>10}"]
    for row in rows:
        measured, goal = shown(row)
        verdict = {True: "reached", False: "MISSED", None: "not measured"}[row["ok"]]
        said = f"{verdict}: {row['note']}" if row["note"] else verdict
        table.append(f"{row['name']:{width}}  {measured:>10}  {goal:>10}  {said}")
    return table


def read_results(path: StrPath) -> dict[str, Any]:
    "What `write_results` wrote."
    return json.loads(Path(path).read_text(encoding="utf-8"))


def rows_from(path: StrPath) -> list[dict[str, Any]]:
    "The rows of another file of results, each with the run it is from under 'measured'."
    other = read_results(path)
    run = {key: value for key, value in other.items() if key != "rows"}
    return [{"measured": run, **row} for row in other["rows"]]


def write_results(path: StrPath, rows: list[dict[str, Any]]) -> None:
    "Write rows and surroundings, in one step."
    results = {**surroundings(), "rows": rows}
    with atomic_write(path) as tmp:
        tmp.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def clock_of(cpu_time: bool) -> Clock:
    """The clock on the wall; or that of the processor, with one thread.

    The second is for a machine that is shared: its numbers decide, but are not promised.
    """
    if not cpu_time:
        return time.perf_counter
    import torch

    torch.set_num_threads(1)
    return time.process_time


def show(rows: list[Row]) -> None:
    "Print a table; for a benchmark that is run alone."
    print("\n".join(lines([row.as_json() for row in rows])), file=sys.stdout, flush=True)
