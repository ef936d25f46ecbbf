"""The tasks of 2025 and 2026 against the installed lmms-eval: prompts, extractors, scores.

The annotations are made here, in the shapes of the data sets.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.replies import replies_to
from tests.tasks.test_lmms_parity import PHRASES, TAGS, Original, figure, original, record_of
from tspo_bench.report.headline import headline, headline_interval
from tspo_bench.tasks import AnnotatedTask, load_task
from tspo_bench.types import OPTION_LETTERS, Question, Record

FORMS = ("relevance", "[1, 2, 3, 4]", "[1, [2, 3], 4]", "[[1, 2], 3, 4]")
WORDS = ["red", "dog", "A", "Cat", "blue", "E.g.", "12", "Berlin", "the", "man", "opens", "Door"]


def options_of(number: int, rng: random.Random) -> list[str]:
    return [f"{' '.join(rng.sample(WORDS, 3))} {place}." for place in range(number)]


def lettered(texts: Sequence[str]) -> list[str]:
    return [f"{letter}. {text}" for letter, text in zip(OPTION_LETTERS, texts, strict=False)]


def videomme_v2(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "video_id": f"{video:03}",
            "question_id": f"{video:03}-{place}",
            "question": f"What is {rng.choice(WORDS)}?",
            "options": "\n".join(lettered(options_of(8, rng))),
            "answer": rng.choice("ABCDEFGH"),
            "group_type": "relevance" if form == "relevance" else "logic",
            "group_structure": "[1, 2, 3, 4]" if form == "relevance" else form,
            "level": rng.choice([1, 2, 3]),
            "second_head": "heads",
            "third_head": "third",
        }
        for video, form in enumerate(FORMS)
        for place in rng.sample(range(1, 5), 4)
    ]


def cgbench(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "qid": number,
            "video_uid": f"v{number % 3}",
            "question": f"Which {rng.choice(WORDS)}?",
            "answer": "x",
            "choices": options_of(options, rng),
            "right_answer": rng.choice(OPTION_LETTERS[:options]),
            "clue_intervals": [[8, 11], [20, 21.5]],
            "domain": "Art",
            "sub_category": "Entity",
            "duration": 2741,
        }
        for number, options in enumerate([4, 7, 8, 11, 14])
    ]


def videoeval_pro(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "video": f"{number}.mp4",
            "question": f"Who is {rng.choice(WORDS)}?",
            "options": [f"{one} " for one in lettered(options_of(options, rng))],
            "answer": "B",
            "answer_text": "x",
            "qa_type": "Local Perception",
            "qa_subtype": "Attribute",
        }
        for number, options in enumerate([4, 5, 4, 10])
    ]


def timescope(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "id": str(number),
            "video": f"{number}.mp4",
            "input": f"What is {rng.choice(WORDS)}?\n"
            + "\n".join(lettered(options_of(4 + number % 3, rng)))
            + "\nAnswer with the option's letter.",
            "answer": rng.choice("ABCD"),
            "type": "OCR",
            "length": 60 * number,
        }
        for number in range(5)
    ]


def minerva(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "key": f"k{number}",
            "video_id": f"v{number}",
            "question": f" Where is {rng.choice(WORDS)}? ",
            **{f"answer_choice_{i}": text for i, text in enumerate(options_of(5, rng))},
            "answer_id": rng.randrange(5),
            "question_type": "Counting",
            "split": "short",
            "category": "Film",
        }
        for number in range(5)
    ]


CASES: Mapping[str, tuple[str, str, Callable[[random.Random], list[dict[str, Any]]]]] = {
    "videomme-v2": ("videomme_v2", "videomme_v2", videomme_v2),
    "cgbench": ("cgbench", "cgbench", cgbench),
    "videoeval-pro": ("videoevalpro", "videoevalpro_mcq", videoeval_pro),
    "timescope": ("timescope", "timescope", timescope),
    "longtimescope": ("longtimescope", "longtimescope", timescope),
    "minerva": ("minerva", "minerva", minerva),
}


def made(name: str, folder: Path, **options: Any) -> tuple[AnnotatedTask, Original]:
    package, yaml_name, rows = CASES[name]
    file = folder / "annotations.json"
    file.write_text(json.dumps(rows(random.Random(0))))
    options = {"protocol": "lmms-eval", "annotations": file, **options}
    task = load_task(name, **options)
    assert isinstance(task, AnnotatedTask)
    assert task.skipped == []
    theirs = original(package, yaml_name)
    base = Path(theirs.module.__file__).with_name("_default_template_yaml")
    if "include" in theirs.config:
        import yaml

        from tests.tasks.test_lmms_parity import Functions

        shared = yaml.load(base.read_text(), Functions)
        theirs = Original(theirs.module, {**shared, **theirs.config})
    return task, theirs


def asked(theirs: Original, record: Mapping[str, Any]) -> str:
    ask = theirs.config["doc_to_text"]
    return str(record[ask]) if ask in record else theirs.asked(record)


def scored(theirs: Original, record: Mapping[str, Any], reply: str) -> dict[str, Any]:
    from lmms_eval.api.reasoning import strip_reasoning_tags

    process = getattr(theirs.module, theirs.config["process_results"])
    found: dict[str, Any] = process(record, [strip_reasoning_tags(reply, TAGS)])
    first: dict[str, Any] = found[theirs.config["metric_list"][0]["metric"]]
    return first


@pytest.mark.parametrize("name", CASES)
def test_prompts(name: str, tmp_path: Path) -> None:
    task, theirs = made(name, tmp_path)
    for question in task.questions():
        prompt = task.prompt(question)
        assert prompt.text.encode() == asked(theirs, question.record).encode()
        assert prompt.max_new_tokens == theirs.config["generation_kwargs"]["max_new_tokens"]


V2_REPLIES = (
    "I see a dog.\n**c**",
    "b)",
    "d\nbecause",
    "Final Answer: <g>",
    "final answer: *h*",
    "The answer would be E, or the option: f",
    "It is **B.** and **B**",
    "It is **B.** and **C**",
    "option is\nA",
    "The answer abc",
)


@pytest.mark.parametrize("name", CASES)
def test_letters(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, theirs = made(name, tmp_path)
    if name == "minerva":
        monkeypatch.setattr(theirs.module.random, "choice", lambda _: "drawn")
    read: Counter[str | None] = Counter()
    for question in task.questions():
        for reply in [*replies_to(question, 150, PHRASES), *V2_REPLIES]:
            reading = task.read_answer(reply, question)
            found = scored(theirs, question.record, reply)
            letter = found.get("pred_answer", found.get("parsed_prediction"))
            ours = "drawn" if reading.guessed else reading.letter or ""
            assert ours == ("" if letter == "Z" else letter), reply
            read[ours] += 1
    assert {"A", "B", "C", "D", "drawn" if name == "minerva" else ""} <= set(read)


@pytest.mark.parametrize("name", CASES)
def test_scores(name: str, tmp_path: Path) -> None:
    task, theirs = made(name, tmp_path)
    rng, records, scores = random.Random(1), [], []
    for question in task.questions():
        reply = rng.choice([question.answer or "", "B", "A"])
        records.append(record_of(task, question, reply))
        scores.append(scored(theirs, question.record, reply))
    total = getattr(theirs.module, theirs.config["metric_list"][0]["aggregation"])(scores)
    expected = 100 * total["overall"] if isinstance(total, dict) else total
    assert 100 * figure(task, records) == pytest.approx(expected, rel=1e-12)


def test_every_pattern_of_a_group(tmp_path: Path) -> None:
    """16 patterns of four forms, in any order of the questions; and all groups together."""
    task, theirs = made("videomme-v2", tmp_path)
    every, every_score = list[Record](), list[dict[str, Any]]()
    for video, right in itertools.product(range(4), itertools.product([False, True], repeat=4)):
        group = [one for one in task.questions() if one.record["video_id"] == f"{video:03}"]
        records, scores = [], []
        for question in group:
            is_right = right[int(question.id[-1]) - 1]
            reply = (
                question.answer
                if is_right
                else "ABCDEFGH"["ABCDEFGH".index(question.answer or "") - 1]
            )
            records.append(record_of(task, question, reply or ""))
            scores.append(scored(theirs, question.record, reply or ""))
        expected = theirs.module.videomme_v2_aggregate_overall_score(list(scores))
        assert 100 * figure(task, records) == pytest.approx(expected, abs=1e-12), (video, right)
        every, every_score = (
            every + records,
            every_score + [{**one, "video_id": f"{one['video_id']} {right}"} for one in scores],
        )
    expected = theirs.module.videomme_v2_aggregate_overall_score(every_score)
    assert 100 * figure(task, every) == pytest.approx(expected)  # as if of 16 seeds


def test_clusters_of_the_group_score_are_groups(tmp_path: Path) -> None:
    """Its interval comes from the spread of group scores, not of questions."""
    task, _ = made("videomme-v2", tmp_path)
    scoring = {"average": "groups", "over": "group_form"}
    one_each = [
        record_of(task, q, (q.answer or "") if q.id.endswith("-1") else "none")
        for q in task.questions()
    ]
    points = [1 / 16, 1 / 16, 1 / 12, 1 / 10]
    assert headline(one_each, scoring) == pytest.approx(sum(points) / 4)
    low, high = headline_interval(one_each, scoring) or (0, 0)
    assert low < sum(points) / 4 < high
    # A question that is missing counts as wrong.
    group = [record for record in one_each if record.video == "000.mp4"]
    assert headline([one for one in group if one.correct], scoring) == 1 / 16


def test_incomplete_groups_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [row for row in videomme_v2(random.Random(0)) if row["question_id"] != "002-3"]
    rows[0]["group_structure"], rows[0]["group_type"] = "[4, 3]", "logic"
    file = tmp_path / "a.json"
    file.write_text(json.dumps(rows))
    task = load_task("videomme-v2", annotations=file)
    assert len(task.questions()) == 14
    (skipped,) = task.skipped
    assert "group_structure 'logic [4, 3]'" in skipped.reason
    assert "a.json item 1" in skipped.where
    assert "the group of video 000.mp4" in caplog.text
    assert "the group of video 002.mp4" in caplog.text
    assert "the group of video 001.mp4" not in caplog.text
    assert "002-1 (" in caplog.text


SUBTITLES = [
    {"text": "Hello", "start_time": 0.5, "end_time": 0.8},
    {"text": "big", "start_time": 3.0, "end_time": 3.2},
    {"text": "world", "start_time": 9.0, "end_time": 9.4},
]


def test_words_as_subtitles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "subtitle").mkdir()
    lines = "\n".join(json.dumps(one) for one in SUBTITLES)
    (tmp_path / "subtitle" / "000.jsonl").write_text(f"{lines}\n")
    task, theirs = made("videomme-v2", tmp_path, data_root=tmp_path, subtitles="full")
    monkeypatch.setattr(theirs.module, "base_cache_dir", str(tmp_path))
    monkeypatch.setattr(theirs.module, "cache_name", "")
    for question in task.questions():  # of one video in four there are some
        expected = theirs.module.videomme_v2_doc_to_text_subtitle(question.record)
        assert task.prompt(question).text == expected
    task, _ = made("videomme-v2", tmp_path, data_root=tmp_path, subtitles="aligned")
    (question,) = (one for one in task.questions() if one.id == "000-1")
    assert "below:\nHello big\n\n" in task.prompt(question, [0.7, 3.3], 30.0).text
    (tmp_path / "subtitle" / "000.jsonl").write_text(f"{lines}\n{{}}\n")
    with pytest.raises(Exception, match="line 4 has no 'start_time'"):
        load_task(
            "videomme-v2", annotations=tmp_path / "annotations.json", subtitles="full"
        ).prompt(question)


def test_clues_are_the_evidence(tmp_path: Path) -> None:
    task, _ = made("cgbench", tmp_path)
    question: Question = task.questions()[-1]
    assert [(span.start, span.end) for span in question.evidence] == [(8, 11), (20, 21.5)]
    assert question.letters == "ABCDEFGHIJKLMN"
    assert task.read_answer("The correct answer is (N).", question).letter == "N"
    strict = load_task("cgbench", annotations=tmp_path / "annotations.json")
    for reply in ("N", "(N)", "The answer is **N**.", f"N. {question.options[13]}"):
        assert strict.read_answer(reply, question).letter == "N"
    assert strict.read_answer("O", question).letter is None
