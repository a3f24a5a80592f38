"A JPEG that is wanted small is decoded smaller, and nothing else about it changes."

import numpy as np
import pytest
from PIL import Image

from dinofrcnn.data.views import network_size, resize_to_network
from dinofrcnn.labels.images import image_size, read_image
from dinofrcnn.runtime import UserError


def photograph(width, height):
    "Patches of random colours from large to small, as in photographs."
    colours = np.random.default_rng(0)
    picture = Image.new("RGB", (width, height), "grey")
    for step in 100, 20, 4:
        few = colours.integers(0, 255, (height // step, width // step, 3), np.uint8)
        picture = Image.blend(picture, Image.fromarray(few).resize(picture.size), 0.35)
    return picture


def kept(folder, image, **options):
    "The file of the image."
    image.save(folder / "a.jpg", quality=90, **options)
    return folder / "a.jpg"


def rotated(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def off(some, others):
    "Mean difference of two images, in steps of 255."
    return np.abs(np.asarray(some, np.float32) - np.asarray(others, np.float32)).mean()


@pytest.mark.parametrize(
    "wanted, size",
    [
        ((401, 300), (1600, 1200)),
        ((400, 300), (800, 600)),
        ((201, 150), (800, 600)),
        ((200, 150), (400, 300)),
        ((100, 75), (200, 150)),
        ((10, 75), (200, 150)),  # the other side decides
        ((10, 10), (200, 150)),  # there is no sixteenth
    ],
)
def test_image_is_never_below_twice_the_wanted_size(tmp_path, wanted, size):
    assert read_image(kept(tmp_path, Image.new("RGB", (1600, 1200))), wanted=wanted).size == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sides_are_those_of_the_upright_image(tmp_path, orientation):
    "Of a photograph that lies on its side the wanted sides are swapped."
    path = kept(tmp_path, Image.new("RGB", (1600, 800)), exif=rotated(orientation))
    width, height = image_size(path)
    assert read_image(path, wanted=(width // 4, height // 4)).size == (width // 2, height // 2)
    assert read_image(path, wanted=(width // 4, height // 4 + 1)).size == (width, height)
    assert read_image(path, wanted=(width // 4 + 1, height // 4)).size == (width, height)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_smaller_image_is_the_whole_one_made_small(tmp_path, orientation):
    "Turned as it is: nowhere has a pixel moved."
    path = kept(tmp_path, photograph(800, 608), exif=rotated(orientation))
    wanted = (76, 100) if orientation >= 5 else (100, 76)
    whole, smaller = read_image(path), read_image(path, wanted=wanted)
    assert smaller.width * 4 == whole.width and smaller.height * 4 == whole.height
    small = [image.resize(wanted, Image.Resampling.BILINEAR) for image in (whole, smaller)]
    assert off(*small) < 2


def test_network_sees_nearly_the_same(tmp_path):
    path = kept(tmp_path, photograph(1600, 1200))
    height, width = size = network_size(1200, 1600, 160, 240)
    smaller = read_image(path, wanted=(width, height))
    assert network_size(smaller.height, smaller.width, 160, 240) == size
    inputs = [resize_to_network(image, 160, 240) for image in (read_image(path), smaller)]
    assert 0 < off(*inputs) * 255 < 2


@pytest.mark.parametrize("size", [(1600, 1201), (1601, 1200), (1599, 1199), (798, 600)])
def test_image_that_cannot_be_divided_or_is_small_is_whole_bit_by_bit(tmp_path, size):
    path = kept(tmp_path, photograph(*size))
    assert np.array_equal(read_image(path, wanted=(400, 300)), read_image(path))


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "bmp"])
def test_other_formats_are_whole(tmp_path, suffix):
    photograph(400, 300).save(tmp_path / f"a.{suffix}")
    assert read_image(tmp_path / f"a.{suffix}", wanted=(40, 30)).size == (400, 300)


@pytest.mark.parametrize("width, height", [(4032, 3024), (3000, 4000), (6000, 4000), (1442, 962)])
@pytest.mark.parametrize("min_size, max_size", [(640, 960), (333, 517), (100, 101)])
def test_network_size_is_the_same_for_the_smaller_image(width, height, min_size, max_size):
    for part in 2, 4, 8:
        if width % part == height % part == 0:
            whole = network_size(height, width, min_size, max_size, 16)
            assert network_size(height // part, width // part, min_size, max_size, 16) == whole


KINDS = {
    "grey": lambda image: (image.convert("L"), {}),
    "print colours": lambda image: (image.convert("CMYK"), {}),
    "progressive": lambda image: (image, {"progressive": True}),
    "full colour": lambda image: (image, {"subsampling": 0}),
    "MPO": lambda image: (
        image,
        {"format": "MPO", "save_all": True, "append_images": [Image.new("RGB", image.size)]},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_jpeg_is_read_smaller(tmp_path, kind):
    image, options = KINDS[kind](photograph(800, 608))
    path = kept(tmp_path, image, **options)
    smaller = read_image(path, wanted=(200, 152))
    assert smaller.mode == "RGB" and smaller.size == (400, 304)
    small = [
        one.resize((200, 152), Image.Resampling.BILINEAR) for one in (read_image(path), smaller)
    ]
    assert off(*small) < 2


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lost", [1, 2, 3, 20, 500, 10_000])
def test_truncated_file_is_refused_as_it_is_whole(tmp_path, progressive, lost):
    path = kept(tmp_path, photograph(800, 608), progressive=progressive)
    path.write_bytes(path.read_bytes()[:-lost])
    said = []
    for wanted in None, (400, 304), (200, 152), (100, 76), (50, 38):
        try:
            read_image(path, wanted=wanted)
            said.append("read")
        except UserError as e:
            said.append(str(e))
    assert len(set(said)) == 1
    assert lost < 20 or "truncated" in said[0]


def test_limit_of_pixels_is_that_of_the_whole_image(tmp_path):
    path = kept(tmp_path, Image.new("RGB", (800, 600)))
    with pytest.raises(UserError, match="max_pixels=200000"):
        read_image(path, max_pixels=200_000, wanted=(100, 75))
