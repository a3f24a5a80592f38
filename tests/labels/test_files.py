"The sample sets lie where the library looks for them."

import pytest

from dinofrcnn.labels.files import samples_dir


@pytest.mark.parametrize("name", ["construction", "broken"])
def test_sample_sets_are_found(name):
    assert (samples_dir() / name / "classes.txt").is_file()
