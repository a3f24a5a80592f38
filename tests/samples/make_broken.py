"""Make a small data set in which nearly everything is wrong that users of label files reported.

    python tests/samples/make_broken.py      # writes data_samples/broken

Six of the drawn construction scenes, made small, with labels as YOLO, COCO and VOC. The README it
writes lists what is wrong where. A box is [x1, y1, x2, y2].
"""

import json
import shutil
from pathlib import Path

from label_files import lines_of, write
from PIL import Image
from scene import CLASSES

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"
SOURCE = SAMPLES / "construction"
OUT = SAMPLES / "broken"
WIDTH = 192
HEIGHT = 144
ORIENTATION = 0x0112  # the EXIF tag
ROTATED = 6  # its value: turn me right by 90 degrees

INTRODUCTION = (
    "Six images, the same faults in three formats. `dinofrcnn convert` has to come through all of "
    "it with a balanced report. Made by `python tests/samples/make_broken.py`."
)
FAULTS = {
    "images/rotated.jpg": "lies on its side, with an EXIF note; "
    "COCO and VOC state the size before turning",
    "images/truncated.jpg": "the download broke off",
    "images/zero.jpg": "zero bytes",
    "images/night/rows.jpg": "the same name as `images/rows.jpg`, one folder deeper; "
    "its label file is blank",
    "labels/rows.txt": "a good row, a polygon, a class as `1.0` with commas, and seven bad rows",
    "labels/orphan.txt": "there is no such image",
    "instances.json": "sparse category ids from 0, ids as text, a crowd, "
    "unknown image and category, missing file, a name with `..`",
    "voc/rows.xml": "tags in another order, decimals, a `<part>` with a box of its own, "
    "a stale `<filename>`, no `<size>`",
    "voc/bomb.xml": "a DTD whose entity would grow without end",
}
IMAGES = {
    "rows.jpg": "train_012.jpg",
    "background.jpg": "train_001.jpg",
    "night/rows.jpg": "night/train_003.jpg",
    "truncated.jpg": "train_004.jpg",
    "rotated.jpg": "train_000.jpg",
}
BAD_ROWS = """0 0.50 0.50 0.00 0.20
0 0.50 0.50 -0.20 0.20
0 1.60 0.50 0.20 0.20
0 nan 0.50 0.20 0.20
9 0.50 0.50 0.20 0.20
0 0.50 0.50 0.20
crane 0.50 0.50 0.20 0.20
"""
BOMB = """<!DOCTYPE annotation [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<annotation><filename>&b;</filename></annotation>
"""


# ---- what is there to be seen


def truth(name):
    "[(class, box)] of an image, as fractions of its sides, largest first."
    text = (SOURCE / "coco_annotations/instances_train.json").read_text()
    data = json.loads(text)
    image = next(i for i in data["images"] if i["file_name"] == IMAGES[name])
    width = image["width"]
    height = image["height"]
    found = []
    for annotation in data["annotations"]:
        if annotation["image_id"] == image["id"]:
            x, y, w, h = annotation["bbox"]
            box = [x / width, y / height, (x + w) / width, (y + h) / height]
            found.append((annotation["category_id"] - 1, box))
    return sorted(found, key=lambda row: -area(row[1]))


def area(box):
    x1, y1, x2, y2 = box
    return (x2 - x1) * (y2 - y1)


def named_rows():
    "Of rows.jpg: the tower crane, the excavator at the right border, drawn past it, two workers."
    rows = truth("rows.jpg")
    crane = next(box for label, box in rows if label == 1)
    x1, y1, _, y2 = next(box for label, box in rows if label == 2 and box[2] > 0.99)
    one, two, *_ = [box for label, box in rows if label == 0]
    return crane, [x1, y1, 1.08, y2], one, two


def pixels(box):
    x1, y1, x2, y2 = box
    return [round(x1 * WIDTH), round(y1 * HEIGHT), round(x2 * WIDTH), round(y2 * HEIGHT)]


def named_pixels():
    return [pixels(box) for box in named_rows()]


def rotated_object():
    "The largest object of rotated.jpg: its class, and its box in pixels of the stored picture."
    label, box = truth("rotated.jpg")[0]
    x1, y1, x2, y2 = pixels(box)
    return label, [y1, WIDTH - x2, y2, WIDTH - x1]


# ---- images


