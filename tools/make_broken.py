"""Makes data_samples/broken/: a small data set in which nearly everything is wrong that users of label files ever reported.

    python tools/make_broken.py

Six of the drawn construction scenes, made small, with labels as YOLO, COCO and VOC. The README it writes lists what is wrong where.
"""

import json
import shutil
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent / "data_samples"
SCENES, OUT = ROOT / "construction" / "images" / "train", ROOT / "broken"
WIDTH, HEIGHT = 192, 144
ROTATED = 6  # EXIF orientation: turn me right by 90 degrees

README = """# Broken on purpose

Six images, the same faults in three formats. `dinofrcnn convert` has to come through all of it with a balanced report. Made by `python tools/make_broken.py`.

| file | what is wrong |
|---|---|
| `images/rotated.jpg` | lies on its side, with an EXIF note; COCO and VOC state the size before turning |
| `images/truncated.jpg` | the download broke off |
| `images/zero.jpg` | zero bytes |
| `images/night/rows.jpg` | the same name as `images/rows.jpg`, one folder deeper; its label file is blank |
| `labels/rows.txt` | a good row, a polygon, a class as `1.0` with commas, and seven bad rows |
| `labels/orphan.txt` | there is no such image |
| `instances.json` | sparse category ids from 0, ids as text, a crowd, unknown image and category, missing file, a name with `..` |
| `voc/rows.xml` | tags in another order, decimals, a `<part>` with a box of its own, a stale `<filename>`, no `<size>` |
| `voc/bomb.xml` | a DTD whose entity would grow without end |
"""
CLASSES = ["Worker", "Tower crane", "Excavator", "Truck"]
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


def truth(scene):
    "[(class, x1, y1, x2, y2)] of a scene as fractions of its sides, largest first."
    data = json.loads((ROOT / "construction/coco_annotations/instances_train.json").read_text())
    image = next(i for i in data["images"] if i["file_name"] == scene)
    w, h = image["width"], image["height"]
    rows = [
        (a["category_id"] - 1, a["bbox"])
        for a in data["annotations"]
        if a["image_id"] == image["id"]
    ]
    return sorted(
        [(c, x / w, y / h, (x + bw) / w, (y + bh) / h) for c, (x, y, bw, bh) in rows],
        key=lambda r: (r[1] - r[3]) * (r[4] - r[2]),
    )


def named_rows():
    "Of rows.jpg: the tower crane, the excavator at the right border (drawn past it), two workers."
    rows = truth(IMAGES["rows.jpg"])
    crane = next(r for r in rows if r[0] == 1)
    digger = next(r for r in rows if r[0] == 2 and r[3] > 0.99)
    workers = [r for r in rows if r[0] == 0]
    return crane, (*digger[:3], 1.08, digger[4]), workers[0], workers[1]


def yolo(c, x1, y1, x2, y2):
    return f"{c} {(x1 + x2) / 2:.4f} {(y1 + y2) / 2:.4f} {x2 - x1:.4f} {y2 - y1:.4f}"


def pixels(c, x1, y1, x2, y2):
    return [round(x1 * WIDTH), round(y1 * HEIGHT), round(x2 * WIDTH), round(y2 * HEIGHT)]


def stored(x1, y1, x2, y2):
    "A box of the upright picture as a box of the picture lying on its side (EXIF orientation 6)."
    return [y1, WIDTH - x2, y2, WIDTH - x1]


