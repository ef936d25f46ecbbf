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
    naive_recall,
    run,
    seen,
    untimed,
    write_questions,
    write_rows,
)
from tests.report.support import settings_with
from tspo_bench.evaluation import EvaluationResult, RunSettings, run_grid
from tspo_bench.report.summary import summarise
from tspo_bench.results import read_records, read_scores
from tspo_bench.samplers.uniform import both_ends
from tspo_bench.tasks import load_task
from tspo_bench.types import Question

SAMPLERS = ("uniform", "clip-topk", "aks", "oracle", "random", "blind")


@pytest.mark.slow
def test_every_cell_has_every_question(questions: Path, clip: Path, tmp_path: Path) -> None:
    """Two tasks, two models, six samplers and two budgets, in this order."""
    second = write_questions(tmp_path / "second.jsonl", Path(), LENGTHS, n=3)
    rows = [json.loads(line) for line in questions.read_text().splitlines()[:3]]
    write_rows(second, rows)
    models = (READER, f"{READER}[short_side=48,name=small]")
    config = RunSettings(
        tasks=(str(questions), str(second)),
        samplers=SAMPLERS,
        models=models,
        frames=(4, 7),
        encoder=str(clip),
        out=tmp_path / "run",
    )
    result = run_grid(config, command=["tspo-bench", "run"])
    labels = [
        tuple(getattr(c.settings, k) for k in ("task", "model", "sampler", "frames"))
        for c in result.cells
    ]
    assert labels == [
        (task, model, sampler, k)
        for task in ("quiz", "second")
        for model in ("reader", "small")
        for sampler in SAMPLERS
        for k in (4, 7)
    ]
    assert {len(cell.records) for cell in result.cells if cell.settings.task == "quiz"} == {12}
    assert {len(cell.records) for cell in result.cells if cell.settings.task == "second"} == {3}
    assert result.skipped == ()
    for cell in result.cells:
        records = read_records(cell.folder / "records.jsonl")
        assert untimed(records) == untimed(cell.records)
        summary = json.loads((cell.folder / "summary.json").read_text())
        expected = summarise(records, cell.settings).model_dump(mode="json")
        assert summary == json.loads(json.dumps(expected))
        assert sum(summary["status_counts"].values()) == summary["n"] == len(records)


