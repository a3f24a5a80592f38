"""Every lesson on a GPU that is not there: where devices mix, the message names notebook and cell.

How it is pretended, and what it cannot see, stands in `pretended_gpu`. That lessons which train do
learn something is seen in `test_notebooks`; here a few steps are enough.
"""

import os
import sys
import tempfile
import types

import house
import matplotlib.pyplot as plt
import pytest
from conftest import REPO
from pretended_gpu import pretended_gpu

FEW = "\n    train_limit=4,\n    val_limit=2,"
SHORTER = {  # what lessons say, and what is run instead
    "range(150)": "range(20)",
    "best.mean() > 0.7": "best.mean() > 0",
    "    epochs=4,": "    epochs=4," + FEW,
    "    epochs=10,": "    epochs=1," + FEW,
    "    epochs=20,": "    epochs=1," + FEW,
    "train_limit=40,": "train_limit=4,",
    "val_limit=12,": "val_limit=2,",
    "--epochs 2 ": "--epochs 1 --train-limit 4 --val-limit 2 ",
}


def cells_to_run(path):
    "(number, id, source) of the code cells, as they run outside Colab."
    found = []
    for number, cell in enumerate(house.cells(path)):
        if cell["cell_type"] == "code" and "#| eval: false" not in cell["source"]:
            found.append((number, cell["id"], cell["source"]))
    return found


def shortened(source):
    for long, short in SHORTER.items():
        source = source.replace(long, short)
    return source


@pytest.fixture
def folder():
    "Gone after the test: lessons write checkpoints of hundreds of megabytes."
    with tempfile.TemporaryDirectory() as path:
        yield path


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", house.notebooks(), ids=lambda path: path.stem)
def test_a_lesson_mixes_no_devices(path, folder, monkeypatch):
    if 'download("bccd"' in (REPO / path).read_text() and "DINOFRCNN_DATASETS" not in os.environ:
        pytest.skip("needs BCCD: set DINOFRCNN_DATASETS to the folder that holds bccd/")
    lesson = types.ModuleType("lesson")
    monkeypatch.setitem(sys.modules, "lesson", lesson)  # where classes of the lesson are looked up
    monkeypatch.setattr(tempfile, "tempdir", folder)
    monkeypatch.setenv("HOME", folder)
    monkeypatch.chdir(folder)
    plt.switch_backend("agg")
    with pretended_gpu(), plt.rc_context():
        for number, cell_id, source in cells_to_run(path):
            cell = f"{path}, cell {number} (id {cell_id})"
            try:
                exec(compile(shortened(source), cell, "exec"), lesson.__dict__)
            except Exception as e:
                raise AssertionError(f"{cell}: {type(e).__name__}: {e}") from e
    plt.close("all")


@pytest.mark.parametrize("text", SHORTER)
def test_what_is_run_shorter_stands_in_a_lesson(text):
    lessons = [source for path in house.notebooks() for _, _, source in cells_to_run(path)]
    assert any(text in source for source in lessons), "a lesson has changed: mend SHORTER"
