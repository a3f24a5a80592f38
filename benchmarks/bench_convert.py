"""Converting a COCO file of 118,000 images and 860,000 boxes, against json.load of the same file.

    python benchmarks/bench_convert.py [--images 118000] [--boxes 860000] [--runs 3]

Each run is a process of its own, so that peak memory is that of one job; medians are printed.
Targets: 3x the time, 2.5x the memory.
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


def image_entry(i: int) -> dict:
    return {
        "license": 3,
        "file_name": f"{i:012d}.jpg",
        "height": 480,
        "width": 640,
        "date_captured": "2013-11-14 11:18:45",
        "id": i,
    }


def annotation_entry(i: int, images: int, rng: random.Random) -> dict:
    "With a polygon of four corners, as boxes have them."
    x, y = round(rng.uniform(0, 560), 2), round(rng.uniform(0, 420), 2)
    w, h = round(rng.uniform(1, 80), 2), round(rng.uniform(1, 60), 2)
    polygon = [round(value, 2) for value in (x, y, x + w, y, x + w, y + h, x, y + h)]
    return {
        "segmentation": [polygon],
        "area": round(w * h, 4),
        "iscrowd": 0,
        "image_id": rng.randrange(images) + 1,
        "bbox": [x, y, w, h],
        "category_id": rng.randint(1, 90),
        "id": i,
    }


def make_coco(path: str, images: int, boxes: int):
    "Write a COCO instances file with the keys of the real one."
    rng = random.Random(0)
    thing = {"supercategory": "thing"}
    data = {
        "images": [image_entry(i + 1) for i in range(images)],
        "annotations": [annotation_entry(i + 1, images, rng) for i in range(boxes)],
        "categories": [{**thing, "id": i, "name": f"thing {i}"} for i in range(1, 91)],
    }
    Path(path).write_text(json.dumps(data))


def peak_memory() -> float:
    "Of this process, in MB."
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load_job(path: str):
    "Print the seconds of json.load, the peak memory, and the memory before it."
    before, start = peak_memory(), time.perf_counter()
    with open(path) as f:
        data = json.load(f)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, peak_memory(), before]))
    assert data["images"]


def convert_job(path: str):
    "Print the seconds of converting, the peak memory, and that of the imports alone."
    from dinofrcnn.labels.coco import convert_coco

    folder = Path(path).parent
    before, start = peak_memory(), time.perf_counter()
    report = convert_coco(path, folder, tempfile.mkdtemp(dir=folder), check_images=False)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, peak_memory(), before]))
    print(report, file=sys.stderr)


def median_of(job: str, path: Path, runs: int) -> list[float]:
    "Seconds, peak memory and memory before, each the median of `runs` processes."
    command = [sys.executable, __file__, "--job", job, str(path)]
    results = []
    for _ in range(runs):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        results.append(json.loads(done.stdout))
    return [statistics.median(column) for column in zip(*results, strict=True)]


def compare(images: int, boxes: int, runs: int):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instances.json"
        # In a process of its own: a child's peak memory starts at its parent's.
        size = ["--images", str(images), "--boxes", str(boxes)]
        subprocess.run([sys.executable, __file__, *size, "--job", "make", str(path)], check=True)
        megabytes = path.stat().st_size / 2**20
        print(f"{images:,} images, {boxes:,} boxes, {megabytes:.0f} MB, medians of {runs} runs")
        seconds, peak, _ = median_of("load", path, runs)
        print(f"json.load     {seconds:6.2f} s  peak {peak:6.0f} MB")
        our_seconds, our_peak, imports = median_of("convert", path, runs)
        of_which = f"of which {imports:.0f} MB are imports"
        print(f"convert_coco  {our_seconds:6.2f} s  peak {our_peak:6.0f} MB ({of_which})")
        times, memory = our_seconds / seconds, our_peak / peak
        print(f"ratio         {times:6.2f}    {memory:11.2f}   (targets: 3 and 2.5)")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--boxes", type=int, default=860_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job is None:
        return compare(args.images, args.boxes, args.runs)
    job, path = args.job
    if job == "make":
        return make_coco(path, args.images, args.boxes)
    return {"load": load_job, "convert": convert_job}[job](path)


if __name__ == "__main__":
    main()
