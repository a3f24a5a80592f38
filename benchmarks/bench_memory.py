"""Peak memory of training on many images against few: it should not grow with the data.

    python benchmarks/bench_memory.py [--few 200] [--many 2000]

Each number of images is trained on for one epoch in a fresh process, features from the cache, with
a quarter as many images to validate on: the cache is filled, the head learns, the validation images
are measured. Tiny random backbone, drawn images of 64×96 pixels, five objects each. What counts is
the peak of the resident size on a CPU. The goal is at most 1.1×."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

GOAL = 1.1
SIZE = (64, 96)  # height, width
CLASSES = ["block", "bar"]


def draw_split(root: Path, split: str, images: int) -> None:
    "Images of noise with five bright rectangles each, and their annotations."
    rng = np.random.default_rng(images)
    folder = root / "images" / split
    folder.mkdir(parents=True)
    records = []
    for number in range(images):
        pixels = rng.integers(0, 90, (*SIZE, 3), dtype=np.uint8)
        boxes = []
        for _ in range(5):
            x, y = int(rng.integers(0, 64)), int(rng.integers(0, 40))
            w, h = (int(side) for side in rng.integers(10, 24, 2))
            pixels[y : y + h, x : x + w] = 220
            boxes.append([x, y, x + w, y + h])
        name = f"{number:05}.jpg"
        Image.fromarray(pixels).save(folder / name)
        size = {"width": SIZE[1], "height": SIZE[0]}
        labels = [i % len(CLASSES) for i in range(len(boxes))]
        records.append({"file_name": name, **size, "boxes": boxes, "labels": labels})
    annotations = root / "annotations" / split
    annotations.mkdir(parents=True)
    (annotations / "annotations_torchvision.json").write_text(json.dumps(records))
    (annotations / "dataset_meta.json").write_text(json.dumps({"classes": CLASSES}))


def peak(images: int) -> float:
    "Peak memory in MiB of a run of one epoch on so many images; for a process of its own."
    from dinofrcnn.backbone.tiny import make_tiny_snapshot
    from dinofrcnn.training.config import TrainConfig
    from dinofrcnn.training.loop import train

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw_split(folder / "data", "train", images)
        draw_split(folder / "data", "val", images // 4)
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--few", type=int, default=200)
    parser.add_argument("--many", type=int, default=2000)
    # How many images: used by this script for its own fresh processes.
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak:
        print(peak(args.peak))
        return
    few, many = peak_in_fresh_process(args.few), peak_in_fresh_process(args.many)
    ratio = many / few
    print(f"{args.few} images {few:.0f} MiB, {args.many} images {many:.0f} MiB", flush=True)
    print(f"memory {ratio:.3f}×, goal {GOAL}×, {'reached' if ratio <= GOAL else 'MISSED'}")


if __name__ == "__main__":
    main()
