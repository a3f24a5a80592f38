"""Our backbone pass against the bare transformers model on the same image: time and peak memory.

    python benchmarks/bench_backbone.py [--models S B L] [--rounds 5] [--device auto]
                                        [--precision fp32] [--cpu_time]

Time: the two are run in turn, so that a busy machine hurts both; medians. --cpu_time counts the CPU
seconds of one thread instead of the clock's, for a machine that is shared. Memory: each alone in a
fresh process (CPU: peak resident size) or after a reset of the counter (GPU: peak allocated).
Random weights; size 640×640, layers "four"."""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dinofrcnn.backbone.backbone import load_backbone
from dinofrcnn.backbone.tiny import make_tiny_snapshot

SIZES = {
    "S": dict(hidden_size=384, layers=12, heads=6),
    "B": dict(hidden_size=768, layers=12, heads=12),
    "L": dict(hidden_size=1024, layers=24, heads=16),
    "H+": dict(hidden_size=1280, layers=32, heads=20, use_gated_mlp=True, hidden_act="silu"),
}
Functions = dict[str, Callable[[], Any]]  # what to measure, by the name of the side


def prepare(folder: str, args: argparse.Namespace) -> tuple[Functions, torch.device]:
    "Two functions that do the same work: ours, and the bare model inside the same autocast."
    backbone = load_backbone(folder, device=args.device, precision=args.precision)
    image = torch.rand(3, 640, 640, generator=torch.Generator().manual_seed(0)).to(backbone.device)

    def ours() -> Any:
        return backbone([image])

    def bare() -> Any:
        with torch.inference_mode(), backbone.compute.autocast():
            pixels = (image - backbone.mean) / backbone.std
            return backbone.model(pixels[None]).last_hidden_state

    return {"ours": ours, "bare": bare}, backbone.device


def seconds(
    function: Callable[[], Any],
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    "How long one call takes; on a GPU until its work is done."
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = clock()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def peak(folder: str, side: str, args: argparse.Namespace) -> float:
    "Peak memory in MiB of one side after three passes."
    functions, device = prepare(folder, args)
    for _ in range(3):
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        functions[side]()
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    # Not getrusage: its peak is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 2**10


def peak_in_fresh_process(folder: str, side: str, args: argparse.Namespace) -> float:
    "`peak`, measured by this script in a process of its own."
    options = ["--device", args.device, "--precision", args.precision]
    command = [sys.executable, __file__, *options, "--peak", folder, side]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_time(folder: str, args: argparse.Namespace) -> tuple[float, float, float]:
    "Median seconds of ours and of the bare model, and the median of their ratio."
    clock = time.process_time if args.cpu_time else time.perf_counter
    functions, device = prepare(folder, args)
    for function in functions.values():
        seconds(function, device)
    rounds = []
    for i in range(args.rounds):
        order = ("ours", "bare") if i % 2 == 0 else ("bare", "ours")
        rounds.append({side: seconds(functions[side], device, clock) for side in order})
    ours = statistics.median(r["ours"] for r in rounds)
    bare = statistics.median(r["bare"] for r in rounds)
    return ours, bare, statistics.median(r["ours"] / r["bare"] for r in rounds)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["S", "B"], choices=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--cpu_time", action="store_true")
    # Folder and side: used by this script for its own fresh processes.
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    if args.peak:
        print(peak(*args.peak, args))
        return
    if args.cpu_time:
        torch.set_num_threads(1)
    print("model     ours s    bare s    time     ours MiB  bare MiB  memory")
    for name in args.models:
        with tempfile.TemporaryDirectory() as folder:
            make_tiny_snapshot(folder, **SIZES[name])
            ours, bare, ratio = measure_time(folder, args)
            mine = peak_in_fresh_process(folder, "ours", args)
            theirs = peak_in_fresh_process(folder, "bare", args)
        times = f"{ours:10.3f}{bare:10.3f}{ratio:8.3f}×"
        memory = f"{mine:12.0f}{theirs:10.0f}{mine / theirs:8.3f}×"
        print(f"{name:6}{times}{memory}", flush=True)


if __name__ == "__main__":
    main()
