"""CPU seconds until `import dinofrcnn` is done, and until `dinofrcnn --help` has answered.

    python benchmarks/bench_import.py [--rounds 7]

Each in a fresh process, user and system time of all its threads, medians; Python's own start is in
it. The first round, which may compile and read from disk, is not counted."""

import argparse
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from table import Clock, Row, show

COMMANDS = {
    "bare Python": [sys.executable, "-c", "pass"],
    "import dinofrcnn": [sys.executable, "-c", "import dinofrcnn"],
    "dinofrcnn --help": [str(Path(sys.executable).with_name("dinofrcnn")), "--help"],
}


def cpu_seconds(command: list[str]) -> float:
    "User and system time that a process takes."
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows(_: Clock | None = None, rounds: int = 7) -> list[Row]:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            taken = cpu_seconds(command)
            if number:
                times[name].append(taken)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    bare = medians.pop("bare Python")
    note = f"bare Python takes {bare:.3g} s of it"
    return [
        Row(f"CPU time of `{name}`", taken, 0.3, "at most", "s", note)
        for name, taken in medians.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    show(rows(rounds=parser.parse_args().rounds))


if __name__ == "__main__":
    main()
