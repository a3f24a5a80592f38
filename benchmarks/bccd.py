"""What a choice is worth on real photographs: BCCD, a tiny random backbone, several seeds.

    python benchmarks/bccd.py [variants …] [--seeds 0 1 2] [--epochs 16] [--minutes M]
                              [--folder runs/bccd_variants] [--summary]

Every variant is a training with the settings of configs/bccd.yaml and those of its own, measured on
the validation split after every epoch; of each run the best epoch counts. The test split is not
opened. With --minutes a run has as many epochs as fit into that time, by the speed of its first
epoch. A run that was killed goes on, a finished one is not repeated. --summary writes
tests/benchmarks/bccd.json from what is finished and prints it. Features are computed beforehand,
and their time is not counted."""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from table import surroundings

from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.data.download import download
from dinofrcnn.evaluation.coco import evaluate
from dinofrcnn.runtime import atomic_write
from dinofrcnn.training.config import TrainConfig, load_config
from dinofrcnn.training.loop import train
from dinofrcnn.training.price import fill_caches
from dinofrcnn.training.run import Run, read_history

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "tests" / "benchmarks" / "bccd.json"
CONFIG = ROOT / "configs" / "bccd.yaml"
BANK = ["identity", "flip", "scale1.25", "flip+scale1.25", "scale0.8", "flip+scale0.8"]
BANK += ["colour1", "flip+colour2"]


def photographs(part: float) -> dict[str, Any]:
    "Settings of photographs, and anchors, of `part` of their size."
    anchors = [[part * size for size in level] for level in ([32, 64], [96, 128], [192, 256])]
    return dict(min_size=int(part * 480), max_size=int(part * 640), anchor_sizes=anchors)


def pyramid(*strides: int, finest: Sequence[float] = ()) -> dict[str, Any]:
    "Settings of a pyramid of these strides: the config's anchors, and `finest` on a level before."
    levels = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["anchor_sizes"]
    if finest:
        levels = [list(finest), *levels]
    ratios = [[0.5, 1, 2]] * len(levels)
    return dict(strides=list(strides), anchor_sizes=levels, aspect_ratios=ratios)


def many_views(number: int) -> list[str]:
    "So many views, each mirrored or not, of a size of its own and in colours of its own."
    scales = [0.8 + 0.45 * i / number for i in range(number)]
    return [f"{'flip+' * (i % 2)}scale{s:.3f}+colour{i + 1}" for i, s in enumerate(scales)]


VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "whole size": photographs(1),
    "half the size": photographs(0.5),
    "128 channels": {"hidden_dim": 128},
    "torchvision head": {"head": "torchvision"},
    "torchvision head, lr 3e-4": {"head": "torchvision", "lr": 3e-4},
    "without the image": {"image_branch": False},
    "16/32/64": {**pyramid(16, 32, 64), "image_branch": False},
    "4/8/16/32": {**pyramid(4, 8, 16, 32, finest=[12, 16]), "image_branch": False},
    "4/8/16/32 and the image": pyramid(4, 8, 16, 32, finest=[12, 16]),
    "last layer": {"layers": "last"},
    "64 ROIs": {"rois_per_image": 64},
    "256 ROIs": {"rois_per_image": 256},
    "lr 5e-4": {"lr": 5e-4},
    "lr 2e-3": {"lr": 2e-3},
    "int8": {"cache_format": "int8"},
    **{f"{n} views": {"views": BANK[:n]} for n in (1, 2, 4, 8)},
    "live": {"views": many_views(64), "cache": "off"},
}


def settings(name: str, seed: int, epochs: int, budget: str, folder: Path) -> TrainConfig:
    "The config of one run: `budget` says what decided on the epochs."
    data = download("bccd", root=folder / "data")
    place = folder / "runs" / f"{name}-{budget}-{seed}".replace("/", ",").replace(" ", "_")
    own = {
        "model_id": str(make_tiny_snapshot(folder / "tiny")),
        "cache_dir": str(folder / "cache"),
        "cache": "on",
        "ckpt_dir": str(place),
        "seed": seed,
        "epochs": epochs,
    }
    given = {**data.paths, "data_root": None, **own, **VARIANTS[name]}
    return load_config(CONFIG, **given)


