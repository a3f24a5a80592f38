"""Broken, absurd and hostile label files by the thousand, for all three formats.

    python tests/fuzz_convert.py [--count 20000] [--format yolo|coco|voc]

Each input must end in a reconciled report, or in a `UserError` of one line. Anything else is a bug and is shown with its input. Prints the number tried.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from dinofrcnn.labels.annotations import read_annotations
from dinofrcnn.labels.coco import convert_coco
from dinofrcnn.labels.reconcile import REASONS
from dinofrcnn.labels.voc import convert_voc
from dinofrcnn.labels.yolo import convert_yolo
from dinofrcnn.runtime import UserError

STEMS = ["a", "night/a", "b"]

# What stands where a number should: mostly numbers, sometimes anything.
numbers = st.one_of(
    st.floats(-0.5, 1.5),
    st.integers(-3, 120),
    st.sampled_from(
        [0, 1, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), 10**400, 2**63]
    ),
)
words = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "nan",
            "1e999",
            "0x1F",
            "1_0",
            "٣",
            "True",
            "no",
            "../a.png",
            "/etc/passwd",
            "..\\a",
            "a.png",
            "a\0b",
            "\ud800",
            "C:\\x",
            "&b;",
            "<x>",
        ]
    ),
)
values = st.one_of(
    numbers,
    words,
    st.none(),
    st.booleans(),
    st.lists(numbers, max_size=5),
    st.dictionaries(words, numbers, max_size=2),
)


def mostly(good, bad):
    return st.sampled_from([good] * 6 + [bad]).flatmap(
        lambda chosen: chosen
    )  # one_of would flatten and so weigh the parts of `bad`


# YOLO: lines of fields, or bytes
fields = st.lists(
    mostly(st.floats(0, 1).map(str), st.one_of(numbers.map(str), words)), min_size=4, max_size=9
)
line = mostly(
    st.tuples(
        st.integers(-1, 4).map(str), fields, st.sampled_from([" ", "\t", ",", ", ", "  "])
    ).map(lambda t: t[2].join([t[0], *t[1]])),
    st.text(max_size=20),
)
yolo_file = mostly(
    st.tuples(st.lists(line, max_size=5), st.sampled_from(["\n", "\r\n", "\r"])).map(
        lambda t: t[1].join(t[0]).encode("utf-8", "surrogatepass")
    ),
    st.binary(max_size=40),
)
class_list = st.sampled_from(
    [
        st.none(),
        st.none(),
        *[st.just(["x", "y"])] * 4,
        st.lists(words, min_size=1, max_size=4),
        st.binary(max_size=30),
    ]
).flatmap(lambda chosen: chosen)
yolo_inputs = st.fixed_dictionaries(
    {
        "files": st.dictionaries(
            st.sampled_from(STEMS * 2 + ["orphan", "classes"]), yolo_file, max_size=4
        ),
        "classes": class_list,
        "sixth_column": mostly(st.sampled_from(["confidence", "track"]), st.none()),
    }
)

# COCO: the right keys with the wrong things under them, or any JSON
ids = mostly(st.integers(0, 3), values)
name = mostly(st.sampled_from([s + ".png" for s in STEMS]), values)
entry = mostly(
    st.fixed_dictionaries(
        {},
        optional={
            "id": ids,
            "file_name": name,
            "width": mostly(st.just(20), values),
            "height": mostly(st.just(10), values),
        },
    ),
    values,
)
box = mostly(st.lists(mostly(st.integers(0, 12), numbers), min_size=4, max_size=4), values)
row = mostly(
    st.fixed_dictionaries(
        {},
        optional={
            "id": ids,
            "image_id": ids,
            "category_id": ids,
            "bbox": box,
            "area": values,
            "iscrowd": values,
            "segmentation": values,
        },
    ),
    values,
)
category = mostly(st.fixed_dictionaries({}, optional={"id": ids, "name": values}), values)


def many(what):
    return mostly(st.lists(what, max_size=5), values)


coco_inputs = mostly(
    st.fixed_dictionaries(
        {"images": many(entry), "annotations": many(row), "categories": many(category)}
    ),
    values,
)


# VOC: the right tags with the wrong things inside, or any text
def tag(label, inner):
    return inner.map(lambda text: f"<{label}>{text}</{label}>")


def tags(*parts):
    return st.lists(st.one_of(*parts), max_size=6).map("".join)


safe = st.one_of(
    numbers.map(str),
    words.map(
        lambda w: w.encode("ascii", "xmlcharrefreplace").decode() if "\ud800" not in w else ""
    ),
)
number = mostly(st.integers(0, 30).map(str), safe)
corners = (
    st.tuples(*[tag(t, number) for t in ("xmin", "ymin", "xmax", "ymax")])
    .flatmap(st.permutations)
    .map("".join)
)
thing = tag(
    "object",
    tags(
        tag("name", mostly(st.sampled_from("xy"), safe)),
        tag("bndbox", mostly(corners, safe)),
        tag("difficult", safe),
        tag("part", tag("bndbox", corners)),
    ),
)
voc_file = mostly(
    tag(
        "annotation",
        tags(
            thing,
            thing,
            tag("filename", mostly(name.map(str), safe)),
            tag("size", tags(tag("width", number), tag("height", number))),
        ),
    ),
    st.one_of(st.text(max_size=30), safe),
)
voc_inputs = st.fixed_dictionaries(
    {
        "files": st.dictionaries(st.sampled_from(STEMS + ["gone"]), voc_file, max_size=4),
        "zero_based": st.booleans(),
        "classes": st.sampled_from([None, ["x"], ["x", "y"]]),
        "prolog": st.sampled_from(
            ["", "", '<!DOCTYPE a [<!ENTITY b "&c;">]>', '<?xml version="1.0" encoding="x"?>']
        ),
    }
)


def run_yolo(root, case):
    for stem, data in case["files"].items():
        (root / "labels" / f"{stem}.txt").write_bytes(data)
    classes = case["classes"]
    if isinstance(classes, bytes):
        (root / "data.yaml").write_bytes(b"names: " + classes)
        classes = root / "data.yaml"
    return convert_yolo(
        root / "labels", root / "images", root / "out", classes, case["sixth_column"]
    )


def run_coco(root, case):
    (root / "i.json").write_text(json.dumps(case))
    return convert_coco(root / "i.json", root / "images", root / "out")


def run_voc(root, case):
    for stem, text in case["files"].items():
        (root / "labels" / f"{stem}.xml").write_text(
            case["prolog"] + text, encoding="utf-8", errors="surrogatepass"
        )
    return convert_voc(
        root / "labels",
        root / "images",
        root / "out",
        class_list=case["classes"],
        zero_based=case["zero_based"],
    )


FORMATS = {
    "yolo": (yolo_inputs, run_yolo),
    "coco": (coco_inputs, run_coco),
    "voc": (voc_inputs, run_voc),
}


def assert_reconciled(report):
    "found = kept + dropped for images and boxes, rows and counts agree, and the written file holds exactly what was kept."
    for item, count in ("image", report.images), ("box", report.boxes):
        rows = [r for r in report.rows if r["item"] == item]
        assert count.found == count.kept + count.dropped, report
        assert count.dropped == sum(
            r["action"] == "dropped" for r in rows
        ) and count.repaired == sum(r["action"] == "repaired" for r in rows), report
        assert all(r["reason"] in REASONS for r in rows), report
    records = read_annotations(report.output).records
    assert (
        len(records) == report.images.kept
        and sum(len(r["boxes"]) for r in records) == report.boxes.kept
    ), report
    for r in records:
        assert all(
            0 <= x1 < x2 <= r["width"] and 0 <= y1 < y2 <= r["height"]
            for x1, y1, x2, y2 in r["boxes"]
        ), r
    str(report)


def fuzz(format: str, count: int) -> Counter:
    "Try `count` inputs; how many ended in a report and how many were refused with a `UserError`."
    inputs, run = FORMATS[format]
    tried, folder = (
        Counter(),
        "/dev/shm" if Path("/dev/shm").is_dir() else None,
    )  # in memory where possible: every output is flushed to disk

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=count < 1000,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def one(case):
        shutil.rmtree(root / "labels"), shutil.rmtree(root / "out", ignore_errors=True)
        (root / "labels/night").mkdir(parents=True)
        try:
            assert_reconciled(run(root, case))
            tried["report"] += 1
        except UserError as e:
            assert "\n" not in str(e), e
            tried["refused"] += 1

    with tempfile.TemporaryDirectory(dir=folder) as temp:
        root = Path(temp)
        (root / "images/night").mkdir(parents=True)
        (root / "labels").mkdir()
        for stem in STEMS:
            Image.new("RGB", (20, 10)).save(root / f"images/{stem}.png")
        one()
    return tried


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--format", choices=FORMATS, nargs="*", default=list(FORMATS))
    args = parser.parse_args()
    for format in args.format:
        start, tried = time.monotonic(), fuzz(format, args.count)
        print(
            f"{format}: {sum(tried.values()):,} inputs tried, {tried['report']:,} reconciled reports, {tried['refused']:,} refused with one line, no traceback, {time.monotonic() - start:.0f} s"
        )
