import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from matplotlib.figure import Figure

pytest.importorskip("ipywidgets")
from dinofrcnn.runtime import UserError
from dinofrcnn.training.config import TrainConfig
from dinofrcnn.use import widgets
from dinofrcnn.use.widgets import ConfigForm, browse, browse_failures, explore_layers


@pytest.fixture
def form(data):
    return ConfigForm(**data.paths, model_id="tiny")


def test_untouched_form_is_the_plain_config(form, data):
    assert form.config() == TrainConfig(**data.paths, model_id="tiny")


@pytest.mark.parametrize("name", [n for group in ConfigForm.GROUPS.values() for n in group.split()])
def test_every_field_of_the_form_goes_there_and_back(data, name):
    "The text or choice shown for a value means that value."
    values = {**data.paths, "model_id": "tiny"}
    value = getattr(TrainConfig(**values), name)
    form = ConfigForm(**{**values, name: value})
    assert getattr(form.config(), name) == value


def test_wrong_value_is_said_while_typing_and_refused(form):
    form.boxes["batch_size"].value = "0"
    assert "batch_size" in form.said.value
    with pytest.raises(UserError, match="batch_size"):
        form.config()
    form.boxes["batch_size"].value = "4"
    assert "well" in form.said.value
    assert form.config().batch_size == 4


@pytest.mark.parametrize(
    "name, text",
    [
        ("epochs", "yes"),
        ("epochs", "1:2"),
        ("lr", ".inf"),
        ("aspect_ratios", "[[1:2], [1:1], [2:1]]"),
        ("anchor_sizes", "[[0], [1], [2]]"),
        ("detections_per_img", "0"),
    ],
)
def test_number_that_cannot_be_is_said_while_typing(form, name, text):
    form.boxes[name].value = text
    assert name in form.said.value


def test_paths_are_taken_as_they_are_given(data):
    form = ConfigForm(data_root=data.root, model_id=Path("tiny"), train_images=Path("photos"))
    assert form.boxes["model_id"].value == "tiny"
    assert form.config().train_images == str(data.root / "photos")


def test_settings_that_are_not_shown_are_kept(data):
    assert ConfigForm(**data.paths, model_id="tiny", seed=7).config().seed == 7


def test_only_widgets_that_old_and_new_ipywidgets_both_know_are_used(form):
    import ipywidgets as w

    def walk(widget):
        yield type(widget)
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    assert set(walk(form.widget)) <= {w.VBox, w.HBox, w.HTML, w.Text, w.Dropdown, w.Checkbox}


def test_slider_replaces_the_picture():
    import matplotlib.pyplot as plt

    def draw(i):
        fig, ax = plt.subplots(figsize=(1, 1))
        ax.text(0, 0, str(i))
        plt.close(fig)
        return fig

    slider, picture = browse(draw, 3).children
    first = picture.value
    slider.value = 2
    assert picture.value != first
    assert picture.value[:2] == b"\xff\xd8"


def test_nothing_to_browse_is_refused():
    with pytest.raises(UserError):
        browse(lambda i: None, 0)


@pytest.fixture
def old_widgets(tmp_path):
    "A folder with ipywidgets 7.7.1, to be put on the path."
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        pytest.skip("ipywidgets 7.7.1 cannot be had: uv is not installed")
    old = ["ipywidgets==7.7.1", "ipython-genutils", "widgetsnbextension<4", "jupyterlab-widgets<3"]
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--target", tmp_path, *old]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"ipywidgets 7.7.1 cannot be had: {done.stderr.strip()[-200:]}")
    return tmp_path


under_old_widgets = pytest.mark.skipif(
    "DINOFRCNN_OLD_WIDGETS" in os.environ, reason="this is the run under the old version"
)


@under_old_widgets
def test_form_works_under_colabs_ipywidgets_too(old_widgets):
    "Colab has ipywidgets 7.7.1: the tests above, once more, under that version."
    env = {**os.environ, "PYTHONPATH": str(old_widgets), "DINOFRCNN_OLD_WIDGETS": "1"}
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(tests, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_version_of_ipywidgets_is_the_one_asked_for():
    import ipywidgets

    if "DINOFRCNN_OLD_WIDGETS" in os.environ:
        assert ipywidgets.__version__.startswith("7.7.1")


def test_defaults_are_shown_as_a_person_would_type_them(form):
    "YAML writes a list that occurs twice as an anchor and a reference to it."
    assert form.boxes["aspect_ratios"].value == "[[0.5, 1, 2], [0.5, 1, 2], [0.5, 1, 2]]"


def test_worst_image_comes_first():
    class Images(list):
        @property
        def records(self):
            return [{"file_name": name} for name in self]

    shown = []

    def show(indices, score, titles):
        shown.append((indices, titles))
        return Figure()

    mistakes = [(0, 1), (3, 2), (0, 0)]
    dataset = Images(["a.jpg", "b.jpg", "c.jpg"])
    report = SimpleNamespace(dataset=dataset, mistakes=lambda i, score: mistakes[i], show=show)
    browse_failures(report)
    assert shown == [([1], ["b.jpg: 3 missed, 2 wrong"])]


def test_slider_over_layers_begins_with_the_first(backbone, monkeypatch):
    image = torch.rand(3, 64, 96, generator=torch.Generator().manual_seed(0))
    colours = widgets.pca_colours
    drawn = []
    monkeypatch.setattr(widgets, "pca_colours", lambda fmap: drawn.append(fmap) or colours(fmap))
    explore_layers(backbone, image)
    first = backbone([image])[0][16].chunk(4)[0]
    assert torch.equal(drawn[0], first)