def make_images():
    for name, scene in IMAGES.items():
        path = OUT / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.open(SCENES / scene).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        if name == "rotated.jpg":
            exif = Image.Exif()
            exif[0x0112] = ROTATED
            image.transpose(Image.Transpose.ROTATE_90).save(path, quality=75, exif=exif)
        else:
            image.save(path, quality=75)
    whole = (OUT / "images/truncated.jpg").read_bytes()
    (OUT / "images/truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (OUT / "images/zero.jpg").write_bytes(b"")


def make_yolo():
    crane, digger, one, two = named_rows()
    c, x1, y1, x2, y2 = crane
    polygon = f"{c} " + " ".join(f"{v:.4f}" for v in (x1, y1, x2, y1, x2, y2, x1, y2))
    rows = [
        yolo(*one),
        polygon,
        yolo(*two).replace(" ", ", ").replace("0,", "0.0,", 1),
        yolo(*digger),
    ]
    files = {
        "rows": "\n".join(rows) + "\n" + BAD_ROWS,
        "night/rows": "\n",
        "truncated": yolo(*truth(IMAGES["truncated.jpg"])[0]) + "\n",
        "rotated": yolo(*truth(IMAGES["rotated.jpg"])[0]) + "\n",
        "orphan": "0 0.5 0.5 0.1 0.1\n",
    }
    for name, text in files.items():
        path = OUT / "labels" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (OUT / "classes.txt").write_text("\n".join(CLASSES) + "\n")


def make_coco():
    ids = [0, 40, 41, 12]  # sparse, from zero, not in order

    def image(i, name, size=(WIDTH, HEIGHT)):
        return {"id": i, "file_name": name, "width": size[0], "height": size[1]}

    def box(i, image_id, category, x1, y1, x2, y2, **more):
        return {
            "id": i,
            "image_id": image_id,
            "category_id": category,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": 1000,
            "iscrowd": 0,
            **more,
        }

    images = [
        image(7, "rows.jpg"),
        image(3, "background.jpg"),
        image(20, "night/rows.jpg"),
        image(4, "truncated.jpg"),
        image(5, "rotated.jpg", (HEIGHT, WIDTH)),
        image(6, "zero.jpg"),
        image(8, "../rows.jpg"),
        image(9, "gone.jpg"),
        image(7, "rows.jpg"),
    ]
    crane, digger, one, two = (pixels(*r) for r in named_rows())
    turned = truth(IMAGES["rotated.jpg"])[0]
    texts = box(1, "7", "40", *crane)
    texts["bbox"] = [str(v) for v in texts["bbox"]]
    short = box(10, 7, 0, 90, 60, 110, 90)
    short["bbox"].pop()
    rows = [
        box(0, 7, 0, *one),
        texts,
        box(1, 7, 0, *two),
        box(3, 7, 41, *digger),
        box(4, 7, 0, 90, 60, 90, 90),
        box(5, 7, 0, 90, 60, 70, 90),
        box(6, 7, 0, 300, 60, 320, 90),
        box(7, 7, 0, float("nan"), 60, 20, 90),
        box(8, 7, 9, 90, 60, 110, 90),
        box(9, 99, 0, 90, 60, 110, 90),
        short,
        box(11, 7, 0, 30, 70, 175, 125, iscrowd=1),
        box(12, 4, 0, 50, 50, 110, 110),
        box(13, 5, ids[turned[0]], *stored(*pixels(*turned))),
    ]
    categories = [{"id": ids[i], "name": CLASSES[i]} for i in (1, 0, 3, 2)]
    (OUT / "instances.json").write_text(
        json.dumps({"images": images, "annotations": rows, "categories": categories}, indent=1)
    )


def make_voc():
    def corners(x1, y1, x2, y2):
        return (
            f"<bndbox><ymin>{y1}</ymin><xmin>{x1}</xmin><ymax>{y2}</ymax><xmax>{x2}</xmax></bndbox>"
        )

    def thing(name, *box, more=""):
        return f"  <object>{corners(*box)}{more}<name>{name}</name></object>\n"

    def size(w, h):
        return f"  <size><height>{h}</height><width>{w}</width></size>\n"

    def inclusive(x1, y1, x2, y2):
        return x1 + 1, y1 + 1, x2, y2

    crane, digger, one, two = (inclusive(*pixels(*r)) for r in named_rows())
    turned = truth(IMAGES["rotated.jpg"])[0]
    part = f"<part><name>Helmet</name>{corners(60, 60, 70, 70)}</part>"
    rows = (
        thing("Worker", one[0] + 0.4, one[1] + 0.6, *one[2:], more=part)
        + thing("Tower crane", *crane, more="<difficult>1</difficult>")
        + thing("Excavator", *digger)
        + thing("Worker", 90, 60, 89, 90)
        + thing("Worker", 95, 60, 80, 90)
        + thing("Worker", 300, 60, 320, 90)
        + thing("Worker", "nan", 60, 80, 90)
        + thing("Tower crain", *crane)
        + "  <object><name>Worker</name></object>\n"
    )
    files = {
        "rows": f"  <filename>IMG_0001.JPG</filename>\n{rows}",
        "background": size(WIDTH, HEIGHT),
        "truncated": size(WIDTH, HEIGHT) + thing("Worker", 51, 51, 110, 110),
        "rotated": size(HEIGHT, WIDTH)
        + thing(CLASSES[turned[0]], *inclusive(*stored(*pixels(*turned)))),
        "night/rows": size(WIDTH, HEIGHT),
        "gone": "  <filename>../gone.jpg</filename>\n",
    }
    for name, body in files.items():
        path = OUT / "voc" / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<annotation>\n{body}</annotation>\n")
    (OUT / "voc/bomb.xml").write_text(
        '<!DOCTYPE annotation [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<annotation><filename>&b;</filename></annotation>\n'
    )
    (OUT / "voc/cut.xml").write_text("<annotation>\n  <object>\n")


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    make_images()
    make_yolo()
    make_coco()
    make_voc()
    (OUT / "README.md").write_text(README)
    print(
        f"{OUT}: {sum(p.is_file() for p in OUT.rglob('*'))} files, {sum(p.stat().st_size for p in OUT.rglob('*')) // 1024} KB"
    )
