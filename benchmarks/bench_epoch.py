"""A whole epoch with its validation, against the training steps in it: BCCD, features cached.

    python benchmarks/bench_epoch.py [--cpu_time]

As configs/bccd.yaml has it, with the tiny random backbone, in fp32; the median of three epochs
after the first. The rest of an epoch is the validation pass, COCO's numbers and the checkpoints.
BCCD has to lie in the folder that DINOFRCNN_DATASETS names."""

import argparse
import contextlib
import io
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from table import SEED, Clock, Row, clock_of, show

from dinofrcnn.backbone.tiny import make_tiny_snapshot
from dinofrcnn.data.download import download
from dinofrcnn.training import loop
from dinofrcnn.training.config import TrainConfig, load_config
from dinofrcnn.training.inputs import load_data

CONFIG = Path(__file__).parent.parent / "configs/bccd.yaml"
NAME = "whole epoch with validation on BCCD, against its training steps alone"
EPOCHS = 4


def is_here() -> bool:
    "Whether a local copy is there: nothing is downloaded for a benchmark."
    root = os.environ.get("DINOFRCNN_DATASETS")
    return bool(root) and (Path(root) / "bccd/BCCD").is_dir()


def bccd_config(folder: Path) -> TrainConfig:
    "Everything below `folder`."
    return load_config(
        CONFIG,
        model_id=str(make_tiny_snapshot(folder / "tiny")),
        data_root=str(download("bccd", folder / "data").root),
        cache_dir=str(folder / "cache"),
        ckpt_dir=str(folder / "run"),
        cache="on",
        device="cpu",
        epochs=EPOCHS,
        seed=SEED,
    )


def measure(folder: Path, clock: Clock) -> list[tuple[float, float]]:
    "Of every epoch after the first the seconds of all of it, and those of its training steps."
    spent: list[float] = []
    train_epoch = loop.train_epoch

    def timed(*args: Any) -> float:
        start = clock()
        loss = train_epoch(*args)
        spent.append(clock() - start)
        return loss

    config = bccd_config(folder)
    trainer = loop.Trainer(config, *load_data(config))
    whole = []
    with mock.patch.object(loop, "train_epoch", timed):
        for _ in range(EPOCHS):
            start = clock()
            trainer.epoch()
            whole.append(clock() - start)
    return list(zip(whole, spent, strict=True))[1:]


def rows(clock: Clock) -> list[Row]:
    if not is_here():
        note = "BCCD is not here: DINOFRCNN_DATASETS names no folder that holds bccd/BCCD"
        return [Row(NAME, None, 1.25, "at most", note=note)]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        epochs = measure(Path(folder), clock)
    ratio = statistics.median(whole / steps for whole, steps in epochs)
    medians = [statistics.median(column) for column in zip(*epochs, strict=True)]
    note = f"{medians[0]:.3g} s, of which training steps {medians[1]:.3g} s"
    return [Row(NAME, ratio, 1.25, "at most", note=note)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu_time", action="store_true")
    torch.manual_seed(SEED)
    show(rows(clock_of(parser.parse_args().cpu_time)))


if __name__ == "__main__":
    main()
