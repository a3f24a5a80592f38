"""Broken, absurd and hostile label files by the thousand, for all three formats.

    python tests/fuzz_convert.py [--count 20000] [--format yolo coco_set …] [--seed 0] [--from 0]

`yolo` makes label files up; `yolo_set` takes a sound set and edits, renames and nests its files.
Each input must end, within seconds, in a reconciled report that says of everything what became of
it, or in a `UserError` of one line. Anything else is a bug and is shown with its input.

The inputs are tried in parts of 500, part k with the seed `--seed` + k: what was interrupted is
taken up with `--from`, the number tried before, and a part that failed is tried again alone with
the same `--seed`, `--from` its first input and `--count 500`.
"""

import argparse
import contextlib
import json
import shutil
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import fuzz_sets
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.labels.report import REASONS
from dinofrcnn.labels.voc import convert_voc
from dinofrcnn.labels.yolo import convert_yolo
from dinofrcnn.runtime import UserError

STEMS = ["a", "night/a", "b"]

# ---------------------------------------------------------------- what stands where a value should

ODD_NUMBERS = [0, 1, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), 10**400, 2**63]
ODD_NUMERALS = ["nan", "1e999", "0x1F", "1_0", "٣", "True", "no"]
ODD_NAMES = ["../a.png", "/etc/passwd", "..\\a", "a.png", "a\0b", "\ud800", "C:\\x", "&b;", "<x>"]

numbers = st.one_of(st.floats(-0.5, 1.5), st.integers(-3, 120), st.sampled_from(ODD_NUMBERS))
words = st.one_of(st.text(max_size=8), st.sampled_from(ODD_NUMERALS + ODD_NAMES))
lists = st.lists(numbers, max_size=5)
objects = st.dictionaries(words, numbers, max_size=2)
values = st.one_of(numbers, words, st.none(), st.booleans(), lists, objects)


def one_strategy(strategies):
    "One of the strategies, each as likely; `st.one_of` would flatten and so weigh their parts."
    return st.sampled_from(strategies).flatmap(lambda chosen: chosen)


def mostly(good, bad):
    return one_strategy([good] * 6 + [bad])


# ---------------------------------------------------------------- YOLO: lines of fields, or bytes


def lines_as_bytes(lines, end):
    return end.join(lines).encode("utf-8", "surrogatepass")


def row_of(class_id, fields, between):
    return between.join([class_id, *fields])


field = mostly(st.floats(0, 1).map(str), st.one_of(numbers.map(str), words))
line = mostly(
    st.builds(
        row_of,
        st.integers(-1, 4).map(str),
        st.lists(field, min_size=4, max_size=9),
        st.sampled_from([" ", "\t", ",", ", ", "  "]),
    ),
    st.text(max_size=20),
)
yolo_file = mostly(
    st.builds(lines_as_bytes, st.lists(line, max_size=5), st.sampled_from(["\n", "\r\n", "\r"])),
    st.binary(max_size=40),
)
yolo_stems = st.sampled_from(STEMS * 2 + ["orphan", "classes"])
class_list = one_strategy(
    [st.none()] * 2
    + [st.just(["x", "y"])] * 4
    + [st.lists(words, min_size=1, max_size=4), st.binary(max_size=30)]
)
yolo_inputs = st.fixed_dictionaries(
    {
        "files": st.dictionaries(yolo_stems, yolo_file, max_size=4),
        "classes": class_list,
        "sixth_column": mostly(st.sampled_from(["confidence", "track"]), st.none()),
    }
)


def run_yolo(root, case):
    for stem, data in case["files"].items():
        (root / "labels" / f"{stem}.txt").write_bytes(data)
    classes = case["classes"]
    if isinstance(classes, bytes):
        (root / "data.yaml").write_bytes(b"names: " + classes)
        classes = root / "data.yaml"
    folders = root / "labels", root / "images", root / "out"
    return convert_yolo(*folders, classes, case["sixth_column"])


# ---------------------------------------------------------------- COCO: right keys, wrong values


def objects_with(**keys):
    "An object that has some of the keys, or no object."
    return mostly(st.fixed_dictionaries({}, optional=keys), values)


def many(what):
    return mostly(st.lists(what, max_size=5), values)