@pytest.fixture(scope="module")
def grid(
    films: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[EvaluationResult, dict[str, Question]]:
    """One run of all samplers at K = 7, and its questions."""
    folder = tmp_path_factory.mktemp("grid")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSPO_BENCH_CACHE", str(folder / "cache"))
        path = write_questions(folder / "quiz.jsonl", films, LENGTHS)
        samplers = (*SAMPLERS, "tests.evaluation.own:Farthest")
        result = run(path, folder / "run", samplers=samplers, encoder=str(clip), frames=(7,))
        return result, {question.id: question for question in load_task(str(path)).questions()}


def test_the_model_sees_what_the_sampler_picked(
    grid: tuple[EvaluationResult, dict[str, Question]],
) -> None:
    """The numbers read out of the pixels are the record's frames, in order, at their times."""
    result, questions = grid
    for label, records in by_label(result).items():
        for key, record in records.items():
            if record.failed:
                continue  # the oracle, where there is no evidence
            num_frames = LENGTHS[Path(questions[key].video).name]
            numbers, times, size, num_frames_given, rate_given = seen(record)
            assert numbers == list(record.frames) == sorted(set(record.frames))
            assert times == list(record.timestamps)
            np.testing.assert_allclose(record.timestamps, np.array(record.frames) / RATE, atol=1e-6)
            if label != "blind":
                assert (size, num_frames_given, rate_given) == ([96, 160], num_frames, RATE)
                assert len(numbers) == 7


def test_records_say_what_was_asked(grid: tuple[EvaluationResult, dict[str, Question]]) -> None:
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
            spans = [(span.start, span.end) for span in question.evidence]
            assert list(record.evidence) == ([] if blind else spans)
            assert record.duration_seconds == (None if blind else num_frames / RATE)
            assert record.timing["answer"] >= 0
            assert (
                set(record.timing)
                - {"answer", "select", "probe", "text", "scan", "stored", "fetch"}
                == set()
            )
            searches = label not in ("uniform", "oracle", "random", "blind")
            assert ("text" in record.timing) == searches, label
            assert bool({"scan", "stored"} & set(record.timing)) == searches, label


def test_answers_follow_from_the_frames(grid: tuple[EvaluationResult, dict[str, Question]]) -> None:
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


def test_uniform_gives_the_papers_frames(
    grid: tuple[EvaluationResult, dict[str, Question]],
) -> None:
    result, questions = grid
    for key, record in by_label(result)["uniform"].items():
        num_frames = LENGTHS[Path(questions[key].video).name]
        assert list(record.frames) == both_ends(num_frames, 7).tolist()


def test_feature_samplers_pick_by_the_encoders_scores(
    grid: tuple[EvaluationResult, dict[str, Question]], clip: Path
) -> None:
    """Every candidate encoded by hand, in one go: the highest and the lowest cosines."""
    from tspo_bench.features import load_encoder
    from tspo_bench.video import open_video

    result, questions = grid
    encoder, labelled = load_encoder(str(clip)), by_label(result)
    cells = {cell.settings.sampler: cell.folder for cell in result.cells}
    scores = read_scores(cells["clip-topk"] / "scores.jsonl")
    assert not (cells["uniform"] / "scores.jsonl").exists()
    for key, question in questions.items():
        with open_video(Path(question.video)) as video:
            numbers = np.arange(0, video.info.num_frames, RATE)
            features = encoder.encode_frames(video.fetch(numbers, encoder.short_side).pixels)
        text = encoder.encode_text([question.text])[0]
        cosines = features @ text / np.linalg.norm(features, axis=1)
        best = sorted(numbers[np.argsort(-cosines, kind="stable")[:7]].tolist())
        assert list(labelled["clip-topk"][key].frames) == best
        cosines /= np.linalg.norm(text)
        lowest, highest = cosines.min(), cosines.max()
        kept = scores[key]
        assert kept.seconds_per_candidate == 1
        np.testing.assert_allclose(
            kept.values, cosines, rtol=0, atol=(highest - lowest) / 500 + 1e-6
        )
        worst = sorted(numbers[np.argsort(features @ text, kind="stable")[:7]].tolist())
        assert list(labelled["tests.evaluation.own:Farthest"][key].frames) == worst


def test_frames_come_at_the_models_size(questions: Path, tmp_path: Path) -> None:
    result = run(questions, tmp_path / "run", models=(f"{READER}[short_side=48]",))
    for record in result.cells[0].records:
        numbers, _, size, _, _ = seen(record)
        assert size == [48, 80]
        assert numbers == list(record.frames)


def test_samplers_are_given_what_they_declare_and_no_more(
    questions: Path, clip: Path, tmp_path: Path
) -> None:
    """Independent of the samplers beside them: no evidence for one that does not declare it."""
    needs = ("probe", "features", "probe+evidence", "features+evidence", "lazy_scores", "pixels")
    samplers = tuple(f"tests.evaluation.own:Curious[needs={need}]" for need in needs)
    result = run(questions, tmp_path / "run", samplers=samplers, encoder=str(clip))
    annotated = {q.id: bool(q.evidence) for q in load_task(str(questions)).questions()}
    for need, cell in zip(needs, result.cells, strict=True):
        for record in cell.records:
            assert record.notes == {
                "features": "features" in need,
                "text": need in ("features", "features+evidence", "lazy_scores"),
                "score": need == "lazy_scores",
                "scan": need == "pixels",
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
    short = summarise(result.cells[1].records, settings_with({"frames": 64})).num_short
    assert short == 12  # none of the three videos has 64 candidates


def test_accuracy_is_correct_over_all_asked(
    grid: tuple[EvaluationResult, dict[str, Question]],
) -> None:
    result, _ = grid
    for cell in result.cells:
        summary = json.loads((cell.folder / "summary.json").read_text())
        correct = sum(record.correct for record in cell.records)
        assert summary["accuracy"] == pytest.approx(correct / 12)
        recalls = [r.evidence_recall for r in cell.records if r.evidence_recall is not None]
        assert summary["evidence_recall"] == pytest.approx(sum(recalls) / len(recalls))
    oracle = next(cell for cell in result.cells if cell.settings.sampler == "oracle")
    assert all(r.evidence_recall == 1 for r in oracle.records if r.status != "sampler_error")
