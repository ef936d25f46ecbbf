"""Entries: packed, opened, and scored again."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.films import make_films
from tests.report.support import record
from tests.support import read_number
from tspo_bench.errors import UserError
from tspo_bench.report.archive import MANIFEST, write_archive
from tspo_bench.report.entry import open_entry
from tspo_bench.report.packing import pack, picture_folder
from tspo_bench.report.rescoring import named_task
from tspo_bench.report.summary import summarise
from tspo_bench.results import CandidateScores, RunDirectory, cell_slug, read_run, record_to_line
from tspo_bench.results.scores import scores_to_line
from tspo_bench.tasks import load_task
from tspo_bench.types import Record

HAYSTACK = "haystack[length=1min,split=val,videos=20]"
SLUG = "haystack--uniform--m--k2"
Change = Callable[[dict[str, bytes]], None]


load = functools.cache(load_task)


def settings_of(spec: str = HAYSTACK, **changes: Any) -> dict[str, Any]:
    task = load(spec)
    rules = task.rules
    return {
        "task": task.label,
        "sampler": "uniform",
        "model": "m",
        "frames": 2,
        "protocol": rules.title,
        "protocol_hash": rules.digest,
        "scoring": {"average": "micro", "over": None, "values": [], "unparsed": "wrong"},
        "num_questions": len(task.questions()),
        **changes,
    }


def haystack_records() -> list[Record]:
    """All of the task's questions answered in turns: a letter, an option's text, nonsense."""
    records = []
    for number, question in enumerate(load(HAYSTACK).questions()):
        letter = "ABCD"[number % 4]
        replies = (f"The answer is {letter}.", question.options[number % 4], "no idea")
        reply = replies[number % 3]
        said = None if reply == "no idea" else letter
        changes: dict[str, Any] = {
            "question_id": question.id,
            "video": question.video,
            "groups": dict(question.groups),
            "gold": question.answer,
            "letter": said,
            "status": "ok" if said else "unparsed",
            "reply": reply,
            "timing": {"answer": 0.5},
        }
        records.append(record(number, said == question.answer, **changes))
    failed = {"status": "decode_error", "letter": None, "correct": False, "reply": None}
    records[7] = dataclasses.replace(records[7], error="broken", **failed)
    return records


def written(
    folder: Path,
    records: Sequence[Record],
    settings: Mapping[str, Any],
    command: Sequence[str] = ("tspo-bench", "run"),
    **run: Any,
) -> Path:
    directory = RunDirectory(folder, command=command, settings={"tasks": [HAYSTACK], **run})
    with directory.open_cell(SLUG, dict(settings)) as writer:
        for one in records:
            writer.append(one)
    return folder


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An entry of a run of the built-in task, one question of which failed."""
    folder = tmp_path_factory.mktemp("honest")
    run = written(folder / "run", haystack_records(), settings_of())
    pack(run, folder / "e.zip", description="All by hand.")
    return folder / "e.zip"


def changed(entry: Path, path: Path, change: Change) -> Path:
    """A copy of an entry with other files and hashes to them, as a liar would make it."""
    with zipfile.ZipFile(entry) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
    change(files)
    write_archive(path, files.items(), {"tspo_bench": "0.1.0"})
    return path