ids = mostly(st.integers(0, 3), values)
name = mostly(st.sampled_from([stem + ".png" for stem in STEMS]), values)
width, height = mostly(st.just(20), values), mostly(st.just(10), values)
entry = objects_with(id=ids, file_name=name, width=width, height=height)
box = mostly(st.lists(mostly(st.integers(0, 12), numbers), min_size=4, max_size=4), values)
row = objects_with(
    id=ids,
    image_id=ids,
    category_id=ids,
    bbox=box,
    area=values,
    iscrowd=values,
    segmentation=values,
)
category = objects_with(id=ids, name=values)
SOUND = {
    "images": [{"id": 9, "file_name": "b.png", "width": 20, "height": 10}],
    "annotations": [{"id": 9, "image_id": 9, "category_id": 9, "bbox": [2, 3, 10, 5]}],
    "categories": [{"id": 9, "name": "sound"}],
}


def with_a_sound_box(case):
    "The lists of a file with one more entry each: something is left where all else is lost."
    return {
        key: SOUND[key] + part if isinstance(part, list) else part for key, part in case.items()
    }


coco_file = st.fixed_dictionaries(
    {"images": many(entry), "annotations": many(row), "categories": many(category)}
)
coco_inputs = mostly(one_strategy([coco_file, coco_file.map(with_a_sound_box)]), values)


def run_coco(root, case):
    (root / "i.json").write_text(json.dumps(case))
    return convert_coco(root / "i.json", root / "images", root / "out")


# ---------------------------------------------------------------- VOC: right tags, wrong contents


def tag(label, inner):
    return inner.map(lambda text: f"<{label}>{text}</{label}>")


def tags(*parts):
    return st.lists(st.one_of(*parts), max_size=6).map("".join)


def escaped(word):
    "As plain ASCII with XML's own escapes; nothing for what has none."
    return "" if "\ud800" in word else word.encode("ascii", "xmlcharrefreplace").decode()


safe = st.one_of(numbers.map(str), words.map(escaped))
number = mostly(st.integers(0, 30).map(str), safe)
edges = [tag(edge, number) for edge in ("xmin", "ymin", "xmax", "ymax")]
corners = st.tuples(*edges).flatmap(st.permutations).map("".join)
thing = tag(
    "object",
    tags(
        tag("name", mostly(st.sampled_from("xy"), safe)),
        tag("bndbox", mostly(corners, safe)),
        tag("difficult", safe),
        tag("part", tag("bndbox", corners)),
    ),
)
size = tag("size", tags(tag("width", number), tag("height", number)))
filename = tag("filename", mostly(name.map(str), safe))
voc_file = mostly(
    tag("annotation", tags(thing, thing, filename, size)),
    st.one_of(st.text(max_size=30), safe),
)
PROLOGS = ["", "", '<!DOCTYPE a [<!ENTITY b "&c;">]>', '<?xml version="1.0" encoding="x"?>']
voc_inputs = st.fixed_dictionaries(
    {
        "files": st.dictionaries(st.sampled_from(STEMS + ["gone"]), voc_file, max_size=4),
        "zero_based": st.booleans(),
        "classes": st.sampled_from([None, ["x"], ["x", "y"]]),
        "prolog": st.sampled_from(PROLOGS),
    }
)


def run_voc(root, case):
    for stem, text in case["files"].items():
        data = (case["prolog"] + text).encode("utf-8", "surrogatepass")
        (root / "labels" / f"{stem}.xml").write_bytes(data)
    folders = root / "labels", root / "images", root / "out"
    classes, zero_based = case["classes"], case["zero_based"]
    return convert_voc(*folders, class_list=classes, zero_based=zero_based)


# ---------------------------------------------------------------- sound sets, edited


def run_set(format):
    "A function that writes an edited set, converts it and looks whether all was counted."
    converters = {"yolo": convert_yolo, "coco": convert_coco, "voc": convert_voc}

    def run(root, edits):
        files, touched = fuzz_sets.edited(format, edits)
        shutil.rmtree(root / "labels")
        shutil.rmtree(root / "images")
        for name in "labels", "images":
            (root / name).mkdir()
        fuzz_sets.write_set(root, files)
        labels = root / "labels/i.json" if format == "coco" else root / "labels"
        report = converters[format](labels, root / "images", root / "out")
        fuzz_sets.assert_nothing_lost(format, root, report)
        fuzz_sets.assert_untouched_kept(format, touched, report)
        return report

    return run


