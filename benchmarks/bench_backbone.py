"""Our backbone pass against the bare transformers model on the same image: time and peak memory.

    python benchmarks/bench_backbone.py [--models S B L] [--rounds 5] [--device auto] [--precision fp32] [--cpu_time]

Time: the two are run in turn, so that a busy machine hurts both; medians. --cpu_time counts the CPU seconds of one thread
instead of the clock's, for a machine that is shared. Memory: each alone in a fresh process (CPU:
peak resident size) or after a reset of the counter (GPU: peak allocated). Random weights; size 640×640, layers "four"."""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from dinofrcnn.backbone.backbone import load_backbone
from dinofrcnn.backbone.tiny import make_tiny_snapshot

SIZES = {
    "S": dict(hidden_size=384, layers=12, heads=6),
    "B": dict(hidden_size=768, layers=12, heads=12),
    "L": dict(hidden_size=1024, layers=24, heads=16),
    "H+": dict(hidden_size=1280, layers=32, heads=20, use_gated_mlp=True, hidden_act="silu"),
}


def prepare(folder, args):
    "Two functions without arguments that do the same work: ours, and the bare model inside the same autocast."
    backbone = load_backbone(folder, device=args.device, precision=args.precision)
    image = torch.rand(3, 640, 640, generator=torch.Generator().manual_seed(0)).to(backbone.device)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(backbone.precision)

    def ours():
        return backbone([image])

    def bare():
        with (
            torch.inference_mode(),
            torch.autocast(backbone.device.type, dtype, enabled=dtype is not None),
        ):
            return backbone.model(((image - backbone.mean) / backbone.std)[None]).last_hidden_state

    return {"ours": ours, "bare": bare}, backbone.device


def seconds(function, device, clock=time.perf_counter):
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = clock()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def peak(folder, which, args):
    "Peak memory in MiB of one side after three passes."
    functions, device = prepare(folder, args)
    for _ in range(3):
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        functions[which]()
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    # Not getrusage: its peak is inherited from the process that started this one.
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 2**10


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["S", "B"], choices=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--cpu_time", action="store_true")
    parser.add_argument(
        "--peak", nargs=2, help=argparse.SUPPRESS
    )  # folder, side: used by this script for its own fresh processes
    args = parser.parse_args()
    if args.peak:
        return print(peak(*args.peak, args))
    clock = time.process_time if args.cpu_time else time.perf_counter
    if args.cpu_time:
        torch.set_num_threads(1)
    print("model     ours s    bare s    time     ours MiB  bare MiB  memory")
    for name in args.models:
        with tempfile.TemporaryDirectory() as folder:
            make_tiny_snapshot(folder, **SIZES[name])
            functions, device = prepare(folder, args)
            for f in functions.values():
                seconds(f, device)
            rounds = [
                {side: seconds(functions[side], device, clock) for side in order}
                for order in [("ours", "bare"), ("bare", "ours")] * args.rounds
            ][: args.rounds]
            ours, bare = (statistics.median(r[side] for r in rounds) for side in ("ours", "bare"))
            ratio = statistics.median(r["ours"] / r["bare"] for r in rounds)
            del functions
            command = [
                sys.executable,
                __file__,
                "--device",
                args.device,
                "--precision",
                args.precision,
                "--peak",
                folder,
            ]
            mine, theirs = (
                float(
                    subprocess.run(
                        [*command, side], check=True, capture_output=True, text=True
                    ).stdout
                )
                for side in ("ours", "bare")
            )
            print(
                f"{name:6}{ours:10.3f}{bare:10.3f}{ratio:8.3f}×{mine:12.0f}{theirs:10.0f}{mine / theirs:8.3f}×",
                flush=True,
            )


if __name__ == "__main__":
    main()
