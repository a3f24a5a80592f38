"""Converting a COCO file of 118,000 images and 860,000 boxes, against json.load of the same file.

    python benchmarks/bench_convert.py [--images 118000] [--boxes 860000] [--runs 3]

Each run is a process of its own, so that peak memory is that of one job; medians are printed. Targets: 3x the time, 2.5x the memory.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def make_coco(path, images: int, boxes: int):
    "Write a COCO instances file with the keys of the real one; polygons of four corners, as boxes have them."
    rng = random.Random(0)
    entry = lambda i: {
        "license": 3,
        "file_name": f"{i:012d}.jpg",
        "height": 480,
        "width": 640,
        "date_captured": "2013-11-14 11:18:45",
        "id": i,
    }

    def row(i):
        x, y = round(rng.uniform(0, 560), 2), round(rng.uniform(0, 420), 2)
        w, h = round(rng.uniform(1, 80), 2), round(rng.uniform(1, 60), 2)
        polygon = [round(v, 2) for v in (x, y, x + w, y, x + w, y + h, x, y + h)]
        return {
            "segmentation": [polygon],
            "area": round(w * h, 4),
            "iscrowd": 0,
            "image_id": rng.randrange(images) + 1,
            "bbox": [x, y, w, h],
            "category_id": rng.randint(1, 90),
            "id": i,
        }

    data = {
        "images": [entry(i + 1) for i in range(images)],
        "annotations": [row(i + 1) for i in range(boxes)],
        "categories": [
            {"supercategory": "thing", "id": i, "name": f"thing {i}"} for i in range(1, 91)
        ],
    }
    Path(path).write_text(json.dumps(data))


def job(kind: str, path: str, size: tuple):
    "One run in this process: prints seconds and peak memory in MB. Imports are not counted in the seconds."
    if kind == "make":
        return make_coco(path, *size)
    if kind == "convert":
        from dinofrcnn.convert import convert_coco
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    if kind == "load":
        with open(path) as f:
            data = json.load(f)
    else:
        report = convert_coco(
            path, Path(path).parent, tempfile.mkdtemp(dir=Path(path).parent), check_images=False
        )
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            [seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, before / 1024]
        )
    )
    if kind == "convert":
        print(report, file=sys.stderr)


def median_of(kind: str, path, runs: int):
    results = [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "--job", kind, str(path)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for _ in range(runs)
    ]
    return [statistics.median(column) for column in zip(*results)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--boxes", type=int, default=860_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        return job(*args.job, (args.images, args.boxes))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instances.json"
        # In a process of its own: a child's peak memory starts at its parent's.
        subprocess.run(
            [
                sys.executable,
                __file__,
                "--images",
                str(args.images),
                "--boxes",
                str(args.boxes),
                "--job",
                "make",
                str(path),
            ],
            check=True,
        )
        print(
            f"{args.images:,} images, {args.boxes:,} boxes, {path.stat().st_size / 2**20:.0f} MB, medians of {args.runs} runs"
        )
        load, convert = median_of("load", path, args.runs), median_of("convert", path, args.runs)
        print(f"json.load     {load[0]:6.2f} s  peak {load[1]:6.0f} MB")
        print(
            f"convert_coco  {convert[0]:6.2f} s  peak {convert[1]:6.0f} MB (of which {convert[2]:.0f} MB are imports)"
        )
        print(
            f"ratio         {convert[0] / load[0]:6.2f}    {convert[1] / load[1]:11.2f}   (targets: 3 and 2.5)"
        )


if __name__ == "__main__":
    main()
