"""How plain is the code? `python tools/measure.py [checkout]` measures library and lessons.

tests/test_tidy.py holds the limits. A line of code is one that is neither blank nor only a comment;
nodes are those of Python's syntax tree, so nodes per line say how much one line does.
"""

import ast
import io
import json
import statistics
import sys
import tokenize
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)
DEFINITION = (ast.FunctionDef, ast.ClassDef)


def library_files(repo: Path) -> list[Path]:
    "The exported modules; nbdev's index of them is no code of ours."
    return [p for p in sorted((repo / "dinofrcnn").rglob("*.py")) if p.name != "_modidx.py"]


def without_header(source: str) -> str:
    "A module without the list of its names, which nbdev writes as wide as it likes."
    lines = source.split("\n")
    starts = [i for i, line in enumerate(lines) if line.startswith("# %% ")]
    first_cell = starts[1] if len(starts) > 1 else 0
    return "\n".join(lines[first_cell:])


def code_lines(source: str) -> list[str]:
    "The lines that are neither blank nor only a comment."
    stripped = [line.strip() for line in source.split("\n")]
    return [line for line in stripped if line and not line.startswith("#")]


def semicolons(source: str) -> int:
    "Statements that share a line with the one before."
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return sum(token.type == tokenize.OP and token.string == ";" for token in tokens)


def one_line_bodies(tree: ast.AST) -> int:
    "Blocks that begin on the line of their `if`, `for`, `def`, …"
    blocks = [node for node in ast.walk(tree) if isinstance(node, COMPOUND)]
    return sum(node.body[0].lineno == node.lineno for node in blocks)


def body_length(function: ast.FunctionDef) -> int:
    "Lines of a function from its first statement after the docstring to its end."
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 1


def measure_library(repo: Path = REPO) -> dict:
    "The measures of the exported modules, `{name: number}`."
    sources = [without_header(p.read_text(encoding="utf-8")) for p in library_files(repo)]
    trees = [ast.parse(source) for source in sources]
    lines = [line for source in sources for line in source.split("\n")]
    code = sum(len(code_lines(source)) for source in sources)
    nodes = [node for tree in trees for node in ast.walk(tree)]
    lengths = [body_length(node) for node in nodes if isinstance(node, ast.FunctionDef)]
    classes = [n.end_lineno - n.lineno + 1 for n in nodes if isinstance(n, ast.ClassDef)]
    return {
        "modules": len(sources),
        "lines of the largest module": max(source.count("\n") for source in sources),
        "lines of code": code,
        "% of lines over 100 columns": 100 * sum(len(line) > 100 for line in lines) / len(lines),
        "% of lines over 120 columns": 100 * sum(len(line) > 120 for line in lines) / len(lines),
        "syntax-tree nodes per line": len(nodes) / code,
        "statements joined by ;": sum(map(semicolons, sources)),
        "one-line bodies per 1,000 lines": 1000 * sum(map(one_line_bodies, trees)) / len(lines),
        "lines of the median function": statistics.median(lengths),
        "lines of the longest function": max(lengths),
        "lines of the longest class": max(classes),
    }


def code_cells(notebook: Path) -> list[str]:
    "The sources of a notebook's code cells."
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def is_library(source: str) -> bool:
    "Whether a cell is exported, or only a directive or the set-up of Colab."
    return source.startswith("#|")


def definitions(source: str) -> int:
    "How many functions and classes a cell defines."
    return sum(isinstance(node, DEFINITION) for node in ast.parse(source).body)


def open_length(source: str) -> int:
    "Lines of a lesson cell that a reader reads: blank ones do not count."
    return sum(bool(line.strip()) for line in source.split("\n"))


def measure_lessons(repo: Path = REPO) -> dict:
    "The measures of the notebooks, `{name: number}`."
    notebooks = sorted((repo / "nbs").rglob("*.ipynb"))
    cells = [source for notebook in notebooks for source in code_cells(notebook)]
    exported = [source for source in cells if source.startswith("#| export")]
    lessons = [source for source in cells if not is_library(source)]
    return {
        "notebooks": len(notebooks),
        "code cells in the longest notebook": max(len(code_cells(n)) for n in notebooks),
        "KB of the largest notebook": max(n.stat().st_size for n in notebooks) / 1024,
        "exported cells": len(exported),
        "exported cells with several definitions": sum(definitions(s) > 1 for s in exported),
        "open cells": len(lessons),
        "open cells over 15 lines": sum(open_length(s) > 15 for s in lessons),
        "lines of code over 100 columns": sum(
            len(line) > 100 for source in cells for line in source.split("\n")
        ),
    }


def main() -> None:
    repo = Path(sys.argv[1]) if len(sys.argv) > 1 else REPO
    for title, measures in {
        "library": measure_library(repo),
        "lessons": measure_lessons(repo),
    }.items():
        print(title)
        for name, value in measures.items():
            print(f"  {name:42}{value:10.4g}")


if __name__ == "__main__":
    main()
