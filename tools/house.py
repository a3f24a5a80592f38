"""The house, read from the code: `python tools/house.py` draws it and writes README's table.

A room is a notebook and the module it exports; a chapter is a folder of rooms. Reading order is
path order, and an import runs only from a later room to an earlier one (tests/test_house.py).
"""

import ast
import json
import re
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
PICTURE = REPO / "tools/house.svg"
TABLE = re.compile(r"(?<=<!-- rooms -->\n).*?(?=<!-- /rooms -->)", re.DOTALL)


def notebooks(repo: Path = REPO) -> list[Path]:
    "All notebooks in reading order, relative to the repository."
    found = (path.relative_to(repo) for path in (repo / "nbs").rglob("*.ipynb"))
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def cells(notebook: Path, repo: Path = REPO) -> list[dict]:
    "The cells of a notebook, `source` joined to one text."
    content = json.loads((repo / notebook).read_text(encoding="utf-8"))
    return [{**cell, "source": "".join(cell["source"])} for cell in content["cells"]]


def title(notebook: Path) -> str:
    "The notebook's H1."
    return re.search(r"^# (.+)$", cells(notebook)[0]["source"], re.MULTILINE)[1]


def rooms() -> dict[str, Path]:
    "`{module: notebook}` in reading order; modules are named without the package: 'labels.yolo'."
    found = {}
    for notebook in notebooks():
        directives = [re.match(r"#\| default_exp (\S+)", c["source"]) for c in cells(notebook)]
        found.update({match[1]: notebook for match in directives if match})
    return found


def module_file(room: str) -> Path:
    "The exported file of a room."
    return REPO / "dinofrcnn" / (room.replace(".", "/") + ".py")


def imported_modules(room: str) -> set[str]:
    "Absolute names of all that a room imports, at the top or inside its functions."
    package = ["dinofrcnn", *room.split(".")[:-1]]
    names = set()
    for node in ast.walk(ast.parse(module_file(room).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def uses(room: str) -> set[str]:
    "The other rooms from which a room imports."
    inside = {name.removeprefix("dinofrcnn.") for name in imported_modules(room)}
    return (inside & set(rooms())) - {room}


def chapter(room: str) -> str:
    "The chapter a room stands in; a room outside all chapters is one of its own."
    return room.split(".")[0]


def chapters() -> dict[str, list[str]]:
    "`{chapter: its rooms}` in reading order."
    found: dict[str, list[str]] = {}
    for room in rooms():
        found.setdefault(chapter(room), []).append(room)
    return found


def stands_on() -> dict[str, list[str]]:
    "`{chapter: the chapters it imports from}`, both in reading order."
    found = {}
    for name, inside in chapters().items():
        used = {chapter(other) for room in inside for other in uses(room)}
        found[name] = [other for other in chapters() if other in used - {name}]
    return found


def facts() -> str:
    "What the picture shows, as the comment that ends its file: tests/test_house.py compares it."
    return f"<!-- {json.dumps({'chapters': chapters(), 'stands on': stands_on()})} -->\n"


def shown(name: str) -> str:
    "How a chapter or room is written in the picture."
    return "front door" if name == "__init__" else name.split(".")[-1]


def draw() -> None:
    "The chapters as floors, bottom to top in reading order: their rooms, and whom they import."
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "house"})
    floors, below = chapters(), stands_on()
    numbers = {room: notebook.stem[:2] for room, notebook in rooms().items()}
    columns_at = 2.3 + 1.1 * max(map(len, floors.values()))  # right of the widest floor
    width = columns_at + 0.33 * len(floors)
    fig, ax = plt.subplots(figsize=(0.87 * width, 0.55 * len(floors) + 0.9))
    for level, (name, inside) in enumerate(floors.items()):
        ax.add_patch(plt.Rectangle((0, level), width, 0.86, color="#eef2f5"))
        ax.text(0.15, level + 0.43, shown(name), weight="bold", size=13, va="center")
        if name in numbers:  # a room that stands outside the chapters
            ax.text(1.9, level + 0.43, numbers[name], size=9, va="center")
        for i, room in enumerate(room for room in inside if room != name):
            ax.add_patch(plt.Rectangle((1.9 + 1.1 * i, level + 0.13), 1.04, 0.6, color="#b5dcf5"))
            center = 2.42 + 1.1 * i
            ax.text(center, level + 0.52, shown(room), size=9, ha="center", va="center")
            ax.text(center, level + 0.27, numbers[room], size=7, ha="center", va="center")
        columns = [columns_at + 0.33 * list(floors).index(other) for other in below[name]]
        ax.plot(columns, [level + 0.43] * len(columns), "o", color="#D55E00", ms=7)
        ax.plot(columns_at + 0.33 * level, level + 0.43, "s", color="#9aa5ae", ms=7)
        label = {"rotation": 60, "size": 9.5, "ha": "left", "va": "bottom"}
        ax.text(columns_at - 0.1 + 0.33 * level, len(floors) + 0.05, shown(name), **label)
    ax.text(
        columns_at - 0.35, len(floors) + 0.3, "imports from", size=9.5, ha="right", style="italic"
    )
    ax.set(xlim=(0, width + 0.6), ylim=(0, len(floors) + 1.6))
    ax.axis("off")
    fig.savefig(PICTURE, bbox_inches="tight", metadata={"Date": None})
    with open(PICTURE, "a", encoding="utf-8") as f:
        f.write(facts())


def table() -> str:
    "README's table of notebooks."
    lines = ["| notebook | its lesson | exports |", "|---|---|---|"]
    exported = {notebook: room for room, notebook in rooms().items()}
    for notebook in notebooks():
        room = exported.get(notebook, "")
        module = f"`dinofrcnn.{room}`".replace(".__init__", "") if room else ""
        name = notebook.relative_to("nbs").with_suffix("").as_posix()
        lines.append(f"| [{name}]({notebook.as_posix()}) | {title(notebook)} | {module} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    draw()
    readme = REPO / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(TABLE.sub(lambda _: table(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
