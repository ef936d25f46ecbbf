"""Both ways with the installed lmms-eval, in one process: importing it takes many seconds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Result
from tests.lmms.local_task import YAML, doc_of, docs_of, write_task
from tests.lmms.test_fields import FORMS
from tests.mllms.conftest import checkpoint  # noqa: F401
from tests.real import ANNOTATIONS
from tspo_bench.errors import UserError, VideoError
from tspo_bench.evaluation import RunSettings, run_grid
from tspo_bench.report.headline import headline
from tspo_bench.results import Cell
from tspo_bench.tasks import load_task
from tspo_bench.types import Record

pytest.importorskip("lmms_eval", reason="lmms-eval is an extra")
pytestmark = pytest.mark.slow

SOURCE = "haystack[length=1min,videos=6]"
SAMPLER = "clip-topk"


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSPO_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, _own_cache: None) -> Path:
    """The tasks `whole`, and `holed` with a video that is nowhere and one that is none."""
    made = tmp_path_factory.mktemp("tasks")
    docs = docs_of(load_task(SOURCE))
    write_task(made, "whole", docs)
    (made / "broken.mp4").write_text("no video")
    nowhere = {**docs[0], "question_id": "nowhere", "video": str(made / "nowhere.mp4")}
    broken = {**docs[1], "question_id": "broken", "video": str(made / "broken.mp4")}
    return write_task(made, "holed", [nowhere, *docs[:2], broken, docs[2]])


def evaluated(name: str, folder: Path, **more: Any) -> dict[str, Any]:
    """What lmms-eval makes of a task with our model: its results, and each sample by id."""
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    manager = TaskManager("ERROR", str(folder), include_defaults=False, model_name="tspo_bench")
    given = {"model_args": f"model=reference,sampler={SAMPLER},frames=4,device=cpu", **more}
    found = simple_evaluate(
        model="tspo_bench",
        tasks=[name],
        task_manager=manager,
        batch_size=2,
        device="cpu",  # beside that of model_args
        bootstrap_iters=0,
        **given,
    )
    return found


def replies(found: dict[str, Any], name: str) -> dict[str, str]:
    samples = found["samples"][name]
    return {sample["doc"]["question_id"]: sample["filtered_resps"][0] for sample in samples}


def score(found: dict[str, Any], name: str, metric: str) -> float:
    return found["results"][name][f"{metric},none"]


def ran(task: str, out: Path, **more: Any) -> Cell:
    config = RunSettings(
        tasks=(task,),
        out=out,
        **{"samplers": (SAMPLER,), "frames": (4,), "batch_size": 2, **more},
    )
    (cell,) = run_grid(config).cells
    return cell


@pytest.fixture(scope="module")
def chat(folder: Path) -> dict[str, Any]:
    return evaluated("whole", folder)


def test_a_model_of_lmms_eval_answers_as_a_run_does(
    chat: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    """The same questions, sampler and prompts: the same replies, and so the same accuracy."""
    cell = ran(SOURCE, tmp_path / "run")
    assert chat["config"]["model_backend"].endswith("TspoBenchChat (chat)")
    assert replies(chat, "whole") == {r.question_id: r.reply for r in cell.records}
    right = [record.correct for record in cell.records]
    assert 0 < sum(right) < len(right)
    assert score(chat, "whole", "plain") == sum(right) / len(right)
    simple = evaluated("whole", folder, force_simple=True)
    assert simple["config"]["model_backend"].endswith("TspoBench (simple)")
    assert replies(simple, "whole") == replies(chat, "whole")
    assert simple["results"] == chat["results"]


def test_a_task_of_lmms_eval_scores_as_there(
    chat: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    cell = ran(f"lmms:whole[include={folder}]", tmp_path / "run")
    assert {r.question_id: r.reply for r in cell.records} == replies(chat, "whole")
    assert cell.task_scores is not None
    assert cell.task_scores.figures == {
        name: score(chat, "whole", name) for name in ("by_type", "plain")
    }
    assert cell.task_scores.headline == score(chat, "whole", "by_type") / 100
    by_id = {sample["doc"]["question_id"]: sample for sample in chat["samples"]["whole"]}
    for record in cell.records:
        sample = by_id[record.question_id]
        assert record.correct == (sample["plain"] == 1)
        assert record.gold == sample["target"]
        if sample["by_type"]["pred_answer"]:
            assert record.letter == sample["by_type"]["pred_answer"]
        assert record.groups == {"task_type": sample["doc"]["task_type"]}
        assert str(record.protocol).startswith("lmms-eval@0.7")
    written = json.loads((cell.folder / "summary.json").read_text())
    assert written["headline"] == cell.task_scores.headline
    assert written["accuracy"] == pytest.approx(score(chat, "whole", "plain"))


def test_what_cannot_be_read_is_no_answer(folder: Path, tmp_path: Path) -> None:
    """Empty replies in lmms-eval, asked again by its cache; failures in a run, the same score."""
    first = evaluated("holed", folder, use_cache=str(tmp_path / "cache"))
    told = replies(first, "holed")
    assert [key for key, reply in told.items() if not reply] == ["nowhere", "broken"]
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as stored:
        assert stored.execute("SELECT count(*) FROM responses").fetchone() == (3,)
    again = evaluated("holed", folder, use_cache=str(tmp_path / "cache"))
    assert replies(again, "holed") == told
    assert again["results"] == first["results"]

    cell = ran(f"lmms:holed[include={folder}]", tmp_path / "run")
    statuses = {record.question_id: record.status for record in cell.records}
    assert [key for key, status in statuses.items() if status == "decode_error"] == [
        *("nowhere", "broken"),
    ]
    assert cell.task_scores is not None
    assert cell.task_scores.figures["plain"] == score(first, "holed", "plain")
    reasons = {record.question_id: record.error for record in cell.records}
    assert "does not exist, please check" in str(reasons["nowhere"])


def test_messages_that_need_a_missing_video(folder: Path, tmp_path: Path) -> None:
    """The task leaves the process over it; that costs its question, whoever picks the frames."""
    docs = [json.loads(line) for line in (folder / "holed.jsonl").read_text().splitlines()]
    messages = "doc_to_messages: !function utils.messages\n"
    write_task(folder, "chatty", docs[:3], YAML + messages)
    spec = f"lmms:chatty[include={folder}]"
    for sampler in (SAMPLER, "blind"):
        cell = ran(spec, tmp_path / sampler, samplers=(sampler,))
        assert [record.status == "decode_error" for record in cell.records] == [True, False, False]
        assert docs[0]["video"] in str(cell.records[0].error)
        assert all(record.reply for record in cell.records[1:])

    task, told = load_task(spec), load_task(f"lmms:holed[include={folder}]")
    questions = task.questions()
    assert task.prompt(questions[1]) == told.prompt(told.questions()[1])
    with pytest.raises(VideoError, match="does not exist, please check"):
        task.prompt(questions[0])

    done = Result("show", "--task", spec, "--json", "--reply", "A")
    assert done.code == 0
    lost, *shown = map(json.loads, done.out.splitlines())
    assert (lost["prompt"], lost["letter"]) == (None, "A")
    assert docs[0]["video"] in lost["error"]
    said = Result("show", "--task", spec, "--id", "nowhere")
    assert (said.code, said.out.count(f"failed: {lost['error']}")) == (0, 1)
    assert [one["prompt"] for one in shown] == [task.prompt(q).text for q in questions[1:]]


def test_tasks_that_cannot_be_asked(folder: Path) -> None:
    (doc,) = docs_of(load_task("haystack[length=1min,videos=1]"))
    write_task(folder, "open_ended", [{**doc, "answer": "It flies away."}])
    write_task(
        folder,
        "likely",
        [doc],
        YAML.replace("generate_until", "multiple_choice").replace(
            "generation_kwargs:\n  max_new_tokens: 8\n", "doc_to_choice: options\n"
        ),
    )
    (folder / "both.yaml").write_text("group: both\ntask: [whole, holed]\n")

    def refused(name: str) -> str:
        with pytest.raises(UserError) as caught:
            load_task(f"lmms:{name}[include={folder}]").questions()
        return str(caught.value)

    assert "not a multiple-choice task: its answer 'It flies away.'" in refused("open_ended")
    assert "output type 'multiple_choice'" in refused("likely")
    assert "a group of tasks: whole, holed" in refused("both")
    assert "did you mean 'mlvu_dev'" in refused("mlvu_deb")


def test_what_the_model_does_not_do() -> None:
    from tspo_bench.lmms.model import TspoBench

    with pytest.raises(UserError, match="batch size 'auto' is not a number"):
        TspoBench.create_from_arg_string("model=reference", {"batch_size": "auto"})
    model = TspoBench.create_from_arg_string("batch_size=3,device=cpu", {"batch_size": 1})
    assert (model.batch_size, model.device, model.rank, model.world_size) == (3, "cpu", 0, 1)
    with pytest.raises(NotImplementedError, match="--answer options"):
        model.loglikelihood([])
    with pytest.raises(NotImplementedError, match="one turn"):
        model.generate_until_multi_round([])


def test_both_ways_on_real_clips(
    real_data: Path,
    tmp_path: Path,
    checkpoint: Callable[[str], Path],  # noqa: F811
) -> None:
    """A small random checkpoint: the same frames give the same words."""
    source = load_task("haystack[length=1min,videos=3]")
    clips = sorted((real_data / "videos").iterdir())
    docs = [
        doc_of(question, clip.resolve(), "clip")
        for question, clip in zip(source.questions(), clips[:3], strict=True)
    ]
    folder = write_task(tmp_path / "tasks", "clips", docs)
    model = str(checkpoint("llava_onevision"))
    there = evaluated(
        "clips", folder, model_args=f"model={model},sampler=uniform,frames=3,device=cpu"
    )
    cell = ran(
        f"lmms:clips[include={folder}]",
        tmp_path / "run",
        samplers=("uniform",),
        models=(model,),
        frames=(3,),
    )
    assert all(record.status in ("ok", "unparsed") for record in cell.records)
    assert len({record.frames for record in cell.records}) == 3
    # What lmms-eval hands to its filters and scores is the reply up to a blank line.
    said = {r.question_id: str(r.reply).partition("\n\n")[0] for r in cell.records}
    assert said == replies(there, "clips")
    assert any(said.values())
    assert cell.task_scores is not None
    assert cell.task_scores.figures["plain"] == score(there, "clips", "plain")


# The figures' names, and whether lmms-eval gives them in percent.
SHIPPED = {
    "mlvu": ("mlvu/mlvu_dev.yaml", "mlvu_percetion_score", True),
    "videomme": ("videomme/videomme.yaml", "videomme_perception_score", True),
    "longvideobench": ("longvideobench/longvideobench_val_v.yaml", "lvb_acc", False),
}
SAID = ("A", "(B)", "The answer is C.", "", "b", "Option D", "E", "I think it is C, not D", "0")


@pytest.mark.parametrize("name", SHIPPED)
def test_tasks_that_lmms_eval_ships(
    name: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read and scored as our cards' protocol `lmms-eval` does, which was written apart from it."""
    import lmms_eval

    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    yaml, metric, is_percent = SHIPPED[name]
    records = json.loads((real_data / "annotations" / ANNOTATIONS[name]).read_text())
    docs = [FORMS[name](record) for record in records]
    write_task(
        tmp_path / "tasks",
        "here",
        docs,
        f"task: {{name}}\ninclude: {Path(lmms_eval.__file__).parent / 'tasks' / yaml}\n"
        "test_split: test\ndataset_path: json\n"
        "dataset_kwargs:\n  data_files:\n    test: {name}.jsonl\n",
    )
    task = load_task(f"lmms:here[include={tmp_path / 'tasks'}]")
    annotations = real_data / "annotations" / ANNOTATIONS[name]
    card = load_task(name, annotations=annotations, protocol="lmms-eval")
    pairs = list(zip(task.questions(), card.questions(), strict=True))
    for ours, theirs in pairs:
        assert task.prompt(ours).text == card.prompt(theirs).text
        assert (ours.answer, ours.evidence) == (theirs.answer, theirs.evidence)
    with pytest.raises(VideoError, match=r"\.mp4"):
        task.video_path(pairs[0][0].video)
    given: dict[str, str] = {}
    for number, (ours, theirs) in enumerate(pairs[:400]):
        reply = given[ours.id] = SAID[number % len(SAID)]
        found, expected = task.read_answer(reply, ours), card.read_answer(reply, theirs)
        assert found.guessed == expected.guessed, (ours, reply)
        assert found.guessed or found.letter == expected.letter, (ours, reply)
    answered = [
        Record(
            question_id=question.id,
            video=question.video,
            status="ok",
            gold=question.answer,
            groups=theirs.groups,
            letter=(letter := task.read_answer(given[question.id], question).letter),
            correct=letter == question.answer,
            reply=given[question.id],
        )
        for question, theirs in pairs[:400]
    ]
    scores = task.task_scores(answered)
    rules = card.rules
    scoring = {"average": rules.average, "over": rules.over, "values": rules.values}
    assert list(scores.figures) == [metric]
    assert scores.headline == pytest.approx(headline(answered, scoring), abs=1e-5)
    assert scores.figures[metric] == pytest.approx(scores.headline * (100 if is_percent else 1))
