"""Protocols: the authors' prompts byte for byte, written here by hand; what a card may declare."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tspo_bench.errors import UserError
from tspo_bench.registry import import_object
from tspo_bench.tasks import AnnotatedTask, load_task, registry
from tspo_bench.tasks.protocols import EvaluationProtocol, chosen_protocol
from tspo_bench.types import Question

BENCHMARKS = ("longvideobench", "mlvu", "mlvu[split=test]", "videomme", "lvbench")
DECLARED = [
    (task, protocol)
    for task in BENCHMARKS
    for protocol in ("official", "lmms-eval", "tspo-paper")
    if (task, protocol) not in (("lvbench", "official"), ("lvbench", "tspo-paper"))
]
MINIMAL: Mapping[str, Any] = {"name": "mine", "version": "1", "prompt": "{text}\n{options}"}
QUESTION = Question("q", "v.mp4", "What?", ("oil", "salt"), "A", record={"tags": ["x", "y"]})


def task_of(folder: Path, name: str, file: str, record: dict, protocol: str) -> AnnotatedTask:
    """A benchmark's task over one annotation."""
    (folder / file).write_text(json.dumps([record]))
    task = load_task(name, annotations=folder / file, protocol=protocol)
    assert isinstance(task, AnnotatedTask)
    return task


LONGVIDEOBENCH = {
    "id": "v_0",
    "video_path": "v.mp4",
    "question": "Who sings {first}?",
    "candidates": ["He. ", "Sh<image>e", "It"],
    "correct_choice": 2,
    "duration_group": 15,
    "question_category": "S2E",
    "level": "L1",
    "topic_category": "NP",
}


