"Plain style has limits, and they are measured: `python tools/measure.py` prints the numbers."

import ast

import house
import measure
import pytest
from conftest import REPO

NOTEBOOKS = house.notebooks()
PYTHON = [p for folder in ("tests", "tools", "benchmarks") for p in (REPO / folder).rglob("*.py")]
LIBRARY = measure.measure_library()
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.mark.parametrize(
    "name, limit",
    {
        "% of lines over 100 columns": 0,
        "syntax-tree nodes per line": 9,
        "statements joined by ;": 0,
        "one-line bodies per 1,000 lines": 0,
        "lines of the median function": 10,
        "lines of the longest function": 40,
        "lines of the largest module": 500,
    }.items(),
)
def test_library_stays_within(name, limit):
    assert LIBRARY[name] <= limit


@each_notebook
def test_no_line_of_a_lesson_is_over_100_columns(path):
    cells = measure.code_cells(REPO / path)
    assert [line for cell in cells for line in cell.split("\n") if len(line) > 100] == []


@each_notebook
def test_an_open_cell_has_at_most_15_lines(path):
    lessons = [s for s in measure.code_cells(REPO / path) if not measure.is_library(s)]
    assert [source for source in lessons if measure.open_length(source) > 15] == []


@each_notebook
def test_an_exported_cell_holds_one_definition(path):
    exported = [s for s in measure.code_cells(REPO / path) if s.startswith("#| export")]
    assert [source for source in exported if measure.definitions(source) > 1] == []


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.relative_to(REPO).as_posix())
def test_a_script_or_test_is_plain(path):
    source = path.read_text()
    assert [line for line in source.split("\n") if len(line) > 100] == []
    assert measure.semicolons(source) == 0
    assert measure.one_line_bodies(ast.parse(source)) == 0


def test_the_measures_see_what_they_measure():
    dense = "def f(x): return x\na = 1; b = 2\n"
    assert measure.one_line_bodies(ast.parse(dense)) == 1
    assert measure.semicolons(dense) == 1
    assert measure.definitions("def f():\n    pass\n\n\nclass A:\n    pass\n") == 2
    assert measure.open_length("a\n\nb\n") == 2
    assert measure.code_lines("# why\n\nx = 1  # what\n") == ["x = 1  # what"]
