"""Settings of a run take effect: rates, limits, models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import LENGTHS
from tests.evaluation.support import RATE, READER, naive_recall, run
from tspo_bench.api import evaluate
from tspo_bench.device import default_device
from tspo_bench.evaluation import Progress, RunSettings, run_grid
from tspo_bench.report.summary import summarise
from tspo_bench.tasks import load_task
from tspo_bench.types import Record


def test_the_candidate_rate_reaches_the_samplers(
    questions: Path, clip: Path, tmp_path: Path
) -> None:
    result = run(
        questions,
        tmp_path / "run",
        samplers=("clip-topk",),
        encoder=str(clip),
        frames=(64,),
        candidate_fps=0.5,
        limit=3,
    )
    for record in result.cells[0].records:
        stride = 2 * RATE
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
    config = RunSettings(
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


def test_progress_is_called_for_every_record(questions: Path, tmp_path: Path) -> None:
    called: list[tuple[str, ...]] = []

    class Calls(Progress):
        def started(self, task: str, model: str, pending: int, done: int) -> None:
            called.append((task, model, f"{pending} pending", f"{done} done"))

        def on_record(self, record: Record, sampler: str, budget: str) -> None:
            called.append((record.question_id, sampler, budget))

    def go(samplers: tuple[str, ...]) -> list[tuple[str, ...]]:
        called.clear()
        config = RunSettings(
            tasks=(str(questions),),
            samplers=samplers,
            models=(READER,),
            frames=(4,),
            out=tmp_path / "run",
        )
        run_grid(config, progress=Calls())
        return called

    assert go(("uniform",))[0] == ("quiz", "reader", "12 pending", "0 done")
    assert len(called) == 13
    assert go(("uniform", "random"))[0] == ("quiz", "reader", "12 pending", "12 done")
    assert sorted(called[1:]) == sorted((f"q-{i}", "random", "k4") for i in range(12))


def test_each_model_is_loaded_once_and_alone(questions: Path, tmp_path: Path) -> None:
    from tests.evaluation.own import Alone

    other = tmp_path / "other.jsonl"
    other.write_text(questions.read_text())
    Alone.others.clear()
    config = RunSettings(
        tasks=(str(questions), str(other)),
        samplers=("uniform", "blind"),
        models=tuple(f"tests.evaluation.own:Alone[name={name}]" for name in ("a", "b", "c")),
        out=tmp_path / "run",
        limit=2,
    )
    result = run_grid(config)
    assert Alone.others == [0, 0, 0]
    keys = ("task", "model", "sampler")
    assert [tuple(getattr(cell.settings, key) for key in keys) for cell in result.cells] == [
        (task, model, sampler)
        for task in ("quiz", "other")
        for model in ("a", "b", "c")
        for sampler in ("uniform", "blind")
    ]


@pytest.mark.slow
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
    assert [cell.settings.model for cell in result.cells] == ["tiny-llava"] * 3
    for cell in result.cells:
        assert len(cell.records) == 2
        for record in cell.records:
            assert record.status in ("ok", "unparsed")
            assert record.reply is not None
            assert len(record.frames) == 8
            assert record.num_candidates == 60
            assert record.evidence_recall == naive_recall(questions[record.question_id], record)
            if cell.settings.sampler == "oracle":
                assert record.evidence_recall == 1
