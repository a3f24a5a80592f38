"""From a photograph of 12 megapixels to what the backbone takes, in three ways; and reading ahead.

    python benchmarks/bench_images.py [--rounds 7] [--images 24] [--cpu_time]

Ways: all of it as floats and then smaller; all of it decoded, smaller in bytes and then floats; and
decoded smaller at once (what we do): in turn on the same file; medians, the decoding included.
Reading ahead: a cache is filled while threads decode the next images, against one image after the
other; the backbone is replaced by a pause, as a GPU would be busy for that long while the CPU is
free. One thread for torch."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image

from dinofrcnn.backbone import cache
from dinofrcnn.backbone.backbone import Backbone, load_backbone
from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.data.views import network_size, resize_to_network, to_tensor
from dinofrcnn.labels.annotations import Annotations
from dinofrcnn.labels.images import read_image

WIDTH, HEIGHT = 4032, 3024
PAUSE = 0.1  # seconds that the pretended backbone is busy with an image


def draw_photograph(file: Path, seed: int) -> None:
    "A JPEG of 12 megapixels with some detail in it."
    small = np.random.default_rng(seed).integers(0, 255, (HEIGHT // 10, WIDTH // 10, 3), np.uint8)
    image = Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    image.save(file, quality=90)


def floats_first(file: Path) -> torch.Tensor:
    return resize_to_network(to_tensor(read_image(file)))


def bytes_first(file: Path) -> torch.Tensor:
    return resize_to_network(read_image(file))


def decoded_smaller(file: Path) -> torch.Tensor:
    height, width = network_size(HEIGHT, WIDTH)
    return resize_to_network(read_image(file, wanted=(width, height)))


def seconds(function: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    function()
    return clock() - start


def compare_ways(file: Path, rounds: int, clock: Callable[[], float]) -> None:
    "Medians of each way on one photograph, and of the ratios to the one before."
    ways = [floats_first, bytes_first, decoded_smaller]
    times = []
    for i in range(rounds + 1):
        order = ways if i % 2 == 0 else ways[::-1]
        times.append({way: seconds(lambda w=way: w(file), clock) for way in order})
    times = times[1:]  # the first warms up
    for way in ways:
        print(f"{way.__name__} {1000 * statistics.median(t[way] for t in times):.0f} ms")
    for slow, fast in pairwise(ways):
        ratio = statistics.median(t[slow] / t[fast] for t in times)
        print(f"{slow.__name__} / {fast.__name__}: {ratio:.1f}×")
    decode = statistics.median(seconds(lambda: read_image(file), clock) for _ in range(rounds))
    print(f"decoding all of the file takes {1000 * decode:.0f} ms")


def photographs(folder: Path, count: int) -> DetectionDataset:
    records = []
    for i in range(count):
        draw_photograph(folder / f"{i}.jpg", i)
        size = {"width": WIDTH, "height": HEIGHT}
        records.append({"file_name": f"{i}.jpg", **size, "boxes": [], "labels": []})
    return DetectionDataset(folder, Annotations(records, ["a"]))


def fill(dataset: DetectionDataset, backbone: Backbone, ahead: bool) -> float:
    "Seconds to fill a new cache with a backbone that only pauses."
    maps = {16: torch.zeros(8, 40, 53)}

    def pause(images: list[torch.Tensor]) -> list[dict[int, torch.Tensor]]:
        time.sleep(PAUSE * len(images))
        return [maps] * len(images)

    with tempfile.TemporaryDirectory() as folder:
        features = FeatureDataset(dataset, backbone, folder=folder)
        reader = cache.read_ahead if ahead else map
        with (
            mock.patch.object(backbone, "forward", pause),
            mock.patch.object(cache, "read_ahead", reader),
        ):
            return seconds(features.fill, time.perf_counter)


def compare_filling(folder: Path, images: int) -> None:
    "A cache filled with and without reading ahead, in turn."
    dataset = photographs(folder, images)
    backbone = load_backbone(make_tiny_snapshot(folder / "tiny", layers=1), device="cpu")
    fill(dataset, backbone, ahead=True)
    times = [(fill(dataset, backbone, False), fill(dataset, backbone, True)) for _ in range(3)]
    alone = statistics.median(t[0] for t in times) / images
    ahead = statistics.median(t[1] for t in times) / images
    print(
        f"an image every {1000 * alone:.0f} ms one after the other, {1000 * ahead:.0f} ms with "
        f"reading ahead (the pretended backbone takes {1000 * PAUSE:.0f} of them)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--cpu_time", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clock = time.process_time if args.cpu_time else time.perf_counter
    with tempfile.TemporaryDirectory() as folder:
        compare_filling(Path(folder), args.images)
        compare_ways(Path(folder) / "0.jpg", args.rounds, clock)


if __name__ == "__main__":
    main()
