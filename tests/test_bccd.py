"The real data set, where a local copy is: the commands of the README on photographs."

import json

from dinofrcnn.cli import main


def test_convert_train_and_evaluate_on_real_photographs(bccd, tiny, tmp_path, capsys):
    for split in "train", "val", "test":
        assert (
            main(
                f"convert voc --annotation_dir {bccd}/Annotations --image_dir {bccd}/JPEGImages --split_file {bccd}/ImageSets/Main/{split}.txt "
                f"--output_dir {tmp_path}/annotations/{split}".split()
            )
            == 0
        )
    kept = {
        split: len(
            json.loads((tmp_path / f"annotations/{split}/annotations_torchvision.json").read_text())
        )
        for split in ("train", "val", "test")
    }
    assert kept == {"train": 205, "val": 87, "test": 72}
    from conftest import REPO

    line = (
        f"--config {REPO}/configs/bccd.yaml --model_id {tiny} --data_root {tmp_path} --train_images {bccd}/JPEGImages --val_images {bccd}/JPEGImages "
        f"--ckpt_dir {tmp_path}/run --cache_dir {tmp_path}/cache --epochs 2 --train_limit 12 --val_limit 4 --min_size 160 --max_size 224 --lr 0.001 "
        "--anchor_sizes [[16,32],[32,64],[64,96]]"
    )
    assert main(f"train {line}".split()) == 0
    out = capsys.readouterr().out
    assert "Epoch 2/2 | train" in out
    losses = [
        float(text.split("train ")[1].split(" ")[0])
        for text in out.splitlines()
        if text.startswith("Epoch")
    ]
    assert losses[1] < losses[0]
    assert (
        main(
            f"evaluate --images {bccd}/JPEGImages --ann {tmp_path}/annotations/test --limit 3 --ckpt {tmp_path}/run/last.pth".split()
        )
        == 0
    )
    assert "RBC" in capsys.readouterr().out