def test_longvideobench_official(tmp_path: Path) -> None:
    task = task_of(tmp_path, "longvideobench", "lvb_val.json", LONGVIDEOBENCH, "official")
    (question,) = task.questions()
    prompt = task.prompt(question)
    assert prompt.text == (
        "Question: Who sings {first}?\nA. He. \nB. Sh<image>e\nC. It\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert (prompt.system, prompt.reply_start, prompt.before) == (None, "", ())


def test_longvideobench_official_with_subtitles(tmp_path: Path) -> None:
    """The loader's pieces on lines of their own: each text after the frames up to its middle."""
    record = {**LONGVIDEOBENCH, "subtitle_path": "v.json", "starting_timestamp_for_subtitles": 100}
    (tmp_path / "v.json").write_text(
        json.dumps(
            [
                {"timestamp": [101.0, 103.0], "text": "Sing!"},
                {"timestamp": [104.0, 104.5], "text": "In a widened second."},
                {"timestamp": [106.0, 109.0], "text": "Between frames."},
            ]
        )
    )
    (tmp_path / "lvb_val.json").write_text(json.dumps([{**record, "duration": 12.0}]))
    task = load_task("longvideobench", data_root=tmp_path, protocol="official", subtitles="aligned")
    (question,) = task.questions()
    prompt = task.prompt(question, [1.5, 4.6, 10.0])  # 1.5: inside the first; 4.6: near the second
    assert prompt.before == ("", "\nSing!\nIn a widened second.\n", "\n")
    assert prompt.text == (
        "\nQuestion: Who sings {first}?\nA. He. \nB. Sh<image>e\nC. It\n"
        "Answer with the option's letter from the given choices directly."
    )


MLVU_OWN = {
    "video": "v.mp4",
    "duration": 9.5,
    "question": "Who did it? ",
    "candidates": ["He", "She ", "It", ""],
    "answer": "She ",
    "question_type": "plotQA",
}
MLVU_MIRROR = {
    "video_name": "v.mp4",
    "question": "Who did it? \n(A) He\n(B) She \n(C) It\n(D) \n",
    "candidates": ["He", "She ", "It", ""],
    "answer": "B",
    "task_type": "plotQA",
    "question_id": "Q0",
}


@pytest.mark.parametrize("record", [MLVU_OWN, MLVU_MIRROR])
def test_mlvu_official(tmp_path: Path, record: dict) -> None:
    """The authors' file and the mirror give the same; the last option's blanks are cut."""
    task = task_of(tmp_path, "mlvu", "mlvu_dev.json", record, "official")
    (question,) = task.questions()
    prompt = task.prompt(question)
    assert prompt.text == (
        "Question: Who did it? \nOptions:\n(A) He\n(B) She \n(C) It\n(D)\n"
        "Only give the best option."
    )
    assert prompt.system == (
        "Carefully watch this video and pay attention to every detail. Based on your observations, "
        "select the best option that accurately addresses the question."
    )
    assert prompt.reply_start == "Best Option: ("
    assert task.query_text(question) == "Who did it?"
    assert task.read_answer("B) She", question).letter == "B"


def test_mlvu_test_split_has_its_own(tmp_path: Path) -> None:
    record = {**MLVU_OWN, "candidates": list("uvwxyz"), "answer": "z", "question_type": "needleQA"}
    official = task_of(tmp_path, "mlvu[split=test]", "test_mcq_gt.json", record, "official")
    (question,) = official.questions()
    assert (question.answer, question.groups) == ("F", {"task_type": "needleQA"})
    assert official.prompt(question).text == (
        "Question: Who did it? \nOptions:\n(A) u\n(B) v\n(C) w\n(D) x\n(E) y\n(F) z\n"
        "Only give the best option."
    )
    assert official.read_answer("F) z", question).letter == "F"
    assert official.read_answer("(F) z", question).letter is None
    lmms = task_of(tmp_path, "mlvu[split=test]", "test_mcq_gt.json", record, "lmms-eval")
    assert lmms.prompt(question).text == (
        "Who did it? \n(A) u\n(B) v\n(C) w\n(D) x\n(E) y\n(F) z\n"
    )
    assert lmms.read_answer("F", question).letter is None
    assert len(lmms.rules.values) == 9
    dev = load_task("mlvu", protocol="lmms-eval")
    assert len(dev.rules.values) == 7
    assert dev.rules.digest != lmms.rules.digest


VIDEOMME = {
    "question_id": "001-1",
    "videoID": "abc",
    "question": "What color?",
    "options": ["A. Black.", "B. Gray.", "C. Green.", "D. Brown."],
    "answer": "B",
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Law",
    "task_type": "OCR Problems",
}


def test_videomme_official(tmp_path: Path) -> None:
    task = task_of(tmp_path, "videomme", "videomme.json", VIDEOMME, "official")
    (question,) = task.questions()
    assert task.prompt(question).text == (
        "Select the best answer to the following multiple-choice question based on the video. "
        "Respond with only the letter (A, B, C, or D) of the correct option.\n"
        "What color?\nA. Black.\nB. Gray.\nC. Green.\nD. Brown.\nThe best answer is:"
    )
    assert task.rules.unparsed == "dropped"


@pytest.mark.parametrize("tagged", [True, False])
def test_videomme_official_with_subtitles(tmp_path: Path, tagged: bool) -> None:
    """Files without the tags that lmms-eval looks for have their text shown too."""
    line = '<font color="white" size=".72c">Look, {}!</font>' if tagged else "Look, {}!"
    (tmp_path / "subtitle").mkdir()
    (tmp_path / "subtitle" / "abc.srt").write_text(
        f"1\n00:00:01,000 --> 00:00:02,000\n{line.format('green')}\n\n"
        f"2\n00:00:05,000 --> 00:00:06,000\n{line.format('brown')}\n"
    )
    (tmp_path / "videomme.json").write_text(json.dumps([VIDEOMME]))
    for protocol, heading in (("official", "below:\n"), ("lmms-eval", "below: \n")):
        task = load_task("videomme", data_root=tmp_path, protocol=protocol, subtitles="aligned")
        (question,) = task.questions()
        text = task.prompt(question, [1.5, 4.0], 10.0).text
        assert text.startswith(f"This video's subtitles are listed {heading}Look, green!\nSelect ")
        both = task.prompt(question, [1.5, 5.5], 10.0).text
        assert both.startswith(
            f"This video's subtitles are listed {heading}Look, green!\nLook, brown!\nSelect "
        )
    plain = load_task("videomme", data_root=tmp_path, protocol="official").prompt(question).text
    shown = load_task("videomme", data_root=tmp_path, protocol="official", subtitles="full")
    assert shown.prompt(question).text == (
        f"This video's subtitles are listed below:\nLook, green!\nLook, brown!\n{plain}"
    )


def test_official_averages() -> None:
    averages = {
        task: (rules.average, rules.over, rules.unparsed)
        for task in ("longvideobench", "mlvu", "mlvu[split=test]", "videomme")
        for rules in [load_task(task, protocol="official").rules]
    }
    assert averages == {
        "longvideobench": ("micro", None, "wrong"),
        "mlvu": ("macro", "task_type", "wrong"),
        "mlvu[split=test]": ("macro", "task_type", "wrong"),
        "videomme": ("micro", None, "dropped"),
    }


TSPO_PAPER = {
    "longvideobench": (
        LONGVIDEOBENCH,
        "lvb_val.json",
        "Who sings {first}?\nA. He. \nB. Sh<image>e\nC. It\n"
        "Answer with the option's letter from the given choices directly.\n",
        32,
    ),
    "mlvu": (
        MLVU_MIRROR,
        "mlvu_dev.json",
        "\nWho did it? \n(A) He\n(B) She \n(C) It\n(D) \n\nOnly give the best option.\n\n"
        "Best option: (",
        16,
    ),
    "videomme": (
        VIDEOMME,
        "videomme.json",
        "Select the best answer to the following multiple-choice question based on the video and "
        "the subtitles. Respond with only the letter (A, B, C, or D) of the correct option.\n"
        "What color?\nA. Black.\nB. Gray.\nC. Green.\nD. Brown.\n\n"
        "Answer with the option's letter from the given choices directly.",
        16,
    ),
}


@pytest.mark.parametrize("name", TSPO_PAPER)
def test_tspos_paper(tmp_path: Path, name: str) -> None:
    """The prompts of the authors' fork of lmms-eval, found by running its functions."""
    record, file, text, length = TSPO_PAPER[name]
    task = task_of(tmp_path, name, file, record, "tspo-paper")
    (question,) = task.questions()
    prompt = task.prompt(question)
    assert (prompt.text, prompt.system, prompt.reply_start) == (text, None, "")
    assert prompt.max_new_tokens == length
    rules = task.rules
    assert (rules.average, rules.over, rules.unparsed) == ("micro", None, "wrong")
    assert task.read_answer("Answer: C", question).letter == "A"


def test_tspos_paper_has_no_lvbench() -> None:
    with pytest.raises(UserError, match=r"no protocol 'tspo-paper': TSPO's authors have not rel"):
        load_task("lvbench", protocol="tspo-paper")


def test_missing_protocols() -> None:
    with pytest.raises(UserError) as error:
        load_task("lvbench", protocol="official")
    assert str(error.value) == (
        "task 'lvbench' has no protocol 'official': its authors published no prompt (their "
        "extractor is tspo_bench.tasks.extractors:lvbench); it has: strict, lmms-eval"
    )
    with pytest.raises(UserError, match="'haystack' has no protocol 'lmms-eval'; it has: strict"):
        load_task("haystack", protocol="lmms-eval")
    with pytest.raises(UserError, match=r"is at version 0\.7\.3, not 0\.6"):
        load_task("mlvu", protocol="lmms-eval@0.6")


@pytest.mark.parametrize(("task", "name"), DECLARED)
def test_declared_protocols_are_whole(task: str, name: str) -> None:
    """Each names its source and its faults, and its extractor exists."""
    rules = load_task(task, protocol=name).rules
    assert rules.source
    assert rules.faults
    assert all(isinstance(fault, str) for fault in rules.faults)
    assert callable(import_object("extractor", rules.extractor))
    assert rules.label.startswith(f"{name}@{rules.version}#")


def test_lmms_eval_is_the_installed_one() -> None:
    """Whoever raises lmms-eval's version must look at its prompts and extractors again."""
    try:
        installed = importlib.metadata.version("lmms-eval")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("lmms-eval is not installed")
    versions = {load_task(task, protocol="lmms-eval").rules.version for task in BENCHMARKS}
    assert versions == {installed}


def test_every_protocol_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text()
    for task in ("longvideobench", "mlvu", "videomme", "lvbench"):
        for name, fields in registry.cards()[task].options["protocols"].items():
            assert f"`{name}`" in page
            assert fields.get("version", "") in page


def test_a_split_changes_some_fields() -> None:
    own = {"prompt": "{text}!", "faults": ["loud"]}
    task = AnnotatedTask(
        name="x",
        splits={"dev": {}, "test": {"protocols": {"mine": own}}},
        protocols={"mine": {"version": "3", "prompt": "{text}", "max_new_tokens": 5}},
        protocol="mine",
    )
    assert task.prompt(QUESTION).text == "What?"
    test = AnnotatedTask(
        name="x", splits=task.splits, protocols=task.protocols, protocol="mine", split="test"
    )
    assert test.prompt(QUESTION).text == "What?!"
    assert (test.rules.version, test.rules.max_new_tokens) == ("3", 5)


def test_the_hash_is_of_all_that_decides() -> None:
    """A source or a fault decides nothing; anything else does."""
    rules = EvaluationProtocol(**MINIMAL)
    assert rules.digest == EvaluationProtocol(**MINIMAL, source="a paper", faults=["old"]).digest
    changes = [
        {"prompt": "{text}"},
        {"option": "({letter}) {text}"},
        {"system": "Look."},
        {"reply_start": "("},
        {"max_new_tokens": 16},
        {"with_subtitles": "{subtitles}"},
        {"extractor": "tspo_bench.tasks.extractors:videomme"},
        {"average": "macro", "over": "type"},
        {"unparsed": "dropped"},
    ]
    digests = {EvaluationProtocol(**{**MINIMAL, **change}).digest for change in changes}
    assert len(digests | {rules.digest}) == len(changes) + 1


def test_templates() -> None:
    def asked(prompt: str, question: Question = QUESTION) -> str:
        return EvaluationProtocol(**{**MINIMAL, "prompt": prompt}).prompt_for(question).text

    assert asked("{record[tags]}|{text}|{{}}") == "x\ny|What?|{}"
    blank = Question("q", "v", " What?\n", ("a", " "), "A")
    assert asked("{text}|{raw_text}|{options}|{trimmed_options}|", blank) == (
        "What?| What?\n|A. a\nB.  |A. a\nB.|"
    )
    with pytest.raises(UserError, match=r"no field \{question\} in templates; use \{text\}"):
        asked("{question}")
    with pytest.raises(UserError, match=r"template '\{text': expected '\}'"):
        asked("{text")
    with pytest.raises(UserError, match="quotes the field 'title', which question 'q' lacks"):
        asked("{record[title]}")


@pytest.mark.parametrize(
    "fields", [{"unparsed": "drop"}, {"average": "median"}, {"alignment": "words"}]
)
def test_unknown_choices(fields: dict) -> None:
    ((key, value),) = fields.items()
    with pytest.raises(UserError, match=f"{key} '{value}'; use "):
        chosen_protocol("x", {"mine": {**MINIMAL, **fields}}, "mine")


@pytest.mark.parametrize("fields", [{"average": "macro"}, {"over": "type"}])
def test_macro_needs_a_group(fields: dict) -> None:
    with pytest.raises(UserError, match="use micro without `over`, or macro or groups with it"):
        chosen_protocol("x", {"mine": {**MINIMAL, **fields}}, "mine")
