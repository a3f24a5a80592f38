"""Filling a cache from photographs of 12 megapixels, against the bare passes of the backbone.

    python benchmarks/bench_fill.py [--images 6] [--cpu_time]

In turn, a new cache each time: hashing, decoding, resizing and writing are all in it, and the bare
side has the image at network size in memory. ViT-S of true size with random weights, the shorter
side at 640."""

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import torch
from bench_backbone import SIZES
from bench_images import photographs
from table import SEED, Clock, Row, alternate, clock_of, in_words, median_ratio, show

from dinofrcnn.backbone.backbone import load_backbone
from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.data import dataset as dataset_room
from dinofrcnn.data.views import resize_to_network


def rows(clock: Clock, images: int = 6) -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        backbone = load_backbone(make_tiny_snapshot(folder / "S", **SIZES["S"]), device="cpu")
        data = photographs(folder, images)
        inputs = resize_to_network(data.photo(0))

        def fill() -> int:
            dataset_room._digests.clear()  # or the files would be hashed in the first round only
            with tempfile.TemporaryDirectory(dir=folder) as cache:
                return FeatureDataset(data, backbone, folder=cache).fill()

        def bare() -> int:
            for _ in range(images):
                backbone([inputs])
            return images

        with contextlib.redirect_stdout(io.StringIO()):
            times = alternate({"filling": fill, "bare": bare}, clock=clock)
    name = "filling the cache against bare passes of ViT-S, photographs of 12 megapixels"
    said = in_words(times, ["filling", "bare"], "image")
    return [Row(name, median_ratio(times, "filling", "bare"), 1.05, "at most", note=said)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--cpu_time", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(SEED)
    show(rows(clock_of(args.cpu_time), args.images))


if __name__ == "__main__":
    main()
