"What every room stands on: paths, files that are whole, and no import that takes time."

import io
import subprocess
import sys
from pathlib import Path

import pytest

from dinofrcnn import runtime
from dinofrcnn.runtime import UserError, atomic_write, expanded, progress, sweep_temporary


def test_importing_it_imports_pythons_own_library_only():
    "A command that imports nothing else of the library is answered at once."
    code = (
        "import sys; before = set(sys.modules); import dinofrcnn.runtime\n"
        "tops = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(tops - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['dinofrcnn']"


@pytest.mark.parametrize("path", [None, 7, ["a"]])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(UserError, match="a path is needed"):
        expanded(path)


def test_home_folder_of_the_moment_is_meant(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/a") == expanded(Path("~/a")) == tmp_path / "a"
    assert expanded("a/~") == Path("a/~")


class Killed(BaseException):
    pass


def test_temporary_files_of_names_with_brackets_are_swept(tmp_path):
    names = ["best [1].pth", "best*.pth"]
    for name in names:
        (tmp_path / f".{name}.k3x9").write_text("half")
    (tmp_path / ".best 1.pth.k3x9").write_text("of another file")
    swept = sweep_temporary(tmp_path, names)
    assert sorted(path.name for path in swept) == [f".{name}.k3x9" for name in sorted(names)]
    assert [path.name for path in tmp_path.iterdir()] == [".best 1.pth.k3x9"]


def test_atomic_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(Killed), atomic_write(tmp_path / "new/a.txt") as tmp:
        tmp.write_text("half")
        raise Killed
    assert list(tmp_path.rglob("*.txt*")) == []


def test_a_log_file_gets_a_line_twice_a_minute(capfd, monkeypatch):
    clock = iter(range(0, 1000, 20))  # every look at it is 20 seconds later
    monkeypatch.setattr(runtime.time, "monotonic", lambda: next(clock))
    assert list(progress(range(5), "counting")) == [0, 1, 2, 3, 4]
    said = capfd.readouterr().err.splitlines()
    assert said == ["counting: 1 of 5, 40 s", "counting: 3 of 5, 80 s"]


def test_what_is_done_at_once_leaves_a_log_file_alone(capfd):
    assert list(progress(range(1000), "counting")) == list(range(1000))
    assert capfd.readouterr().err == ""


def test_what_is_collected_for_a_notebook_stays_clean(monkeypatch):
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(runtime.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert len(list(progress(range(5), "counting"))) == 5
    assert sys.stderr.getvalue() == ""
