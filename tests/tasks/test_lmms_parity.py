"""The protocol lmms-eval against the installed lmms-eval: prompts, extractors, aggregates.

Prompts are compared on all questions that there are; extractors and aggregates on generated
replies, also where lmms-eval is wrong.
"""

from __future__ import annotations

import functools
import importlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real import ANNOTATIONS, LVBENCH
from tests.tasks.replies import replies_to
from tspo_bench.report.headline import headline
from tspo_bench.tasks import AnnotatedTask, load_task
from tspo_bench.types import Question, Record

PHRASES = pytest.importorskip("lmms_eval.tasks._task_utils.mcq_extract")._ANSWER_PHRASES
TAGS = [["<think>", "</think>"], ["<analysis>", "</analysis>"]]  # its command line's default
SIX = [
    {
        "video_name": f"{kind}.mp4",
        "question": "What is done first? \n"
        + "".join(f"({letter}) {letter * 2} \n" for letter in "ABCDEF"),
        "candidates": [f"{letter * 2} " for letter in "ABCDEF"],
        "answer": letter,
        "task_type": kind,
        "question_id": f"{kind}-{letter}",
    }
    for kind in ("anomaly_reco", "count", "ego", "needleQA", "order", "plotQA", "sportsQA")
    for letter in "ABCDEF"
]


@dataclass(frozen=True)
class Original:
    """A task of lmms-eval: its module and what its YAML file says."""

    module: Any
    config: Mapping[str, Any]

    def asked(self, doc: Mapping[str, Any]) -> str:
        """What it asks, with the options for models that have none of their own."""
        chosen = self.config.get("lmms_eval_specific_kwargs", {}).get("default")
        ask = getattr(self.module, self.config["doc_to_text"])
        text: str = ask(doc, None if chosen is None else dict(chosen))
        return text

    def scored(self, doc: Mapping[str, Any], reply: str) -> Any:
        """What its metric says of a reply, after reasoning is taken out as its evaluator does."""
        from lmms_eval.api.reasoning import strip_reasoning_tags

        process = getattr(self.module, self.config["process_results"])
        (metric,) = self.config["metric_list"]
        return process(doc, [strip_reasoning_tags(reply, TAGS)])[metric["metric"]]

    def total(self, scores: Sequence[Any]) -> float:
        """Its aggregate."""
        name = self.config["metric_list"][0]["aggregation"]
        if name == "mean":
            from lmms_eval.api.metrics import mean

            return float(mean(scores))
        return float(getattr(self.module, name)(scores))


class Functions(yaml.SafeLoader):
    """Reads "!function utils.f" as "f"."""


Functions.add_constructor(
    "!function", lambda loader, node: loader.construct_scalar(node).partition(".")[2]
)


def original(folder: str, task: str) -> Original:
    module = importlib.import_module(f"lmms_eval.tasks.{folder}.utils")
    file = Path(module.__file__).with_name(f"{task}.yaml")
    return Original(module, yaml.load(file.read_text(), Functions))


def longvideobench_doc(record: Mapping[str, Any]) -> dict[str, Any]:
    """As the hub has it: five options, those that are not there "N/A"."""
    texts = [*record["candidates"], *["N/A"] * 5][:5]
    return {**record, **{f"option{number}": text for number, text in enumerate(texts)}}


@functools.cache
def real_task(name: str, real_data: Path) -> AnnotatedTask:
    file = real_data / "annotations" / ANNOTATIONS[name]
    task = load_task(name, annotations=file, protocol="lmms-eval")
    assert isinstance(task, AnnotatedTask)
    return task


def docs_of(task: AnnotatedTask) -> Iterable[tuple[Question, dict[str, Any]]]:
    """Each question with its row in the data set that lmms-eval loads."""
    is_longvideobench = task.name == "longvideobench"
    for question in task.questions():
        record = dict(question.record)
        yield question, longvideobench_doc(record) if is_longvideobench else record


@pytest.fixture(scope="module")
def six_options(tmp_path_factory: pytest.TempPathFactory) -> AnnotatedTask:
    """Questions in the form of MLVU's test set."""
    file = tmp_path_factory.mktemp("mlvu") / "test_mcq_gt.json"
    file.write_text(json.dumps(SIX))
    task = load_task("mlvu[split=test]", annotations=file, protocol="lmms-eval")
    assert isinstance(task, AnnotatedTask)
    return task


def lvbench() -> AnnotatedTask:
    task = load_task("lvbench", data_root=LVBENCH, protocol="lmms-eval")
    assert isinstance(task, AnnotatedTask)
    return task


