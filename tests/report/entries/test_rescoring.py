"""Entries scored again: what was said is a claim, what is read in the replies counts."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.report.entries.support import (
    HAYSTACK,
    SLUG,
    changed,
    haystack_records,
    settings_of,
    with_record,
    with_settings,
    written,
)
from tests.report.support import record
from tspo_bench.errors import UserError
from tspo_bench.report.entries.entry import open_entry
from tspo_bench.report.entries.packing import pack
from tspo_bench.report.summary import summarise
from tspo_bench.results import RunDirectory, read_run
from tspo_bench.tasks import digest_of, limit_questions, load_task
from tspo_bench.types import Record


def test_an_honest_entry_is_what_it_says(honest: Path) -> None:
    records = haystack_records()
    with open_entry(honest) as entry:
        assert (entry.name, entry.description) == ("run", "All by hand.")
        assert (entry.differences, entry.unread) == ((), ())
        assert entry.sources == ("the built-in task's own",)
        (checked,) = entry.checked
        assert checked.num_read == len(records) - 1  # one failed
        assert list(checked.cell.records) == records
        assert checked.claimed.accuracy == summarise(records).accuracy
        (cell,) = read_run(entry.folder)
        assert (list(cell.records), cell.settings.to_json()) == (records, settings_of())
        folder = entry.folder
    assert not folder.exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"letter": "D"}, "letter D, read again A"),
        ({"correct": True, "gold": "A"}, "gold A, in the task"),
        ({"status": "unparsed", "letter": None, "correct": False}, "letter none, read again A"),
        ({"status": "model_error", "correct": True}, "right, now wrong"),
        ({"status": "unparsed"}, "unparsed, now ok"),
    ],
)
def test_what_was_read_again_counts(
    honest: Path, tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    records = haystack_records()
    number = next(n for n, one in enumerate(records) if one.letter == "A" and not one.correct)
    lied = changed(honest, tmp_path / "e.zip", with_record(number, **change))
    with open_entry(lied) as entry:
        (one,) = entry.differences
        assert text in one.text
        assert one.text.startswith(records[number].question_id)
        (cell,) = read_run(entry.folder)
        if change.get("status") != "model_error":
            assert list(cell.records) == records
        assert not cell.records[number].correct


def test_all_of_the_letters_of_a_liar(honest: Path, tmp_path: Path) -> None:
    """Everything right, says the entry; its replies say something else."""

    def all_right(files: dict[str, bytes]) -> None:
        lines = files[f"{SLUG}/records.jsonl"].decode().splitlines()
        records = [json.loads(line) for line in lines]
        for one in records:
            one |= {"letter": one["gold"], "correct": True, "status": "ok"}
        files[f"{SLUG}/records.jsonl"] = "".join(json.dumps(r) + "\n" for r in records).encode()

    records = haystack_records()
    with open_entry(changed(honest, tmp_path / "e.zip", all_right)) as entry:
        (checked,) = entry.checked
        assert checked.claimed.accuracy == 1
        truth = [(r.letter, r.correct) for r in records if not r.failed]
        found = [(r.letter, r.correct) for r in checked.cell.records]
        assert [one for number, one in enumerate(found) if not records[number].failed] == truth
        differ = [r for r in records if not (r.letter == r.gold and r.correct and r.status == "ok")]
        # Nothing was said for the question that failed: now it is a reply that says nothing.
        assert len(checked.differences) == len(differ)


def test_videos_and_groups_are_the_tasks(honest: Path, tmp_path: Path) -> None:
    """Every question another video's, say, makes error bars smaller than they are."""
    records = haystack_records()
    for number, lie, said in (
        (0, {"video": "mine.mp4"}, f"video mine.mp4, counted as {records[0].video}"),
        (1, {"groups": {"length": "9h"}}, 'groups {"length": "9h"}, counted as {'),
        (7, {"video": "mine.mp4"}, "video mine.mp4, counted as"),  # it failed
    ):
        with open_entry(changed(honest, tmp_path / "e.zip", with_record(number, **lie))) as entry:
            (one,) = entry.differences
            assert one.text.startswith(f"{records[number].question_id}: {said}")
            (cell,) = read_run(entry.folder)
            assert list(cell.records) == records


