"""A training step of the head on features that are there: torchvision's default head, and ours.

    python benchmarks/bench_head.py [--cpu_time]

In turn on the same features (ViT-S, four layers, 640×640, two images, ten objects each) and the
same pyramid strides. "torchvision" is its default head: 256 channels, 512 ROIs, 2000 proposals,
boxes and targets made for every anchor, torch's usual AdamW. "ours" is `Detector` as it is by
default, with the fused AdamW that training uses, in fp32 and, where the processor computes in it,
in bf16; both are measured against torchvision's in fp32. A step is forward, backward, clipping and
AdamW."""

import argparse
from collections.abc import Callable
from typing import Any

import torch
from table import Clock, Row, alternate, clock_of, in_words, median_ratio, show
from torch import nn
from torchvision.models.detection.rpn import RegionProposalNetwork

from dinofrcnn.backbone.cache import IMAGE
from dinofrcnn.detector.detector import Detector

SIZE = (640, 640)
CHANNELS = 4 * 384
STRIDES = [8, 16, 32]
CLASSES = 3


def torchvision_head(channels: int) -> Detector:
    "torchvision's sizes and its order: everything for every anchor, before a few are chosen."
    detector = Detector({16: channels}, CLASSES, STRIDES, head="torchvision", image_branch=False)
    detector.rpn.__class__ = RegionProposalNetwork
    return detector.train()


def make_target() -> dict[str, torch.Tensor]:
    "Ten objects of 30 to 180 pixels."
    corner = torch.rand(10, 2) * 440
    sides = torch.rand(10, 2) * 150 + 30
    boxes = torch.cat([corner, corner + sides], dim=1)
    return {"boxes": boxes, "labels": torch.randint(1, CLASSES + 1, (10,))}


def learner(model: nn.Module, fused: bool) -> Callable[[dict[str, torch.Tensor]], None]:
    "What makes a training step of losses: backward, clipping and AdamW."
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=fused or None)

    def learn(losses: dict[str, torch.Tensor]) -> None:
        optimizer.zero_grad()
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return learn


def has_bf16() -> bool:
    "Whether this processor multiplies in bf16; others only pretend to, slowly."
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def step_of(detector: Detector, batch: tuple[Any, ...], fused: bool, bf16: bool = False) -> Any:
    "A function that makes one training step on a batch and returns how many images that are."
    learn = learner(detector, fused)

    def step() -> int:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            losses = detector(*batch)
        learn(losses)
        return len(batch[0])

    return step


def measure(clock: Clock) -> dict[str, list[float]]:
    "Seconds per image of every round, by head."
    grid = SIZE[0] // 16
    features = [
        {16: torch.randn(CHANNELS, grid, grid).half(), IMAGE: torch.rand(3, *SIZE).half()}
        for _ in range(2)
    ]
    batch = (features, [SIZE] * 2, [make_target(), make_target()])

    def ours(bf16: bool) -> Any:
        return step_of(Detector({16: CHANNELS}, CLASSES, STRIDES).train(), batch, True, bf16)

    sides = {"torchvision": step_of(torchvision_head(CHANNELS), batch, False), "ours": ours(False)}
    if has_bf16():
        sides["ours in bf16"] = ours(True)
    return alternate(sides, clock=clock)


def rows(clock: Clock) -> list[Row]:
    times = measure(clock)
    made = []
    for side, precision, goal in [("ours", "fp32", 12), ("ours in bf16", "bf16", 16)]:
        name = f"step of our head against torchvision's default head, same features, {precision}"
        if side not in times:
            made.append(Row(name, None, goal, note="not here: this processor has no bf16"))
            continue
        said = in_words(times, [side, "torchvision"], "image")
        made.append(Row(name, median_ratio(times, "torchvision", side), goal, note=said))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu_time", action="store_true")
    torch.manual_seed(0)
    show(rows(clock_of(parser.parse_args().cpu_time)))


if __name__ == "__main__":
    main()