# ---------------------------------------------------------------- trying them

FORMATS = {
    "yolo": (yolo_inputs, run_yolo),
    "coco": (coco_inputs, run_coco),
    "voc": (voc_inputs, run_voc),
    "yolo_set": (fuzz_sets.edits_of("yolo"), run_set("yolo")),
    "coco_set": (fuzz_sets.edits_of("coco"), run_set("coco")),
    "voc_set": (fuzz_sets.edits_of("voc"), run_set("voc")),
}
PART = 500  # inputs of one seed
LIMIT = 10  # seconds that an input may take


class Hang(BaseException):
    "An input took too long; no `except Exception` on the way may swallow it."


@contextlib.contextmanager
def time_limit(case):
    "Raise `Hang` in a block that takes longer than `LIMIT` seconds, where the system has alarms."

    def too_long(*_):
        raise Hang(f"took more than {LIMIT} s: {case!r}")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def assert_reconciled(report):
    "Found = kept + dropped, rows and counts agree, and the file holds exactly what was kept."
    for item, count in (("image", report.images), ("box", report.boxes)):
        rows = [row for row in report.rows if row["item"] == item]
        actions = Counter(row["action"] for row in rows)
        assert count.found == count.kept + count.dropped, report
        assert count.dropped == actions["dropped"], report
        assert count.repaired == actions["repaired"], report
        assert all(row["reason"] in REASONS for row in rows), report
    records = read_annotations(report.output).records
    assert len(records) == report.images.kept, report
    assert sum(len(record["boxes"]) for record in records) == report.boxes.kept, report
    for record in records:
        for x1, y1, x2, y2 in record["boxes"]:
            assert 0 <= x1 < x2 <= record["width"], record
            assert 0 <= y1 < y2 <= record["height"], record
    str(report)


def make_images(root):
    (root / "images/night").mkdir(parents=True)
    (root / "labels").mkdir()
    for stem in STEMS:
        Image.new("RGB", (20, 10)).save(root / f"images/{stem}.png")


def fuzz(format: str, count: int, seed_: int | None = None) -> Counter:
    "Try `count` inputs: how many ended in a report, how many were refused with a `UserError`."
    inputs, run = FORMATS[format]
    tried = Counter()

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=seed_ is None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def one(case):
        shutil.rmtree(root / "labels")
        shutil.rmtree(root / "out", ignore_errors=True)
        (root / "labels/night").mkdir(parents=True)
        try:
            with time_limit(case):
                assert_reconciled(run(root, case))
            tried["report"] += 1
        except UserError as e:
            assert "\n" not in str(e), e
            tried["refused"] += 1

    # In memory where possible: every output is flushed to disk.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as temp:
        root = Path(temp)
        make_images(root)
        (one if seed_ is None else seed(seed_)(one))()
    return tried


def fuzz_in_parts(kind: str, count: int, first: int, seed_: int) -> None:
    "Try inputs `first` to `first + count`, and print after each part how many it is by now."
    start = time.monotonic()
    tried: Counter = Counter()
    for at in range(first, first + count, PART):
        part = at // PART
        print(f"{kind}: from {at:,}, seed {seed_ + part}", end=" ", flush=True)
        tried += fuzz(kind, min(PART, first + count - at), seed_ + part)
        print(f"→ {sum(tried.values()):,} tried", flush=True)
    print(
        f"{kind}: {sum(tried.values()):,} inputs tried, seeds {seed_ + first // PART} to "
        f"{seed_ + (first + count - 1) // PART}, {tried['report']:,} reconciled reports, "
        f"{tried['refused']:,} refused with one line, no traceback, no hang, no loss, "
        f"{time.monotonic() - start:.0f} s",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000, help="of each kind")
    parser.add_argument("--format", choices=FORMATS, nargs="*", default=list(FORMATS))
    parser.add_argument("--seed", type=int, default=0, help="of the first part")
    parser.add_argument("--from", type=int, default=0, dest="first", help="number tried before")
    args = parser.parse_args()
    for kind in args.format:
        fuzz_in_parts(kind, args.count, args.first, args.seed)


if __name__ == "__main__":
    main()
