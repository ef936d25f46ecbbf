"""The frames that samplers picked are those that models saw, and records say the truth of both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import LENGTHS
from tests.evaluation.own import shown_letters
from tests.evaluation.support import (
    RATE,
    READER,
    by_label,
    run,
    seen,
    untimed,
    write_questions,
    write_rows,
)
from tspo_bench.api import evaluate
from tspo_bench.device import default_device
from tspo_bench.evaluation import RunConfig, RunResult, run_grid
from tspo_bench.report.summary import summarise, summary_json
from tspo_bench.results import read_records
from tspo_bench.samplers.uniform import both_ends
from tspo_bench.tasks import limit_questions, load_task
from tspo_bench.types import Question, Record

SAMPLERS = ("uniform", "clip-topk", "aks", "oracle", "random", "blind")


def naive_recall(question: Question, record: Record) -> float | None:
    """The share of spans with a frame inside; a moment is a span of a second to either side."""
    hits = []
    for span in question.evidence:
        margin = 1.0 if span.start == span.end else 0.0
        hit = any(span.start - margin <= t <= span.end + margin for t in record.seconds)
        hits.append(hit)
    return sum(hits) / len(hits) if hits else None


def test_every_cell_has_every_question(questions: Path, clip: Path, tmp_path: Path) -> None:
    """Two tasks, two models, six samplers and two budgets, in this order."""
    second = write_questions(tmp_path / "second.jsonl", Path(), LENGTHS, n=3)
    rows = [json.loads(line) for line in questions.read_text().splitlines()[:3]]
    write_rows(second, rows)
    models = (READER, f"{READER}[short_side=48,name=small]")
    config = RunConfig(
        tasks=(str(questions), str(second)),
        samplers=SAMPLERS,
        models=models,
        frames=(4, 7),
        encoder=str(clip),
        out=tmp_path / "run",
    )
    result = run_grid(config, command=["tspo-bench", "run"])
    labels = [
        tuple(c.settings[k] for k in ("task", "model", "sampler", "frames")) for c in result.cells
    ]
    assert labels == [
        (task, model, sampler, k)
        for task in ("quiz", "second")
        for model in ("reader", "small")
        for sampler in SAMPLERS
        for k in (4, 7)
    ]
    assert {len(cell.records) for cell in result.cells if cell.settings["task"] == "quiz"} == {12}
    assert {len(cell.records) for cell in result.cells if cell.settings["task"] == "second"} == {3}
    assert result.skipped == ()
    for cell in result.cells:
        records = read_records(cell.folder / "records.jsonl")
        assert untimed(records) == untimed(cell.records)
        summary = json.loads((cell.folder / "summary.json").read_text())
        expected = summary_json(summarise(records, frames=cell.settings["frames"]))
        assert summary == json.loads(json.dumps(expected))
        assert sum(summary["status_counts"].values()) == summary["n"] == len(records)


@pytest.fixture(scope="module")
def grid(
    films: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunResult, dict[str, Question]]:
    """One run of all samplers at K = 7, and its questions."""
    folder = tmp_path_factory.mktemp("grid")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSPO_BENCH_CACHE", str(folder / "cache"))
        path = write_questions(folder / "quiz.jsonl", films, LENGTHS)
        samplers = (*SAMPLERS, "tests.evaluation.own:Farthest")
        result = run(path, folder / "run", samplers=samplers, encoder=str(clip), frames=(7,))
        return result, {question.id: question for question in load_task(str(path)).questions()}


def test_the_model_sees_what_the_sampler_picked(
    grid: tuple[RunResult, dict[str, Question]],
) -> None:
    """The numbers read out of the pixels are the record's frames, in order, at their times."""
    result, questions = grid
    for label, records in by_label(result).items():
        for key, record in records.items():
            if record.failed:
                continue  # the oracle, where there is no evidence
            num_frames = LENGTHS[Path(questions[key].video).name]
            numbers, times, size, told_frames, told_rate = seen(record)
            assert numbers == list(record.frames) == sorted(set(record.frames))
            assert times == list(record.seconds)
            np.testing.assert_allclose(record.seconds, np.array(record.frames) / RATE, atol=1e-6)
            if label != "blind":
                assert (size, told_frames, told_rate) == ([96, 160], num_frames, RATE)
                assert len(numbers) == 7


