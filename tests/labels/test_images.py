"The one decoding function against every kind of image file that users of other tools reported."

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from dinofrcnn.labels.images import TURNS, image_size, read_image
from dinofrcnn.runtime import UserError

ORIENTATION = 0x0112


@pytest.fixture
def picture():
    "48 × 32, noisy so that a JPEG of it has some length, with a red upper left corner."
    pixels = np.random.default_rng(0).integers(0, 255, (32, 48, 3)).astype(np.uint8)
    pixels[:12, :12] = 255, 0, 0
    return Image.fromarray(pixels)


def exif_of(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def stored_sideways(picture, orientation):
    "The picture as a camera stores it so that `orientation` makes it upright again."
    if orientation not in TURNS:
        return picture
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    return picture.transpose(back.get(orientation, TURNS[orientation]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_gives_the_upright_image(picture, tmp_path, orientation):
    stored_sideways(picture, orientation).save(tmp_path / "a.png", exif=exif_of(orientation))
    assert np.array_equal(read_image(tmp_path / "a.png"), picture)
    assert image_size(tmp_path / "a.png") == picture.size


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_exif_rotation_is_applied_in_every_format(picture, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    stored_sideways(picture, 6).save(path, exif=exif_of(6))
    assert read_image(path).size == image_size(path) == (48, 32)


@pytest.mark.parametrize("value", [0, 9, 77, 65535])
def test_exif_nonsense_value_means_upright(picture, tmp_path, value):
    picture.save(tmp_path / "a.jpg", exif=exif_of(value))
    assert read_image(tmp_path / "a.jpg").size == (48, 32)


@pytest.mark.filterwarnings("ignore")
def test_exif_block_that_is_damaged_does_not_lose_the_image(picture, tmp_path):
    picture.save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\x07" * 20)
    assert read_image(tmp_path / "a.jpg").size == (48, 32)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_jpeg_is_refused(picture, tmp_path, share):
    picture.save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match="cannot be decoded"):
        read_image(tmp_path / "a.jpg")


def test_truncated_jpeg_is_never_filled_with_grey_even_if_another_library_allowed_it(
    picture, tmp_path, monkeypatch
):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    picture.save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-200])
    with pytest.raises(UserError, match="truncated"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", ["png", "webp", "gif", "bmp", "tiff"])
def test_truncated_file_of_another_format_is_refused(picture, tmp_path, suffix):
    picture.save(tmp_path / f"a.{suffix}")
    whole = (tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"a.{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot be decoded"):
        read_image(tmp_path / f"a.{suffix}")


def test_zero_bytes_are_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be decoded"):
        read_image(tmp_path / "a.jpg")


def test_text_called_jpg_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_text("<html>404</html>")
    with pytest.raises(UserError, match="cannot be decoded"):
        read_image(tmp_path / "a.jpg")


def test_missing_image_is_named(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        read_image(tmp_path / "a.jpg")


def test_folder_is_no_image(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        read_image(tmp_path)


def test_16_bit_grey_keeps_its_shades(tmp_path):
    Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert np.asarray(read_image(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 100, 255]


def test_16_bit_grey_tiff_keeps_its_shades(tmp_path):
    Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)).save(tmp_path / "a.tiff")
    assert np.asarray(read_image(tmp_path / "a.tiff"))[0, :, 0].tolist() == [0, 100, 255]


def test_floating_point_grey_spans_black_to_white(tmp_path):
    Image.fromarray(np.array([[-1, 0, 1]], dtype=np.float32)).save(tmp_path / "a.tiff")
    assert np.asarray(read_image(tmp_path / "a.tiff"))[0, :, 0].tolist() == [0, 128, 255]


def test_floating_point_nan_does_not_spoil_the_rest(tmp_path):
    Image.fromarray(np.array([[0, np.nan, 1]], dtype=np.float32)).save(tmp_path / "a.tiff")
    assert np.asarray(read_image(tmp_path / "a.tiff"))[0, [0, 2], 0].tolist() == [0, 255]


def test_palette_becomes_its_colours(tmp_path):
    Image.new("RGB", (4, 4), (10, 200, 30)).quantize(4).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").getpixel((0, 0)) == (10, 200, 30)


def test_palette_with_a_transparent_colour_shows_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    shown = read_image(tmp_path / "a.png")
    assert [shown.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (200, 0, 0)]


@pytest.mark.parametrize("mode, clear", [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))])
def test_alpha_is_laid_over_white(tmp_path, mode, clear):
    Image.new(mode, (2, 2), clear).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").getpixel((0, 0)) == (255, 255, 255)


def test_alpha_half_is_mixed_half(tmp_path):
    Image.new("RGBA", (1, 1), (0, 0, 0, 128)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").getpixel((0, 0)) == (127, 127, 127)


def test_colour_key_transparency_shows_white(tmp_path):
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert read_image(tmp_path / "a.png").getpixel((0, 0)) == (255, 255, 255)


def test_cmyk_jpeg_has_its_colours(tmp_path):
    Image.new("RGB", (16, 16), (200, 30, 30)).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.allclose(np.asarray(read_image(tmp_path / "a.jpg"))[8, 8], (200, 30, 30), atol=6)


def test_one_bit_image_is_black_and_white(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.png")
    assert np.asarray(read_image(tmp_path / "a.png"))[0, :, 1].tolist() == [255, 0]


def test_mpo_called_jpg_gives_its_first_picture(picture, tmp_path):
    black = Image.new("RGB", (48, 32))
    picture.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[black])
    assert np.asarray(read_image(tmp_path / "a.jpg"))[:8, :8, 0].mean() > 200


def test_webp_called_jpg_is_read(picture, tmp_path):
    picture.save(tmp_path / "a.jpg", format="WEBP", lossless=True)
    assert np.array_equal(read_image(tmp_path / "a.jpg"), picture)


def test_animated_gif_gives_its_first_frame(tmp_path):
    red, blue = (Image.new("RGB", (4, 4), colour) for colour in ("red", "blue"))
    red.save(tmp_path / "a.gif", save_all=True, append_images=[blue])
    assert read_image(tmp_path / "a.gif").getpixel((0, 0)) == (255, 0, 0)


def test_one_pixel_image_is_an_image(tmp_path):
    Image.new("RGB", (1, 1), "red").save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").size == (1, 1)


def test_decompression_bomb_is_refused_at_the_limit(tmp_path):
    Image.new("1", (100, 101)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="max_pixels=10000"):
        read_image(tmp_path / "a.png", max_pixels=10_000)


def test_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path):
    def chunk(kind, data=b""):
        length, check = struct.pack(">I", len(data)), struct.pack(">I", zlib.crc32(kind + data))
        return length + kind + data + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT"))
    with pytest.raises(UserError, match="max_pixels"):
        image_size(tmp_path / "a.png")


def test_decompression_bomb_limit_can_be_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr("dinofrcnn.labels.images.MAX_PIXELS", 2000)
    Image.new("1", (100, 100)).save(tmp_path / "a.png")
    with pytest.raises(UserError):
        read_image(tmp_path / "a.png", max_pixels=2000)
    assert read_image(tmp_path / "a.png", max_pixels=20_000).size == (100, 100)


def test_symlink_to_an_image_is_read(picture, tmp_path):
    picture.save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "b.png"), picture)


def test_symlink_that_leads_nowhere_is_missing(tmp_path):
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match="is not there"):
        read_image(tmp_path / "b.png")


def test_image_size_of_a_jpeg_does_not_decode_it(picture, tmp_path):
    picture.save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[:-200])
    assert image_size(tmp_path / "a.jpg") == (48, 32)


@pytest.mark.filterwarnings("ignore")
def test_random_bytes_after_any_known_header_give_a_user_error_or_an_image(picture, tmp_path):
    rng = np.random.default_rng(0)
    for suffix in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA"):
        buffer = io.BytesIO()
        picture.save(buffer, format=suffix)
        for _ in range(25):
            data = bytearray(buffer.getvalue())
            for at in rng.integers(0, len(data), 20):
                data[at] = rng.integers(256)
            (tmp_path / "a").write_bytes(data)
            with contextlib.suppress(UserError):
                assert read_image(tmp_path / "a").mode == "RGB"
