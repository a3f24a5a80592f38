"""COCO's numbers of 5,000 images: as we compute them, against pycocotools.

    python benchmarks/bench_coco.py [--images 5000] [--cpu_time]

Some 7 objects and 30 detections an image, 20 classes: most objects are found, a little beside where
they are, and the other detections are anywhere. Turning boxes into COCO's rows is part of both
sides."""

import argparse
from collections.abc import Callable

import numpy as np
import torch
from table import SEED, Clock, Row, alternate, clock_of, in_words, median_ratio, show

from dinofrcnn.evaluation.coco import coco_eval
from dinofrcnn.labels.annotations import Annotations

CLASSES = 20
WIDTH, HEIGHT = 640, 480
ENGINES = {"ours": "faster-coco-eval", "pycocotools": "pycocotools"}


def some_boxes(count: int, rng: np.random.Generator) -> np.ndarray:  # (count, 4), x1 y1 x2 y2
    "Boxes of 10 to 200 pixels anywhere."
    corner = rng.uniform(0, (WIDTH - 200, HEIGHT - 200), (count, 2))
    return np.concatenate([corner, corner + rng.uniform(10, 200, (count, 2))], axis=1)


def make_set(images: int) -> tuple[Annotations, list[dict[str, torch.Tensor]]]:
    "Labels, and detections on them."
    rng = np.random.default_rng(SEED)
    records, detections = [], []
    for i in range(images):
        boxes = some_boxes(int(rng.integers(1, 14)), rng)
        labels = rng.integers(0, CLASSES, len(boxes))
        size = {"width": WIDTH, "height": HEIGHT}
        record = {"file_name": f"{i}.jpg", "boxes": boxes.tolist(), "labels": labels.tolist()}
        records.append({**record, **size})
        others = int(rng.integers(10, 37))
        near = boxes + rng.normal(0, 4, boxes.shape)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        found = np.concatenate([near, some_boxes(others, rng)])
        classes = np.concatenate([labels, rng.integers(0, CLASSES, others)])
        scores = rng.uniform(0.05, 1, len(found))
        detection = {"boxes": found, "scores": scores, "labels": classes + 1}
        detections.append({key: torch.as_tensor(value) for key, value in detection.items()})
    return Annotations(records, [f"thing {i}" for i in range(CLASSES)]), detections


def evaluation(images: int, engine: str) -> Callable[[], int]:
    annotations, detections = make_set(images)

    def evaluate() -> int:
        coco_eval(annotations, detections, engine)
        return images

    return evaluate


def rows(clock: Clock, images: int = 5000) -> list[Row]:
    sides = {side: evaluation(images, engine) for side, engine in ENGINES.items()}
    times = alternate(sides, clock=clock)
    name = f"COCO evaluation against pycocotools, {images:,} images"
    said = in_words(times, list(sides), "image")
    return [Row(name, median_ratio(times, "ours", "pycocotools"), 0.33, "at most", note=said)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--cpu_time", action="store_true")
    args = parser.parse_args()
    show(rows(clock_of(args.cpu_time), args.images))


if __name__ == "__main__":
    main()
