"""The preset `tspo-paper`: what it sets, what overrides it, and a run of it from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tspo_bench
from tests.agent.published import CLIP_WIDTH, published, training_checkpoint
from tests.cli.conftest import Result
from tests.features.checkpoints import clip
from tests.mllms.checkpoints import qwen2_5_vl
from tests.mllms.llava_original import Original, write_checkpoint
from tests.real import ANNOTATIONS, make_data_root
from tspo_bench.errors import UserError
from tspo_bench.evaluation.presets import AGENT, ENCODER, with_preset
from tspo_bench.results import Cell, read_run

QWENS = "max_pixels=235200,min_pixels=200704,positions=constant"


def filled(task: Any, model: Any, **given: Any) -> dict[str, Any]:
    return with_preset("tspo-paper", task=task, model=model, **given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny checkpoints of both models and of the agent, published and as training leaves it."""
    path = tmp_path_factory.mktemp("preset")
    write_checkpoint(path / "llava", Original())
    qwen2_5_vl(path / "qwen")
    published(path / "TSPO")
    training_checkpoint(path / "trained")
    clip(path / "clip", 5, CLIP_WIDTH)
    return path


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("task", "model", "expected"),
    [
        (
            "mlvu",
            "./llava",
            ("./llava[template=chatml_direct]", "[short=candidates]", "", "tspo-paper"),
        ),
        (
            "videomme",
            "./llava",
            (
                "./llava[template=chatml_direct]",
                "[short=candidates]",
                "select=bin-max,",
                "tspo-paper",
            ),
        ),
        (
            "longvideobench",
            "./qwen",
            (f"./qwen[{QWENS}]", "[variant=qwen]", "", "tspo-paper"),
        ),
        ("lvbench", "./qwen", (f"./qwen[{QWENS}]", "[variant=qwen]", "", "lmms-eval")),
        (
            "haystack[length=1min]",
            "reference",
            ("reference", "[short=candidates]", "", "strict"),
        ),
        ("mlvu[split=test]", "reference", ("reference", "[short=candidates]", "", "tspo-paper")),
        (
            "cards/videomme.yaml",
            "reference",
            ("reference", "[short=candidates]", "select=bin-max,", "tspo-paper"),
        ),
    ],
)
def test_what_it_sets(task: str, model: str, expected: tuple[str, ...]) -> None:
    model_spec, short, rule, protocol = expected
    assert filled(task, model, agent="TSPO") == {
        "preset": "tspo-paper",
        "task": task,
        **{"candidate_fps": 1.0, "subtitles": "none", "answer": "generate"},
        "model": [model_spec],
        "sampler": f"uniform{short},tspo[{rule}short=uniform]",
        "frames": 64,
        "candidates": "stride",
        "protocol": protocol,
        "agent": "TSPO",
        "encoder": "TSPO",  # the CLIP in the agent's folder
    }


@pytest.mark.usefixtures("here")
def test_the_encoder_is_the_agents_or_clip(caplog: pytest.LogCaptureFixture) -> None:
    def found(**given: Any) -> tuple[str | None, str]:
        settings = filled("mlvu", "reference", **given)
        return settings.get("agent"), settings["encoder"]

    assert found(agent="trained") == ("trained", ENCODER)
    assert found(agent="trained", encoder="clip") == ("trained", "clip")
    assert found(sampler="uniform,clip-topk") == (None, ENCODER)
    assert found(sampler="tspo[agent=TSPO]", encoder="TSPO") == (None, "TSPO")
    assert found(sampler="router[local=tspo]", encoder="TSPO") == (AGENT, "TSPO")
    assert found(agent="tspo") == ("tspo", "reference")  # in the package, trained with it
    assert "model reference is neither LLaVA-Video nor Qwen2.5-VL" in caplog.text
    assert "one of the paper's benchmarks" not in caplog.text
    filled("haystack", "reference", agent="tspo")
    assert "task haystack is not one of the paper's benchmarks" in caplog.text


@pytest.mark.usefixtures("here")
def test_what_is_given_overrides_it_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    given = {
        **{"frames": [8, 16], "protocol": "strict", "sampler": ["uniform", "tspo"]},
        **{"agent": "trained", "encoder": "clip", "candidate_fps": 2.0, "subtitles": "aligned"},
        "candidates": "auto",
    }
    model = ["./llava[template=qwen_1_5,times=prompt]", "./qwen[max_pixels=100352]"]
    settings = filled(["mlvu", "lvbench"], model, **given)
    for key, value in given.items():
        assert settings[key] == value
    assert settings["model"] == [
        "./llava[template=qwen_1_5,times=prompt]",
        "./qwen[max_pixels=100352,min_pixels=200704,positions=constant]",
    ]
    (line,) = [text for text in caplog.messages if "given otherwise" in text]
    assert line == (
        "preset tspo-paper: given otherwise: --sampler uniform,tspo; --frames 8,16 (not 64); "
        f"--encoder clip (not {ENCODER}); --agent trained (not {AGENT}); "
        "--protocol strict (not tspo-paper); --candidates auto (not stride); "
        "--candidate-fps 2.0 (not 1.0); "
        "--subtitles aligned (not none); "
        "template=qwen_1_5 of model ./llava[template=qwen_1_5,times=prompt] (not chatml_direct); "
        "max_pixels=100352 of model ./qwen[max_pixels=100352] (not 235200)"
    )