def test_cells_agree_on_videos_and_groups_where_nobody_tells(tmp_path: Path) -> None:
    first = [record(n, video=f"v{n}.mp4", groups={"of": "x"}) for n in range(3)]
    second = [
        dataclasses.replace(first[0], video="other.mp4"),
        dataclasses.replace(first[1], groups={"of": "y"}),
        first[2],
    ]
    settings = {**settings_of(), "task": "films", "num_questions": 3}
    run = written(tmp_path / "run", first, settings)
    with RunDirectory(run).open_cell("other", {**settings, "sampler": "random"}) as writer:
        for one in second:
            writer.append(one)
    pack(run, tmp_path / "e.zip")
    with open_entry(tmp_path / "e.zip") as entry:
        assert [one.text for one in entry.differences] == [
            "q0: video other.mp4, counted as v0.mp4",
            'q1: groups {"of": "y"}, counted as {"of": "x"}',
        ]
        for cell in read_run(entry.folder):
            assert list(cell.records) == first


@pytest.mark.parametrize("status", ["model_error", "decode_error", "sampler_error"])
def test_who_fails_says_nothing(honest: Path, tmp_path: Path, status: str) -> None:
    """Wrong answers that are called failures would leave every average."""
    records = haystack_records()
    for number, one in enumerate(records):
        if one.failed or one.correct:
            continue
        lie = with_record(number, status=status, letter=None, error="CUDA out of memory")
        with open_entry(changed(honest, tmp_path / f"{number}.zip", lie)) as entry:
            (difference,) = entry.differences
            assert difference.read == one
            said = "letter none, read again" if one.letter else f"{status}, now unparsed"
            assert said in difference.text
            assert entry.checked[0].num_read == len(records) - 1


def test_a_likeliest_letter_is_none_of_a_failure(tmp_path: Path) -> None:
    one = dataclasses.replace(
        haystack_records()[0], mode="options", reply=None, option_logprobs={"A": -1.0, "B": -2.0}
    )
    lied = dataclasses.replace(one, status="model_error", letter=None, correct=False)
    pack(written(tmp_path / "run", [lied], settings_of()), tmp_path / "e.zip")
    with open_entry(tmp_path / "e.zip") as entry:
        assert [difference.read for difference in entry.differences] == [one]


def test_letters_by_their_log_probabilities(tmp_path: Path) -> None:
    records = [
        dataclasses.replace(one, mode="options", reply=one.letter, option_logprobs=logprobs)
        for one, logprobs in zip(
            haystack_records()[:3],
            ({"A": -1.0, "B": -2.0}, {"A": -2.0, "B": -2.0, "C": -3.0}, {"C": -0.5}),
            strict=True,
        )
    ]
    run = written(tmp_path / "run", records, settings_of(protocol_hash="another"))
    pack(run, tmp_path / "e.zip")
    with open_entry(tmp_path / "e.zip") as entry:
        (checked,) = entry.checked
        assert [one.letter for one in checked.cell.records] == ["A", "A", "C"]
        assert (checked.unread, checked.num_read) == (None, 3)  # no protocol reads these


def test_questions_that_were_left_out_are_missed(honest: Path, tmp_path: Path) -> None:
    def cherry_picked(files: dict[str, bytes]) -> None:
        lines = files[f"{SLUG}/records.jsonl"].splitlines()
        files[f"{SLUG}/records.jsonl"] = b"\n".join(lines[:10]) + b"\n"
        with_settings(num_questions=10)(files)

    with open_entry(changed(honest, tmp_path / "e.zip", cherry_picked)) as entry:
        (cell,) = read_run(entry.folder)
        assert (len(cell.records), cell.settings.num_questions) == (10, 20)
    limited = changed(tmp_path / "e.zip", tmp_path / "l.zip", with_settings(limit=10))
    with pytest.raises(UserError, match="does not ask question"), open_entry(limited):
        pass


def entry_of_others(folder: Path, *cells: tuple[list[Record], dict[str, Any]]) -> Path:
    """An entry whose task nobody here knows, of cells with some of its 20 questions."""
    run = folder / "run"
    for number, (records, changes) in enumerate(cells):
        settings = settings_of() | {"task": "films", "sampler": f"s{number}", **changes}
        with RunDirectory(run, command=["run"], settings={}).open_cell(
            f"c{number}", settings
        ) as writer:
            for one in records:
                writer.append(one)
    pack(run, folder / "e.zip")
    return folder / "e.zip"


