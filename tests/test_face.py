"The front door: names that are there without being imported."

import subprocess
import sys

import pytest
from conftest import REPO

import dinofrcnn
from dinofrcnn import FACE

PACKAGE = REPO / "dinofrcnn"


def fresh_python(code):
    "What a new Python process prints."
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("heavy", ["torch", "transformers"])
def test_importing_the_package_does_not_import(heavy):
    assert fresh_python(f"import sys, dinofrcnn; print({heavy!r} in sys.modules)") == "False"


@pytest.mark.parametrize("name, room", FACE.items())
def test_public_name_is_defined_in_its_room(name, room):
    assert getattr(dinofrcnn, name).__module__ == f"dinofrcnn.{room}"


def test_star_import_gives_the_public_names_and_nothing_else():
    known = "set(globals()) | {'known'}"
    code = f"known = {known}; from dinofrcnn import *; print(*sorted(set(globals()) - known))"
    assert fresh_python(code).split() == sorted(FACE)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = dinofrcnn.trian


def test_unknown_name_cannot_be_imported():
    with pytest.raises(ImportError, match="trian"):
        exec("from dinofrcnn import trian")


def test_completion_offers_every_public_name():
    assert set(FACE) <= set(dir(dinofrcnn))


def test_nothing_at_the_top_of_the_package_bears_the_name_of_a_public_function():
    "Else `from dinofrcnn import train` would give a module once that module was imported."
    tops = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {"runtime", "training"} <= tops
    assert tops & set(FACE) == set()


def test_a_public_name_stays_the_function_when_its_chapter_is_imported():
    code = "import dinofrcnn.training.loop; from dinofrcnn import train; print(callable(train))"
    assert fresh_python(code) == "True"
