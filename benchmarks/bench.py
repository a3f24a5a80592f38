"""What the project promises about speed, memory and size: one table, and one file of results.

    python benchmarks/bench.py [NAME ...] [--output FILE] [--merge FILE] [--cpu_time]

Without names everything is measured and written to tests/benchmarks/results.json; it takes some 15
minutes on two quiet cores. With names only those are, and nothing is written unless --output says
where. --merge adds the rows of another such file, which say that they are from another run.
--cpu_time counts the processor's seconds of one thread, for a machine that is shared; then, too,
nothing is written by itself."""

import argparse
import importlib
import time
from pathlib import Path
from typing import Any

import table
import torch

# `rows` of benchmarks/bench_NAME.py
NAMES = ["step", "head", "epoch", "fill", "memory", "coco", "import"]
RESULTS = Path(__file__).parent.parent / "tests/benchmarks/results.json"


def measured(names: list[str], clock: table.Clock) -> list[dict[str, Any]]:
    "The rows of these benchmarks, printed as they come."
    rows = []
    for name in names:
        start = time.perf_counter()
        torch.manual_seed(table.SEED)
        new = [row.as_json() for row in importlib.import_module(f"bench_{name}").rows(clock)]
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        print("\n".join(table.lines(new)[1:]), flush=True)
        rows += new
    return rows


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--merge", type=Path)
    parser.add_argument("--cpu_time", action="store_true")
    args = parser.parse_args(arguments)
    whole = not args.names and not args.cpu_time
    output = args.output or (RESULTS if whole else None)
    others = table.rows_from(args.merge) if args.merge else []
    start = time.perf_counter()
    rows = measured(args.names or NAMES, table.clock_of(args.cpu_time)) + others
    print(f"\nall of it: {(time.perf_counter() - start) / 60:.0f} minutes")
    print("\n".join(table.lines(rows)))
    if output:
        table.write_results(output, rows)
        print(f"written to {output}")


if __name__ == "__main__":
    main()
