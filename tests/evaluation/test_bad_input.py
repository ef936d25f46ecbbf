"""Bad videos, samplers, models and annotations: each costs its own questions only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.evaluation.own import Picks
from tests.evaluation.support import READER, by_label, question, run, seen, untimed, write_rows
from tests.report.support import settings_with
from tests.samplers.cases import plain_candidates
from tests.support import make_video
from tests.video.test_bad_files import damage, places
from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation.sampler_contract import ask_sampler
from tspo_bench.features.encoder import TransformersEncoder
from tspo_bench.report.summary import STATUSES, summarise
from tspo_bench.results import read_records
from tspo_bench.types import Features, Pixels, Query
from tspo_bench.video import open_video

OWN = "tests.evaluation.own"


@pytest.fixture
def mixed(films: Path, tmp_path: Path, cache: Path) -> Path:
    """Eight questions about a sound video and one about each kind of bad one, in turns."""
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = (films / "middle.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    bad = ["missing.mp4", "text.mp4", "empty.mp4", "cut.mp4"]
    videos = [str(films / "middle.mp4") if i % 3 else bad[i // 3] for i in range(12)]
    return write_rows(
        tmp_path / "mixed.jsonl", [question(i, video, 250) for i, video in enumerate(videos)]
    )


def test_bad_videos_cost_their_own_questions(mixed: Path, clip: Path, tmp_path: Path) -> None:
    samplers = ("uniform", "aks", "blind")
    result = run(mixed, tmp_path / "run", samplers=samplers, encoder=str(clip))
    assert result.num_failed == 2 * 4
    for label, records in by_label(result).items():
        failed = {key for key, record in records.items() if record.failed}
        assert failed == (set() if label == "blind" else {"q-0", "q-3", "q-6", "q-9"})
        for key in failed:
            record = records[key]
            assert record.status == "decode_error"
            assert (record.frames, record.reply, record.correct) == ((), None, False)
            assert record.video in (record.error or "")
            assert record.gold is not None
            assert record.groups
    words = {"q-0": "set --data-root", "q-3": "whole video", "q-6": "empty", "q-9": ""}
    for key, word in words.items():
        assert word in (by_label(result)["aks"][key].error or "")


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, ZeroDivisionError])
def test_an_encoder_without_memory_costs_its_video(
    error: type[Exception],
    films: Path,
    clip: Path,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("middle.mp4", "short.mp4")
    rows = [question(i, str(films / names[i % 2]), 30) for i in range(4)]
    encode, calls = TransformersEncoder.encode_frames, []

    def fails_once(encoder: TransformersEncoder, pixels: Pixels) -> Features:
        calls.append(len(pixels))
        if len(calls) == 1:
            raise error("no room")
        return encode(encoder, pixels)

    monkeypatch.setattr(TransformersEncoder, "encode_frames", fails_once)
    task = write_rows(tmp_path / "task.jsonl", rows)
    if error is ZeroDivisionError:  # a fault of the encoder, which all videos would have
        with pytest.raises(ZeroDivisionError):
            run(task, tmp_path / "run", samplers=("uniform", "aks"), encoder=str(clip))
        return
    found = by_label(run(task, tmp_path / "run", samplers=("uniform", "aks"), encoder=str(clip)))
    assert not any(record.failed for record in found["uniform"].values())
    failed = [record for record in found["aks"].values() if record.failed]
    assert len({record.video for record in failed}) == 1
    assert len(failed) == 2
    assert all("memory ran out" in (record.error or "") for record in failed)


def test_every_status_is_counted_once(mixed: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in mixed.read_text().splitlines()]
    rows[8]["question"] += " poison"
    del rows[5]["evidence"]
    rows[7]["options"] = ["frame 9000", "frame 9100"]
    rows[7]["answer"] = "A"
    model = (f"{OWN}:Moody",)
    task = write_rows(tmp_path / "all.jsonl", rows)
    result = run(task, tmp_path / "run", samplers=("oracle",), models=model, frames=(2,))
    (records,) = by_label(result).values()
    assert (records["q-8"].status, records["q-7"].status) == ("model_error", "unparsed")
    assert records["q-5"].status == "sampler_error"
    summary = summarise(result.cells[0].records, settings_with({"frames": 2}))
    assert set(summary.status_counts) == set(STATUSES)
    assert sum(summary.status_counts.values()) == summary.n == 12
    assert summary.status_counts["decode_error"] == 4
    assert all(summary.status_counts[status] for status in STATUSES)
    correct = sum(record.correct for record in records.values())
    assert summary.accuracy == pytest.approx(correct / 12)
    assert summary.accuracy_answered == pytest.approx(correct / summary.status_counts["ok"])
    assert correct > 0


def test_blind_cells_need_no_video(tmp_path: Path, cache: Path) -> None:
    rows = [question(i, f"nowhere/{i}.mp4", 250) for i in range(4)]
    result = run(write_rows(tmp_path / "q.jsonl", rows), tmp_path / "run", samplers=("blind",))
    assert result.num_failed == 0
    for record in result.cells[0].records:
        assert (record.frames, record.num_candidates) == ((), None)
        assert seen(record) == ([], [], None, None, 1.0)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[int]]:
    """A video of 240 frames damaged in its middle, and the frames that cannot be read alone."""
    folder = tmp_path_factory.mktemp("broken")
    source = make_video(folder / "source.mp4", 240)
    place = next(p for p in places(source) if p.order == 123)  # not a keyframe: those are 120, 132
    path, bad = damage(source, folder / "broken.mp4", place, 0.05), set()
    with open_video(path) as video:
        for index in range(240):
            try:
                video.fetch([index])
            except VideoError:
                bad.add(index)
    assert 1 <= len(bad) <= 12
    return path, bad


def test_a_broken_frame_costs_the_questions_that_need_it(
    broken: tuple[Path, set[int]], clip: Path, tmp_path: Path, cache: Path
) -> None:
    """Uniform and published frames around the damage are answered; who must scan cannot."""
    video, bad = broken
    some = sorted(bad)[0]
    published = {f"q-{i}": [i, 20 + i, some if i % 3 == 0 else 200 + i] for i in range(9)}
    for i in (1, 4):
        published[f"q-{i}"] = [0, some - 15, 239]
    picks = tmp_path / "picks.json"
    picks.write_text(json.dumps(published))
    rows = [question(i, str(video), 240) for i in range(9)]
    task = write_rows(tmp_path / "q.jsonl", rows)
    every_frame = 10.0  # so that the scan meets the damage
    result = run(
        task,
        tmp_path / "run",
        samplers=("uniform", f"file:{picks}", "aks", "blind"),
        encoder=str(clip),
        candidate_fps=every_frame,
    )
    records = by_label(result)
    for key, record in records["file:picks.json"].items():
        needs_it = bool(set(published[key]) & bad)
        assert needs_it == (int(key[2:]) % 3 == 0)
        assert (record.status == "decode_error") == needs_it
        assert record.timing["fetch"] > 0  # what was tried for it is charged to it
        assert needs_it or seen(record)[0] == published[key] == list(record.frames)
    assert not {0, 79, 159, 239} & bad
    assert {r.status for r in records["uniform"].values()} <= {"ok", "unparsed"}
    assert {r.status for r in records["aks"].values()} == {"decode_error"}
    assert all("cannot be decoded" in (r.error or "") for r in records["aks"].values())
    assert not any(record.failed for record in records["blind"].values())
    alone = run(task, tmp_path / "alone", candidate_fps=every_frame)
    assert untimed(alone.cells[0].records) == untimed(records["uniform"].values())


def test_a_bad_sampler_costs_the_questions_it_fails_on(questions: Path, tmp_path: Path) -> None:
    sampler = f"{OWN}:Picks[case=raises]"
    result = run(questions, tmp_path / "run", samplers=("uniform", sampler))
    records = by_label(result)
    for key, record in records[sampler].items():
        assert (record.status == "sampler_error") == (int(key[2:]) % 3 == 0)
        assert record.failed or seen(record)[0] == [0, 1, 2, 3]
    assert not any(record.failed for record in records["uniform"].values())
    for cell in result.cells:  # and the file can be read
        assert len(read_records(cell.folder / "records.jsonl")) == 12


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("raises", "ZeroDivisionError: division by zero"),
        ("too-many", "picked 5 frames where 4 were asked for"),
        ("nan-notes", "notes cannot be kept as JSON: Out of range float"),
        ("object-notes", "notes cannot be kept as JSON: .*not JSON serializable"),
        ("behind-the-end", "picked frames 0 to .*, but the video has frames 0 to"),
        ("negative", "picked frames -1 to 0, but the video"),
        ("fractions", "float64.*give whole frame numbers"),
        ("nan", "float64.*give whole frame numbers"),
        ("table", r"shape \[1, 2\]"),
        ("unsorted", "sorted and distinct"),
        ("an-array", "gave a ndarray; it must give a Selection"),
        ("nothing", "gave a NoneType; it must give a Selection"),
    ],
)
def test_what_a_bad_sampler_returns_is_named(case: str, message: str) -> None:
    query = Query("q-0", "v.mp4", "What?")
    with pytest.raises(UserError, match=message):
        ask_sampler(case, Picks(case), query, plain_candidates(9, 10), 4)


def test_numpys_numbers_do_no_harm(questions: Path, tmp_path: Path) -> None:
    (records,) = by_label(
        run(questions, tmp_path / "run", samplers=(f"{OWN}:NumpyCounts",))
    ).values()
    assert {record.num_filled for record in records.values()} == {0, 2}
    assert {record.frames for record in records.values()} == {(0, 1, 2, 3)}


def test_a_sampler_that_picks_without_needs_is_an_error(questions: Path, tmp_path: Path) -> None:
    for out, samplers in (("alone", ()), ("beside", ("uniform",))):
        result = run(questions, tmp_path / out, samplers=(*samplers, f"{OWN}:Unseeing"))
        for record in result.cells[-1].records:
            assert record.status == "sampler_error"
            assert "`needs` are empty; add 'probe'" in (record.error or "")


def test_published_frames_of_the_wrong_video_or_length(questions: Path, tmp_path: Path) -> None:
    picks = {f"q-{i}": [0, 1] for i in range(12)}
    picks |= {"q-2": [5, 95], "q-5": [1, 2, 3, 4, 5], "q-8": [1, 1]}  # questions on 90 frames
    del picks["q-11"]
    path = tmp_path / "picks.json"
    path.write_text(json.dumps(picks))
    (records,) = by_label(run(questions, tmp_path / "run", samplers=(f"file:{path}",))).values()
    failed = {key for key, record in records.items() if record.status == "sampler_error"}
    assert failed == {"q-2", "q-5", "q-8", "q-11"}
    assert all(str(path) in (records[key].error or "") for key in failed)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_model_that_fails_on_one_request_costs_that_one(
    batch_size: int, questions: Path, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in questions.read_text().splitlines()]
    rows[5]["question"] += " poison"
    task = write_rows(tmp_path / "p.jsonl", rows)
    model = (f"{OWN}:Moody",)
    result = run(task, tmp_path / "run", models=model, batch_size=batch_size)
    (records,) = by_label(result).values()
    assert {key for key, record in records.items() if record.failed} == {"q-5"}
    record = records["q-5"]
    assert record.status == "model_error"
    assert record.error.startswith("RuntimeError: out of memory, say (")
    assert record.frames, "what it was to be shown is on record"
    assert all(seen(r)[0] == list(r.frames) for r in records.values() if not r.failed)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("Forgetful", "ValueError: the model gave 0 answers to 1 requests"),
        ("Texts", "TypeError: the model gave a str; it must give Answers"),
    ],
)
def test_a_model_that_breaks_its_contract(
    model: str, message: str, questions: Path, tmp_path: Path
) -> None:
    result = run(questions, tmp_path / "run", models=(f"{OWN}:{model}",))
    assert {(r.status, r.error) for r in result.cells[0].records} == {("model_error", message)}


def test_nonsense_is_unparsed_and_kept_as_it_came(questions: Path, tmp_path: Path) -> None:
    from tests.evaluation.own import Babbler

    result = run(questions, tmp_path / "run", models=(f"{OWN}:Babbler",))
    (cell,) = result.cells
    assert {record.status for record in cell.records} == {"unparsed"}
    assert {record.letter for record in cell.records} == {None}
    assert {record.reply for record in cell.records} == set(Babbler.replies)
    summary = summarise(cell.records)
    assert (summary.accuracy, summary.accuracy_answered) == (0, None)
    assert result.num_failed == 0


def test_broken_annotation_lines_are_reported(questions: Path, tmp_path: Path) -> None:
    lines = questions.read_text().splitlines()
    lines[3] = '{"id": "broken", '
    without = json.loads(lines[6])
    del without["options"]
    lines[6] = json.dumps(without)
    task = tmp_path / "some.jsonl"
    task.write_text("\n".join(lines))
    result = run(task, tmp_path / "run")
    assert len(result.cells[0].records) == 10
    first, second = result.skipped
    assert first.startswith("some.jsonl line 4: not valid JSON")
    assert second.startswith("some.jsonl line 7: ")


def test_equal_names_are_rejected_before_anything_is_asked(
    questions: Path, llava: Path, tmp_path: Path
) -> None:
    """Two files of one base name would share a cell's folder: --fresh would lose the first."""
    twins = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        (folder / "twin.json").write_text(json.dumps({f"q-{i}": [0] for i in range(12)}))
        (folder / "quiz.jsonl").write_text(questions.read_text())
        (folder / "tiny-llava").symlink_to(llava)
        twins.append(folder)
    quiz, picks, llavas = (
        tuple(str(folder / name) for folder in twins)
        for name in ("quiz.jsonl", "twin.json", "tiny-llava")
    )
    for settings, label in (
        ({"samplers": tuple(f"file:{path}" for path in picks)}, "file:twin.json"),
        ({"tasks": quiz}, "quiz"),
        ({"models": llavas}, "tiny-llava"),
    ):
        with pytest.raises(UserError, match=f"two of them are called '{label}' in tables"):
            run(questions, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()
    models = (f"{OWN}:FrameReader", f"{OWN}:FrameReader[short_side=48]")
    with pytest.raises(UserError, match="two of them are called 'reader' in tables"):
        run(questions, tmp_path / "run", models=models, fresh=True)
    (path,) = (tmp_path / "run").glob("*/records.jsonl")
    assert len(read_records(path)) == 12  # the first one's are kept


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samplers": ("uniform", "akss")}, "unknown sampler 'akss': did you mean 'aks'?"),
        ({"models": ("tests.evaluation.own:FrameReader", "referenc")}, "did you mean 'reference'"),
        ({"task": "mlvuu"}, "unknown task 'mlvuu': did you mean 'mlvu'?"),
        ({"task": "/no/such.jsonl"}, "annotation file /no/such.jsonl not found"),
        ({"samplers": ("file:/no/such.json",)}, "/no/such.json"),
        ({"samplers": ("aks[depht=2]",)}, "no option 'depht'; did you mean 'depth'"),
        ({"models": (READER, "/no/such/model")}, "model '/no/such/model': there is no such folder"),
        ({"models": (READER, f"{READER}[nome=x]")}, "no option 'nome'; did you mean 'name'"),
        ({"models": (READER, "reference"), "device": "gpu"}, "unknown device 'gpu'"),
        ({"samplers": ("aks",), "encoder": "/no/such"}, "encoder '/no/such': there is no such"),
        ({"samplers": ("aks",), "device": "gpu"}, "unknown device 'gpu'"),
    ],
)
def test_wrong_names_are_reported_before_anything_is_asked(
    settings: dict, message: str, questions: Path, tmp_path: Path
) -> None:
    task = settings.get("task", questions)
    rest = {key: value for key, value in settings.items() if key != "task"}
    with pytest.raises(UserError) as caught:
        run(task, tmp_path / "run", **rest)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()
