"What a message on YOLO labels prescribes, done: the error, or the note, is gone."

import pytest
from label_sets import GOOD, GOOD_BOX, Yolo, noted, picture, reasons

from dinofrcnn.labels.files import files_below, read_class_list
from dinofrcnn.runtime import UserError

OTHER = "1 0.3 0.3 0.2 0.2"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 23\n"
SCORED = "0.45 0.4 0.9 0.55 0.4 0.8 0.5 0.6 0.7 0.5 0.5 0.3"  # keypoints with a score each


@pytest.fixture
def yolo(tmp_path):
    return Yolo(tmp_path)


CURES = {  # a row: the words of the message, the row as it says
    "cat 0.5 0.5 0.2 0.4": ("write the number, counted from 0", GOOD),
    "0 0.5 0.5 0.2 0.4 0.9 3": ("take these two columns out", GOOD),
    "0 0,5 0,5 0,2 0,4": ("write points", GOOD),
    "0 50 25 20 20": ("divide x and width by the image's width", GOOD),
    "0 50 50 20 40": ("percentages by 100", GOOD),
    POINTER: ("`git lfs pull` fetches them", GOOD),
}


@pytest.mark.parametrize("row", CURES)
def test_rows_written_as_the_message_says_are_read(yolo, row):
    words, cured = CURES[row]
    with pytest.raises(UserError, match=words):
        yolo.rows(row)
    assert yolo.rows(cured) == [GOOD_BOX]


def test_a_score_moved_to_the_end_needs_no_note(yolo):
    yolo.rows("0 0.9 0.5 0.5 0.2 0.4", sixth_column="confidence")
    assert noted(yolo.report, "move it to the end")
    assert yolo.rows("0 0.5 0.5 0.2 0.4 0.9", sixth_column="confidence") == [GOOD_BOX]
    assert not noted(yolo.report, "move it to the end")


def test_keypoints_with_scores_are_asked_about_and_the_answer_works(yolo):
    with pytest.raises(UserError, match="kpt_shape"):
        yolo.rows(f"{GOOD} {SCORED}")
    (yolo.root / "data.yaml").write_text("names: [a]\nkpt_shape: [4, 3]\n")
    assert yolo.convert(yolo.root / "data.yaml")[0]["boxes"] == [GOOD_BOX]


def test_comment_in_a_class_list_is_refused_and_without_it_the_list_is_read(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text("# classes\ncat\ndog\n")
    with pytest.raises(UserError, match="line 1: '# classes'.*a comment, take it out"):
        read_class_list(path)
    path.write_text("cat\ndog\n")
    assert read_class_list(path) == {0: "cat", 1: "dog"}


def test_class_list_with_a_dash_after_its_numbers(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text("0 - cat\n1 - dog\n")
    assert read_class_list(path) == {0: "cat", 1: "dog"}


def test_second_label_file_in_another_case_is_reported(yolo):
    yolo.add("a", GOOD)
    (yolo.labels / "a.TXT").write_text(OTHER)
    yolo.convert()
    assert yolo.report.boxes.found == 2
    assert reasons(yolo.report) == ["unknown image"]


def test_text_that_holds_no_labels_is_said(yolo):
    yolo.add("a", GOOD)
    yolo.label("README", "how to label")
    assert yolo.convert()[0]["boxes"] == [GOOD_BOX]
    said = "text files without an image that hold no labels, passed over: 1, e.g. 'README.txt'"
    assert noted(yolo.report, said)


def test_a_circle_of_links_over_several_folders_ends(tmp_path):
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/b/c/1.txt").touch()
    (tmp_path / "a/b/c/back").symlink_to(tmp_path / "a", target_is_directory=True)
    assert files_below(tmp_path, {".txt"}) == ["a/b/c/1.txt"]


def test_folder_behind_two_links_keeps_the_labels_of_both(yolo):
    picture(yolo.images / "one/a.png")
    picture(yolo.images / "two/a.png")
    yolo.label("one/a", GOOD)
    (yolo.labels / "two").symlink_to("one")
    assert [record["boxes"] for record in yolo.convert()] == [[GOOD_BOX], [GOOD_BOX]]


@pytest.mark.parametrize("folder", ["#recycle", "$RECYCLE.BIN", "lost+found"])
def test_what_was_thrown_away_is_no_data(tmp_path, folder):
    picture(tmp_path / folder / "a.png")
    assert files_below(tmp_path, {".png"}) == []
