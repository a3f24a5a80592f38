"Shared pieces, each made once: sample data, a tiny random backbone, a detector trained a little."

import os
from pathlib import Path

import pytest
from label_sets import Coco, Voc, Yolo

REPO = Path(__file__).resolve().parent.parent
SMALL = dict(
    min_size=128, max_size=192, anchor_sizes=[[16, 32], [48, 64], [96, 160]], rois_per_image=32
)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    from dinofrcnn.data.dataset import sample_data

    return sample_data(tmp_path_factory.mktemp("data") / "construction")


@pytest.fixture
def yolo(tmp_path):
    return Yolo(tmp_path)


@pytest.fixture
def coco(tmp_path):
    return Coco(tmp_path)


@pytest.fixture
def voc(tmp_path):
    return Voc(tmp_path)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    from dinofrcnn.backbone.tiny import make_tiny_snapshot

    return make_tiny_snapshot(tmp_path_factory.mktemp("weights") / "tiny", layers=4)


@pytest.fixture(scope="session")
def backbone(tiny):
    from dinofrcnn.backbone.backbone import load_backbone

    return load_backbone(str(tiny))


def small_config(data, tiny, folder):
    "One epoch on four images, everything below `folder`."
    from dinofrcnn.training.config import TrainConfig

    return TrainConfig(
        **data.paths,
        model_id=str(tiny),
        ckpt_dir=str(folder / "run"),
        cache_dir=str(folder / "cache"),
        cache="on",
        epochs=1,
        train_limit=4,
        val_limit=3,
        **SMALL,
    )


@pytest.fixture
def config(data, tiny, tmp_path):
    return small_config(data, tiny, tmp_path)


@pytest.fixture(scope="session")
def trained(data, tiny, tmp_path_factory):
    "A finished run of one epoch on four images."
    from dinofrcnn.training.loop import train

    return train(small_config(data, tiny, tmp_path_factory.mktemp("trained")))


@pytest.fixture(scope="session")
def bccd():
    "The folder of the BCCD data set, where a local copy is."
    root = os.environ.get("DINOFRCNN_DATASETS")
    if not root or not (Path(root) / "bccd" / "BCCD").is_dir():
        pytest.skip("BCCD is not here: set DINOFRCNN_DATASETS to the folder that holds bccd/")
    return Path(root) / "bccd" / "BCCD"
