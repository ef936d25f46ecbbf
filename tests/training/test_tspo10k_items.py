"""Lines of the training file: what is read of them, and what each bad one is reported as."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.support import QUESTION, line, write_lines
from tspo_bench.errors import UserError
from tspo_bench.training.skipped import summed_up
from tspo_bench.training.tspo10k_items import Item, read_items, split_question

ASK = "\nPlease answer with the option's letter from the given choices directly."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in which a.mp4 and b.mp4 exist: reading lines opens no video."""
    for name in "ab":
        (tmp_path / f"{name}.mp4").touch()
    return tmp_path


def read_one(root: Path, **fields: object) -> Item:
    (item,), skipped = read_items(write_lines(root / "t.jsonl", line(**fields)), root)
    assert skipped == ()
    return item


def test_the_papers_own_line(root: Path) -> None:
    item = read_one(root)
    assert item.query == "What comes next?"
    assert item.prompt == "What comes next?\nA. A cat\nB. A dog\nC. A man" + ASK
    assert (item.options, item.letters) == (("A cat", "A dog", "A man"), "ABC")
    assert (item.answer, item.kind, item.line) == ("B", "general", 1)
    assert item.video == (root / "a.mp4").resolve()


@pytest.mark.parametrize(
    "form",
    ["A. cat\nB. dog", "A) cat\nB) dog", "(A) cat\n(B) dog", "A.cat\nB.dog", "A: cat\nB: dog"],
)
def test_forms_of_options(root: Path, form: str) -> None:
    item = read_one(root, original_question=f"<image>\nWhich?\n{form}")
    assert (item.query, item.options) == ("Which?", ("cat", "dog"))
    assert item.prompt == f"Which?\n{form}" + ASK


@pytest.mark.parametrize(
    "instruction",
    [
        "Please provide your answer by stating the letter followed by the full option.",
        "Please respond with only the letter of the correct answer.",
    ],
)
def test_the_files_instructions_are_taken_away(root: Path, instruction: str) -> None:
    item = read_one(root, original_question=f"{QUESTION}\n{instruction}")
    assert item == read_one(root)
    assert read_one(root, original_question=f"<image>\n{instruction}\n{QUESTION[8:]}") == item


def test_the_query_ends_at_the_first_line_that_begins_with_an_a(root: Path) -> None:
    item = read_one(root, original_question="<image>\nLook.\nAfter it, what?\nA. cat\nB. dog")
    assert item.query == "Look."
    assert item.prompt.startswith("Look.\nAfter it, what?\nA. cat")


@given(
    st.lists(st.text("xyz .", min_size=1).filter(str.strip), min_size=2, max_size=10),
    st.sampled_from(["{}. ", "{}) ", "({}) "]),
)
def test_two_to_ten_options_are_read(options: list[str], form: str) -> None:
    lines = [
        form.format(letter) + "o" + option
        for letter, option in zip("ABCDEFGHIJ", options, strict=False)
    ]
    query, found = split_question("\n".join(["Which?", *lines]))
    assert query == "Which?"
    assert found == tuple("o" + option.rstrip() for option in options)


@pytest.mark.parametrize(
    ("solution", "original_answer", "letter"),
    [
        ("<answer>b</answer>", "B. A dog", "B"),
        ("<answer>c</answer>", None, "C"),
        ("<answer>C. A man</answer>", "", "C"),
        ("<answer>\nA\n</answer>", "see above", "A"),
        (None, "B. A dog", "B"),
        (None, "(B)", "B"),
        (7, "A dog", "B"),
    ],
)
def test_forms_of_answers(
    root: Path, solution: object, original_answer: object, letter: str
) -> None:
    assert read_one(root, solution=solution, original_answer=original_answer).answer == letter


NO_OPTIONS = "options cannot be read: 2 to 26 lines A., B., ... needed, got "


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{no json", "not valid JSON: "),
        ("[1, 2]", "not an object of named fields, but list"),
        ({k: v for k, v in line().items() if k != "video"}, "no field 'video'"),
        ({k: v for k, v in line().items() if k != "type"}, "no field 'type'"),
        (
            {k: v for k, v in line().items() if k != "original_question"},
            "no field 'original_question'",
        ),
        (line("x.mp4"), "video x.mp4 not found under {root}"),
        (line(video=3), "video is empty or no text: 3"),
        (line("v" * 5000), "[Errno 36] File name too long: "),
        (line("\x00"), "embedded null"),
        (line("a\ud800.mp4"), "video holds half a character"),
        (line(original_question=QUESTION + "\ud800"), "original_question holds half a character"),
        (line(type=["general"]), "type is empty or no text"),
        (line(type="other"), "unknown type 'other'; known: general, specific"),
        (line(original_question="Which?"), NO_OPTIONS + "none"),
        (line(original_question="Which?\nA. x"), NO_OPTIONS + "A"),
        (line(original_question="Which?\nA. x\nC. y"), NO_OPTIONS + "A, C"),
        (line(original_question="Which?\nB. x\nC. y"), NO_OPTIONS + "B, C"),
        (line(original_question="Which?\nA. x\nB.\nC. z"), "option B is empty"),
        (line(original_question="<image>\n\nA. x\nB. y"), NO_OPTIONS),
        (
            line(solution="<answer>e</answer>", original_answer=""),
            "no correct option: solution '<answer>e</answer>', original_answer ''",
        ),
        (
            line(solution="<answer>a</answer>"),
            "two correct options: solution '<answer>a</answer>', original_answer 'B. A dog'",
        ),
    ],
)
def test_bad_lines_are_skipped_and_reported(root: Path, bad: object, reason: str) -> None:
    path = write_lines(root / "t.jsonl", line(), "", bad, line("b.mp4"))  # type: ignore[arg-type]
    items, (skipped,) = read_items(path, root)
    assert str(skipped).startswith("line 3: " + reason.replace("{root}", str(root)))
    assert skipped.kind in summed_up([skipped], 2)
    assert [item.line for item in items] == [1, 4]


def test_nothing_usable(root: Path) -> None:
    path = write_lines(root / "t.jsonl", "{", line("x.mp4"))
    with pytest.raises(UserError, match=r"t.jsonl: none of 2 lines can be used; line 1: not valid"):
        read_items(path, root)
    with pytest.raises(UserError, match="none of 0 lines"):
        read_items(write_lines(root / "t.jsonl"), root)
    with pytest.raises(UserError, match=r"cannot read annotation file .*no\.jsonl"):
        read_items(root / "no.jsonl", root)
    with pytest.raises(UserError, match="is not a folder; set --video-root"):
        read_items(path, root / "no")


def test_a_haystack_needs_another_video(root: Path) -> None:
    (root / "again.mp4").symlink_to(root / "a.mp4")
    lines = [line(), line(type="specific"), line("again.mp4", type="specific")]
    items, skipped = read_items(write_lines(root / "t.jsonl", *lines), root)
    assert [item.line for item in items] == [1]
    assert [str(one) for one in skipped] == [
        f"line {n}: no other video in the file to hide this one in" for n in (2, 3)
    ]


def test_what_is_left_out_is_summed_up_by_kind(root: Path) -> None:
    bad = [line("x.mp4"), line("y.mp4"), line("\x00"), line(solution="", original_answer="")]
    _, skipped = read_items(write_lines(root / "t.jsonl", line(), *bad, "{"), root)
    assert summed_up(skipped, 1) == (
        "5 of 6 training questions are left out "
        "(3 video not found, 1 no correct option, 1 not JSON)"
    )
