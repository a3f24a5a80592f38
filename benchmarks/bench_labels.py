"""Converting YOLO labels and inspecting them, at 2,000 and at 20,000 images: is the work linear?

    python benchmarks/bench_labels.py [--images 2000 20000] [--boxes 10] [--runs 1]

Nothing is decoded: the converter does not look into the images, and the doctor looks at the labels
only. Each job is a process of its own, so that peak memory is that of one job; medians are printed.
Target: ten times the images take 11 times as long at most. Exit code 1 where they take longer.
"""

import argparse
import importlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

TARGET = 11  # times as long for ten times the images
JOBS = ("convert", "inspect")


def peak_memory() -> float:
    "Of this process, in MB."
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def label_rows(boxes: int, rng: random.Random) -> str:
    "The text of a YOLO file."
    rows = []
    for _ in range(boxes):
        width, height = rng.uniform(0.02, 0.1), rng.uniform(0.02, 0.1)
        x, y = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)
        rows.append(f"{rng.randrange(20)} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
    return "".join(rows)


def make_yolo(folder: Path, images: int, boxes: int) -> None:
    "A YOLO set; all its images are one file by many names."
    rng = random.Random(0)
    for name in "images", "labels":
        (folder / name).mkdir(parents=True)
    Image.new("RGB", (640, 480), "grey").save(folder / "one.jpg")
    (folder / "classes.txt").write_text("".join(f"thing {i}\n" for i in range(20)))
    for i in range(images):
        copy = folder / "images" / f"{i:06}.jpg"
        try:
            os.link(folder / "one.jpg", copy)
        except OSError:  # so many names only elsewhere
            copy.write_bytes((folder / "one.jpg").read_bytes())
        (folder / "labels" / f"{i:06}.txt").write_text(label_rows(boxes, rng))


def convert_job(folder: Path) -> None:
    from dinofrcnn.labels.yolo import convert_yolo

    classes = folder / "classes.txt"
    images, labels = folder / "images", folder / "labels"
    options = {"class_list": classes, "check_images": False, "force": True}
    convert_yolo(labels, images, folder / "ann", **options)


def inspect_job(folder: Path) -> None:
    from dinofrcnn.data.doctor import inspect

    str(inspect({"train": (folder / "images", folder / "ann")}, look=0))


def run_job(job: str, folder: Path) -> None:
    "Print the seconds of a job, the peak memory, and the memory of its imports alone."
    for module in "dinofrcnn.labels.yolo", "dinofrcnn.data.doctor":
        importlib.import_module(module)
    before, start = peak_memory(), time.perf_counter()
    {"convert": convert_job, "inspect": inspect_job}[job](folder)
    print(json.dumps([time.perf_counter() - start, peak_memory(), before]))


def median_of(job: str, folder: Path, runs: int) -> list[float]:
    "Seconds, peak memory and memory before, each the median of `runs` processes."
    command = [sys.executable, __file__, "--job", job, str(folder)]
    results = []
    for _ in range(runs):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    return [statistics.median(column) for column in zip(*results, strict=True)]


def compare(sizes: list[int], boxes: int, runs: int) -> int:
    "Measure every job at every size; 1 where one grows too fast."
    few, many = min(sizes), max(sizes)
    allowed = TARGET / 10 * many / few
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for images in sizes:
            make_yolo(Path(folder) / str(images), images, boxes)
            for job in JOBS:
                at, peak, imports = median_of(job, Path(folder) / str(images), runs)
                seconds[job, images] = at
                memory = f"peak {peak:5.0f} MB, of which {imports:.0f} are imports"
                print(
                    f"{job:8} {images:7,} images, {images * boxes:9,} boxes {at:7.2f} s  {memory}"
                )
    growth = {job: seconds[job, many] / seconds[job, few] for job in JOBS}
    for job, times in growth.items():
        print(f"{job:8} {many / few:.0f} times the images: {times:.1f} times as long", end="")
        print(f" (target: {allowed:.0f} at most)")
    return int(max(growth.values()) > allowed)


def main() -> int | None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, nargs=2, default=[2000, 20_000])
    parser.add_argument("--boxes", type=int, default=10, help="per image")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        return run_job(args.job[0], Path(args.job[1]))
    return compare(args.images, args.boxes, args.runs)


if __name__ == "__main__":
    sys.exit(main())
