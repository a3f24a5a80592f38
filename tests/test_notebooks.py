"The notebooks are the source, so they are tested as such: in sync, in order, light, and running from top to bottom."

import ast
import configparser
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPO

NOTEBOOKS = sorted(
    p.relative_to(REPO)
    for p in (REPO / "nbs").rglob("*.ipynb")
    if ".ipynb_checkpoints" not in p.parts
)
ROOMS = {
    m.group(1): n
    for n in NOTEBOOKS
    if (m := re.search(r"default_exp (\w+)", (REPO / n).read_text()))
}
BIN = Path(sys.executable).parent
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells(path):
    return json.loads((REPO / path).read_text())["cells"]


def source(cell):
    return "".join(cell["source"])


def reachable(host):
    try:
        return not socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False


def test_the_library_is_what_the_notebooks_export(tmp_path):
    for name in "nbs", "settings.ini":
        (shutil.copytree if (REPO / name).is_dir() else shutil.copy)(REPO / name, tmp_path / name)
    (tmp_path / "dinofrcnn").mkdir()
    shutil.copy(REPO / "dinofrcnn/__init__.py", tmp_path / "dinofrcnn")
    subprocess.run([BIN / "nbdev_export"], cwd=tmp_path, check=True, capture_output=True)
    exported, kept = (
        {p.name: p.read_text() for p in (root / "dinofrcnn").glob("*.py")}
        for root in (tmp_path, REPO)
    )
    assert sorted(exported) == sorted(kept)
    assert [name for name in kept if exported[name] != kept[name]] == [], (
        "run `make export`; the .py files are not edited"
    )


@pytest.mark.timeout(900)
@each
def test_runs_from_top_to_bottom(path, tmp_path):
    "In a folder with nothing of the repository in it, as in Colab."
    if (
        'download("bccd"' in (REPO / path).read_text()
        and not os.environ.get("DINOFRCNN_DATASETS")
        and not reachable("github.com")
    ):
        pytest.skip(
            "needs BCCD: set DINOFRCNN_DATASETS to the folder that holds bccd/, or have a network"
        )
    folder = tmp_path / "empty"
    folder.mkdir()
    shutil.copy(REPO / path, folder)
    env = {**os.environ, "HOME": str(tmp_path), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [BIN / "exec_nb", path.name, "--dest", "out.ipynb", "--exc_stop"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    ran = json.loads((folder / "out.ipynb").read_text())["cells"]
    errors = [o for c in ran for o in c.get("outputs", []) if o["output_type"] == "error"]
    assert not errors, errors[0]["evalue"]


@each
def test_a_reader_on_github_sees_its_outputs(path):
    notebook = json.loads((REPO / path).read_text())
    assert "widgets" not in notebook["metadata"], "GitHub refuses notebooks with metadata.widgets"
    outputs = [o for c in notebook["cells"] for o in c.get("outputs", [])]
    assert outputs and not [o for o in outputs if o["output_type"] == "error"]
    assert not [o for o in outputs if "image/png" in o.get("data", {})], (
        "figures are JPEG: call notebook_style()"
    )
    assert (REPO / path).stat().st_size < 400 * 1024


@each
def test_opens_with_badge_promise_and_setup_cell(path):
    settings = configparser.ConfigParser()
    settings.read(REPO / "settings.ini")
    home = "{user}/{repo}".format(**settings["DEFAULT"])
    first, code = (
        source(cells(path)[0]),
        [source(c) for c in cells(path) if c["cell_type"] == "code"],
    )
    assert f"colab.research.google.com/github/{home}/blob/main/{path.as_posix()})" in first
    assert (
        re.search(r"^# ", first, re.M)
        and re.search(r"^> ", first, re.M)
        and "**Takes**" in first
        and "**You will see**" in first
    )
    setup = next(c for c in code if "google.colab" in c)
    assert f'git+https://github.com/{home}"' in setup and not re.search(
        r"%pip.*\b(torch|torchvision|numpy)\b", setup
    )


@each
def test_links_to_other_notebooks_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+\.ipynb)\)", "\n".join(source(c) for c in cells(path))):
        assert ((REPO / path).parent / target).exists(), target


@each
def test_export_is_the_first_line_of_its_cell(path):
    for cell in cells(path):
        if "#| export" in source(cell):
            assert source(cell).startswith("#| export"), source(cell)[:80]
        assert "%%capture" not in source(cell)


def test_every_mention_of_the_repository_is_the_one_in_settings():
    settings = configparser.ConfigParser()
    settings.read(REPO / "settings.ini")
    home = "{user}/{repo}".format(**settings["DEFAULT"])
    for path in [*NOTEBOOKS, Path("README.md"), Path("CONTRIBUTING.md")]:
        for found in re.findall(
            r"github\.com/(?:github/)?(dinofrcnn/[\w-]+|[\w-]+/dinofrcnn)",
            (REPO / path).read_text(),
        ):
            assert found == home, (path, found)


def test_a_room_imports_only_rooms_before_it():
    order, seen = sorted(ROOMS, key=lambda room: ROOMS[room].name), 0
    for room in order:
        tree = ast.parse((REPO / "dinofrcnn" / f"{room}.py").read_text())
        modules = [
            node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
        ] + [
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        ]
        modules += [
            f"dinofrcnn.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "dinofrcnn"
            for alias in node.names
        ]
        used = {name for module in modules if (name := module.removeprefix("dinofrcnn.")) in ROOMS}
        seen += len(used)
        assert {r for r in used if order.index(r) >= order.index(room)} == set(), room
    assert seen > 40, "hardly any import was seen: is this test blind?"


def test_importing_the_library_is_light():
    "No transformers, no pyplot, no widgets until they are needed."
    rooms = ", ".join(f"dinofrcnn.{room}" for room in ROOMS)
    heavy = [
        "transformers",
        "timm",
        "huggingface_hub",
        "accelerate",
        "matplotlib.pyplot",
        "ipywidgets",
        "pycocotools",
        "faster_coco_eval",
    ]
    code = f"import sys, dinofrcnn, {rooms}; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