def assert_asks_alike(task: AnnotatedTask, theirs: Original) -> int:
    for question, doc in docs_of(task):
        prompt = task.prompt(question)
        assert prompt.text.encode() == theirs.asked(doc).encode(), question.id
        assert (prompt.system, prompt.reply_start, prompt.before) == (None, "", ())
        assert prompt.max_new_tokens == theirs.config["generation_kwargs"]["max_new_tokens"]
    return len(task.questions())


@pytest.mark.parametrize(
    ("name", "yaml_name", "number"),
    [
        ("longvideobench", "longvideobench_val_v", 1337),
        ("mlvu", "mlvu_dev", 2174),
        ("videomme", "videomme", 2700),
    ],
)
def test_every_prompt(name: str, yaml_name: str, number: int, real_data: Path) -> None:
    assert assert_asks_alike(real_task(name, real_data), original(name, yaml_name)) == number


def test_prompts_of_lvbench_and_of_six_options(six_options: AnnotatedTask) -> None:
    assert assert_asks_alike(lvbench(), original("lvbench", "lvbench")) == 4
    assert assert_asks_alike(six_options, original("mlvu", "mlvu_test")) == len(SIX)


def test_other_copies_of_the_annotations(real_data: Path, tmp_path: Path) -> None:
    """LongVideoBench as the hub has it, MLVU as its authors have it: the same prompts."""
    lvb = real_task("longvideobench", real_data)
    rows = []
    for _, doc in docs_of(lvb):
        del doc["candidates"]
        rows.append(doc)
    (tmp_path / "lvb.json").write_text(json.dumps(rows[::4]))
    hub = load_task("longvideobench", annotations=tmp_path / "lvb.json", protocol="lmms-eval")
    ours = [lvb.prompt(q) for q in lvb.questions()[::4]]
    assert [hub.prompt(q) for q in hub.questions()] == ours

    mlvu = real_task("mlvu", real_data)
    rows = []
    for question in mlvu.questions()[::4]:
        record = question.record
        inside = "".join(
            f"\n({letter}) {text}"
            for letter, text in zip("ABCD", record["candidates"], strict=True)
        )
        text = record["question"].removesuffix("\n").removesuffix(inside)
        assert text != record["question"].removesuffix("\n")
        rows.append(
            {
                "video": record["video_name"],
                "question": text,
                "candidates": record["candidates"],
                "answer": record["candidates"]["ABCD".index(record["answer"])],
                "question_type": record["task_type"],
            }
        )
    (tmp_path / "mlvu.json").write_text(json.dumps(rows))
    own = load_task("mlvu", annotations=tmp_path / "mlvu.json", protocol="lmms-eval")
    ours = [mlvu.prompt(q) for q in mlvu.questions()[::4]]
    assert [own.prompt(q) for q in own.questions()] == ours


def some(task: AnnotatedTask, number: int) -> list[tuple[Question, dict[str, Any]]]:
    pairs = list(docs_of(task))
    return random.Random(0).sample(pairs, min(number, len(pairs)))


@pytest.mark.parametrize("name", ["mlvu", "videomme"])
def test_letters_of_mlvu_and_videomme(name: str, real_data: Path) -> None:
    task, theirs = (
        real_task(name, real_data),
        original(name, {"mlvu": "mlvu_dev"}.get(name, name)),
    )
    read: Counter[str | None] = Counter()
    for question, doc in some(task, 200):
        for reply in replies_to(question, 18, PHRASES):
            reading = task.read_answer(reply, question)
            assert (reading.letter or "") == theirs.scored(doc, reply)["pred_answer"], reply
            assert not reading.guessed
            read[reading.letter] += 1
    assert sum(read.values()) == 3600
    assert set(read) == {*"ABCD", None}
    assert min(read.values()) > 100


def test_letters_of_lvbench_and_of_six_options(six_options: AnnotatedTask) -> None:
    theirs, task = original("lvbench", "lvbench"), lvbench()
    for question, doc in docs_of(task):
        for reply in replies_to(question, 250, PHRASES):
            letter = task.read_answer(reply, question).letter
            assert (letter == question.answer) == theirs.scored(doc, reply), reply
    theirs = original("mlvu", "mlvu_test")
    for question, doc in docs_of(six_options):
        for reply in [*replies_to(question, 24, PHRASES), question.answer or ""]:
            letter = six_options.read_answer(reply, question).letter
            assert (letter or "") == theirs.scored(doc, reply)["pred_answer"], reply
            assert letter not in ("E", "F")


