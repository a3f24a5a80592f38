"Data sets for the doctor's tests: healthy records that a test then hurts, and their findings."

import numpy as np
from PIL import Image

from dinofrcnn.data.doctor import inspect
from dinofrcnn.labels.annotations import Annotations

SIZES = [(640, 480), (480, 640), (640, 360), (500, 500)]


def healthy(images=40, seed=0, per_image=12, sizes=SIZES):
    "Records with boxes of two classes spread over the whole image, none near another."
    rng = np.random.default_rng(seed)
    records = []
    for i in range(images):
        width, height = sizes[i % len(sizes)]
        columns, rows = width // 80, height // 80
        cells = rng.permutation([(x, y) for x in range(columns) for y in range(rows)])
        cells = cells[: per_image + rng.integers(-3, 4)]
        labels = rng.integers(0, 2, len(cells))
        cell = np.array([width / columns, height / rows])
        side = np.where(labels[:, None] == 0, 34, 52) * rng.uniform(0.9, 1.25, cells.shape)
        # clipped, so that a few touch the edges of the image
        place = rng.uniform(-0.1, 1.1, cells.shape).clip(0, 1)
        corner = cells * cell + place * (cell - side)
        records.append(
            {
                "file_name": f"{seed}_{i:03}.jpg",
                "width": width,
                "height": height,
                "boxes": np.hstack([corner, corner + side]).tolist(),
                "labels": labels.tolist(),
            }
        )
    return records


def cats_and_dogs(**kw):
    "Healthy records, see `healthy`, as `Annotations`."
    return Annotations(healthy(**kw), ["cat", "dog"])


def look(change=None, classes=("cat", "dog"), **kw):
    "The findings about healthy records that went through `change(record)`."
    records = healthy(**kw)
    for record in records:
        if change:
            change(record)
    return inspect({"train": Annotations(records, list(classes))}).findings


def boxes(change):
    "A change of records: every box becomes `change(x1, y1, x2, y2, width, height)`."

    def change_record(record):
        size = record["width"], record["height"]
        record["boxes"] = [list(change(*box, *size)) for box in record["boxes"]]

    return change_record


def first_only(change):
    "A change of records that happens to the fourth image alone."

    def change_record(record):
        if record["file_name"].endswith("_003.jpg"):
            change(record)

    return change_record


def the_only(findings, *words):
    "Assert that there is one finding and that it has these words; returns it."
    assert len(findings) == 1, "\n".join(map(str, findings))
    for word in words:
        assert word in findings[0].seen, findings[0]
    return findings[0]


def picture(seed):
    "A smooth random picture."
    small = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC)


def image_split(folder, seeds):
    "A split of such pictures with one box each: (folder, annotations)."
    folder.mkdir()
    records = []
    for i, seed in enumerate(seeds):
        picture(seed).save(folder / f"{i}.jpg")
        record = {"file_name": f"{i}.jpg", "width": 160, "height": 120}
        records.append({**record, "boxes": [[10, 10, 60, 60]], "labels": [0]})
    return folder, Annotations(records, ["cat"])
