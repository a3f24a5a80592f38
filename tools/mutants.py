"""Faults planted on purpose, to see that the tests notice: `make mutants`.

python tools/mutants.py                 plant every fault of tools/mutants.yaml, one after the other
python tools/mutants.py resume views    only those whose name holds one of these words
python tools/mutants.py --list          their names, and which tests must notice
python tools/mutants.py --check         only: does every entry still fit the code?

The checkout is never touched: its files are copied to a temporary folder, and everything happens
there. Exit code 1 where an entry is stale, a test fails without any fault, or a fault survives.
"""

import argparse
import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

REPO = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_suffix(".yaml")
PATIENCE = 300  # seconds for the tests of one fault
PASSED, FAILED, WRONG_COPY = 0, 1, 99  # exit codes, the first two pytest's
SLOW_IMPORTS = [  # made once, before the process is forked for every fault; not the library
    "pytest",
    "hypothesis",
    "torchvision",
    "transformers.models.dinov3_vit.modeling_dinov3_vit",
    "accelerate",
    "matplotlib.pyplot",
]


@dataclass
class Mutant:
    "A fault: in `file` the text `old`, which stands there once, becomes `new`."

    name: str
    file: str  # below dinofrcnn/
    old: str
    new: str
    tests: str  # those that must notice, by pytest's names below tests/, between blanks
    may_hang: bool = False  # whether tests that run out of time count as noticing

    def path(self, checkout: Path) -> Path:
        "The file to plant it in."
        return checkout / "dinofrcnn" / self.file


def read_table(words: list[str]) -> list[Mutant]:
    "The faults whose name holds one of `words`; all without words."
    mutants = [Mutant(**entry) for entry in yaml.safe_load(TABLE.read_text(encoding="utf-8"))]
    if not words:
        return mutants
    return [mutant for mutant in mutants if any(word in mutant.name for word in words)]


def staleness(mutant: Mutant, checkout: Path) -> list[str]:
    "Why an entry no longer fits the code, in clauses."
    path = mutant.path(checkout)
    times = path.read_text(encoding="utf-8").count(mutant.old) if path.is_file() else 0
    reasons = []
    if times != 1:
        reasons.append(f"the old text stands {times} times in {mutant.file}: {mutant.old}")
    for test in mutant.tests.split():
        file, _, function = test.partition("::")
        source = checkout / "tests" / file
        if not source.is_file() or f"def {function}(" not in source.read_text(encoding="utf-8"):
            reasons.append(f"there is no {test}")
    return reasons


def stale_entries(mutants: list[Mutant]) -> list[str]:
    "A line for each reason why an entry does not fit the code."
    lines = []
    for mutant in mutants:
        lines += [f"stale: {mutant.name}: {reason}" for reason in staleness(mutant, REPO)]
    return lines


def copy_checkout(folder: Path) -> None:
    "Copy what git tracks, or would track, as it is now."
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=REPO, check=True, capture_output=True, text=True).stdout
    for name in names.split("\0"):
        source = REPO / name
        if name and source.is_file():  # not one that was deleted
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(source.read_bytes())


def prepare(checkout: Path) -> None:
    "Import what is slow, and see to it that the library will be imported from `checkout`."
    # Without bytecode: a fault of the same length, planted in the same second, would not be seen.
    settings = {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    os.environ.update(settings)  # for processes that tests start
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(checkout))
    os.chdir(checkout)
    for name in SLOW_IMPORTS:
        importlib.import_module(name)


def run_pytest(checkout: Path, tests: list[str], log: Path) -> None:
    "What happens in a process of its own: its exit code is pytest's, its output goes to `log`."
    import pytest

    with open(log, "w", encoding="utf-8") as f:
        os.dup2(f.fileno(), 1)
        os.dup2(f.fileno(), 2)
    names = [f"tests/{test}" for test in tests]
    code = int(pytest.main(["-q", "-x", "--tb=short", "-p", "no:cacheprovider", *names]))
    library = sys.modules.get("dinofrcnn")
    if library and not Path(str(library.__file__)).is_relative_to(checkout):
        print(f"not the copy was imported, but {library.__file__}")
        code = WRONG_COPY
    sys.stdout.flush()
    sys.exit(code)


def run_tests(
    checkout: Path, tests: list[str], seconds: float | None = None
) -> tuple[int | None, str]:
    "Exit code and output of pytest, which stops at the first failure; None when out of time."
    log = checkout / "pytest.log"
    process = multiprocessing.get_context("fork").Process(
        target=run_pytest, args=(checkout, tests, log)
    )
    process.start()
    process.join(seconds)
    in_time = not process.is_alive()
    process.kill()
    process.join()
    return process.exitcode if in_time else None, log.read_text(encoding="utf-8")


def first_failure(output: str) -> str:
    "The name of the test that failed, from pytest's output."
    failed = [line for line in output.split("\n") if line.startswith(("FAILED ", "ERROR "))]
    if not failed:
        return "no test"
    name = failed[0].partition(" ")[2].partition(" - ")[0]
    return name.rpartition("::")[2]


def plant(mutant: Mutant, checkout: Path) -> tuple[bool, str]:
    "Whether the tests notice the fault, and how; it is taken out again."
    path = mutant.path(checkout)
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        code, output = run_tests(checkout, mutant.tests.split(), PATIENCE)
    finally:
        path.write_text(sound, encoding="utf-8")
    if code is None:
        return mutant.may_hang, f"out of time after {PATIENCE} s"
    if code not in (PASSED, FAILED):  # a fault that cannot even be imported proves nothing
        return False, f"pytest ended with {code}: {output[-1000:]}"
    return code == FAILED, first_failure(output)


def plant_all(mutants: list[Mutant], checkout: Path) -> list[str]:
    "Plant one fault after the other; returns the names of those that survive."
    survivors = []
    for mutant in mutants:
        start = time.monotonic()
        noticed, how = plant(mutant, checkout)
        if not noticed:
            survivors.append(mutant.name)
        word = "noticed " if noticed else "SURVIVED"
        seconds = time.monotonic() - start
        print(f"{word}  {mutant.name}  ({how}, {seconds:.0f} s)", flush=True)
    return survivors


def plant_in_copy(mutants: list[Mutant]) -> int:
    "Plant the faults in a copy of the checkout; returns the exit code."
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants.") as folder:
        checkout = Path(folder).resolve()
        copy_checkout(checkout)
        prepare(checkout)
        tests = sorted({test for mutant in mutants for test in mutant.tests.split()})
        code, output = run_tests(checkout, tests)
        if code != PASSED:
            print(f"the tests do not pass without any fault:\n{output}")
            return 1
        survivors = plant_all(mutants, checkout)
    print(f"{len(mutants)} faults planted in {time.monotonic() - start:.0f} s,", end=" ")
    print(f"{len(survivors)} survived", *survivors, sep="\n  ")
    return int(bool(survivors))


def main() -> int:
    "The command line; returns the exit code."
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*", help="only faults whose name holds one of these")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--check", action="store_true", help="only compare the table with the code")
    asked = parser.parse_args()
    mutants = read_table(asked.words)
    if not mutants:
        print(f"no fault has one of {asked.words} in its name")
        return 1
    if asked.list:
        for mutant in mutants:
            print(f"{mutant.name}  ({mutant.file}: {mutant.tests})")
        return 0
    stale = stale_entries(mutants)
    print("\n".join(stale) or f"{len(mutants)} faults fit the code", flush=True)
    if stale or asked.check:
        return int(bool(stale))
    return plant_in_copy(mutants)


if __name__ == "__main__":
    sys.exit(main())
