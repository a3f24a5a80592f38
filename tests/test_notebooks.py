"The notebooks are the source: in sync, light, linked, and running from top to bottom."

import configparser
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import house
import pytest
from conftest import REPO

NOTEBOOKS = house.notebooks()
BIN = Path(sys.executable).parent
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in house.cells(path) if cell["cell_type"] == "code"]


def outputs(path):
    return [output for cell in code_cells(path) for output in cell["outputs"]]


def reachable(host):
    try:
        socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def home():
    "owner/repository, as settings.ini has it."
    settings = configparser.ConfigParser()
    settings.read(REPO / "settings.ini")
    return "{user}/{repo}".format(**settings["DEFAULT"])


def exported_files(root):
    package = root / "dinofrcnn"
    return {p.relative_to(package).as_posix(): p.read_text() for p in package.rglob("*.py")}


def test_the_library_is_what_the_notebooks_export(tmp_path):
    shutil.copytree(REPO / "nbs", tmp_path / "nbs", ignore=shutil.ignore_patterns("runs"))
    shutil.copy(REPO / "settings.ini", tmp_path)
    (tmp_path / "dinofrcnn").mkdir()
    subprocess.run([BIN / "nbdev_export"], cwd=tmp_path, check=True, capture_output=True)
    exported, kept = exported_files(tmp_path), exported_files(REPO)
    assert sorted(exported) == sorted(kept)
    changed = [name for name in kept if exported[name] != kept[name]]
    assert changed == [], "run `make export`; the .py files are not edited"


@pytest.mark.timeout(900)
@each
def test_runs_from_top_to_bottom(path, tmp_path):
    "In a folder with nothing of the repository in it, as in Colab."
    local = os.environ.get("DINOFRCNN_DATASETS")
    if 'download("bccd"' in (REPO / path).read_text() and not (local or reachable("github.com")):
        pytest.skip("needs BCCD: set DINOFRCNN_DATASETS to the folder of bccd/, or have a network")
    folder = tmp_path / "empty"
    folder.mkdir()
    shutil.copy(REPO / path, folder)
    env = {**os.environ, "HOME": str(tmp_path), "MPLBACKEND": "agg"}
    command = [BIN / "exec_nb", path.name, "--dest", "out.ipynb", "--exc_stop"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    ran = json.loads((folder / "out.ipynb").read_text())["cells"]
    shown = [output for cell in ran for output in cell.get("outputs", [])]
    errors = [output for output in shown if output["output_type"] == "error"]
    assert not errors, errors[0]["evalue"]


@each
def test_a_reader_on_github_sees_its_outputs(path):
    metadata = json.loads((REPO / path).read_text())["metadata"]
    assert "widgets" not in metadata, "GitHub refuses notebooks with metadata.widgets"
    assert outputs(path)
    assert [output for output in outputs(path) if output["output_type"] == "error"] == []
    png = [output for output in outputs(path) if "image/png" in output.get("data", {})]
    assert png == [], "figures are JPEG: call notebook_style()"
    assert (REPO / path).stat().st_size < 400 * 1024


@each
def test_stored_outputs_name_no_folder_of_the_machine(path):
    said = json.dumps([output for output in outputs(path)])
    places = r"/(?:tmp|root|home|Users)/[.\w]+|/\S+/data_samples|(?<![\w….])/\S+/bccd/"
    assert re.findall(places, said) == []


@each
def test_opens_with_badge_promise_and_setup_cell(path, home):
    first = house.cells(path)[0]["source"]
    assert f"colab.research.google.com/github/{home}/blob/main/{path.as_posix()})" in first
    assert re.search(r"^# ", first, re.MULTILINE) and re.search(r"^> ", first, re.MULTILINE)
    assert "**Takes**" in first and "**You will see**" in first
    sources = [cell["source"] for cell in code_cells(path)]
    setup = next(source for source in sources if "google.colab" in source)
    assert f'git+https://github.com/{home}"' in setup
    assert not re.search(r"%pip.*\b(torch|torchvision|numpy)\b", setup)


@pytest.mark.parametrize("path, following", zip(NOTEBOOKS, NOTEBOOKS[1:], strict=False))
def test_ends_with_recap_and_the_next_notebook(path, following):
    last = house.cells(path)[-1]["source"]
    assert "## Recap" in last and "**Try" in last
    assert "**Next:**" in last and f"]({os.path.relpath(following, path.parent)})" in last


@each
def test_links_to_other_notebooks_lead_somewhere(path):
    text = "\n".join(cell["source"] for cell in house.cells(path))
    for target in re.findall(r"\]\(([^)#:]+\.ipynb)\)", text):
        assert ((REPO / path).parent / target).exists(), target


@each
def test_export_is_the_first_line_of_its_cell(path):
    for cell in house.cells(path):
        assert "#| export" not in cell["source"] or cell["source"].startswith("#| export")
        assert "%%capture" not in cell["source"]


def test_every_mention_of_the_repository_is_the_one_in_settings(home):
    mention = r"github\.com/(?:github/)?(dinofrcnn/[\w-]+|[\w-]+/dinofrcnn)"
    for path in [*NOTEBOOKS, Path("README.md"), Path("CONTRIBUTING.md")]:
        found = re.findall(mention, (REPO / path).read_text())
        assert set(found) <= {home}, path
