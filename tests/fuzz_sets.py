"""Sound data sets, and what happens to such folders: files cut short, renamed, nested, edited.

`fuzz_convert.py` tries them. A set is `{path: bytes}`; an edit changes it by two numbers.
"""

import json
import re
import unicodedata
from collections import Counter
from io import BytesIO
from xml.etree import ElementTree

from hypothesis import strategies as st
from PIL import Image

from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.files import files_below, images_below, read_text

SIZES = {  # the images, two of them with the same stem, one without objects
    "a.png": (20, 10),
    "night/a.png": (20, 10),
    "b.jpg": (10, 20),
    "stra\u00dfe \u00e4.png": (20, 10),
    "empty.png": (20, 10),
}
CLASSES = ["cat", "dog", "stra\u00dfe"]


def boxes_of(number):
    "Two boxes (class, x1, y1, x2, y2), others for each image."
    return [(number % 3, 1 + number, 2, 6 + number, 8), (2, 2, 3 + number / 4, 9.5, 9)]


BOXES = {name: boxes_of(i) for i, name in enumerate(SIZES) if name != "empty.png"}


def picture(size, kind):
    data = BytesIO()
    Image.new("RGB", size, "grey").save(data, kind)
    return data.getvalue()


IMAGES = {
    f"images/{name}": picture(size, "JPEG" if name.endswith("jpg") else "PNG")
    for name, size in SIZES.items()
}


def yolo_text(name):
    width, height = SIZES[name]
    rows = [
        (
            label,
            (x1 + x2) / 2 / width,
            (y1 + y2) / 2 / height,
            (x2 - x1) / width,
            (y2 - y1) / height,
        )
        for label, x1, y1, x2, y2 in BOXES[name]
    ]
    return "".join(" ".join(map(str, row)) + "\n" for row in rows).encode()


def voc_text(name):
    width, height = SIZES[name]
    lines = ["<annotation>", f"<filename>{name.split('/')[-1]}</filename>"]
    lines += ["<size>", f"<width>{width}</width>", f"<height>{height}</height>", "</size>"]
    for label, x1, y1, x2, y2 in BOXES.get(name, []):
        lines += ["<object>", f"<name>{CLASSES[label]}</name>", "<bndbox>"]
        lines += [f"<xmin>{x1 + 1}</xmin>", f"<ymin>{y1 + 1}</ymin>"]
        lines += [f"<xmax>{x2}</xmax>", f"<ymax>{y2}</ymax>", "</bndbox>", "</object>"]
    return "\n".join([*lines, "</annotation>", ""]).encode()