@pytest.mark.usefixtures("here")
def test_nothing_else_is_said_where_nothing_is_changed(caplog: pytest.LogCaptureFixture) -> None:
    options = {"sampler": "uniform[short=candidates]", "encoder": ENCODER}
    filled("mlvu", "./llava", **options)
    assert caplog.messages == [
        "preset tspo-paper: --model './llava[template=chatml_direct]' "
        "--sampler 'uniform[short=candidates]' --frames 64 --candidates stride "
        f"--protocol tspo-paper --encoder {ENCODER}",
        "preset tspo-paper: given otherwise: --sampler uniform[short=candidates]",
    ]
    budget = filled("mlvu", "./llava", **{**options, "visual_tokens": 4096})
    assert (budget.get("frames"), budget["visual_tokens"]) == (None, 4096)
    assert "--visual-tokens 4096" in caplog.messages[-1]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("task", "model", "said"),
    [
        ("mlvu,lvbench", "./llava", "--protocol would be tspo-paper and lmms-eval for different"),
        ("mlvu,videomme", "./llava", r"or models; run these one by one, or give --sampler"),
        ("mlvu", "./llava,./qwen", r"uniform\[short=candidates\] and uniform\[variant=qwen\] for"),
    ],
)
def test_what_it_treats_differently_is_run_one_by_one(task: str, model: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        filled(task, model, agent="TSPO")


def test_a_preset_that_there_is_not() -> None:
    with pytest.raises(UserError, match=r"unknown preset 'tspo'.*known: tspo-paper"):
        tspo_bench.evaluate("mlvu", preset="tspo")


@pytest.mark.parametrize(
    ("task", "model", "agent"),
    [
        ("mlvu", "llava", "trained"),
        ("videomme", "llava", "TSPO"),
        ("longvideobench", "qwen", "TSPO"),
        ("lvbench", "qwen", "TSPO"),
    ],
)
@pytest.mark.slow
@pytest.mark.usefixtures("cache")
def test_a_whole_run(
    task: str, model: str, agent: str, folder: Path, real_data: Path, tmp_path: Path
) -> None:
    """Real clips of fewer than 64 s: the uniform row is their candidates, TSPO's 64 even frames."""
    limit = 2
    root = make_data_root(task, tmp_path, real_data, limit)
    result = tspo_bench.evaluate(
        task,
        model=str(folder / model),
        preset="tspo-paper",
        agent=str(folder / agent),
        encoder=str(folder / "clip") if agent == "trained" else None,
        data_root=root,
        annotations=root / ANNOTATIONS[task] if task in ANNOTATIONS else None,
        limit=limit,
        device="cpu",
        out=tmp_path / "run",
    )
    uniform, tspo = result.cells
    assert [len(cell.records) for cell in result.cells] == [limit, limit]
    assert not any(record.failed for cell in result.cells for record in cell.records)
    for cell in result.cells:
        protocol = "lmms-eval@" if task == "lvbench" else "tspo-paper@19f4ecb"
        assert cell.settings.protocol.startswith(protocol)
        assert (cell.settings.frames, cell.settings.candidates) == (64, "stride")
    rule = "bin-max" if task == "videomme" else "topk"
    assert [record.notes["select"] for record in tspo.records] == [rule] * limit
    check_short_videos(uniform, tspo, 2 if model == "qwen" else 1)


def check_short_videos(uniform: Cell, tspo: Cell, rate: int) -> None:
    """The baseline's frames are `rate` a second, where all of the video's are fewer than 64."""
    for plain, ours in zip(uniform.records, tspo.records, strict=True):
        last = ours.frames[-1]
        assert list(ours.frames) == np.linspace(0, last, 64, dtype=int).tolist()
        assert ours.notes["short"] == "uniform"
        shown = min(64, rate * plain.duration_seconds)
        assert abs(len(plain.frames) - shown) <= 2
        assert np.ptp(np.diff(plain.frames)) <= rate - 1


@pytest.mark.slow
def test_the_command_says_what_it_does(
    folder: Path, real_data: Path, tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_data_root("mlvu", tmp_path, real_data, 1)
    done = Result(
        *("run", "--preset", "tspo-paper", "--task", "mlvu", "--data-root", str(root)),
        *("--model", str(folder / "llava"), "--agent", str(folder / "trained")),
        *("--encoder", str(folder / "clip"), "--limit", "1", "--out", str(tmp_path / "run")),
        "--json",
    )
    assert done.code == 0, done.err
    found = json.loads(done.out)
    (table,) = found["tables"]
    shared = (table["model"], table["protocol"], table["baseline"])
    sampler = "uniform[short=candidates]"
    assert shared == ("llava[template=chatml_direct]", "tspo-paper@19f4ecb", sampler)
    compared = {row["sampler"]: row["n_paired"] for row in table["rows"]}
    assert compared == {sampler: None, "tspo[short=uniform]": 1}
    tspo, uniform = sorted(read_run(tmp_path / "run"), key=lambda cell: cell.settings.sampler)
    check_short_videos(uniform, tspo, 1)
    assert uniform.settings.candidates == "stride"
    [command] = json.loads((tmp_path / "run" / "run.json").read_text())["commands"]
    assert command["settings"]["preset"] == "tspo-paper"
    assert f"given otherwise: --encoder {folder / 'clip'} (not {ENCODER})" in caplog.text