def seconds_of_an_epoch(config: TrainConfig) -> float:
    "Of a run of one epoch, with its validation."
    noted = Path(config.ckpt_dir) / "times.json"
    if not noted.exists():
        run_one(config)
    return json.loads(noted.read_text())[0]


def run_one(config: TrainConfig) -> None:
    "Train, and note after every epoch how long it took."
    if config.cache == "on":
        fill_caches(config)
    noted = Path(config.ckpt_dir) / "times.json"
    times = json.loads(noted.read_text()) if noted.exists() else []
    begun = time.perf_counter()

    def note(run: Run) -> None:
        nonlocal begun
        now = time.perf_counter()
        del times[len(run.history) - 1 :]  # an epoch that is trained again after a kill
        times.append(now - begun)
        begun = now
        with atomic_write(noted) as tmp:
            tmp.write_text(json.dumps(times))

    train(config, note)


def finished(folder: Path) -> list[dict[str, Any]]:
    "A row per finished run: variant, seed, epochs, AP of every epoch, seconds."
    return [json.loads(mark.read_text()) for mark in sorted(folder.glob("runs/*/done.json"))]


def mark_done(name: str, budget: str, config: TrainConfig) -> None:
    "Write the row of a finished run into its folder."
    folder = Path(config.ckpt_dir)
    times = json.loads((folder / "times.json").read_text())
    history = read_history(folder / "history.csv")
    kept = {"cache_dir": config.cache_dir, "cache_format": config.cache_format}
    report = evaluate(Run(folder).best, config.split_paths("val"), **kept)
    row = {
        "variant": name,
        "budget": budget,
        "seed": config.seed,
        "epochs": config.epochs,
        "minutes": round(sum(times) / 60, 1),
        "map": [round(row["map"], 4) for row in history],
        "best": report.stats,  # of the epoch with the highest AP
        "per_class": report.per_class,  # the same by class
        "measured": {**surroundings(), "seeds": [config.seed]},
    }
    with atomic_write(folder / "done.json") as tmp:
        tmp.write_text(json.dumps(row))


def summary(folder: Path) -> None:
    "Write the result file, a line per run, and print a line per variant and budget."
    rows = finished(folder)
    with atomic_write(RESULT) as tmp:
        tmp.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["variant"], row["budget"]), []).append(row)
    for (name, budget), runs in groups.items():
        ap, ap50 = ([run["best"][key] for run in runs] for key in ("map", "map50"))
        minutes = statistics.mean(run["minutes"] for run in runs)
        spread = f"{min(ap):.3f} to {max(ap):.3f}"
        print(
            f"{name:28} {budget:10} {minutes:5.1f} min  {len(runs)} seeds  "
            f"AP {statistics.mean(ap):.3f} ({spread})  AP50 {statistics.mean(ap50):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variants", nargs="*", default=["default"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--minutes", type=float, help="in place of --epochs")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "bccd_variants")
    parser.add_argument("--summary", action="store_true")
    args = parser.parse_args()
    if args.summary:
        return summary(args.folder)
    budget = f"{args.minutes:g} minutes" if args.minutes else f"{args.epochs} epochs"
    for seed in args.seeds:
        for name in args.variants:
            epochs = args.epochs
            if args.minutes:
                first = settings(name, seed, 1, "1 epochs", args.folder)
                epochs = max(1, round(60 * args.minutes / seconds_of_an_epoch(first)))
            config = settings(name, seed, epochs, budget, args.folder)
            if not (Path(config.ckpt_dir) / "done.json").exists():
                run_one(config)
                mark_done(name, budget, config)
    return None


if __name__ == "__main__":
    main()
