"""A training step of the head on cached features: torchvision's default head against ours.

    python benchmarks/bench_head.py [--rounds 5] [--cpu_time]

Three heads on the same pyramid strides, in turn on the same features (ViT-S, four layers, 640×640,
two images, ten objects each); medians. "torchvision" is its default head: 512 ROIs, 2000 proposals,
and boxes and targets made for every anchor. "all anchors" is ours in torchvision's order. One step
is forward, backward, clipping and AdamW."""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from torchvision.models.detection.rpn import RegionProposalNetwork

from dinofrcnn.detector.detector import Detector

SIZE = (640, 640)
CHANNELS = 4 * 384


def torchvision_order(detector: Detector) -> Detector:
    "The same detector, boxes and targets made for every anchor before a few are chosen."
    detector.rpn.__class__ = RegionProposalNetwork
    return detector


def torchvision_head() -> Detector:
    detector = torchvision_order(Detector({16: CHANNELS}, 3, [8, 16, 32], rois_per_image=512))
    detector.rpn._pre_nms_top_n = {"training": 2000, "testing": 1000}
    detector.rpn._post_nms_top_n = {"training": 2000, "testing": 1000}
    return detector


def our_head() -> Detector:
    return Detector({16: CHANNELS}, 3, [8, 16, 32])


HEADS: dict[str, Callable[[], Detector]] = {
    "torchvision": torchvision_head,
    "all anchors": lambda: torchvision_order(our_head()),
    "ours": our_head,
}


def make_target() -> dict[str, torch.Tensor]:
    "Ten objects of 30 to 180 pixels."
    corner = torch.rand(10, 2) * 440
    sides = torch.rand(10, 2) * 150 + 30
    boxes = torch.cat([corner, corner + sides], dim=1)
    return {"boxes": boxes, "labels": torch.randint(1, 4, (10,))}


def make_step(detector: Detector) -> Callable[[], None]:
    "One training step on two images."
    grid = SIZE[0] // 16
    features = [{16: torch.randn(CHANNELS, grid, grid).half()} for _ in range(2)]
    targets = [make_target(), make_target()]
    optimizer = torch.optim.AdamW(detector.parameters(), lr=1e-4)

    def step() -> None:
        losses = detector(features, [SIZE] * 2, targets)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(detector.parameters(), 1.0)
        optimizer.step()

    return step


def measure(rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    "Seconds per image of every round, by head; the first round is not counted."
    steps = {}
    for name, make in HEADS.items():
        torch.manual_seed(0)
        steps[name] = make_step(make().train())
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            start = clock()
            step()
            if number:
                times[name].append((clock() - start) / 2)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu_time", action="store_true")
    args = parser.parse_args()
    times = measure(args.rounds, time.process_time if args.cpu_time else time.perf_counter)
    base = statistics.median(times["torchvision"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(
            f"head {name:12} {median:.3f} s per image and step, {base / median:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
