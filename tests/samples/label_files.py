"""Labels as YOLO, COCO and VOC write them.

An object is (label, [x0, y0, x1, y1], cut off by the edge), in whole pixels, 0-based, half-open.
"""

from xml.sax.saxutils import escape

VOC_FILE = """<annotation>
  <folder>images</folder>
  <filename>{name}</filename>
  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>
  <segmented>0</segmented>
{objects}</annotation>
"""
VOC_OBJECT = """  <object>
    <name>{name}</name>
    <pose>Unspecified</pose>
    <truncated>{cut:d}</truncated>
    <difficult>0</difficult>
    <bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox>
  </object>
"""


def lines_of(words):
    "One a line."
    return "".join(f"{word}\n" for word in words)


def write(path, text):
    "Write a file and make the folders above it."
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def yolo_lines(objects, width, height):
    "Centre and size as fractions of the picture."
    lines = []
    for label, (x0, y0, x1, y1), _ in objects:
        centre = f"{(x0 + x1) / 2 / width:.10f} {(y0 + y1) / 2 / height:.10f}"
        size = f"{(x1 - x0) / width:.10f} {(y1 - y0) / height:.10f}"
        lines.append(f"{label} {centre} {size}\n")
    return "".join(lines)


def voc_xml(name, objects, width, height, classes):
    "Corners are 1-based and inclusive: the first pixel is 1, the last belongs to the object."
    parts = []
    for label, (x0, y0, x1, y1), cut in objects:
        title = escape(classes[label])
        parts.append(VOC_OBJECT.format(name=title, cut=cut, x0=x0 + 1, y0=y0 + 1, x1=x1, y1=y1))
    found = "".join(parts)
    return VOC_FILE.format(name=escape(name), width=width, height=height, objects=found)


def coco_annotation(number, image, label, box):
    x0, y0, x1, y1 = box
    width = x1 - x0
    height = y1 - y0
    return {
        "id": number,
        "image_id": image,
        "category_id": label + 1,
        "bbox": [x0, y0, width, height],
        "area": width * height,
        "iscrowd": 0,
    }


def coco_dict(rows, classes):
    "`rows` are (file name, width, height, objects)."
    images = []
    annotations = []
    for i, (name, width, height, objects) in enumerate(rows, 1):
        images.append({"id": i, "file_name": name, "width": width, "height": height})
        for label, box, _ in objects:
            annotations.append(coco_annotation(len(annotations) + 1, i, label, box))
    return {
        "info": {"description": "Drawn construction sites"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(classes, 1)],
    }
