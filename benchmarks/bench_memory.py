"""Peak memory of training on many images against few: it should not grow with the data.

    python benchmarks/bench_memory.py [--few 200] [--many 2000]

Each number of images is trained on for one epoch in a fresh process, features from the cache, with
a quarter as many images to validate on: the cache is filled, the head learns, the validation images
are measured. Tiny random backbone, drawn images of 64×96 pixels, five objects each. What counts is
the peak of the resident size on a CPU. The goal is at most 1.1×."""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from drawn import draw_split
from table import Clock, Row, show

SIZE = (64, 96)  # height, width
FEW, MANY = 200, 2000


def peak(images: int) -> float:
    "Peak memory in MiB of a run of one epoch on so many images; for a process of its own."
    from dinofrcnn.backbone.tiny import make_tiny_snapshot
    from dinofrcnn.training.config import TrainConfig
    from dinofrcnn.training.loop import train

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw_split(folder / "data", "train", images, SIZE)
        draw_split(folder / "data", "val", images // 4, SIZE)
        config = TrainConfig(
            model_id=str(make_tiny_snapshot(folder / "tiny", layers=2)),
            data_root=str(folder / "data"),
            cache_dir=str(folder / "cache"),
            ckpt_dir=str(folder / "run"),
            cache="on",
            device="cpu",
            views=["identity"],
            epochs=1,
            min_size=SIZE[0],
            max_size=SIZE[1],
            hidden_dim=32,
            anchor_sizes=[[8, 16], [16, 32], [32, 64]],
            rois_per_image=32,
        )
        train(config)
    # Not getrusage: its peak is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    assert found, "there is no such line outside Linux"
    return int(found[1]) / 2**10


def peak_in_fresh_process(images: int) -> float:
    "`peak`, measured by this script in a process of its own."
    command = [sys.executable, __file__, "--peak", str(images)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.splitlines()[-1])


def rows(_: Clock | None = None, few: int = FEW, many: int = MANY) -> list[Row]:
    small, large = peak_in_fresh_process(few), peak_in_fresh_process(many)
    name = f"peak memory of training, {many:,} images against {few:,}"
    note = f"{large:.0f} MiB against {small:.0f}"
    return [Row(name, large / small, 1.1, "at most", note=note)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--few", type=int, default=FEW)
    parser.add_argument("--many", type=int, default=MANY)
    # How many images: used by this script for its own fresh processes.
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak:
        print(peak(args.peak))
    else:
        show(rows(few=args.few, many=args.many))


if __name__ == "__main__":
    main()
