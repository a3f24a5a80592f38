"""Draw the sample data: small construction sites, labelled as YOLO, COCO and VOC.

    python tests/samples/make_construction.py [folder]      # data_samples/construction by default

Every scene is painted back to front at three times its size. Each object carries a mask, so after
painting we know which pixels of it can still be seen: a box is exactly that visible extent, in
whole pixels (0-based, half-open) of the final image. The same seed gives the same scenes. Needs
only Pillow and numpy.

To read on: shapes and canvas draw one object (worker, crane, excavator, truck, clutter, buildings),
sites and scene put objects on a site, backdrop and render paint it, label_files writes the labels.
"""

import json
import random
import shutil
import sys
from pathlib import Path

from label_files import coco_dict, lines_of, voc_xml, write, yolo_lines
from PIL import Image, ImageDraw, ImageOps
from render import render
from scene import CLASSES, Scene
from sites import SITES

FOLDER = Path(__file__).resolve().parents[2] / "data_samples/construction"
SEED = 14
SPLITS = {"train": 40, "val": 10, "test": 10}
EMPTY = {"train": (2, 10, 18, 26, 34), "val": (1, 6), "test": (8,)}  # pictures with nothing to find
SIZES = [(384, 288), (480, 320), (384, 288), (400, 300), (448, 336), (384, 288)]
MOOD_CYCLE = ["day", "dusk", "overcast", "night", "haze", "morning", "day"]
QUALITY = 84
PREVIEW = (0, 4, 29, 19, 6, 24, 11, 30, 31, 9, 5, 8)  # train pictures on the sheet for the README
OUTLINES = ["#ff3c3c", "#00dceb", "#ff46ff", "#5aeb3c"]  # one for each class


def plan(split):
    "What to draw: a list of (file name, site, mood, width, height)."
    rng = random.Random(f"{SEED}/{split}")
    sites = [site for site in SITES if site != "empty"]
    rows = []
    for i in range(SPLITS[split]):
        site = "empty" if i in EMPTY[split] else sites[i % len(sites)]
        mood = MOOD_CYCLE[i % len(MOOD_CYCLE)]
        portrait = i % 13 == 7
        width, height = (320, 448) if portrait else SIZES[rng.randrange(len(SIZES))]
        name = f"{split}_{i:03d}.jpg"
        if mood == "night":
            name = f"night/{name}"  # one folder of the set is nested
        rows.append((name, site, mood, width, height))
    return rows


def draw(split, name, site, mood, width, height):
    "One finished picture with its boxes: (image, [(label, [x0, y0, x1, y1], cut), ...])."
    place_things, horizon, eye = SITES[site]
    if height > width:
        eye *= 1.4  # more ground to fill: look from higher up
    scene = Scene(width, height, mood, f"{SEED}/{split}/{name}", horizon, eye)
    place_things(scene)
    return render(scene)


def write_labels(root, split, row, yolo=True):
    "The YOLO and the VOC file of one picture."
    name, width, height, objects = row
    stem = name.removesuffix(".jpg")
    if yolo:
        lines = yolo_lines(objects, width, height)
        write(root / f"labels/{split}/{stem}.txt", lines)
    xml = voc_xml(name, objects, width, height, CLASSES)
    write(root / f"voc/Annotations/{split}/{stem}.xml", xml)


def write_lists(root, split, rows):
    "The COCO file of a split, and VOC's list of its pictures."
    coco = coco_dict(rows, CLASSES)
    text = json.dumps(coco, indent=1) + "\n"
    write(root / f"coco_annotations/instances_{split}.json", text)
    stems = [name.removesuffix(".jpg") for name, *_ in rows]
    write(root / f"voc/ImageSets/Main/{split}.txt", lines_of(stems))


def make_split(root, split):
    "Draw one split and write its labels three times. Returns [(name, width, height, objects)]."
    rows = []
    without_boxes = 0
    for name, site, mood, width, height in plan(split):
        image, objects = draw(split, name, site, mood, width, height)
        path = root / "images" / split / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=QUALITY, optimize=True)
        row = (name, width, height, objects)
        without_boxes += not objects
        every_other = without_boxes % 2 == 1
        write_labels(root, split, row, yolo=objects or every_other)
        rows.append(row)
    write_lists(root, split, rows)
    return rows


def draw_boxes(picture, annotations):
    "Outline COCO boxes in the colours of their classes."
    pen = ImageDraw.Draw(picture)
    for annotation in annotations:
        x, y, width, height = annotation["bbox"]
        outline = OUTLINES[annotation["category_id"] - 1]
        pen.rectangle((x, y, x + width - 1, y + height - 1), outline=outline, width=2)


def make_preview(root):
    "A sheet of twelve scenes with their boxes, for the README."
    sheet = Image.new("RGB", (4 * 320, 3 * 240), "white")
    text = (root / "coco_annotations/instances_train.json").read_text()
    data = json.loads(text)
    for k, i in enumerate(PREVIEW):
        image = data["images"][i]
        picture = Image.open(root / "images/train" / image["file_name"])
        own = [a for a in data["annotations"] if a["image_id"] == image["id"]]
        draw_boxes(picture, own)
        row, column = divmod(k, 4)
        corner = (column * 320 + 2, row * 240 + 2)
        sheet.paste(ImageOps.fit(picture, (316, 236)), corner)
    sheet.save(root / "preview.jpg", quality=74, optimize=True)


def summary(split, rows):
    "How many pictures and objects a split has, in one line."
    labels = [label for *_, objects in rows for label, _, _ in objects]
    counts = [f"{labels.count(i)} {name}" for i, name in enumerate(CLASSES)]
    blank = sum(not objects for *_, objects in rows)
    return f"{split}: {len(rows)} images, {blank} without boxes, " + ", ".join(counts)


def main(root):
    for part in ("images", "labels", "coco_annotations", "voc"):
        shutil.rmtree(root / part, ignore_errors=True)
    write(root / "classes.txt", lines_of(CLASSES))
    for split in SPLITS:
        print(summary(split, make_split(root, split)))
    make_preview(root)
    size = sum(path.stat().st_size for path in (root / "images").rglob("*.jpg"))
    print(f"{size / 1e6:.2f} MB of images in {root}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
