"Small data sets on disk in three formats, to be broken in one place; and ways to look at results."

import json

import numpy as np
from PIL import Image

from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.labels.voc import convert_voc
from dinofrcnn.labels.yolo import convert_yolo

W, H = 100, 50  # of every picture
GOOD_BOX = [40, 15, 60, 35]
GOOD = "0 0.5 0.5 0.2 0.4"  # GOOD_BOX as a YOLO row
CORNERS = "<bndbox><xmin>41</xmin><ymin>16</ymin><xmax>60</xmax><ymax>35</ymax></bndbox>"  # in VOC


def picture(path, size=(W, H), **options):
    "A grey picture at `path`, in folders that need not exist."
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "grey").save(path, **options)


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def sideways(path, orientation):
    "A picture that is W x H once EXIF has turned it."
    picture(path, (W, H) if orientation < 5 else (H, W), exif=exif_of(orientation))


class Yolo:
    "A YOLO data set: images (grey) and label files as given."

    def __init__(self, root):
        self.root = root
        self.images = root / "images"
        self.labels = root / "labels"
        self.images.mkdir()
        self.labels.mkdir()

    def add(self, stem="a", text=GOOD, suffix=".png"):
        picture(self.images / (stem + suffix))
        if text is not None:
            self.label(stem, text)

    def label(self, stem, text):
        path = self.labels / f"{stem}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def convert(self, class_list=("a", "b", "c"), **options):
        "The records; `report` is the report."
        self.report = convert_yolo(
            options.pop("yolo_dir", self.labels),
            options.pop("image_dir", self.images),
            self.root / "out",
            class_list=class_list,
            force=True,
            **options,
        )
        return read_annotations(self.root / "out").records

    def rows(self, text, **options):
        "Boxes of one image labelled with `text`."
        self.add("a", text)
        return self.convert(**options)[0]["boxes"]


class Coco:
    "A COCO data set: two images, two categories, three annotations, all of GOOD_BOX."

    def __init__(self, root):
        self.root = root
        picture(root / "images/a.png")
        picture(root / "images/b.png")
        self.data = {
            "images": [self.image(1, "a.png"), self.image(2, "b.png")],
            "categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}],
            "annotations": [self.box(1, 1, 1), self.box(2, 1, 2), self.box(3, 2, 2)],
        }

    @staticmethod
    def image(i, name):
        return {"id": i, "file_name": name, "width": W, "height": H}

    @staticmethod
    def box(i, image, category, bbox=(40, 15, 20, 20), area=400.0, iscrowd=0):
        entry = {"id": i, "image_id": image, "category_id": category, "bbox": list(bbox)}
        return {**entry, "area": area, "iscrowd": iscrowd}

    def convert(self, **options):
        "The records; `report` and `annotations` are kept, too."
        (self.root / "i.json").write_text(json.dumps(self.data))
        images = options.pop("image_dir", self.root / "images")
        out = self.root / "out"
        self.report = convert_coco(self.root / "i.json", images, out, force=True, **options)
        self.annotations = read_annotations(out)
        return self.annotations.records


class Voc:
    "A VOC data set: an image a.png and its file, with one object of GOOD_BOX."

    def __init__(self, root):
        self.root = root
        (root / "xml").mkdir()
        self.add("a")

    def add(self, stem, body=None, image=True):
        if image:
            picture(self.root / f"images/{stem}.png")
        path = self.root / f"xml/{stem}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<annotation>{self.thing() if body is None else body}</annotation>")

    @staticmethod
    def thing(name="x", box=CORNERS, more=""):
        return f"<object><name>{name}</name>{more}{box}</object>"

    @staticmethod
    def corners(xmin, ymin, xmax, ymax):
        x = f"<xmin>{xmin}</xmin><xmax>{xmax}</xmax>"
        y = f"<ymin>{ymin}</ymin><ymax>{ymax}</ymax>"
        return f"<bndbox>{x}{y}</bndbox>"

    def convert(self, class_list=("x", "y"), **options):
        "The records; `report` is the report."
        self.report = convert_voc(
            self.root / "xml",
            self.root / "images",
            self.root / "out",
            class_list=class_list,
            force=True,
            **options,
        )
        return read_annotations(self.root / "out").records

    def boxes(self, *objects, **options):
        "Boxes of one image with these objects."
        self.add("a", "".join(objects))
        return self.convert(**options)[0]["boxes"]


def reasons(report, item="box"):
    "Why images or boxes were repaired or dropped, in the order of the report."
    return [row["reason"] for row in report.rows if row["item"] == item]


def noted(report, text):
    "Whether a note of the report contains `text`."
    return any(text in note for note in report.notes)


def contents(annotations):
    "{file name: (class name, x1, y1, x2, y2) of every box, sorted}"
    found = {}
    for record in annotations.records:
        names = [annotations.classes[label] for label in record["labels"]]
        boxes = zip(names, record["boxes"], strict=True)
        found[record["file_name"]] = sorted((name, *box) for name, box in boxes)
    return found


def assert_same_boxes(one, other):
    "The same classes, and edges that differ by less than a hundredth of a pixel."
    assert [name for name, *_ in one] == [name for name, *_ in other]
    if one:
        edges, others = (np.array([box for _, *box in boxes]) for boxes in (one, other))
        assert np.abs(edges - others).max() < 0.01
