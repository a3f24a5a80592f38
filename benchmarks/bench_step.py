"""A training step on cached features against other training steps; and the size of a checkpoint.

    python benchmarks/bench_step.py [--models S B L] [--cpu_time]

In turn, at 640×640 with two images of ten objects each:
"ours": a step as `train` does it, reading the features from the disk included;
"live": the backbone's pass over both images and a step of torchvision's default head;
"fine-tuning": a step of torchvision's fasterrcnn_resnet50_fpn, the last three stages trained.
Random weights of the true sizes. Of L three rounds, of the others five. A checkpoint is the
best_by_map.pth that the run of S or of L writes."""

import argparse
import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from bench_backbone import SIZES
from bench_head import learner, torchvision_head
from drawn import CLASSES, draw_split
from table import SEED, Clock, Row, Sides, alternate, clock_of, in_words, median_ratio, show
from torch.utils.data import ConcatDataset
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.resnet import Bottleneck

from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.training.config import TrainConfig
from dinofrcnn.training.inputs import batches, load_data
from dinofrcnn.training.loop import Trainer, train_epoch

SIDE = 640
GOALS = {"S": 20, "B": 40, "L": 90}
MEGABYTE = 1e6


def make_trainer(folder: Path, model: str) -> Trainer:
    "A run on four drawn images, its features on disk."
    for split, images in ("train", 4), ("val", 1):
        draw_split(folder / "data", split, images, (SIDE, SIDE), objects=10, sides=(30, 180))
    config = TrainConfig(
        model_id=str(make_tiny_snapshot(folder / "snapshot", **SIZES[model])),
        data_root=str(folder / "data"),
        cache_dir=str(folder / "cache"),
        ckpt_dir=str(folder / "run"),
        cache="on",
        device="cpu",
        views=["identity"],
        min_size=SIDE,
        max_size=SIDE,
        lr=1e-4,
        seed=SEED,
    )
    with contextlib.redirect_stdout(io.StringIO()):  # what it says about the cache
        return Trainer(config, *load_data(config))


def two_images(trainer: Trainer) -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    "Images and targets of a step; they are of the network's size already."
    data = trainer.views.views[0].dataset
    return [data.image(i) for i in range(2)], [data.target(i) for i in range(2)]


def our_steps(trainer: Trainer) -> Callable[[], int]:
    "Eight steps of training, each image read from disk four times."
    images = ConcatDataset([trainer.views] * 4)
    loader = batches(images, trainer.config, shuffle=True)

    def steps() -> int:
        parts = trainer.model, loader, trainer.optimizer, trainer.schedule, trainer.accelerator
        train_epoch(*parts, trainer.config.grad_clip)
        return len(images)

    return steps


def live_step(trainer: Trainer) -> Callable[[], int]:
    "A step on two images that go through the backbone."
    backbone = trainer.model.backbone
    images, targets = two_images(trainer)
    head = torchvision_head(backbone.out_channels[16])
    learn = learner(head, fused=False)

    def step() -> int:
        learn(head(backbone(images), [(SIDE, SIDE)] * 2, targets))
        return 2

    return step


def resnet_detector() -> FasterRCNN:
    """fasterrcnn_resnet50_fpn as it is fine-tuned, with random weights.

    torchvision's own function trains all stages where no weights are given. Its frozen norms do not
    tame random weights, so the blocks add less to what they are given.
    """
    backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=3)
    for module in backbone.modules():
        if isinstance(module, Bottleneck):
            module.bn3.weight.fill_(0.1)
    model = FasterRCNN(backbone, len(CLASSES) + 1, min_size=SIDE, max_size=SIDE)
    return model.train()


def fine_tuning_step(trainer: Trainer) -> Callable[[], int]:
    "A step of torchvision's detector on the same two images."
    images, targets = two_images(trainer)
    model = resnet_detector()
    learn = learner(model, fused=False)

    def step() -> int:
        learn(model(images, targets))
        return 2

    return step


def size_row(trainer: Trainer, model: str) -> Row:
    "How large the checkpoint of a run is."
    path = trainer.run.best
    trainer.write(path, epoch=1, metrics={"epoch": 1, "map": 0.5})
    megabytes = path.stat().st_size / MEGABYTE
    name = f"size of best_by_map.pth, ViT-{model} with four layers"
    return Row(name, megabytes, 20, "at most", "MB")


def rows_of(model: str, clock: Clock) -> list[Row]:
    "The rows of a backbone."
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(Path(folder), model)
        sides: Sides = {"ours": our_steps(trainer), "live": live_step(trainer)}
        if model == "S":
            sides["fine-tuning"] = fine_tuning_step(trainer)
        times = alternate(sides, 3 if model == "L" else 5, clock)
        name = f"training step, cached ViT-{model} and our head, against"
        made = []
        for side, other, goal in [
            ("live", "live features and torchvision's default head", GOALS[model]),
            ("fine-tuning", "fine-tuning fasterrcnn_resnet50_fpn", 25),
        ]:
            if side in times:
                said = in_words(times, ["ours", side], "image")
                made.append(
                    Row(f"{name} {other}", median_ratio(times, side, "ours"), goal, note=said)
                )
        return made if model == "B" else [*made, size_row(trainer, model)]


def rows(clock: Clock, models: tuple[str, ...] = tuple(GOALS)) -> list[Row]:
    return [row for model in models for row in rows_of(model, clock)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(GOALS), choices=GOALS)
    parser.add_argument("--cpu_time", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(SEED)
    show(rows(clock_of(args.cpu_time), args.models))


if __name__ == "__main__":
    main()
