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


@needs_uv
def test_wheel_holds_library_and_sample_data_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    rooms = {p.name for p in (REPO / "dinofrcnn").glob("*.py")}
    assert {
        n.split("/")[1] for n in names if n.startswith("dinofrcnn/") and n.count("/") == 1
    } == rooms
    samples = {
        p.relative_to(REPO).as_posix() for p in (REPO / "data_samples").rglob("*") if p.is_file()
    }
    assert {
        n.removeprefix("dinofrcnn/") for n in names if n.startswith("dinofrcnn/data_samples/")
    } == samples
    assert {n.split("/")[0].split("-")[0] for n in names} == {
        "dinofrcnn"
    } and wheel.stat().st_size < 4 * 2**20


@needs_uv
@pytest.mark.timeout(600)
def test_installed_into_an_empty_environment_it_works_without_the_checkout(wheel, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = tmp_path / "env/bin/python"
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, wheel],
        check=True,
        capture_output=True,
    )
    run = lambda *line: (
        subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    )
    assert "torchvision operators works" in " ".join(
        run(tmp_path / "env/bin/dinofrcnn", "check").split()
    )
    assert (
        run(
            python,
            "-c",
            "from dinofrcnn.data import *; print(len(DetectionDataset(*sample_data('here').train)))",
        ).strip()
        == "40"
    )
    assert (
        run(
            python,
            "-c",
            "import importlib.util as u; print(u.find_spec('nbdev'), u.find_spec('fastcore'))",
        ).strip()
        == "None None"
    )
