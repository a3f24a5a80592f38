"""Processes that fill one cache, and some that are killed at it.

    python filling.py FOLDER

The caches are FOLDER/0, FOLDER/1, … (killed) and FOLDER/together. The process imports torch once
and forks; what is forked fills, and is ended by a SIGKILL from outside, wherever it may be.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from dinofrcnn.backbone.backbone import load_backbone
from dinofrcnn.backbone.cache import FeatureDataset
from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.data.dataset import DetectionDataset
from dinofrcnn.labels.annotations import Annotations

IMAGES = 12
KILLS = 20


def small_data(folder):
    "Images of noise without labels, and the smallest backbone."
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for i in range(IMAGES):
        noise = np.random.default_rng(i).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{i}.png")
        record = {"file_name": f"{i}.png", "width": 64, "height": 64, "boxes": [], "labels": []}
        records.append(record)
    dataset = DetectionDataset(folder, Annotations(records, ["a"]))
    return dataset, load_backbone(make_tiny_snapshot(folder / "tiny", layers=1), device="cpu")


def features_in(folder, data):
    return FeatureDataset(*data, 64, 64, folder=folder)


def fork(work):
    "Run `work()` in a process of its own; returns its number."
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def killed(folder, data):
    "Begin to fill a cache, over and over, and kill who fills it at some moment."
    features_in(folder / "first", data).fill()  # warms up
    start = time.perf_counter()
    os.waitpid(fork(features_in(folder / "whole", data).fill), 0)
    whole = time.perf_counter() - start
    draw = random.Random(0)
    for number in range(KILLS):
        cache = features_in(folder / str(number), data)
        child = fork(cache.fill)
        time.sleep(draw.uniform(0, whole))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def together(folder, data):
    "Two processes fill the same cache at the same time; exits with 1 if one of them fails."
    children = [fork(features_in(folder / "together", data).fill) for _ in range(2)]
    ends = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(int(any(ends)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    images = small_data(place / "images")
    killed(place, images)
    together(place, images)