def coco_text():
    entries, rows = [], []
    for i, (name, (width, height)) in enumerate(SIZES.items(), 1):
        entries.append({"id": i, "file_name": name, "width": width, "height": height})
        for label, x1, y1, x2, y2 in BOXES.get(name, []):
            box = [x1, y1, x2 - x1, y2 - y1]
            of = {"id": len(rows) + 1, "image_id": i, "category_id": label + 1}
            rows.append({**of, "bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES, 1)]
    content = {"images": entries, "annotations": rows, "categories": categories}
    return json.dumps(content, indent=0).encode()


def stem(name):
    return name.rsplit(".", 1)[0]


SETS = {
    "yolo": {f"labels/{stem(name)}.txt": yolo_text(name) for name in BOXES}
    | {"classes.txt": "\n".join(CLASSES).encode()},
    "voc": {f"labels/{stem(name)}.xml": voc_text(name) for name in SIZES},
    "coco": {"labels/i.json": coco_text()},
}

# ---------------------------------------------------------------- what happens to files


ENCODINGS = ["utf-16", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp850"]
ODD = [
    "nan",
    "-1",
    "0",
    "1e999",
    "",
    "7",
    "640",
    "0.5 0.5",
    "x",
    "1,5",
    "%",
    "\u0663",
    "-0.2",
    "1.0001",
]
RUBBISH = [b"\0", b"\xff\xfe", b"\n\n", b"<", b"{", b" # note", b"\x1a", b"0.5 "]
FOLDERS = ["sub", ".hidden", "__MACOSX", "images", "labels", "night", "Train"]
TOKEN = r"""[^\s<>",:\[\]{}/]+"""


def cut_short(data, a, b):
    return data[: a % (len(data) + 1)]


def flipped(data, a, b):
    at = a % max(len(data), 1)
    return data[:at] + bytes([b % 256]) + data[at + 1 :]


def with_rubbish(data, a, b):
    at = a % (len(data) + 1)
    return data[:at] + RUBBISH[b % len(RUBBISH)] + data[at:]


def row_twice(data, a, b):
    rows = data.split(b"\n")
    rows.insert(b % (len(rows) + 1), rows[a % len(rows)])
    return b"\n".join(rows)


def row_gone(data, a, b):
    rows = data.split(b"\n")
    del rows[a % len(rows)]
    return b"\n".join(rows)


def other_line_ends(data, a, b):
    return data.replace(b"\n", [b"\r\n", b"\r", b"\n\n", b" "][b % 4])


def other_encoding(data, a, b):
    text = data.decode("utf-8", "replace")
    return text.encode(ENCODINGS[b % len(ENCODINGS)], "replace")


def tokens_of(data):
    text = data.decode("latin-1")
    return text, list(re.finditer(TOKEN, text))


def swapped_fields(data, a, b):
    text, tokens = tokens_of(data)
    if len(tokens) < 2:
        return data
    at = a % (len(tokens) - 1)
    one, two = tokens[at], tokens[min(at + 1 + b % 4, len(tokens) - 1)]
    between = text[one.end() : two.start()]
    whole = text[: one.start()] + two[0] + between + one[0] + text[two.end() :]
    return whole.encode("latin-1")


def odd_field(data, a, b):
    text, tokens = tokens_of(data)
    if not tokens:
        return data
    token = tokens[a % len(tokens)]
    start, end = text[: token.start()], text[token.end() :]
    return start.encode("latin-1") + ODD[b % len(ODD)].encode() + end.encode("latin-1")


def emptied(data, a, b):
    return b"" if b % 2 else b"\n"


CONTENT_EDITS = [
    cut_short,
    flipped,
    with_rubbish,
    row_twice,
    row_gone,
    other_line_ends,
    other_encoding,
    swapped_fields,
    odd_field,
    emptied,
]

# ---------------------------------------------------------------- what happens to names


def renamed(path, b):
    "A path as another system or program would write it."
    folder, _, name = path.rpartition("/")
    ways = [
        name.upper(),
        name[0] + name[1:].upper(),
        name + ".txt",
        unicodedata.normalize("NFD", name),
        name.replace(" ", "%20"),
        "copy of " + name,
        name.replace(".", " (1)."),
        "." + name,
        name.rsplit(".", 1)[0] + ".TXT",
        "c.jpg",
    ]
    return f"{folder}/{ways[b % len(ways)]}"


def nested(path, b):
    top, _, rest = path.partition("/")
    folder = FOLDERS[b % len(FOLDERS)]
    return f"{top}/{folder}/{rest}" if rest else f"{folder}/{top}"


def flattened(path, b):
    parts = path.split("/")
    return f"{parts[0]}/{parts[-1]}"


PLACES = [renamed, nested, flattened]


# ---------------------------------------------------------------- what happens inside JSON


def entry_twice(held, a, b):
    held.append(dict(held[a % len(held)], **({"id": 100 + b % 3} if b % 2 else {})))


def entry_gone(held, a, b):
    del held[a % len(held)]


def key_gone(held, a, b):
    entry = held[a % len(held)]
    entry.pop(list(entry)[b % len(entry)], None)


def values_swapped(held, a, b):
    entry = held[a % len(held)]
    keys = list(entry)
    one, two = keys[b % len(keys)], keys[(b // 7) % len(keys)]
    entry[one], entry[two] = entry[two], entry[one]


def value_as_text(held, a, b):
    entry = held[a % len(held)]
    key = list(entry)[b % len(entry)]
    entry[key] = str(entry[key])


def entry_of_others(held, a, b):
    held[a % len(held)] = [None, 7, "x", [], {}][b % 5]


def all_moved(held, a, b):
    "Every id, or every size, by the same amount."
    for entry in held:
        for key in ("id", "image_id") if b % 2 else ("width", "height"):
            if isinstance(entry.get(key), int):
                entry[key] *= 2


JSON_EDITS = [
    entry_twice,
    entry_gone,
    key_gone,
    values_swapped,
    value_as_text,
    entry_of_others,
    all_moved,
]


def edit_json(data, way, a, b):
    "One edit in one of the three lists, where the file is still JSON of that kind."
    try:
        content = json.loads(data)
        held = content[["images", "annotations", "categories"][a % 3]]
        way(held, a // 3, b)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        return data
    return json.dumps(content, indent=0).encode()


# ---------------------------------------------------------------- a set to be tried


def edit(files, touched, way, a, b):
    "Change `files` in one way; `touched` collects the paths that are not what they were."
    paths = sorted(files)
    labels = [path for path in paths if not path.startswith("images/")]
    chosen = paths if a % 4 == 0 else labels or paths
    path = chosen[(a // 4) % len(chosen)]
    data = files[path]
    touched.add(path)
    if way in JSON_EDITS:
        files[path] = edit_json(data, way, a // 16, b)
    elif way in CONTENT_EDITS:
        files[path] = way(data, a // 16, b)
    elif way == "gone":
        del files[path]
    elif way == "exchanged":
        other = paths[b % len(paths)]
        touched.add(other)
        files[path], files[other] = files[other], data
    else:
        place, copy = way
        target = place(path, b)
        touched.add(target)
        if not copy:
            del files[path]
        files[target] = data


WAYS = {
    "yolo": [*CONTENT_EDITS, "gone", "exchanged"],
    "voc": [*CONTENT_EDITS, "gone", "exchanged"],
    "coco": [*CONTENT_EDITS, *JSON_EDITS, *JSON_EDITS, "gone", "exchanged"],
}
for ways in WAYS.values():
    ways += [(place, copy) for place in PLACES for copy in (False, True)]


def edits_of(format):
    "A few edits, to be done one after the other."
    number = st.integers(0, 10**6)
    return st.lists(
        st.tuples(st.sampled_from(WAYS[format]), number, number), min_size=1, max_size=5
    )


def edited(format, edits):
    "{path: bytes} after the edits, and the paths that they touched."
    files, touched = {**IMAGES, **SETS[format]}, set()
    for way, a, b in edits:
        if files:
            edit(files, touched, way, a, b)
    return files, touched


def write_set(root, files):
    "Write what can be written: a name may have become that of a folder."
    for path, data in files.items():
        place = root / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        except OSError:
            continue


# ---------------------------------------------------------------- was everything counted?


def count_yolo(root):
    "Rows in label files that belong to images or lie beside such."
    names = files_below(root / "labels", {".txt"})
    lists = [name for name in names if name.split("/")[-1] == "classes.txt"]
    texts = [read_text(root / "labels" / name) for name in names if name not in lists]
    return sum(bool(line.strip()) for text in texts for line in text.split("\n"))


def count_voc(root):
    "Objects in the files that are XML, and what holds a box outside of them."
    counted = 0
    for name in files_below(root / "labels", {".xml"}):
        try:
            top = ElementTree.parse(root / "labels" / name).getroot()
        except (ElementTree.ParseError, ValueError, LookupError):
            continue
        objects = [node for node in top.iter() if node.tag.lower() == "object"]
        inside = {node for thing in objects for node in thing.iter()}
        outside = [node for node in top.iter() if node not in inside]
        strays = [node for node in outside if any(child.tag == "bndbox" for child in node)]
        counted += len(objects + strays) * (top.tag == "annotation")
    return counted


def length_of(root, key):
    data = (root / "labels/i.json").read_bytes()
    text = data.decode(json.detect_encoding(data), "replace").removeprefix("\ufeff")
    return len(json.loads(text).get(key, []))


COUNTS = {"yolo": count_yolo, "voc": count_voc, "coco": lambda root: length_of(root, "annotations")}
IMAGE_COUNTS = {
    "yolo": lambda root: len(images_below(root / "images")),
    "voc": lambda root: len(files_below(root / "labels", {".xml"})),
    "coco": lambda root: length_of(root, "images"),
}
EXPLAIN = (
    "label files in other folders",
    "one label file serves two images",
    "text files without an image",
)


def assert_nothing_lost(format, root, report):
    "All that stands in the files was found, or a note says why not."
    if any(note.startswith(EXPLAIN) for note in report.notes):
        return
    assert report.boxes.found == COUNTS[format](root), f"boxes were not counted: {report}"
    assert report.images.found == IMAGE_COUNTS[format](root), f"images were not counted: {report}"


def same_box(one, other):
    return all(abs(x - y) < 0.01 for x, y in zip(one, other, strict=True))


def assert_untouched_kept(format, touched, report):
    "An image that no edit came near has its own boxes, but for those that the report drops."
    if format == "coco":
        return
    suffix = {"yolo": ".txt", "voc": ".xml"}[format]
    near = {stem(path.split("/")[-1]).casefold() for path in touched}
    dropped = Counter(row["file"] for row in report.rows if row["item"] == "box")
    for record in read_annotations(report.output).records:
        name = record["file_name"]
        if name not in SIZES or stem(name.split("/")[-1]).casefold() in near:
            continue
        expected = [box[1:] for box in BOXES.get(name, [])]
        own = [box for box in expected if any(same_box(box, found) for found in record["boxes"])]
        assert len(own) == len(record["boxes"]), (record, expected)
        assert len(own) + dropped[stem(name) + suffix] == len(expected), (record, expected)
