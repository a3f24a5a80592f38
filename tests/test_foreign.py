"A file that cannot be read is named for what it seems to be."

import json

import pytest

from dinofrcnn.foreign import read_foreign_json, seems
from dinofrcnn.runtime import UserError


@pytest.mark.parametrize(
    "data, what",
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "Git LFS pointer"),
        (b"\xef\xbb\xbf<annotations><version>1.1</version>", "XML"),
        (b"PK\x03\x04\x14\x00", "a zip file"),
        (b"\x1f\x8b\x08\x00", "a gzip file"),
        (b'{"type": "image"}\n{"type": "image"}', "one object per line"),
        (b'{"images": [', "cut short"),
        (b"", "Expecting value"),
        (b"\x81\x8d", "not a JSON file"),
    ],
)
def test_bytes_that_are_no_json_are_named(tmp_path, data, what):
    path = tmp_path / "labels.json"
    path.write_bytes(data)
    with pytest.raises(UserError, match=what) as error:
        read_foreign_json(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("place, fault", [("gone.json", "is not there$"), (".", "it is a folder")])
def test_a_file_that_is_not_there(tmp_path, place, fault):
    with pytest.raises(UserError, match=fault):
        read_foreign_json(tmp_path / place)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_text_encodings_that_tell_themselves_need_no_note(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_bytes('{"name": "Schlüssel"}'.encode(encoding))
    assert read_foreign_json(path) == ({"name": "Schlüssel"}, "")


@pytest.mark.parametrize(
    "data, tool",
    [
        ([{"image_id": 1, "bbox": [], "score": 1}], "detections"),
        ([{"image_id": 1, "bbox": []}], "the whole instances file"),
        ([{"file_name": "a", "boxes": [], "labels": []}], "of this library"),
        ({"version": "5.0", "shapes": [], "imagePath": "a.jpg"}, "LabelMe"),
        ({"_via_settings": {}, "_via_img_metadata": {}}, "VIA project"),
        ({"a.jpg12": {"filename": "a.jpg", "size": 12, "regions": []}}, "VIA JSON"),
        ([{"image": "a.jpg", "annotations": []}], "CreateML"),
        ([{"id": 1, "data": {}, "annotations": []}], "Label Studio"),
        ({"asset": {}, "regions": []}, "VoTT"),
        ({"info": {}, "categories": {}, "items": []}, "Datumaro"),
        ({"file_name": "a.jpg", "width": 3}, "one image"),
        ([], ""),
        ([7], ""),
        ({}, ""),
        (None, ""),
        ({"a": [1]}, ""),
    ],
)
def test_json_of_other_tools_is_named(data, tool):
    assert tool in seems(json.loads(json.dumps(data)))
    assert bool(tool) == bool(seems(data))
