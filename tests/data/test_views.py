"What the network gets to see: sizes, boxes in its pixels, and views."

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dinofrcnn.data.views import (
    View,
    boxes_to_image,
    boxes_to_network,
    check_values,
    jitter_colour,
    network_input,
    network_size,
    resize_to_network,
)
from dinofrcnn.runtime import UserError, refusal

sides = st.integers(1, 4000)


@given(sides, sides, st.sampled_from([14, 16, 32]))
def test_network_sides_are_whole_patches(h, w, patch):
    height, width = network_size(h, w, 320, 480, patch)
    assert height % patch == 0 and width % patch == 0 and height > 0 and width > 0
    assert max(height, width) <= 480 + patch / 2


def test_resize_to_network_pads_and_crops_nothing():
    "The last column of a 100 px wide image is still the last column at network size."
    image = torch.zeros(3, 64, 100)
    image[:, :, -8:] = 1
    x = resize_to_network(image, 64, 96)
    assert x.shape[-1] % 16 == 0 and x[..., -1].min() > 0.9 and x[..., 0].max() < 0.1


@given(st.integers(20, 500), st.integers(20, 500))
def test_boxes_go_to_the_network_and_come_back(h, w):
    boxes = torch.tensor([[0.0, 0, w, h], [1, 2, 11, 12]])
    size = network_size(h, w, 160, 240)
    there = boxes_to_network(boxes, (h, w), size)
    assert there[0].tolist() == pytest.approx([0, 0, size[1], size[0]])
    assert torch.allclose(boxes_to_image(there, (h, w), size), boxes, atol=1e-3)


@pytest.mark.parametrize(
    "text", ["identity", "flip", "scale0.75", "colour2", "flip+scale1.25+colour3"]
)
def test_view_is_named_and_can_be_undone(text):
    view = View.parse(text)
    boxes = torch.tensor([[3.0, 4, 30, 40]])
    assert str(view) == text
    x, at = network_input(torch.rand(3, 60, 90), boxes, 64, 96, 16, view)
    back = view.boxes(boxes_to_image(at, (60, 90), x.shape[-2:]), 90)
    assert torch.allclose(back, boxes, atol=1e-3)


@pytest.mark.parametrize("text", ["flop", "scale", "scale99", "colourx", ""])
def test_unknown_view_is_refused(text):
    with pytest.raises(UserError, match="view"):
        View.parse(text)


def test_flip_moves_the_object_with_its_box():
    image = torch.zeros(3, 64, 96)
    image[:, 16:32, 0:16] = 1
    x, boxes = network_input(image, torch.tensor([[0.0, 16, 16, 32]]), 64, 96, 16, View(flip=True))
    x1, y1, x2, y2 = boxes[0].int().tolist()
    assert x[:, y1:y2, x1:x2].min() == 1 and x.sum() == image.sum()


PHOTO = torch.rand(3, 60, 90, generator=torch.Generator().manual_seed(0))
NO_IMAGES = {
    "0..255": PHOTO * 255,
    "bytes": (PHOTO * 255).to(torch.uint8),
    "normalised": (PHOTO - 0.45) / 0.225,
    "all NaN": PHOTO * float("nan"),
    "one NaN": PHOTO.where(PHOTO.max() > PHOTO, torch.nan),
    "infinite": PHOTO.where(PHOTO.max() > PHOTO, torch.inf),
    "half, normalised": ((PHOTO - 0.45) / 0.225).half(),
}
NOTHING = torch.zeros(0, 4)


def enlarged(image):
    return resize_to_network(image, 128, 192)


def at_network_size(image):
    return resize_to_network(image[:, :48, :64], 48, 64)


def recoloured(image):
    "`jitter_colour` cuts off at 0 and 1, too, before anything is resized."
    return network_input(image, NOTHING, 128, 192, 16, View(colour=3))


@pytest.mark.parametrize("door", [enlarged, at_network_size, recoloured])
@pytest.mark.parametrize("kind", NO_IMAGES)
def test_image_values_out_of_range(kind, door):
    "An image in 0..255, normalised or NaN was cut off to [0, 1] before anything looked at it."
    image = NO_IMAGES[kind]
    with pytest.raises(UserError, match=r"values in \[0, 1\]"):
        door(image)


@pytest.mark.parametrize("image", [PHOTO, PHOTO.half(), PHOTO * 0, PHOTO * 1.008 - 0.005])
def test_image_values_in_range_pass(image):
    check_values(image)
    jitter_colour(image, 3)


def test_values_that_are_refused_are_named():
    said = refusal(check_values, NO_IMAGES["normalised"])
    assert "-2" in said and "do not normalise" in said
    assert "uint8" in refusal(check_values, NO_IMAGES["bytes"])


def test_network_sides_are_the_nearest_whole_patches():
    "1.28 times 110 is 8.8 patches."
    assert network_size(100, 110, 128, 192) == (128, 144)


def test_fine_stripes_become_grey():
    "Without antialiasing every third column would be taken as it is, black or white."
    stripes = torch.zeros(3, 192, 192)
    stripes[:, :, ::2] = 1
    assert (resize_to_network(stripes, 64, 64) - 0.5).abs().max() < 0.1


def test_colour_view_is_always_the_same_and_changes_something():
    def seen(view):
        return View.parse(view).apply(PHOTO)

    assert torch.equal(seen("colour3"), seen("colour3"))
    assert not torch.allclose(seen("colour3"), PHOTO)
    assert not torch.allclose(seen("colour3"), seen("colour4"))