def test_cells_of_a_set_have_its_questions(tmp_path: Path) -> None:
    """Where nobody here knows how many there are: the most that a cell says, or all together."""
    records = haystack_records()
    few = records[:9]
    path = entry_of_others(
        tmp_path,
        (records, {}),
        (few, {"num_questions": 9}),
        (few, {"num_questions": 9, "questions": "another"}),
        (few, {"num_questions": 9, "limit": 9}),
        (records[9:15], {"num_questions": 9, "questions": "third"}),
        (few, {"num_questions": 9, "questions": "third"}),
    )
    with open_entry(path) as entry:
        counted = [cell.settings.num_questions for cell in read_run(entry.folder)]
        assert counted == [20, 20, 9, 9, 15, 15]
        less = "it says that 9 questions were asked; cells of the same set have"
        assert [list(one.problems) for one in entry.checked] == [
            [],
            [f"{less} 20", "unfinished: 9 of 20 questions have a record"],
            [],
            [],
            [f"{less} 15", "unfinished: 6 of 15 questions have a record"],
            [f"{less} 15", "unfinished: 9 of 15 questions have a record"],
        ]
        assert [one.is_clean for one in entry.checked].count(False) == 6  # letters are a claim


def test_what_is_unfinished_is_told(honest: Path, tmp_path: Path) -> None:
    def unfinished(files: dict[str, bytes]) -> None:
        lines = files[f"{SLUG}/records.jsonl"].splitlines()
        files[f"{SLUG}/records.jsonl"] = b"\n".join(lines[:10]) + b"\n"

    with open_entry(changed(honest, tmp_path / "e.zip", unfinished)) as entry:
        assert entry.problems == (f"{SLUG}: unfinished: 10 of 20 questions have a record",)
        assert (entry.differences, entry.checked[0].is_clean) == ((), False)


def test_options_are_the_tasks(honest: Path, tmp_path: Path) -> None:
    def other(files: dict[str, bytes]) -> None:
        lines = [json.loads(line) for line in files["questions.jsonl"].splitlines()]
        for line in lines[:2]:
            line["options"].reverse()
        files["questions.jsonl"] = "".join(json.dumps(line) + "\n" for line in lines).encode()

    first = haystack_records()[0].question_id
    with open_entry(changed(honest, tmp_path / "e.zip", other)) as entry:
        assert entry.problems == (
            f"{SLUG}: the entry's options are not those that are here, of 2 questions, the first "
            f"{first}",
        )
        assert entry.differences == ()  # the task's own count


def test_times_outside_of_the_video_are_told(honest: Path, tmp_path: Path) -> None:
    """A minute long, give or take a second."""
    question = haystack_records()[0].question_id
    for seconds, told in (([0, 60.9], 0), ([0, 61.1], 1), ([-0.9, 1], 0), ([-1.1, 1], 1)):
        lied = changed(honest, tmp_path / "e.zip", with_record(0, seconds=seconds))
        with open_entry(lied) as entry:
            said = f"{SLUG}: frames are shown from outside of the video's length, of question "
            assert entry.problems == (f"{said}{question}",) * told


def test_another_question_set(honest: Path, tmp_path: Path) -> None:
    """It is told, and its rows go on standing in a column of their own."""
    for theirs, said in (("0123456789abcdef", "set 0123456789abcdef in the entry"), (None, "none")):
        lied = changed(honest, tmp_path / f"{theirs}.zip", with_settings(questions=theirs))
        with open_entry(lied) as entry:
            (problem,) = entry.problems
            assert problem.startswith(f"{SLUG}: its questions are not those that are here (set ")
            assert said in problem
            assert f"{settings_of()['questions']} here" in problem
            assert (entry.differences, entry.unread) == ((), ())
            assert not entry.checked[0].is_clean
            (cell,) = read_run(entry.folder)
            assert cell.settings.questions == theirs
            assert entry.checked[0].num_read == len(cell.records) - 1


def test_questions_that_were_changed_since(own_run: Path, tmp_path: Path) -> None:
    pack(own_run, tmp_path / "e.zip")
    spec = tmp_path / "secretfolder" / "films.jsonl"
    with open_entry(tmp_path / "e.zip", task=str(spec)) as entry:
        assert entry.problems == ()
    spec.write_text(spec.read_text().replace("What?", "Which?", 1))
    with open_entry(tmp_path / "e.zip", task=str(spec)) as entry:
        assert len(entry.problems) == 1
    with open_entry(tmp_path / "e.zip") as entry:  # nobody here knows
        assert entry.problems == ()


def test_a_limit_has_a_question_set_of_its_own(tmp_path: Path) -> None:
    asked = limit_questions(load_task(HAYSTACK).questions(), 5)
    ids = {question.id for question in asked}
    records = [one for one in haystack_records() if one.question_id in ids]
    for number, digest in enumerate((digest_of(asked), settings_of()["questions"])):
        changes = {"limit": 5, "num_questions": 5, "questions": digest}
        run = written(tmp_path / f"run{number}", records, settings_of(**changes))
        pack(run, tmp_path / "e.zip")
        with open_entry(tmp_path / "e.zip") as entry:
            assert (entry.differences, len(entry.problems)) == ((), number)