def test_records_say_what_was_asked(grid: tuple[RunResult, dict[str, Question]]) -> None:
    result, questions = grid
    for label, records in by_label(result).items():
        assert set(records) == set(questions)
        for key, record in records.items():
            question = questions[key]
            assert (record.gold, record.groups) == (question.answer, question.groups)
            assert record.video == question.video
            if record.failed:
                assert (label, question.evidence) == ("oracle", ())
                continue
            num_frames = LENGTHS[Path(question.video).name]
            blind = label == "blind"
            assert record.num_candidates == (None if blind else -(-num_frames // RATE))
            assert record.evidence_recall == naive_recall(question, record)
            assert record.timing["answer"] >= 0
            assert set(record.timing) - {"answer", "select", "probe", "scan", "fetch"} == set()
            assert ("scan" in record.timing) == (
                label not in ("uniform", "oracle", "random", "blind")
            ), label


def test_answers_follow_from_the_frames(grid: tuple[RunResult, dict[str, Question]]) -> None:
    """The reader can answer where exactly one option's frame is shown: so can we, from records."""
    result, questions = grid
    for label, records in by_label(result).items():
        for key, record in records.items():
            question = questions[key]
            options = zip(question.letters, question.options, strict=True)
            prompt = "\n".join(f"{letter}. {text}" for letter, text in options)
            letters = shown_letters(prompt, record.frames)
            letter = letters[0] if len(letters) == 1 else None
            failed = label == "oracle" and not question.evidence
            assert record.status == ("sampler_error" if failed else "ok" if letter else "unparsed")
            assert record.letter == letter or failed
            assert record.correct == (letter == question.answer and not failed)


def test_uniform_gives_the_papers_frames(grid: tuple[RunResult, dict[str, Question]]) -> None:
    result, questions = grid
    for key, record in by_label(result)["uniform"].items():
        num_frames = LENGTHS[Path(questions[key].video).name]
        assert list(record.frames) == both_ends(num_frames, 7).tolist()


def test_feature_samplers_pick_by_the_encoders_scores(
    grid: tuple[RunResult, dict[str, Question]], clip: Path
) -> None:
    """Every candidate encoded by hand, in one go: the highest and the lowest cosines."""
    from tspo_bench.features import load_encoder
    from tspo_bench.video import open_video

    result, questions = grid
    encoder, labelled = load_encoder(str(clip)), by_label(result)
    for key, question in questions.items():
        with open_video(Path(question.video)) as video:
            numbers = np.arange(0, video.info.num_frames, RATE)
            features = encoder.encode_frames(video.fetch(numbers, encoder.short_side).pixels)
        text = encoder.encode_text([question.text])[0]
        cosines = features @ text / np.linalg.norm(features, axis=1)
        best = sorted(numbers[np.argsort(-cosines, kind="stable")[:7]].tolist())
        assert list(labelled["clip-topk"][key].frames) == best
        worst = sorted(numbers[np.argsort(features @ text, kind="stable")[:7]].tolist())
        assert list(labelled["tests.evaluation.own:Farthest"][key].frames) == worst


def test_frames_come_at_the_models_size(questions: Path, tmp_path: Path) -> None:
    result = run(questions, tmp_path / "run", models=(f"{READER}[short_side=48]",))
    for record in result.cells[0].records:
        numbers, _, size, _, _ = seen(record)
        assert size == [48, 80]
        assert numbers == list(record.frames)


def test_samplers_are_told_what_they_declare_and_no_more(
    questions: Path, clip: Path, tmp_path: Path
) -> None:
    """Whatever the samplers beside them need: no evidence for one that does not declare it."""
    needs = ("probe", "features", "probe+evidence", "features+evidence")
    samplers = tuple(f"tests.evaluation.own:Curious[needs={need}]" for need in needs)
    result = run(questions, tmp_path / "run", samplers=samplers, encoder=str(clip))
    annotated = {q.id: bool(q.evidence) for q in load_task(str(questions)).questions()}
    for need, cell in zip(needs, result.cells, strict=True):
        for record in cell.records:
            assert record.notes == {
                "features": "features" in need,
                "text": "features" in need,
                "evidence": "evidence" in need and annotated[record.question_id],
                "answer": False,
            }


def test_a_budget_above_the_candidates_gives_all_of_them(
    questions: Path, clip: Path, tmp_path: Path
) -> None:
    """short.mp4 has 9 candidates and 90 frames: uniform takes any frames, the others candidates."""
    result = run(
        questions,
        tmp_path / "run",
        samplers=("uniform", "clip-topk", "aks", "random"),
        encoder=str(clip),
        frames=(64,),
    )
    for label, records in by_label(result).items():
        for record in records.values():
            if not record.video.endswith("short.mp4"):
                continue
            assert record.status in ("ok", "unparsed")
            assert record.num_candidates == 9
            expected = both_ends(90, 64).tolist() if label == "uniform" else [*range(0, 90, 10)]
            assert list(record.frames) == seen(record)[0] == expected
    short = summarise(result.cells[1].records, frames=64).num_short
    assert short == 12  # none of the three videos has 64 candidates


@pytest.mark.parametrize("fps", [0.5, 2.0])
def test_the_candidate_rate_reaches_the_samplers(
    questions: Path, clip: Path, tmp_path: Path, fps: float
) -> None:
    result = run(
        questions,
        tmp_path / "run",
        samplers=("clip-topk",),
        encoder=str(clip),
        frames=(64,),
        candidate_fps=fps,
        limit=3,
    )
    for record in result.cells[0].records:
        stride = round(RATE / fps)
        num_frames = LENGTHS[Path(record.video).name]
        assert record.num_candidates == -(-num_frames // stride)
        assert set(np.diff(record.frames)) <= {stride * i for i in range(1, 40)}


def test_withheld_answers_give_replies_and_no_accuracy(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    """LongVideoBench's test split; `position` counts in frames of the video."""
    rows = [
        {
            "id": f"lvb-{i}",
            "video_path": "middle.mp4",
            "question": f"which thing {i} ?",
            "candidates": [f"frame {f}" for f in (i * 30 + 15, i * 30 + 90)],
            "position": [i * 30 + 15],
            "duration": 25.0,
            "duration_group": 60,
            "question_category": "S2E",
            "level": "L1-Perception",
            "topic_category": "Nature",
        }
        for i in range(5)
    ]
    path = tmp_path / "lvb_test_wo_gt.json"
    path.write_text(json.dumps(rows))
    config = RunConfig(
        tasks=("longvideobench[split=test]",),
        samplers=("oracle",),
        models=(READER,),
        frames=(2,),
        data_root=films,
        annotations=path,
        out=tmp_path / "run",
    )
    (cell,) = run_grid(config).cells
    summary = summarise(cell.records)
    assert (summary.accuracy, summary.num_withheld, summary.evidence_recall) == (None, 5, 1)
    assert all(record.reply and not record.correct for record in cell.records)
    assert any(record.letter for record in cell.records)
    nearest = {i * 30 + 15 - 5 for i in range(5)}  # of the candidates; the earlier on ties
    assert nearest <= {frame for record in cell.records for frame in record.frames}


def test_accuracy_is_correct_over_all_asked(grid: tuple[RunResult, dict[str, Question]]) -> None:
    result, _ = grid
    for cell in result.cells:
        summary = json.loads((cell.folder / "summary.json").read_text())
        correct = sum(record.correct for record in cell.records)
        assert summary["accuracy"] == pytest.approx(correct / 12)
        recalls = [r.evidence_recall for r in cell.records if r.evidence_recall is not None]
        assert summary["evidence_recall"] == pytest.approx(sum(recalls) / len(recalls))
    oracle = next(cell for cell in result.cells if cell.settings["sampler"] == "oracle")
    assert all(r.evidence_recall == 1 for r in oracle.records if r.status != "sampler_error")


def test_limit_asks_the_first_of_the_fixed_shuffle(questions: Path, tmp_path: Path) -> None:
    result = run(questions, tmp_path / "run", limit=5)
    expected = {
        question.id for question in limit_questions(load_task(str(questions)).questions(), 5)
    }
    assert {record.question_id for record in result.cells[0].records} == expected
    assert len(expected) == 5


def test_run_json_says_what_the_library_was_asked(
    questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("mine.yaml").write_text("class: tspo_bench.tasks.annotated:AnnotatedTask\n")
    result = evaluate(
        "mine.yaml",
        model=READER,
        frames=[1, 2],
        data_root="data",
        annotations=questions.name,
        batch_size=5,
        limit=1,
    )
    (command,) = json.loads((result.folder / "run.json").read_text())["commands"]
    assert command["command"] == []
    expected = {
        "samplers": ["uniform"],
        "frames": [1, 2],
        "data_root": str(tmp_path / "data"),
        "annotations": str(questions),
        "device": default_device(),
        "batch_size": 5,
        "limit": 1,
        "seeds": None,
        "split": None,
        "out": str(result.folder.absolute()),
    }
    assert expected.items() <= command["settings"].items()


def test_progress_is_told_of_every_record(questions: Path, tmp_path: Path) -> None:
    told: list[tuple[str, ...]] = []

    class Teller:
        def started(self, task: str, model: str, pending: int, done: int) -> None:
            told.append((task, model, f"{pending} pending", f"{done} done"))

        def finished(self, record: Record) -> None:
            told.append((record.question_id,))

    def go(samplers: tuple[str, ...]) -> list[tuple[str, ...]]:
        told.clear()
        config = RunConfig((str(questions),), samplers, (READER,), (4,), out=tmp_path / "run")
        run_grid(config, progress=Teller())
        return told

    assert go(("uniform",))[0] == ("quiz", "reader", "12 pending", "0 done")
    assert len(told) == 13
    assert go(("uniform", "random"))[0] == ("quiz", "reader", "12 pending", "12 done")
    assert sorted(told[1:]) == sorted((f"q-{i}",) for i in range(12))


def test_each_model_is_loaded_once_and_alone(questions: Path, tmp_path: Path) -> None:
    from tests.evaluation.own import Alone

    other = tmp_path / "other.jsonl"
    other.write_text(questions.read_text())
    Alone.others.clear()
    config = RunConfig(
        tasks=(str(questions), str(other)),
        samplers=("uniform", "blind"),
        models=tuple(f"tests.evaluation.own:Alone[name={name}]" for name in ("a", "b", "c")),
        out=tmp_path / "run",
        limit=2,
    )
    result = run_grid(config)
    assert Alone.others == [0, 0, 0]
    keys = ("task", "model", "sampler")
    assert [tuple(cell.settings[key] for key in keys) for cell in result.cells] == [
        (task, model, sampler)
        for task in ("quiz", "other")
        for model in ("a", "b", "c")
        for sampler in ("uniform", "blind")
    ]


def test_haystack_with_real_checkpoints(
    clip: Path, llava: Path, cache: Path, tmp_path: Path
) -> None:
    """The built-in task, rendered now, through transformers' classes."""
    result = run(
        "haystack[length=1min]",
        tmp_path / "run",
        samplers=("uniform", "clip-topk", "oracle"),
        models=(str(llava),),
        encoder=str(clip),
        frames=(8,),
        limit=2,
    )
    task = load_task("haystack[length=1min]")
    questions = {question.id: question for question in task.questions()}
    assert [cell.settings["model"] for cell in result.cells] == ["tiny-llava"] * 3
    for cell in result.cells:
        assert len(cell.records) == 2
        for record in cell.records:
            assert record.status in ("ok", "unparsed")
            assert record.reply is not None
            assert len(record.frames) == 8
            assert record.num_candidates == 60
            assert record.evidence_recall == naive_recall(questions[record.question_id], record)
            if cell.settings["sampler"] == "oracle":
                assert record.evidence_recall == 1
