"README's words are tried: its Python imports, its commands parse, its links lead somewhere."

import ast
import re

from conftest import REPO

import dinofrcnn

README = (REPO / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python_needs_one_import_line_from_the_front_door():
    tree = ast.parse("\n".join(blocks("python")))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in imports] == ["dinofrcnn"]
    names = {alias.name for alias in imports[0].names}
    assert names and names <= set(dinofrcnn.__all__)


def test_commands_are_understood():
    from dinofrcnn.cli import make_parser

    lines = [line for block in blocks("bash") for line in block.split("\n")]
    commands = [line.split()[1:] for line in lines if line.startswith("dinofrcnn ")]
    assert len(commands) >= 6
    for words in commands:
        assert make_parser().parse_args(words).run


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", README + (REPO / "CONTRIBUTING.md").read_text())
    assert len(targets) > 40
    assert [target for target in targets if not (REPO / target).exists()] == []