def test_letters_of_longvideobench(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both draw for the same replies, and out of the same letters."""
    task, theirs = (
        real_task("longvideobench", real_data),
        original("longvideobench", "longvideobench_val_v"),
    )
    drawn_from: list[list[str]] = []

    def choice(letters: list[str]) -> str:
        drawn_from.append(letters)
        return "drawn"

    monkeypatch.setattr(theirs.module.random, "choice", choice)
    read: Counter[str | None] = Counter()
    for question, doc in some(task, 200):
        drawn_from.clear()
        for reply in replies_to(question, 20):
            reading = task.read_answer(reply, question)
            letter = theirs.scored(doc, reply)["parsed_pred"]
            assert ("drawn" if reading.guessed else reading.letter) == letter, reply
            read["drawn" if reading.guessed else reading.letter] += 1
        assert all("".join(letters) == question.letters for letters in drawn_from)
    assert sum(read.values()) == 4000
    assert set(read) == {*"ABCDE", "drawn"}
    assert min(read.values()) > 100


def record_of(task: AnnotatedTask, question: Question, reply: str) -> Record:
    """As a run records it."""
    reading = task.read_answer(reply, question)
    return Record(
        question.id,
        question.video,
        "unparsed" if reading.letter is None else "ok",
        question.answer,
        reading.letter,
        reading.letter is not None and reading.letter == question.answer,
        groups=question.groups,
        guessed=reading.guessed,
    )


def figure(task: AnnotatedTask, records: Sequence[Record]) -> float:
    rules = task.rules
    scoring = {name: getattr(rules, name) for name in ("average", "over", "values", "unparsed")}
    found = headline(records, scoring)
    assert found is not None
    return found


def both(
    task: AnnotatedTask, theirs: Original, pairs: Iterable[tuple[Question, dict[str, Any]]]
) -> tuple[float, float]:
    """Our figure and theirs, of one reply a question."""
    records, scores = [], []
    for question, doc in pairs:
        *_, reply = replies_to(question, random.Random(question.id).randint(1, 9))
        records.append(record_of(task, question, reply))
        scores.append(theirs.scored(doc, reply))
    return figure(task, records), theirs.total(scores)


@pytest.mark.parametrize("number", [1, 40, 1000])
def test_mlvu_averages_over_seven_types(number: int, real_data: Path) -> None:
    """A type without a question counts as 0, as few questions show."""
    task, theirs = real_task("mlvu", real_data), original("mlvu", "mlvu_dev")
    ours, expected = both(task, theirs, some(task, number))
    assert 100 * ours == pytest.approx(expected, rel=1e-12)
    right = [record_of(task, q, q.answer or "") for q, _ in some(task, number)]
    types = {record.groups["task_type"] for record in right}
    assert figure(task, right) == pytest.approx(len(types) / 7)


def test_mlvu_test_averages_over_nine_types(six_options: AnnotatedTask) -> None:
    theirs = original("mlvu", "mlvu_test")
    ours, expected = both(six_options, theirs, docs_of(six_options))
    assert 100 * ours == pytest.approx(expected, rel=1e-12)
    right = [record_of(six_options, q, q.answer or "") for q in six_options.questions()]
    # Seven of nine types have questions, and two of six letters are never read.
    assert figure(six_options, right) == pytest.approx(7 / 9 * 4 / 6)


def test_videomme_counts_what_it_cannot_read_as_wrong(real_data: Path) -> None:
    task, theirs = real_task("videomme", real_data), original("videomme", "videomme")
    ours, expected = both(task, theirs, some(task, 900))
    assert 100 * ours == pytest.approx(expected, rel=1e-12)


def test_lvbench_is_over_questions() -> None:
    """Not over types, in several of which a question may count."""
    task, theirs = lvbench(), original("lvbench", "lvbench")
    ours, expected = both(task, theirs, docs_of(task))
    assert ours == pytest.approx(expected, rel=1e-12)
    question = task.questions()[1]
    assert question.groups["question_type"] == "entity recognition|event understanding"
    one_right = [record_of(task, q, "none") for q in task.questions() if q is not question]
    assert figure(task, [*one_right, record_of(task, question, question.answer or "")]) == 1 / 4


def test_longvideobench_overall(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lmms-eval counts each question twice, by length and by category: the share is the same."""
    task, theirs = (
        real_task("longvideobench", real_data),
        original("longvideobench", "longvideobench_val_v"),
    )
    drawn = {question.id: task.read_answer("", question).letter for question in task.questions()}
    records, scores = [], []
    for question, doc in docs_of(task):
        monkeypatch.setattr(theirs.module.random, "choice", lambda _, q=question: drawn[q.id])
        (*_, reply) = replies_to(question, random.Random(question.id).randint(1, 9))
        records.append(record_of(task, question, reply))
        scores.append(theirs.scored(doc, reply))
    assert any(record.guessed and record.correct for record in records)
    assert figure(task, records) == pytest.approx(theirs.total(scores), abs=1e-5)
