"""Measured numbers in README and lessons: `python benchmarks/fill_tables.py` writes them.

A table stands between `<!-- table NAME -->` and `<!-- /table -->`, in README.md or in a text cell
of a notebook. It comes from tests/benchmarks/results.json, which `make bench` writes, or from
bccd.json beside it, which benchmarks/bccd.py writes."""

import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from table import read_results, shown

REPO = Path(__file__).resolve().parent.parent
BENCHMARKS = REPO / "tests/benchmarks"
PLACE = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)
Rows = list[dict[str, Any]]

# of each table from BCCD: what a line is called, and the runs it is made of: variant and budget
TABLES = {"bccd": {"configs/bccd.yaml": ("default", "48 epochs")}}


def markdown(head: list[str], lines: list[list[str]]) -> str:
    "A table of these cells."
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, rule, *lines])


def speed_table(rows: Rows) -> str:
    "What is promised about speed, memory and size, beside its goal."
    lines = []
    for row in rows:
        measured, goal = shown(row)
        missed = ", missed" if row["ok"] is False else ""
        lines.append([row["name"], measured + missed, goal])
    return markdown(["what", "measured", "goal"], lines)


def mean_and_range(numbers: list[float]) -> str:
    "'0.540 (0.531 to 0.552)', and of one number itself."
    if len(numbers) == 1:
        return f"{numbers[0]:.3f}"
    return f"{statistics.mean(numbers):.3f} ({min(numbers):.3f} to {max(numbers):.3f})"


def bccd_table(rows: Rows, lines: dict[str, tuple[str, str]]) -> str:
    "AP on BCCD's validation photographs: mean and range over the seeds."
    head = ["", "seeds", "epochs", "minutes", "AP", "AP50", "AP of platelets, the smallest"]
    cells = []
    for label, wanted in lines.items():
        runs = [row for row in rows if (row["variant"], row["budget"]) == wanted]
        epochs, minutes = (
            statistics.mean(run[key] for run in runs) for key in ("epochs", "minutes")
        )
        measured = [mean_and_range([run["best"][key] for run in runs]) for key in ("map", "map50")]
        smallest = statistics.mean(run["per_class"]["Platelets"]["ap"] for run in runs)
        cells.append([label, str(len(runs)), f"{epochs:.0f}", f"{minutes:.1f}"])
        cells[-1] += [*measured, f"{smallest:.3f}"]
    return markdown(head, cells)


def table(name: str) -> str:
    "The table of that name."
    if name == "speed":
        return speed_table(read_results(BENCHMARKS / "results.json")["rows"])
    return bccd_table(read_results(BENCHMARKS / "bccd.json"), TABLES[name])


def filled(text: str) -> str:
    "The text with all tables in it as they are now."
    return PLACE.sub(lambda match: match[1] + table(match[2]) + match[3], text)


def fill_notebook(path: Path) -> str:
    "The text of the notebook's file with all tables in it as they are now."
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and PLACE.search(source):
            cell["source"] = filled(source).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def places() -> dict[Path, Callable[[], str]]:
    "The files that have tables, and how each is filled."
    readme = REPO / "README.md"
    found: dict[Path, Callable[[], str]] = {readme: lambda: filled(readme.read_text("utf-8"))}
    for path in sorted((REPO / "nbs").rglob("*.ipynb")):
        if "<!-- table " in path.read_text(encoding="utf-8"):
            found[path] = lambda path=path: fill_notebook(path)
    return found


def main() -> None:
    for path, fill in places().items():
        path.write_text(fill(), encoding="utf-8")


if __name__ == "__main__":
    main()
