"""No mistake in a command with --fresh costs what was there: a finished run, a finished agent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Result, without
from tests.cli.own import ALWAYS_A
from tests.films import make_films

RUN = ("run", "--task", "films.jsonl", "--model", ALWAYS_A, "--frames", "2", "--out", "out")
TRAIN = (
    *("train", "--task", "films.jsonl", "--name", "mine", "--no-evaluate", "--steps", "1"),
    *("--questions", "1", "--rollouts", "2", "--frames", "1", "--tau", "0.1"),
)
LATER = "tests.cli.own:"


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films, a finished run of them in `out`, and a finished agent."""
    folder = tmp_path_factory.mktemp("finished")
    make_films(folder)
    (folder / "unreadable.jsonl").write_text("{")
    (folder / "nothing.jsonl").write_text("")
    lines = (folder / "films.jsonl").read_text().splitlines()
    elsewhere = [json.dumps({**json.loads(line), "video": "gone.mp4"}) for line in lines]
    (folder / "gone.jsonl").write_text("\n".join(elsewhere))
    (folder / "broken.mp4").write_bytes(b"no video")
    broken = [json.dumps({**json.loads(line), "video": "broken.mp4"}) for line in lines]
    (folder / "broken.jsonl").write_text("\n".join(broken))
    (folder / "empty-agent").mkdir()
    (folder / "nested-agent").mkdir()
    (folder / "nested-agent" / "config.json").write_text("[" * 100_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TSPO_BENCH_CACHE", str(folder / "cache"))
        assert Result(*RUN).code == 0
        assert Result(*TRAIN).code == 0
    return folder


@pytest.fixture
def finished(made: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, where commands run."""
    shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


MISTAKES = [
    ("--task", "no-such-task"),
    ("--task", "none.jsonl"),
    ("--task", "unreadable.jsonl"),
    ("--task", "nothing.jsonl"),
    ("--data-root", "no-such-folder"),
    ("--model", "no-such-folder/"),
    ("--model", "tests.cli.own:NoSuchClass"),
    ("--model", "openai:gpt", "--base-url", "http://127.0.0.1:9/v1"),
    ("--candidate-fps", "0"),
    ("--frames", "0"),
    ("--frames", "many"),
    ("--seeds", "a"),
    ("--split", "no-such-split"),
    ("--batch-size", "0"),
    ("--no-such-option",),
]
OF_RUN = [
    ("--task", "gone.jsonl"),
    ("--sampler", "no-such-sampler"),
    ("--sampler", "clip-topk", "--encoder", "no-such-folder/"),
    ("--sampler", "uniform[colour=red]"),
    ("--sampler", "file:none.json"),
    ("--sampler", "tspo", "--agent", "no-such-folder/"),
    ("--sampler", "tspo", "--agent", "empty-agent"),
    ("--sampler", "tspo", "--agent", "nested-agent"),
    ("--annotations", "none.jsonl"),
    ("--protocol", "no-such-protocol"),
    ("--subtitles", "sometimes"),
    ("--answer", "loudly"),
    ("--limit", "0"),
    ("--visual-tokens", "100"),
    ("--baseline", "uniform["),
    ("--baseline", "unifrom"),
    ("--model", f"{LATER}Unloadable"),
]


@pytest.mark.parametrize("wrong", MISTAKES + OF_RUN)
def test_a_finished_run_outlives_a_mistake(wrong: tuple[str, ...], finished: Path) -> None:
    before = content(finished / "out")
    done = Result(*without(RUN, wrong[0]), "--fresh", *wrong)
    assert done.code == 2
    after = content(finished / "out")
    del before["run.json"], after["run.json"]  # which lists the commands
    assert after == before


def test_a_finished_run_outlives_an_interruption(finished: Path) -> None:
    settings = json.loads((finished / "out" / "run.json").read_text())["cells"]
    before = content(finished / "out")
    done = Result(*without(RUN, "--model"), "--fresh", "--model", f"{LATER}InterruptedAtOnce")
    assert done.code == 130
    assert "without --fresh resumes" in done.err
    after = content(finished / "out")
    assert json.loads(after.pop("run.json"))["cells"] == settings
    del before["run.json"]
    assert after == before


def test_a_finished_run_outlives_a_model_that_answers_nothing(finished: Path) -> None:
    (cell,) = (path for path in (finished / "out").iterdir() if path.is_dir())
    before = content(cell)
    done = Result(*without(RUN, "--model"), "--fresh", "--model", f"{LATER}OfNothing")
    assert done.code == 3
    assert content(cell / "previous").items() > before.items()


OF_TRAIN = [
    ("--encoder", "no-such-folder/"),
    ("--device", "cuda:99"),
    ("--task", "gone.jsonl"),
    ("--task", "broken.jsonl"),
    ("--frames", "400"),
    ("--frames", "1.5"),
    ("--rollouts", "1"),
    ("--rewards", "luck"),
    ("--rewards", "tests.cli.own:no_such_function"),
    ("--rewards", f"{LATER}broken_reward"),
    ("--rewards", f"{LATER}endless_reward"),
    ("--model", f"{LATER}Unloadable"),
    ("--preset", "fast"),
    ("--tau", "0"),
    ("--anneal", "-1"),
    ("--learning-rate", "0"),
    ("--log-prob", "exact"),
    ("--steps", "0"),
    ("--accumulation", "0"),
    ("--window", "0"),
    ("--without", "luck"),
    ("--without-type", "luck"),
    ("--agent", "mine"),
    ("--seeds", "0,1"),
    ("--resume",),
    ("--videos", "0"),
    ("--video-root", "."),
    ("--candidate-fps", "0.01"),
    ("--toy",),
]


@pytest.mark.parametrize("wrong", MISTAKES + OF_TRAIN)
def test_a_finished_agent_outlives_a_mistake(wrong: tuple[str, ...], finished: Path) -> None:
    folder = finished / "agents" / "mine"
    before = content(finished / "agents")
    assert "mine/model.safetensors" in before
    done = Result(*TRAIN, "--fresh", *wrong)
    assert done.code == 2
    assert content(finished / "agents") == before
    assert not (folder / "previous").exists()


@pytest.mark.parametrize(
    "data", [(), ("--data", "none.jsonl", "--video-root", "."), ("--data", "gone.jsonl")]
)
def test_a_finished_agent_outlives_data_that_cannot_be_used(
    data: tuple[str, ...], finished: Path
) -> None:
    before = content(finished / "agents")
    words = ("train", "--name", "mine", "--no-evaluate", *(("--fresh",) if data else ()), *data)
    done = Result(*words, "--frames", "1")
    assert done.code == 2
    if not data:
        assert "--fresh" in done.error
    assert content(finished / "agents") == before


@pytest.mark.parametrize("wrong", [("--frames", "400"), ("--rewards", f"{LATER}broken_reward")])
def test_a_mistake_leaves_no_stub(wrong: tuple[str, ...], finished: Path) -> None:
    before = content(finished / "agents")
    assert Result(*TRAIN, "--name", "new", *wrong).code == 2
    assert content(finished / "agents") == before
    assert not (finished / "agents" / "new").exists()


def test_a_finished_agent_outlives_an_interruption(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(finished / "agents")
    monkeypatch.setattr("tests.cli.own.InterruptedAt.calls_left", 1)
    done = Result(*TRAIN, "--fresh", "--rewards", f"{LATER}interrupted_once")
    assert done.code == 130
    assert "the same command starts over; what was there before is kept" in done.err
    assert content(finished / "agents") == before


def test_fresh_replaces_a_finished_agent(finished: Path) -> None:
    folder = finished / "agents" / "mine"
    before = content(folder)
    done = Result(*TRAIN, "--fresh", "--seeds", "5")
    assert done.code == 0
    after = content(folder)
    assert after["model.safetensors"] != before["model.safetensors"]
    assert not [name for name in after if "previous" in name]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("--frames", "2"), "frames: 1 then, 2 now"),
        (("--rewards", "answer"), "rewards: answer,coverage then, answer now"),
    ],
)
def test_a_finished_agent_outlives_being_resumed_with_other_settings(
    settings: tuple[str, ...], said: str, finished: Path
) -> None:
    before = content(finished / "agents")
    done = Result(*TRAIN, "--resume", *settings)
    assert (done.code, said in done.error) == (2, True)
    assert content(finished / "agents") == before
