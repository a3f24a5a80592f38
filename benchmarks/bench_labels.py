"""Converting labels and inspecting them: is the work linear, and how much is it at 100,000 images?

    python benchmarks/bench_labels.py [--images 2000 20000] [--many 100000] [--boxes 10] [--runs 1]

The pictures are small, so what is measured is the library's own work: finding, reading, judging,
writing. Each job is a process of its own, so that peak memory is that of one job; medians are
printed. Targets: ten times the images take 11 times the processor's time at most; --many images,
which are left out unless asked for, are converted in 60 s and 1 GB beside imports, from each
format. Exit code 1 where a target is missed.
"""

import argparse
import importlib
import io
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

TARGET = 11  # times the processor's time for ten times the images
MOST_SECONDS, MOST_MEMORY = 60, 1000  # of one conversion of `--many` images; MB beside imports
WIDTH, HEIGHT = 64, 48
CLASSES = [f"thing {i}" for i in range(20)]
CONVERT = ("yolo", "coco", "voc")
JOBS = (*CONVERT, "inspect")


def peak_memory() -> float:
    "Of this process, in MB."
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def some_boxes(count: int, rng: random.Random) -> list[tuple[int, int, int, int, int]]:
    "(class, x1, y1, x2, y2) of some objects, in pixels."
    boxes = []
    for _ in range(count):
        x, y = rng.randrange(WIDTH - 12), rng.randrange(HEIGHT - 12)
        label = rng.randrange(len(CLASSES))
        boxes.append((label, x, y, x + rng.randrange(3, 12), y + rng.randrange(3, 12)))
    return boxes


def yolo_row(label: int, x1: int, y1: int, x2: int, y2: int) -> str:
    numbers = (x1 + x2) / 2 / WIDTH, (y1 + y2) / 2 / HEIGHT, (x2 - x1) / WIDTH, (y2 - y1) / HEIGHT
    return f"{label} " + " ".join(f"{number:.6f}" for number in numbers) + "\n"


def voc_object(label: int, x1: int, y1: int, x2: int, y2: int) -> str:
    corners = {"xmin": x1 + 1, "ymin": y1 + 1, "xmax": x2, "ymax": y2}
    box = "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners.items())
    flags = "<truncated>0</truncated><difficult>0</difficult>"
    return f"<object><name>{CLASSES[label]}</name>{flags}<bndbox>{box}</bndbox></object>"


def small_picture() -> bytes:
    "A PNG of a hundred bytes."
    data = io.BytesIO()
    Image.new("L", (WIDTH, HEIGHT), "grey").save(data, "PNG")
    return data.getvalue()


def make_set(folder: Path, images: int, boxes: int) -> None:
    "The same images and boxes in YOLO, VOC and COCO."
    rng = random.Random(0)
    for name in "images", "labels", "xml":
        (folder / name).mkdir(parents=True)
    (folder / "classes.txt").write_text("".join(name + "\n" for name in CLASSES))
    picture = small_picture()
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    entries, annotations = [], []
    for i in range(images):
        drawn = some_boxes(boxes, rng)
        (folder / "images" / f"{i:06}.png").write_bytes(picture)
        (folder / "labels" / f"{i:06}.txt").write_text("".join(yolo_row(*box) for box in drawn))
        objects = "".join(voc_object(*box) for box in drawn)
        (folder / "xml" / f"{i:06}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
        entries.append({"id": i, "file_name": f"{i:06}.png", "width": WIDTH, "height": HEIGHT})
        for label, x1, y1, x2, y2 in drawn:
            ids = {"id": len(annotations), "image_id": i, "category_id": label}
            annotations.append({**ids, "bbox": [x1, y1, x2 - x1, y2 - y1]})
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES)]
    coco = {"images": entries, "annotations": annotations, "categories": categories}
    (folder / "coco.json").write_text(json.dumps(coco))


def run(job: str, folder: Path) -> None:
    "One conversion, with the defaults, or one inspection of what the last one wrote."
    from dinofrcnn.data.doctor import inspect
    from dinofrcnn.labels.coco import convert_coco
    from dinofrcnn.labels.voc import convert_voc
    from dinofrcnn.labels.yolo import convert_yolo

    images, out = folder / "images", folder / "ann"
    if job == "yolo":
        convert_yolo(folder / "labels", images, out, folder / "classes.txt", force=True)
    elif job == "coco":
        convert_coco(folder / "coco.json", images, out, force=True)
    elif job == "voc":
        convert_voc(folder / "xml", images, out, force=True)
    else:
        str(inspect({"train": (images, out)}, look=0))


def run_job(job: str, folder: Path) -> None:
    "Print the seconds of a job, those of the processor, its peak memory, and that of imports."
    for module in "labels.yolo", "labels.coco", "labels.voc", "data.doctor":
        importlib.import_module(f"dinofrcnn.{module}")
    before, start, start_cpu = peak_memory(), time.perf_counter(), time.process_time()
    run(job, folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(json.dumps([seconds, cpu, peak_memory() - before, before]))


def median_of(job: str, folder: Path, runs: int) -> list[float]:
    "The four numbers of `run_job`, each the median of `runs` processes."
    command = [sys.executable, __file__, "--job", job, str(folder)]
    results = []
    for _ in range(runs):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    return [statistics.median(column) for column in zip(*results, strict=True)]


def measure(images: int, boxes: int, runs: int) -> dict[str, list[float]]:
    "Make a set and run all jobs on it: {job: numbers of `run_job`}."
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "set"
        make_set(data, images, boxes)
        for job in JOBS:
            seconds, cpu, memory, imports = results[job] = median_of(job, data, runs)
            print(f"{job:8}{images:7,} images, {images * boxes:9,} boxes", end="")
            print(f" {seconds:7.2f} s, processor {cpu:6.2f} s", end="")
            print(f"  {memory:5.0f} MB beside {imports:.0f} of imports")
    return results


def growth_missed(sizes: list[int], boxes: int, runs: int) -> bool:
    "Whether some job is too much more work on more images."
    few, many = min(sizes), max(sizes)
    allowed = TARGET / 10 * many / few
    results = {size: measure(size, boxes, runs) for size in (few, many)}
    growth = {job: results[many][job][1] / results[few][job][1] for job in JOBS}
    for job, times in growth.items():
        print(f"{job:8}{many / few:.0f} times the images: {times:.1f} times the work", end="")
        print(f" (target: {allowed:.0f} at most)")
    return max(growth.values()) > allowed


def amount_missed(images: int, boxes: int, runs: int) -> bool:
    "Whether some conversion takes too long, or too much memory."
    results = measure(images, boxes, runs)
    longest = max(results[job][0] for job in CONVERT)
    largest = max(results[job][2] for job in CONVERT)
    print(
        f"conversion of {images:,} images: {longest:.0f} s (target: {MOST_SECONDS} at most), ",
        end="",
    )
    print(f"{largest:.0f} MB beside imports (target: {MOST_MEMORY} at most)")
    return longest > MOST_SECONDS or largest > MOST_MEMORY


def main() -> int | None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, nargs=2, default=[2000, 20_000])
    parser.add_argument("--many", type=int, default=0, help="such as 100000; some minutes")
    parser.add_argument("--boxes", type=int, default=10, help="per image")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        return run_job(args.job[0], Path(args.job[1]))
    missed = growth_missed(args.images, args.boxes, args.runs)
    if args.many:
        missed |= amount_missed(args.many, args.boxes, args.runs)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