def small_scene(name):
    scene = Image.open(SOURCE / "images/train" / IMAGES[name])
    return scene.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def make_images():
    folder = OUT / "images"
    (folder / "night").mkdir(parents=True)
    for name in IMAGES:
        small_scene(name).save(folder / name, quality=75)

    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED
    on_its_side = small_scene("rotated.jpg").transpose(Image.Transpose.ROTATE_90)
    on_its_side.save(folder / "rotated.jpg", quality=75, exif=exif)

    truncated = folder / "truncated.jpg"
    whole = truncated.read_bytes()
    truncated.write_bytes(whole[: len(whole) // 2])
    (folder / "zero.jpg").write_bytes(b"")


# ---- YOLO


def yolo_row(label, box):
    x1, y1, x2, y2 = box
    centre = f"{(x1 + x2) / 2:.4f} {(y1 + y2) / 2:.4f}"
    return f"{label} {centre} {x2 - x1:.4f} {y2 - y1:.4f}"


def polygon_row(label, box):
    x1, y1, x2, y2 = box
    corners = [x1, y1, x2, y1, x2, y2, x1, y2]
    return " ".join([str(label), *(f"{value:.4f}" for value in corners)])


def make_yolo():
    crane, digger, one, two = named_rows()
    with_commas = yolo_row("0.0", two).replace(" ", ", ")
    rows = [yolo_row(0, one), polygon_row(1, crane), with_commas, yolo_row(2, digger)]
    files = {
        "rows": lines_of(rows) + BAD_ROWS,
        "night/rows": "\n",
        "truncated": lines_of([yolo_row(*truth("truncated.jpg")[0])]),
        "rotated": lines_of([yolo_row(*truth("rotated.jpg")[0])]),
        "orphan": "0 0.5 0.5 0.1 0.1\n",
    }
    for name, text in files.items():
        write(OUT / f"labels/{name}.txt", text)
    write(OUT / "classes.txt", lines_of(CLASSES))


# ---- COCO

CATEGORY_IDS = [0, 40, 41, 12]  # of CLASSES: sparse, from zero, not in order


def coco_image(number, name, width=WIDTH, height=HEIGHT):
    return {"id": number, "file_name": name, "width": width, "height": height}


def coco_box(number, box, image=7, category=0, crowd=0):
    x1, y1, x2, y2 = box
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": 1000,
        "iscrowd": crowd,
    }


def coco_images():
    return [
        coco_image(7, "rows.jpg"),
        coco_image(3, "background.jpg"),
        coco_image(20, "night/rows.jpg"),
        coco_image(4, "truncated.jpg"),
        coco_image(5, "rotated.jpg", width=HEIGHT, height=WIDTH),
        coco_image(6, "zero.jpg"),
        coco_image(8, "../rows.jpg"),
        coco_image(9, "gone.jpg"),
        coco_image(7, "rows.jpg"),
    ]


def coco_annotations():
    crane, digger, one, two = named_pixels()
    turned, stored = rotated_object()
    good = [90, 60, 110, 90]
    as_text = coco_box(1, crane, image="7", category="40")
    as_text["bbox"] = [str(value) for value in as_text["bbox"]]
    three_numbers = coco_box(10, good)
    three_numbers["bbox"].pop()
    return [
        coco_box(0, one),
        as_text,
        coco_box(1, two),
        coco_box(3, digger, category=41),
        coco_box(4, [90, 60, 90, 90]),
        coco_box(5, [90, 60, 70, 90]),
        coco_box(6, [300, 60, 320, 90]),
        coco_box(7, [float("nan"), 60, 20, 90]),
        coco_box(8, good, category=9),
        coco_box(9, good, image=99),
        three_numbers,
        coco_box(11, [30, 70, 175, 125], crowd=1),
        coco_box(12, [50, 50, 110, 110], image=4),
        coco_box(13, stored, image=5, category=CATEGORY_IDS[turned]),
    ]


def make_coco():
    categories = [{"id": CATEGORY_IDS[i], "name": CLASSES[i]} for i in (1, 0, 3, 2)]
    data = {
        "images": coco_images(),
        "annotations": coco_annotations(),
        "categories": categories,
    }
    write(OUT / "instances.json", json.dumps(data, indent=1))


# ---- VOC


def voc_box(box):
    x1, y1, x2, y2 = box
    return f"<bndbox><ymin>{y1}</ymin><xmin>{x1}</xmin><ymax>{y2}</ymax><xmax>{x2}</xmax></bndbox>"


def voc_object(name, box, more=""):
    return f"  <object>{voc_box(box)}{more}<name>{name}</name></object>\n"


def voc_size(width, height):
    return f"  <size><height>{height}</height><width>{width}</width></size>\n"


def inclusive(box):
    "Corners as VOC counts them: from 1, the last pixel belongs to the object."
    x1, y1, x2, y2 = box
    return [x1 + 1, y1 + 1, x2, y2]


def voc_rows():
    "The objects of rows.jpg."
    crane, digger, one, two = (inclusive(box) for box in named_pixels())
    x1, y1, x2, y2 = one
    decimals = [x1 + 0.4, y1 + 0.6, x2, y2]
    part = f"<part><name>Helmet</name>{voc_box([60, 60, 70, 70])}</part>"
    objects = [
        voc_object("Worker", decimals, part),
        voc_object("Tower crane", crane, "<difficult>1</difficult>"),
        voc_object("Excavator", digger),
        voc_object("Worker", [90, 60, 89, 90]),
        voc_object("Worker", [95, 60, 80, 90]),
        voc_object("Worker", [300, 60, 320, 90]),
        voc_object("Worker", ["nan", 60, 80, 90]),
        voc_object("Tower crain", crane),
        "  <object><name>Worker</name></object>\n",
    ]
    return "".join(objects)


def make_voc():
    turned, stored = rotated_object()
    whole_size = voc_size(WIDTH, HEIGHT)
    rotated = voc_object(CLASSES[turned], inclusive(stored))
    files = {
        "rows": "  <filename>IMG_0001.JPG</filename>\n" + voc_rows(),
        "background": whole_size,
        "truncated": whole_size + voc_object("Worker", [51, 51, 110, 110]),
        "rotated": voc_size(HEIGHT, WIDTH) + rotated,
        "night/rows": whole_size,
        "gone": "  <filename>../gone.jpg</filename>\n",
    }
    for name, body in files.items():
        write(OUT / f"voc/{name}.xml", f"<annotation>\n{body}</annotation>\n")
    write(OUT / "voc/bomb.xml", BOMB)
    write(OUT / "voc/cut.xml", "<annotation>\n  <object>\n")


# ---- all of it


def make_readme():
    table = ["| file | what is wrong |", "|---|---|"]
    for name, fault in FAULTS.items():
        table.append(f"| `{name}` | {fault} |")
    text = lines_of(["# Broken on purpose", "", INTRODUCTION, "", *table])
    write(OUT / "README.md", text)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    make_images()
    make_yolo()
    make_coco()
    make_voc()
    make_readme()
    files = [path for path in OUT.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in OUT.rglob("*"))
    print(f"{OUT}: {len(files)} files, {size // 1024} KB")


if __name__ == "__main__":
    main()
