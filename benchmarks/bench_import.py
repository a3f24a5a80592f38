"""CPU seconds until `import dinofrcnn` is done, and until `dinofrcnn --help` has answered.

    python benchmarks/bench_import.py [--rounds 7]

Each in a fresh process, user and system time of all its threads, medians; Python's own start is in
it. The first round, which may compile and read from disk, is not counted. The goal is 0.3 s."""

import argparse
import resource
import statistics
import subprocess
import sys
from pathlib import Path

GOAL = 0.3  # seconds
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(args.rounds + 1):
        for name, command in COMMANDS.items():
            taken = cpu_seconds(command)
            if number:
                times[name].append(taken)
    for name, taken in times.items():
        median = statistics.median(taken)
        goal = "" if name == "bare Python" else f", goal {GOAL} s"
        print(f"{name:18}{median:.3f} s of CPU{goal}")


if __name__ == "__main__":
    main()