def test_an_entry_is_read_by_the_options_that_it_holds(own_run: Path, tmp_path: Path) -> None:
    pack(own_run, tmp_path / "e.zip")
    spec = str(tmp_path / "secretfolder" / "films.jsonl")
    with open_entry(tmp_path / "e.zip") as entry:
        assert entry.unread == (
            "task 'films' is none of the package's own; give its card or annotation file to "
            "tspo-bench check-entry --task",
        )
    with open_entry(tmp_path / "e.zip", task=spec) as entry:
        (checked,) = entry.checked
        assert (entry.sources, entry.unread) == (("the annotations given",), ())
        assert (checked.num_read, checked.differences) == (2, ())
    lied = changed(tmp_path / "e.zip", tmp_path / "l.zip", with_record(1, gold="A", letter="A"))
    with open_entry(lied, task=spec) as entry:
        (one,) = entry.differences
        assert one.text == "hat: letter A, read again B; gold A, in the task B"
    for given in ({"data_root": tmp_path}, {"annotations": Path(spec)}):  # of no use for this task
        with open_entry(lied, **given) as entry:
            (source,) = entry.sources
            assert source.startswith("the entry's own; only with its card or annotation file, ")
            assert "check-entry --task" in source
            assert "--annotations" not in source
    with (
        pytest.raises(UserError, match="'haystack' is none of the entry's: films"),
        open_entry(lied, task="haystack"),
    ):
        pass


def test_a_benchmark_with_and_without_its_annotations(tmp_path: Path) -> None:
    """MLVU's official protocol reads a reply that strict leaves alone; the data may be gone."""
    data = tmp_path / "mlvu"
    (data / "json").mkdir(parents=True)
    asked = [
        {"question_id": f"Q{number}", "video": f"{number}.mp4", "question": "What?",
         "candidates": ["one", "two"], "answer": "two", "question_type": "plotQA",
         "duration": 10.0}
        for number in range(2)
    ]  # fmt: skip
    (data / "json" / "1_plotQA.json").write_text(json.dumps(asked))
    task = load_task("mlvu", data_root=data, protocol="official")
    ids = [question.id for question in task.questions()]
    groups = dict(task.questions()[0].groups)
    records = [
        record(0, question_id=ids[0], video="0.mp4", reply="B) two", gold="B", letter="B",
               duration_seconds=10.4, groups=groups),
        record(1, False, question_id=ids[1], video="1.mp4", reply="so (A", status="unparsed",
               letter=None, gold="B", duration_seconds=9.9, groups=groups),
    ]  # fmt: skip
    settings = settings_of(HAYSTACK) | {
        "task": "mlvu",
        "protocol": task.rules.title,
        "protocol_hash": task.rules.digest,
        "scoring": {"average": "macro", "over": "task_type", "values": [], "unparsed": "wrong"},
        "num_questions": 2,
        "questions": digest_of(task.questions()),
        "macro": "task_type",
    }
    run = written(tmp_path / "run", records, settings, tasks=["mlvu"], data_root=str(data))
    pack(run, tmp_path / "e.zip")
    with open_entry(tmp_path / "e.zip") as entry:
        assert (entry.differences, entry.unread) == ((), ())
        assert entry.sources[0].startswith("the entry's own; give --data-root")
    with open_entry(tmp_path / "e.zip", data_root=data) as entry:
        assert (entry.differences, entry.sources) == ((), ("the annotations given",))
    shutil.rmtree(data)
    packed = pack(run, tmp_path / "bare.zip")
    assert "task 'mlvu': the options are not in the entry" in packed.warnings[0]
    with open_entry(tmp_path / "bare.zip") as entry:
        assert entry.unread == (
            "the entry has no options of some questions; give --data-root or --annotations",
        )
        assert [one.letter for one in entry.checked[0].cell.records] == ["B", None]
    with pytest.raises(UserError, match="no pictures of task 'mlvu'"):
        pack(run, tmp_path / "none.zip", with_frames=True)
    assert not (tmp_path / "none.zip").exists()


def test_another_protocol_of_the_same_name(honest: Path, tmp_path: Path) -> None:
    for theirs, said in (("0123456789ab", "'0123456789ab' in the entry"), (None, "none in the")):
        lied = changed(honest, tmp_path / f"{theirs}.zip", with_settings(protocol_hash=theirs))
        with open_entry(lied) as entry:
            assert said in entry.unread[0]
            assert (entry.differences, entry.checked[0].num_read) == ((), 0)
