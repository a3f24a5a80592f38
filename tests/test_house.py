"The house: every room in its chapter, every import downwards, every name in one place."

import ast
import re
import subprocess
import sys
from collections import defaultdict

import house
import pytest
from conftest import REPO

ROOMS = list(house.rooms())
FRONT_DOOR = "__init__"  # the package itself: it names rooms in a table and imports none
HEAVY = [
    "transformers",
    "timm",
    "huggingface_hub",
    "accelerate",
    "matplotlib.pyplot",
    "ipywidgets",
    "pycocotools",
    "faster_coco_eval",
]


def fresh_python(code):
    "What a new Python process prints."
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room):
    assert [other for other in house.uses(room) if ROOMS.index(other) > ROOMS.index(room)] == []


def test_the_test_of_direction_is_not_blind():
    assert "labels.annotations" in house.uses("data.dataset")
    assert "backbone.sources" in house.uses("cli"), "an import inside a function counts too"
    assert sum(len(house.uses(room)) for room in ROOMS) > 100


def test_folders_of_notebooks_and_of_modules_have_the_same_names():
    for room, notebook in house.rooms().items():
        folders = [re.sub(r"^\d_", "", part) for part in notebook.parts[1:-1]]
        name = re.sub(r"^\d\d_", "", notebook.stem)
        assert room == ".".join([*folders, name]) or (room, name) == (FRONT_DOOR, "face")


def test_a_chapter_gives_its_rooms_their_first_digit():
    for notebook in house.notebooks():
        if notebook.parts[1] != "tutorials":
            assert re.match(r"\d\d_[a-z_]+$", notebook.stem), notebook
            assert len(notebook.parts) == 2 or notebook.parts[1][0] == notebook.stem[0], notebook


def test_every_number_is_given_once():
    numbers = [n.stem[:2] for n in house.notebooks() if n.parts[1] != "tutorials"]
    assert len(numbers) == len(set(numbers))


def test_every_public_name_stands_in_one_room():
    places = defaultdict(set)
    for room in ROOMS:
        tree = ast.parse(house.module_file(room).read_text())
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_":
                places[node.name].add(room)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_the_picture_in_contributing_shows_the_house_as_it_is():
    assert house.PICTURE.read_text().endswith(house.facts()), "run `make house`"
    assert "tools/house.svg" in (REPO / "CONTRIBUTING.md").read_text()


def test_readme_lists_every_notebook():
    assert house.table() in (REPO / "README.md").read_text(), "run `make house`"


def test_importing_every_room_is_light():
    "No transformers, no pyplot, no widgets until they are needed."
    modules = ", ".join(f"dinofrcnn.{room}" for room in ROOMS if room != FRONT_DOOR)
    code = f"import sys, {modules}; print([m for m in {HEAVY} if m in sys.modules])"
    assert fresh_python(code) == "[]"
