"The command line: every command once, and bad input answered in one line with exit code 2."

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dinofrcnn.cli import main


def run(line, capsys):
    try:
        code = main(line.split())
    except SystemExit as e:
        code = e.code
    out = capsys.readouterr()
    return code, out.out, out.err


def refused(line, capsys, *said):
    code, out, err = run(line, capsys)
    assert code == 2 and err.count("\n") == 1 and err.startswith("error: "), (code, out, err)
    for words in said:
        assert words in err
    return err


@pytest.fixture
def config_file(config, tmp_path):
    path = tmp_path / "config.yaml"
    config.save(path)
    return path


def test_installed_command_answers():
    command = Path(sys.executable).parent / "dinofrcnn"
    done = subprocess.run([command, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for name in ["check", "demo", "convert", "inspect", "cache", "train", "evaluate", "predict"]:
        assert name in done.stdout


def test_check_prints_versions(capsys):
    code, out, _ = run("check", capsys)
    assert code == 0
    assert "torch" in out
    assert "torchvision operators works" in " ".join(out.split())


CONVERSIONS = {  # format: options, with {root} and {out} to be filled in
    "yolo": (
        "--yolo_dir {root}/labels/test --image_dir {root}/images/test "
        "--class_list {root}/classes.txt --output {out}/yolo/annotations_torchvision.json"
    ),
    "coco": (
        "--instances_json {root}/coco_annotations/instances_test.json "
        "--image_dir {root}/images/test --output_dir {out}/coco"
    ),
    "voc": (
        "--annotation_dir {root}/voc/Annotations/test --image_dir {root}/images/test "
        "--split_file {root}/voc/ImageSets/Main/test.txt --class_list {root}/classes.txt "
        "--output_dir {out}/voc"
    ),
}


def spelt(options, dash):
    "The options with `dash` between the words of their names."
    words = options.split()
    return " ".join(w.replace("_", dash) if w.startswith("--") else w for w in words)


def boxes_by_image(path):
    "Per image its labels with their boxes, to a tenth of a pixel, in a fixed order."
    found = {}
    for record in json.loads(path.read_text()):
        boxes = [[round(v, 1) for v in box] for box in record["boxes"]]
        found[record["file_name"]] = sorted(zip(record["labels"], boxes, strict=True))
    return found


@pytest.mark.parametrize("dash", ["_", "-"])
def test_convert_from_all_three_formats_gives_the_same_boxes(data, tmp_path, capsys, dash):
    boxes = {}
    for name, options in CONVERSIONS.items():
        line = spelt(options, dash).format(root=data.root, out=tmp_path)
        code, _, err = run(f"convert {name} {line}", capsys)
        assert code == 0, err
        boxes[name] = boxes_by_image(tmp_path / name / "annotations_torchvision.json")
    assert boxes["yolo"] == boxes["coco"] == boxes["voc"]
    assert len(boxes["yolo"]) == 10


@pytest.mark.parametrize("name", ["yolo", "coco", "voc"])
def test_oracle_scores_one_through_the_whole_path(data, tmp_path, name):
    "convert -> dataset -> evaluate, with the ground truth as its own detections."
    import torch

    from dinofrcnn.data.dataset import DetectionDataset
    from dinofrcnn.evaluation.coco import make_report
    from dinofrcnn.labels import coco, voc, yolo

    root, images = data.root, data.test.images
    if name == "yolo":
        yolo.convert_yolo(root / "labels/test", images, tmp_path, class_list=root / "classes.txt")
    if name == "coco":
        coco.convert_coco(root / "coco_annotations/instances_test.json", images, tmp_path)
    if name == "voc":
        voc.convert_voc(root / "voc/Annotations/test", images, tmp_path)
    dataset = DetectionDataset(images, tmp_path)
    truth = [dataset.target(i) for i in range(len(dataset))]
    oracle = [{**target, "scores": torch.ones(len(target["boxes"]))} for target in truth]
    assert make_report(dataset, oracle, "pycocotools").map == 1
    assert make_report(dataset, oracle).map == 1


@pytest.mark.parametrize(
    "name, made, count",
    [("coco", "instances.json", 1), ("yolo", "classes.txt", 1), ("voc", "*.xml", 10)],
)
def test_convert_leads_back_to_every_format(data, tmp_path, capsys, name, made, count):
    options = f"--annotation_file {data.test.annotations} --output_dir {tmp_path}/back"
    code, _, err = run(f"convert to-{name} {options}", capsys)
    assert code == 0, err
    assert len(list((tmp_path / "back").rglob(made))) == count


@pytest.mark.parametrize(
    "what", ["--data_root {root}", "--config {config}", "--ann {ann} --images {images}"]
)
def test_inspect_prints_findings_and_saves_pictures(config_file, data, tmp_path, capsys, what):
    line = what.format(
        root=data.root, config=config_file, ann=data.val.annotations, images=data.val.images
    )
    code, out, err = run(f"inspect {line} --output_dir {tmp_path}/pictures", capsys)
    assert code == 0, err
    assert "Worker" in out
    assert list((tmp_path / "pictures").glob("*.png"))


def test_inspecting_nothing_is_refused(capsys):
    refused("inspect", capsys, "--data_root")


def test_convert_strict_exits_1_when_something_was_dropped(data, tmp_path, capsys):
    labels = tmp_path / "labels"
    labels.mkdir()
    name = sorted(data.test.images.glob("*.jpg"))[0].stem
    (labels / f"{name}.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0 0.2\n")
    source = f"--yolo_dir {labels} --image_dir {data.test.images}"
    output = f"--class_list {data.root}/classes.txt --output_dir {tmp_path}/out"
    line = f"convert yolo {source} {output}"
    assert run(line + " --strict", capsys)[0] == 1
    refused(line, capsys, "--force")
    assert run(line + " --force", capsys)[0] == 0


def test_train_evaluate_and_predict(config_file, data, tmp_path, capsys):
    code, out, _ = run(f"train --config {config_file} --epochs 1 --batch-size 2", capsys)
    assert code == 0
    assert "Epoch 1/1 | train" in out
    assert "saved" in out
    ckpt = tmp_path / "run/best_by_map.pth"
    code, out, _ = run(f"evaluate --config {config_file} --ckpt {ckpt} --limit 2", capsys)
    assert code == 0
    assert "mAP" in out
    assert (tmp_path / "run/report_val/failures.jpg").exists()
    photos = f"--images {data.test.images} --output_dir {tmp_path}/p"
    code, out, _ = run(f"predict --ckpt {ckpt} {photos}", capsys)
    assert code == 0
    assert len(json.loads((tmp_path / "p/predictions.json").read_text())) == 10


def test_cache_computes_features_and_nothing_else(config_file, tmp_path, capsys):
    code, out, _ = run(f"cache --config {config_file}", capsys)
    assert code == 0
    assert "11 computed" in out
    assert not (tmp_path / "run").exists()


def test_evaluate_reads_features_in_the_format_of_the_config(config_file, tiny, tmp_path, capsys):
    mine = shutil.copytree(tiny, tmp_path / "mine")
    options = f"--cache_format int8 --model_id {mine}"
    assert run(f"train --config {config_file} {options}", capsys)[0] == 0
    shutil.rmtree(mine)
    line = f"evaluate --config {tmp_path}/run/config.yaml --ckpt {tmp_path}/run/best_by_map.pth"
    code, out, err = run(f"{line} --limit 3", capsys)
    assert code == 0, err


def test_shards_of_a_cache_are_a_whole(config_file, capsys):
    for part in (2, 1):
        code, out, _ = run(f"cache --config {config_file} --shard {part}/2", capsys)
        assert code == 0 and " computed, 0 found" in out
    assert "0 computed, 11 found" in run(f"cache --config {config_file}", capsys)[1]


@pytest.mark.parametrize("text", ["3/2", "0/2", "1", "a/b", "1/2/3"])
def test_a_shard_that_is_none_is_refused(text, capsys):
    refused(f"cache --config x.yaml --shard {text}", capsys, "--shard")


@pytest.fixture
def cache_dir(config_file, capsys):
    "A cache with the features of a config, those of one that sees images smaller, and a note."
    folder = yaml.safe_load(config_file.read_text())["cache_dir"]
    for size in ("", "--min_size 96"):
        assert run(f"cache --config {config_file} {size}", capsys)[0] == 0
    (Path(folder) / "notes.txt").write_text("mine")
    return Path(folder)


def kept(cache_dir):
    assert (cache_dir / "notes.txt").exists()
    return len(list(cache_dir.rglob("*.safetensors")))


def test_a_cache_is_listed(config_file, cache_dir, capsys):
    for line in (f"--cache_dir {cache_dir}", f"--config {config_file}"):
        code, out, _ = run(f"cache --list {line}", capsys)
        assert code == 0 and "4 recipes, 22 files" in out


def test_the_usual_cache_is_listed_where_none_is_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "~/.cache/dinofrcnn: 0 recipes" in run("cache --list", capsys)[1]


def test_prune_keeps_what_the_config_reads(config_file, cache_dir, capsys):
    line = f"cache --prune --config {config_file}"
    code, out, _ = run(f"{line} --dry_run", capsys)
    assert code == 0 and "would be deleted: 11 files" in out and kept(cache_dir) == 22
    code, out, _ = run(line, capsys)
    assert code == 0 and "\ndeleted: 11 files" in out and kept(cache_dir) == 11
    assert "0 computed, 11 found" in run(f"cache --config {config_file}", capsys)[1]


def test_prune_by_days_needs_no_config(config_file, cache_dir, capsys):
    line = f"cache --prune --cache_dir {cache_dir} --unused_days 3"
    assert "deleted: 0 files" in run(line, capsys)[1]
    for page in cache_dir.rglob("recipe.json"):
        os.utime(page, (0, 0))
    assert run(f"cache --config {config_file}", capsys)[0] == 0  # these are in use
    assert "deleted: 11 files" in run(line, capsys)[1] and kept(cache_dir) == 11


def test_prune_all_deletes_all_features(cache_dir, capsys):
    assert "deleted: 22 files" in run(f"cache --prune --all --cache_dir {cache_dir}", capsys)[1]
    assert kept(cache_dir) == 0


@pytest.mark.parametrize(
    "options, said",
    {
        "--prune": "has to know what may go",
        "--prune --all --unused_days 3": "has to know what may go",
        "--prune --all --config {config}": "has to know what may go",
        "--prune --list": "not both",
        "--dry_run --config {config}": "belong to --prune",
        "--unused_days 3 --config {config}": "belong to --prune",
        "--all": "belong to --prune",
    }.items(),
)
def test_what_may_go_has_to_be_clear(config_file, cache_dir, capsys, options, said):
    where = "" if "--config" in options else f" --cache_dir {cache_dir}"
    refused(f"cache {options.format(config=config_file)}{where}", capsys, said)
    assert kept(cache_dir) == 22


def test_prune_with_the_weights_of_another_is_refused(config_file, cache_dir, tiny, capsys):
    line = f"cache --prune --config {config_file} --layers last"
    refused(line, capsys, "all of them would go", "--all")
    assert kept(cache_dir) == 22


def test_cache_with_price_only_says_it(config_file, tmp_path, capsys):
    code, out, _ = run(f"cache --config {config_file} --price", capsys)
    assert code == 0
    assert "an epoch: about" in out and "computed" not in out
    assert not (tmp_path / "run").exists()


def test_unknown_command_is_refused(capsys):
    refused("tarin", capsys, "tarin")


def test_unknown_option_is_refused(capsys):
    refused("train --epoch_s 3", capsys)


def test_missing_config_file_is_refused(capsys):
    refused("train --config nowhere.yaml", capsys, "nowhere.yaml")


def test_missing_checkpoint_is_refused(config_file, capsys):
    refused(f"evaluate --config {config_file} --ckpt nowhere.pth", capsys, "nowhere.pth")


def test_wrong_type_is_refused(config_file, capsys):
    refused(f"train --config {config_file} --epochs ten", capsys, "epochs", "ten")


def test_image_folder_that_is_not_there_is_refused(config_file, capsys):
    line = f"train --config {config_file} --train_images nowhere"
    refused(line, capsys, "train_images", "nowhere")


def test_missing_key_is_refused_by_name(config_file, capsys):
    settings = yaml.safe_load(config_file.read_text())
    del settings["model_id"]
    config_file.write_text(yaml.safe_dump(settings))
    refused(f"train --config {config_file}", capsys, "model_id")


def test_unknown_key_is_refused_with_the_nearest_name(config_file, capsys):
    settings = yaml.safe_load(config_file.read_text())
    config_file.write_text(yaml.safe_dump({**settings, "epocs": 3}))
    refused(f"train --config {config_file}", capsys, "epocs", "did you mean 'epochs'")


def test_model_folder_without_config_json_is_refused(config_file, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    refused(f"train --config {config_file} --model_id {tmp_path}/empty", capsys, "config.json")


def test_unreachable_hub_is_refused_with_a_way_on(config_file, capsys, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    model_id = "facebook/dinov3-vits16-pretrain-lvd1689m"
    refused(f"train --config {config_file} --model_id {model_id}", capsys, "facebook/dinov3-vits16")


@pytest.mark.parametrize("text", ["not json", "{}", "[1, 2]", '[{"file_name": "a.jpg"}]'])
def test_file_that_is_no_annotation_file_is_refused(config_file, tmp_path, capsys, text):
    (tmp_path / "bad.json").write_text(text)
    (tmp_path / "dataset_meta.json").write_text('{"classes": ["a"]}')
    refused(f"train --config {config_file} --train_ann {tmp_path}/bad.json", capsys, "bad.json")


def test_demo_runs_the_main_job(tmp_path, capsys, monkeypatch):
    from dinofrcnn import cli

    monkeypatch.setitem(cli.DEMO_SETTINGS, "train_limit", 4)
    monkeypatch.setitem(cli.DEMO_SETTINGS, "min_size", 128)
    monkeypatch.setitem(cli.DEMO_SETTINGS, "max_size", 192)
    code, out, _ = run(f"demo --folder {tmp_path}/demo --epochs 1", capsys)
    assert code == 0
    assert "Epoch 1/1" in out
    assert "pictures:" in out
    assert (tmp_path / "demo/run/report_test/failures.jpg").exists()


HEAVY = ["torch", "torchvision", "transformers", "huggingface_hub", "matplotlib", "numpy", "PIL"]
CODE = f"""
import sys
from dinofrcnn.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as e:
    code = e.code
print([m for m in {[*HEAVY, "pydantic", "yaml"]} if m in sys.modules], code or 0)
"""


def imported(*line):
    "What is slow to import and was imported for a command, and the command's exit code."
    done = subprocess.run([sys.executable, "-c", CODE, *map(str, line)], capture_output=True)
    heavy, code = done.stdout.decode().splitlines()[-1].rsplit(" ", 1)
    return ast.literal_eval(heavy), int(code)


COMMANDS = ["check", "demo", "convert", "inspect", "evaluate", "predict"]
FORMATS = ["yolo", "coco", "voc", "to-yolo", "to-coco", "to-voc"]
HELPFUL = ["", *COMMANDS, *(f"convert {name}" for name in FORMATS)]


@pytest.mark.parametrize("command", HELPFUL)
def test_help_is_given_without_importing_anything_slow(command):
    assert imported(*command.split(), "--help") == ([], 0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "tarin",
        "--versoin",
        "check --modl x",
        "demo --epochs 0",
        "convert yollo",
        "convert yolo --yolodir x",
        "convert coco --output_dir x",
        "convert to-voc --zero",
        "inspect --dat x",
        "predict --ckpt x",
        "predict --score high",
        "evaluate --ckpt x --limit 0",
    ],
)
def test_a_slip_is_answered_without_importing_anything_slow(line):
    assert imported(*line.split()) == ([], 2)


def test_version_is_given_without_importing_anything_slow():
    assert imported("--version") == ([], 0)


@pytest.mark.parametrize("command", ["train", "cache"])
@pytest.mark.parametrize(
    "options, code",
    {
        "--help": 0,
        "--epoch_s 3": 2,
        "--epochs ten --model_id x": 2,
        "--views sideways --lr": 2,
        "--config nowhere.yaml": 2,
        "--data_root x --model_id y --epochs 0": 2,
    }.items(),
)
def test_options_of_training_come_without_torch(command, options, code):
    "They are made from the config, so they need pydantic and PyYAML, and nothing else."
    assert imported(command, *options.split()) == (["pydantic", "yaml"], code)


@pytest.mark.parametrize("line", ["evaluate --ckpt x", "inspect", "inspect --config x.yaml"])
def test_a_command_that_lacks_its_data_says_so_without_torch(line):
    assert imported(*line.split()) == (["pydantic", "yaml"], 2)


@pytest.mark.parametrize("name", FORMATS)
def test_converting_labels_needs_no_torch(data, tmp_path, name):
    if name.startswith("to-"):
        line = f"{name} --annotation_file {data.test.annotations} --output_dir {tmp_path}/out"
    else:
        line = f"{name} {CONVERSIONS[name]}".format(root=data.root, out=tmp_path)
    heavy, code = imported("convert", *line.split())
    assert code == 0
    assert set(heavy) <= {"numpy", "PIL", "yaml"}


def test_options_of_training_are_those_of_the_config(capsys):
    code, out, _ = run("train --help", capsys)
    assert code == 0
    assert "--detections-per-img" in out


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many"])
def test_limit_below_one_is_refused(limit, capsys):
    refused(f"evaluate --ckpt x --limit={limit}", capsys, "--limit", limit)


@pytest.mark.parametrize("score", ["50", "-0.1", "nan", "inf"])
def test_score_that_is_not_from_0_to_1_is_refused_before_anything_is_loaded(score, capsys):
    refused(f"predict --ckpt x --images y --score={score}", capsys, "from 0 to 1")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_output_in_another_encoding_is_written_with_replacement(data, tmp_path, encoding):
    name = os.fsdecode(b"caf\xe9.jpg")
    odd = [{"file_name": "→.jpg", "width": 9, "height": 9, "boxes": [[0, 0, 1, 1]], "labels": [0]}]
    (tmp_path / "annotations_torchvision.json").write_text(json.dumps(odd))
    (tmp_path / "dataset_meta.json").write_text(json.dumps({"classes": ["→"]}))
    code = "import sys; from dinofrcnn.cli import main; sys.exit(main(sys.argv[1:]))"
    options = ["inspect", "--ann", tmp_path, "--output_dir", tmp_path / name]
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code, *options], capture_output=True, env=env)
    assert done.returncode == 0, done.stderr.decode()
    assert b"pictures: " in done.stdout


def test_nothing_above_the_score_names_the_best_one(trained, data, tmp_path, capsys):
    photo = sorted(data.test.images.glob("*.jpg"))[0]
    line = f"predict --ckpt {trained.best} --images {photo} --output_dir {tmp_path} --score"
    code, out, _ = run(f"{line} 1", capsys)
    assert code == 0
    best = json.loads((tmp_path / "predictions.json").read_text())[0]["best_score"]
    assert f"0 objects in 1 image: the best score found is {best:.2f}, --score is 1" in out


def test_exit_code_tells_that_no_image_could_be_read(trained, tmp_path, capsys):
    (tmp_path / "bad.jpg").write_text("hello")
    line = f"predict --ckpt {trained.best} --images {tmp_path}/bad.jpg --output_dir {tmp_path}/out"
    code, _, err = run(line, capsys)
    assert code == 2
    assert "bad.jpg" in err
    assert not (tmp_path / "out").exists()


def test_images_that_are_passed_over_are_said(trained, data, tmp_path, capsys):
    shutil.copy(sorted(data.test.images.glob("*.jpg"))[0], tmp_path / "a.jpg")
    (tmp_path / "IMG_1.HEIC").write_bytes(b"x")
    line = f"predict --ckpt {trained.best} --images {tmp_path} --output_dir {tmp_path}/out"
    for _ in range(2):  # the second time the first one's picture lies among the images
        code, out, _ = run(line, capsys)
        assert code == 0
        assert "1 HEIC file was passed over" in out
        assert "in 1 image" in out


def test_evaluate_prints_the_numbers_before_it_draws(
    trained, config_file, tmp_path, capsys, monkeypatch
):
    from dinofrcnn.evaluation.coco import Report

    def stop(report, folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(Report, "save", stop)
    line = f"evaluate --config {config_file} --ckpt {trained.best} --limit 2"
    code, out, _ = run(line, capsys)
    assert code == 130
    assert "mAP" in out


def test_evaluate_goes_on_when_a_picture_fails(trained, config_file, tmp_path, capsys, monkeypatch):
    from dinofrcnn.evaluation.coco import Report

    def fail(report, *args):
        raise ValueError("no font")

    monkeypatch.setattr(Report, "show_failures", fail)
    line = f"evaluate --config {config_file} --ckpt {trained.best} --limit 2"
    code, out, _ = run(f"{line} --output_dir {tmp_path}/report", capsys)
    assert code == 0
    assert "failures.jpg" in out
    assert (tmp_path / "report/precision_recall.png").exists()


def test_predict_prints_the_numbers_before_it_draws(trained, data, tmp_path, capsys, monkeypatch):
    from dinofrcnn.use import predict as room

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "show_prediction", stop)
    photos = f"--images {data.test.images} --output_dir {tmp_path}"
    code, out, _ = run(f"predict --ckpt {trained.best} {photos}", capsys)
    assert code == 130
    assert "objects in 10 images" in out


def test_the_test_split_is_measured_beside_the_other_report(
    trained, config_file, data, tmp_path, capsys
):
    line = f"evaluate --config {config_file} --ckpt {trained.best} --split test --limit 2"
    ckpt = shutil.copy(trained.best, tmp_path / "best.pth")
    code, out, err = run(line.replace(str(trained.best), str(ckpt)), capsys)
    assert code == 0, err
    assert str(tmp_path / "report_test") in out
    assert json.loads((tmp_path / "report_test/metrics.json").read_text())["images"] == 2
    settings = yaml.safe_load(config_file.read_text())
    config_file.write_text(yaml.safe_dump({**settings, "test_ann": ""}))
    refused(line, capsys, "there is no test split", "test_images")


def test_earlier_predictions_stay(trained, data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos = sorted(data.test.images.glob("*.jpg"))
    places = ["predictions", "predictions_2", "predictions_3"]
    for photo, place in zip(photos[:3], places, strict=True):
        code, out, _ = run(f"predict --ckpt {trained.best} --images {photo}", capsys)
        assert code == 0
        assert out.endswith(f"results: runs/{place}\n")
        (found,) = json.loads(Path(f"runs/{place}/predictions.json").read_text())
        assert found["file"] == str(photo)


def test_a_run_folder_is_no_checkpoint_and_the_cure_works(trained, data, tmp_path, capsys):
    photo = sorted(data.test.images.glob("*.jpg"))[0]
    rest = f"--images {photo} --output_dir {tmp_path}"
    refused(f"predict --ckpt {trained.folder} {rest}", capsys, "is a folder", "best_by_map.pth")
    code, _, _ = run(f"predict --ckpt {trained.folder}/best_by_map.pth {rest}", capsys)
    assert code == 0


def test_help_tells_the_defaults(capsys):
    code, out, _ = run("train --help", capsys)
    told = " ".join(out.split())
    assert code == 0
    assert "passes over the training images (default: 10)" in told
    assert "default: null" not in told and 'default: ""' not in told


def test_demo_advises_only_options_it_has(tmp_path, capsys, monkeypatch):
    from dinofrcnn.runtime import UserError
    from dinofrcnn.training import loop

    def other_settings(config):
        raise UserError("a run with other settings: choose another ckpt_dir")

    monkeypatch.setattr(loop, "train", other_settings)
    refused(f"demo --folder {tmp_path}", capsys, "choose another --folder")


def test_home_folder_is_understood_in_every_path_option(capsys, monkeypatch, tmp_path):
    from dinofrcnn.cli import make_parser

    monkeypatch.setenv("HOME", "/home/me")
    line = "evaluate --ckpt=~/a --model_id=~/b --images=~/c --ann=~/d --output_dir=~/e --config=~/f"
    args = vars(make_parser().parse_args(line.split()))
    given = [value for value in args.values() if isinstance(value, str) and "/" in value]
    assert sorted(given) == [f"/home/me/{letter}" for letter in "abcdef"]
