"A drawn data set for benchmarks: noise with bright rectangles, of any size."

import json
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ["block", "bar", "pane"]


def draw_split(
    root: Path,
    split: str,
    images: int,  # how many
    size: tuple[int, int] = (64, 96),  # height, width
    objects: int = 5,  # in each
    sides: tuple[int, int] = (10, 24),  # of the objects, in pixels
) -> None:
    "Images and annotations of a split in the usual layout below `root`."
    rng = np.random.default_rng(images)
    height, width = size
    folder = root / "images" / split
    folder.mkdir(parents=True)
    records = []
    for number in range(images):
        pixels = rng.integers(0, 90, (*size, 3), dtype=np.uint8)
        boxes = []
        for _ in range(objects):
            w, h = (int(side) for side in rng.integers(*sides, 2))
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            pixels[y : y + h, x : x + w] = 220
            boxes.append([x, y, x + w, y + h])
        name = f"{number:05}.jpg"
        Image.fromarray(pixels).save(folder / name)
        labels = [i % len(CLASSES) for i in range(len(boxes))]
        shape = {"width": width, "height": height}
        records.append({"file_name": name, **shape, "boxes": boxes, "labels": labels})
    annotations = root / "annotations" / split
    annotations.mkdir(parents=True)
    (annotations / "annotations_torchvision.json").write_text(json.dumps(records))
    (annotations / "dataset_meta.json").write_text(json.dumps({"classes": CLASSES}))
