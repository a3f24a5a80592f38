"""Makes data_samples/broken/: a small data set in which nearly everything is wrong that users of label files ever reported.

    python tools/make_broken.py

Six of the drawn construction scenes, made small, with labels as YOLO, COCO and VOC. The README it writes lists what is wrong where.
"""
import json, shutil
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
YOLO_ROWS = """0 0.30 0.60 0.20 0.40
0 0.60 0.30 0.80 0.30 0.80 0.70 0.60 0.70
1.0, 0.5, 0.8, 0.3, 0.2
1 0.95 0.50 0.20 0.30
0 0.50 0.50 0.00 0.20
0 0.50 0.50 -0.20 0.20
0 1.60 0.50 0.20 0.20
0 nan 0.50 0.20 0.20
9 0.50 0.50 0.20 0.20
0 0.50 0.50 0.20
crane 0.50 0.50 0.20 0.20
"""


def make_images():
    names = ["rows.jpg", "background.jpg", "night/rows.jpg", "truncated.jpg", "rotated.jpg"]
    for name, scene in zip(names, sorted(SCENES.glob("*.jpg"))):
        path = OUT / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.open(scene).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        if name == "rotated.jpg":
            exif = Image.Exif(); exif[0x0112] = ROTATED
            image.transpose(Image.Transpose.ROTATE_90).save(path, quality=75, exif=exif)
        else: image.save(path, quality=75)
    whole = (OUT / "images/truncated.jpg").read_bytes()
    (OUT / "images/truncated.jpg").write_bytes(whole[:len(whole) // 2])
    (OUT / "images/zero.jpg").write_bytes(b"")


def make_yolo():
    for name, text in {"rows": YOLO_ROWS, "night/rows": "\n", "truncated": "0 0.5 0.5 0.4 0.4\n", "rotated": "1 0.25 0.50 0.30 0.40\n", "orphan": "0 0.5 0.5 0.1 0.1\n"}.items():
        path = OUT / "labels" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (OUT / "classes.txt").write_text("Worker\nTower crane\n")


def make_coco():
    def image(i, name, size=(WIDTH, HEIGHT)): return {"id": i, "file_name": name, "width": size[0], "height": size[1]}
    def box(i, image_id, category, bbox, **more): return {"id": i, "image_id": image_id, "category_id": category, "bbox": bbox, "area": 1000, "iscrowd": 0, **more}
    images = [image(7, "rows.jpg"), image(3, "background.jpg"), image(20, "night/rows.jpg"), image(4, "truncated.jpg"), image(5, "rotated.jpg", (HEIGHT, WIDTH)),
              image(6, "zero.jpg"), image(8, "../rows.jpg"), image(9, "gone.jpg"), image(7, "rows.jpg")]
    rows = [box(0, 7, 0, [38, 58, 38, 58]), box(1, 7, 40, ["115", "43", "39", "57"]), box(1, "7", "40", [67, 101, 58, 29]), box(3, 7, 0, [160, 50, 50, 40]),
            box(4, 7, 0, [90, 60, 0, 30]), box(5, 7, 0, [90, 60, -20, 30]), box(6, 7, 0, [300, 60, 20, 30]), box(7, 7, 0, [float("nan"), 60, 20, 30]),
            box(8, 7, 9, [90, 60, 20, 30]), box(9, 99, 0, [90, 60, 20, 30]), box(10, 7, 0, [90, 60, 20]), box(11, 7, 0, [0, 100, 190, 40], iscrowd=1),
            box(12, 4, 0, [50, 50, 60, 60]), box(13, 5, 40, [58, 19, 58, 58])]
    categories = [{"id": 40, "name": "Tower crane"}, {"id": 0, "name": "Worker"}, {"id": 12, "name": "Truck"}]
    (OUT / "instances.json").write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}, indent=1))


def make_voc():
    def corners(x1, y1, x2, y2): return f"<bndbox><ymin>{y1}</ymin><xmin>{x1}</xmin><ymax>{y2}</ymax><xmax>{x2}</xmax></bndbox>"
    def thing(name, *box, more=""): return f"  <object>{corners(*box)}{more}<name>{name}</name></object>\n"
    def size(w, h): return f"  <size><height>{h}</height><width>{w}</width></size>\n"
    part = f"<part><name>Helmet</name>{corners(60, 60, 70, 70)}</part>"
    rows = (thing("Worker", 39.4, 58.6, 76, 115, more=part) + thing("Tower crane", 116, 44, 154, 100, more="<difficult>1</difficult>") + thing("Worker", 161, 51, 210, 90)
            + thing("Worker", 90, 60, 89, 90) + thing("Worker", 95, 60, 80, 90) + thing("Worker", 300, 60, 320, 90) + thing("Worker", "nan", 60, 80, 90)
            + thing("Tower crain", 90, 60, 110, 90) + "  <object><name>Worker</name></object>\n")
    files = {"rows": f"  <filename>IMG_0001.JPG</filename>\n{rows}", "background": size(WIDTH, HEIGHT), "truncated": size(WIDTH, HEIGHT) + thing("Worker", 51, 51, 110, 110),
             "rotated": size(HEIGHT, WIDTH) + thing("Tower crane", 59, 20, 116, 77), "night/rows": size(WIDTH, HEIGHT), "gone": "  <filename>../gone.jpg</filename>\n"}
    for name, body in files.items():
        path = OUT / "voc" / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<annotation>\n{body}</annotation>\n")
    (OUT / "voc/bomb.xml").write_text('<!DOCTYPE annotation [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<annotation><filename>&b;</filename></annotation>\n')
    (OUT / "voc/cut.xml").write_text("<annotation>\n  <object>\n")


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    make_images(); make_yolo(); make_coco(); make_voc()
    (OUT / "README.md").write_text(README)
    print(f"{OUT}: {sum(p.is_file() for p in OUT.rglob('*'))} files, {sum(p.stat().st_size for p in OUT.rglob('*')) // 1024} KB")