def with_settings(**changes: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        content = json.loads(files["run.json"])
        content["cells"][SLUG] |= changes
        files["run.json"] = json.dumps(content).encode()

    return change


def with_record(number: int, **changes: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        lines = files[f"{SLUG}/records.jsonl"].decode().splitlines()
        lines[number] = json.dumps(json.loads(lines[number]) | changes)
        files[f"{SLUG}/records.jsonl"] = "".join(f"{line}\n" for line in lines).encode()

    return change


def test_an_honest_entry_is_what_it_says(honest: Path) -> None:
    records = haystack_records()
    with open_entry(honest) as entry:
        assert (entry.name, entry.description) == ("run", "All by hand.")
        assert (entry.differences, entry.unread) == ((), ())
        assert entry.sources == ("the built-in task's own",)
        (checked,) = entry.checked
        assert checked.num_read == len(records) - 1  # one failed
        assert list(checked.cell.records) == records
        assert checked.claimed_accuracy == summarise(records).accuracy
        (cell,) = read_run(entry.folder)
        assert (list(cell.records), cell.settings) == (records, settings_of())
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
        assert checked.claimed_accuracy == 1
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
        assert (len(cell.records), cell.settings["num_questions"]) == (10, 20)
    limited = changed(tmp_path / "e.zip", tmp_path / "l.zip", with_settings(limit=10))
    with pytest.raises(UserError, match="does not ask question"), open_entry(limited):
        pass


@pytest.fixture
def own_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of an annotation file of one's own, with all that must not travel."""
    monkeypatch.setenv("OPENAI_API_KEY", "geheim-12345")
    secret = tmp_path / "secretfolder"
    secret.mkdir()
    make_films(secret)
    films = [
        record(0, question_id="pan", video=str(secret / "film.mp4"), reply="one", frames=(3, 40),
               groups={"of": "x"}),
        record(1, question_id="hat", video=str(secret / "film.mp4"), reply="b", frames=(5,),
               gold="B", letter="B", groups={"of": "y"}),
        record(2, question_id="dog", video=str(secret / "short.mp4"), status="model_error",
               letter=None, correct=False, frames=(), seconds=(),
               error=f"no {secret}/x y.bin; geheim-12345 at http://u:p@host/v1?k=1"),
    ]  # fmt: skip
    spec = str(secret / "films.jsonl")
    run: dict[str, Any] = {
        "tasks": [spec],
        "data_root": str(secret),
        "out": str(tmp_path / "r"),
        "models": ["openai:m"],
    }
    command = ["tspo-bench", "run", "--task", spec, "--data-root", str(secret), "--api-key", "abc"]
    films[0] = dataclasses.replace(films[0], notes={"file": str(secret / "sel.json")})
    return written(tmp_path / "r", films, settings_of(spec, limit=None), command, **run)


def test_nothing_private_travels(own_run: Path, tmp_path: Path) -> None:
    scores = {
        id_: CandidateScores.of(id_, np.linspace(low, 1, 5), 1 / 3)
        for id_, low in (("dog", 0.1), ("hat", 0.2), ("orphan", 0.3))
    }
    lines = {id_: scores_to_line(one) for id_, one in scores.items() if one}
    written_there = "\n".join([lines["dog"].replace("0.1", "0.7"), *lines.values(), "cut"])
    (own_run / SLUG / "scores.jsonl").write_text(written_there)
    packed = pack(own_run, tmp_path / "e.zip", name="mine")
    assert (packed.num_records, packed.num_pictures, packed.warnings) == (3, 0, ())
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    for name, content in files.items():
        for private in ("secretfolder", str(tmp_path), str(Path.home()), "geheim", "u:p", "k=1"):
            assert private not in content, (name, private)
        assert "abc" not in content
    assert set(files) == {
        *("run.json", "questions.jsonl", MANIFEST),
        *(f"{SLUG}/records.jsonl", f"{SLUG}/scores.jsonl"),
    }
    assert files[f"{SLUG}/scores.jsonl"] == f"{lines['hat']}\n{lines['dog']}\n"
    assert "DATA_ROOT" in files["run.json"]
    told = [json.loads(line) for line in files[f"{SLUG}/records.jsonl"].splitlines()]
    assert [line["video"] for line in told] == ["film.mp4", "film.mp4", "short.mp4"]
    assert told[2]["error"] == "no DATA_ROOT/x y.bin; *** at http://host/v1"
    assert told[0]["notes"] == {"file": "DATA_ROOT/sel.json"}


def test_no_name_in_an_entry_tells_a_folder_or_key(own_run: Path, tmp_path: Path) -> None:
    """Cells are told apart still, also where only what is taken out did so."""
    (cell,) = read_run(own_run)
    samplers = [f"S[weights={folder}/w.pt]" for folder in ("/home/alice/secret", "/home/bob")]
    samplers += ["S[api_key=abcdef123]", "S[api_key=abcdef124]", "S[api_key=abcdef125]"]
    for sampler in samplers:
        settings = {**cell.settings, "sampler": sampler, "task": "/home/alice/films.jsonl"}
        slug = cell_slug(settings["task"], sampler, "m", "k2")
        with RunDirectory(own_run).open_cell(slug, settings) as writer:
            for one in cell.records:
                writer.append(one)
    packed = pack(own_run, tmp_path / "e.zip")
    assert packed.num_cells == 6
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        everything = "\n".join(
            [*archive.namelist(), *map(str, map(archive.read, archive.namelist()))]
        )
    for private in ("alice", "bob", "secret", "abcdef"):
        assert private not in everything
    with open_entry(tmp_path / "e.zip") as entry:
        found = [one.cell.settings["sampler"] for one in entry.checked]
        assert found == ["uniform", *["S[weights=w.pt]"] * 2, *["S[api_key=***]"] * 3]
        assert {one.cell.settings["task"] for one in entry.checked} == {"films", "films.jsonl"}


def test_an_entry_is_read_by_the_options_that_it_holds(own_run: Path, tmp_path: Path) -> None:
    pack(own_run, tmp_path / "e.zip")
    spec = str(tmp_path / "secretfolder" / "films.jsonl")
    with open_entry(tmp_path / "e.zip") as entry:
        assert entry.unread == (
            "task 'films' is none of the package's own; give its card or annotation file with "
            "--task",
        )
    with open_entry(tmp_path / "e.zip", task=spec) as entry:
        (checked,) = entry.checked
        assert (entry.sources, entry.unread) == (("the annotations given",), ())
        assert (checked.num_read, checked.differences) == (2, ())
    lied = changed(tmp_path / "e.zip", tmp_path / "l.zip", with_record(1, gold="A", letter="A"))
    with open_entry(lied, task=spec) as entry:
        (one,) = entry.differences
        assert one.text == "hat: letter A, read again B; gold A, in the task B"
    with open_entry(lied, data_root=tmp_path) as entry:  # of no use: this task has no such name
        assert entry.sources[0].startswith("the entry's own")
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
               groups=groups),
        record(1, False, question_id=ids[1], video="1.mp4", reply="so (A", status="unparsed",
               letter=None, gold="B", groups=groups),
    ]  # fmt: skip
    settings = settings_of(HAYSTACK) | {
        "task": "mlvu",
        "protocol": task.rules.title,
        "protocol_hash": task.rules.digest,
        "scoring": {"average": "macro", "over": "task_type", "values": [], "unparsed": "wrong"},
        "num_questions": 2,
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


def test_pictures(own_run: Path, tmp_path: Path) -> None:
    packed = pack(own_run, tmp_path / "e.zip", with_frames=True)
    assert packed.num_pictures == 3
    with open_entry(tmp_path / "e.zip") as entry:
        folder = entry.folder / "frames" / picture_folder("films", "film.mp4")
        assert sorted(os.listdir(folder)) == ["3.jpg", "40.jpg", "5.jpg"]
        for number in (3, 5, 40):
            with Image.open(folder / f"{number}.jpg") as picture:
                assert read_number(np.asarray(picture)) == number


@pytest.mark.parametrize(
    "label",
    [
        "tests.evaluation.own_task:OwnTask",
        "mlvu[parser=tests.report.test_entry:boom]",
        "mlvu[protocols={strict: {reader: 'tests.report.test_entry:boom'}}]",
        "haystack[split=[val]]",
        "/etc/card.yaml",
        "tests/data/tasks/x.yaml",
        "films.jsonl",
        "file:/etc/passwd",
        "[",
        "",
    ],
)
def test_a_label_runs_nobodys_code(honest: Path, tmp_path: Path, label: str) -> None:
    lied = changed(honest, tmp_path / "e.zip", with_settings(task=label))
    with open_entry(lied) as entry:
        assert len(entry.unread) == 1
        assert entry.checked[0].num_read == 0


LABELS = st.one_of(
    st.text(),
    st.builds("{}[{}={}]".format, st.sampled_from(["haystack", "mlvu", "x"]),
              st.sampled_from(["split", "length", "videos", "parser", ""]), st.text()),
    st.builds("haystack[videos={}]".format, st.sampled_from(["9" * 150, "9" * 9999, "[" * 150])),
    st.just("haystack[videos=" + "[" * 99_999),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(label=LABELS, protocol=st.one_of(st.text(), st.sampled_from(["strict@1", "@", "+full"])))
def test_no_label_breaks_the_check(label: str, protocol: str) -> None:
    found = named_task({"task": label, "protocol": protocol})
    assert isinstance(found, str) or found.label.startswith(("haystack", "mlvu"))


def test_another_protocol_of_the_same_name(honest: Path, tmp_path: Path) -> None:
    for theirs, said in (("0123456789ab", "'0123456789ab' in the entry"), (None, "none in the")):
        lied = changed(honest, tmp_path / f"{theirs}.zip", with_settings(protocol_hash=theirs))
        with open_entry(lied) as entry:
            assert said in entry.unread[0]
            assert (entry.differences, entry.checked[0].num_read) == ((), 0)


def boom(*_: object) -> None:
    raise AssertionError("code that an entry names has run")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_settings(frames="8"), "frames '8'"),
        (with_settings(model_id={}), "model_id {}"),
        (with_settings(macro="length"), "macro average is over length, that of task 'haystack["),
        (with_record(0, frames=[1, 2, 3]), "was asked with 3 frames, at K = 2"),
        (with_settings(limit=0), "limit 0 asks nothing"),
        (with_settings(scoring={"average": "macro"}), "scoring"),
        (
            with_settings(scoring={"average": "micro", "unparsed": "dropped"}),
            "its scoring is not that of protocol strict@1#",
        ),
        (with_record(0, timing={"answer": 1e308}), "1e+308"),
        (with_record(0, surprise=1), "unknown key 'surprise'"),
        (with_record(1, question_id="val-1min-0000-with"), "stands in line"),
        (with_record(1, question_id="nobody"), "does not ask question 'nobody'"),
        (lambda files: files.pop("run.json"), "lacks 'run.json'"),
        (lambda files: files.update({"run.json": b"[" * 99_999}), "run.json is not JSON"),
        (lambda files: files.update({"run.json": b"{}"}), "run.json is no run of format 1"),
        (lambda files: files.update({"questions.jsonl": b"{}\n"}), "line 1 is no question"),
        (lambda files: files.update({"questions.jsonl": b"[" * 99_999}), "line 1 is no question"),
    ],
)
def test_what_no_run_holds(honest: Path, tmp_path: Path, change: Change, said: str) -> None:
    lied = changed(honest, tmp_path / "e.zip", change)
    with pytest.raises(UserError) as caught, open_entry(lied):
        pass
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(lied))
    assert "/tspo-bench-" not in str(caught.value)


def test_cells_are_looked_for_inside_alone(honest: Path, tmp_path: Path) -> None:
    outside = tmp_path / "records.jsonl"
    outside.write_text(record_to_line(haystack_records()[0]) + "\n")

    def change(files: dict[str, bytes]) -> None:
        content = json.loads(files["run.json"])
        content["cells"][str(tmp_path)] = content["cells"][SLUG]
        files["run.json"] = json.dumps(content).encode()

    lied = changed(honest, tmp_path / "e.zip", change)
    with pytest.raises(UserError, match="is no cell's folder"), open_entry(lied):
        pass


def test_there_is_nothing_to_pack(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no run"):
        pack(tmp_path, tmp_path / "e.zip")
    run = written(tmp_path / "run", [], settings_of())
    with pytest.raises(UserError, match="has no records yet"):
        pack(run, tmp_path / "e.zip")
    unfinished = written(tmp_path / "half", haystack_records()[:3], settings_of())
    packed = pack(unfinished, tmp_path / "e.zip")
    assert packed.warnings == (f"{SLUG} is unfinished: 3 of 20 questions",)
