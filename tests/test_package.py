"What `pip install` gives: tried in an environment of its own, away from the checkout."

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import REPO

UV = Path(sys.executable).parent / "uv"
needs_uv = pytest.mark.skipif(
    not UV.exists(), reason="uv is not installed here (make env installs it)"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    "Built by way of the source distribution, so that one is tried too."
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [UV, "build", "--quiet", "--out-dir", folder, REPO], check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


def files_below(folder, pattern="*"):
    "The files of the checkout in `folder`, as paths from the checkout's root."
    found = (REPO / folder).rglob(pattern)
    return {path.relative_to(REPO).as_posix() for path in found if path.is_file()}


@needs_uv
def test_wheel_holds_library_and_sample_data_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    packaged = {name for name in names if name.startswith("dinofrcnn/")}
    samples = {name for name in packaged if name.startswith("dinofrcnn/data_samples/")}
    assert packaged - samples == files_below("dinofrcnn", "*.py")
    assert {name.removeprefix("dinofrcnn/") for name in samples} == files_below("data_samples")
    assert {name.split("/")[0].split("-")[0] for name in names} == {"dinofrcnn"}
    assert wheel.stat().st_size < 4 * 2**20


COUNT_IMAGES = """
from dinofrcnn import *
print(len(DetectionDataset(*sample_data("here").train)))
"""
FIND_BUILD_TOOLS = """
from importlib.util import find_spec
print(find_spec("nbdev"), find_spec("fastcore"))
"""


@needs_uv
@pytest.mark.timeout(600)
def test_installed_into_an_empty_environment_it_works_without_the_checkout(wheel, tmp_path):
    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return " ".join(done.stdout.split())

    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env")
    python = tmp_path / "env/bin/python"
    run(UV, "pip", "install", "--quiet", "--python", python, wheel)
    assert "torchvision operators works" in run(tmp_path / "env/bin/dinofrcnn", "check")
    assert run(python, "-c", COUNT_IMAGES) == "40"
    assert run(python, "-c", FIND_BUILD_TOOLS) == "None None"
