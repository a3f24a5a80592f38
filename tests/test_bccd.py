"The real data set, where a local copy is: the commands of the README on photographs."

import json

from conftest import REPO

from dinofrcnn.cli import main


def run(command, **options):
    "Run a `dinofrcnn` command with these options; it has to succeed."
    line = command.split()
    for name, value in options.items():
        line += [f"--{name}", str(value)]
    assert main(line) == 0


def test_convert_train_and_evaluate_on_real_photographs(bccd, tiny, tmp_path, capsys):
    images = bccd / "JPEGImages"
    kept = {}
    for split in "train", "val", "test":
        output = tmp_path / "annotations" / split
        run(
            "convert voc",
            annotation_dir=bccd / "Annotations",
            image_dir=images,
            split_file=bccd / f"ImageSets/Main/{split}.txt",
            output_dir=output,
        )
        kept[split] = len(json.loads((output / "annotations_torchvision.json").read_text()))
    assert kept == {"train": 205, "val": 87, "test": 72}

    run(
        "train",
        config=REPO / "configs/bccd.yaml",
        model_id=tiny,
        data_root=tmp_path,
        train_images=images,
        val_images=images,
        ckpt_dir=tmp_path / "run",
        cache_dir=tmp_path / "cache",
        epochs=2,
        train_limit=12,
        val_limit=4,
        min_size=160,
        max_size=224,
        lr=0.001,
        anchor_sizes="[[16,32],[32,64],[64,96]]",
    )
    out = capsys.readouterr().out
    assert "Epoch 2/2 | train" in out
    epochs = [line for line in out.splitlines() if line.startswith("Epoch")]
    losses = [float(line.split("train ")[1].split(" ")[0]) for line in epochs]
    assert losses[1] < losses[0]

    run(
        "evaluate",
        images=images,
        ann=tmp_path / "annotations/test",
        limit=3,
        ckpt=tmp_path / "run/last.pth",
    )
    assert "RBC" in capsys.readouterr().out
