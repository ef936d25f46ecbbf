"""`tspo-bench train` with the shipped models, on films of a minute."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import InterruptedAt
from tests.films import make_films
from tests.support import table_rows
from tspo_bench.agent.checkpoint import load_agent

TRAIN = (
    "train", "--task", "haystack[length=1min,videos=7]", "--videos", "7", "--steps", "2",
    "--questions", "2", "--rollouts", "2", "--frames", "4", "--no-evaluate",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tspo-q", "tspo"])
def test_an_agent_is_made_and_used(kind: str, cli: Cli, tmp_path: Path) -> None:
    done = cli(*TRAIN, "--agent", kind, "--name", "mine")
    assert (done.code, done.out) == (0, "")
    folder = tmp_path / "agents" / "mine"
    assert load_agent(str(folder)).kind == kind
    assert "base_model" not in (folder / "README.md").read_text()
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 2
    assert list((folder / "tensorboard").glob("events*"))
    run = ("run", "--task", "haystack[length=1min,videos=2]", "--limit", "2", "--frames", "4")
    used = cli(*run, "--sampler", kind, "--agent", str(folder), "--json")
    assert used.code == 0
    assert table_rows(used.out)[0]["n"] == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "said"),
    [
        (1, "there is no checkpoint yet, and the same command starts over"),
        (2, "the same command with --resume resumes from the last checkpoint"),
    ],
)
def test_what_an_interrupted_run_is_told_is_true(question: int, said: str, cli: Cli) -> None:
    small = (*TRAIN, "--questions", "1", "--rewards", "tests.cli.own:interrupted_once")
    InterruptedAt.calls_left = 2 * question - 1  # with 2 rollouts a question, one a step
    stopped = cli(*small)
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err.splitlines()[-1] == f"interrupted; {said}"
    assert cli(*small, "--resume").code == 0


@pytest.mark.slow
def test_seeds_are_compared_in_one_table_on_stdout(cli: Cli) -> None:
    small = [word for word in TRAIN if word != "--no-evaluate"]
    small[2] = "haystack[length=1min,videos=2]"
    done = cli(*small, "--seeds", "0,1", "--videos", "2", "--steps", "1")
    assert done.code == 0
    assert "tspo-q (2 seeds)" in " ".join(done.out.split())
    assert "clip-topk" in done.out


def test_one_s_own_films_are_trained_on_without_a_comparison(cli: Cli, tmp_path: Path) -> None:
    task = str(make_films(tmp_path))
    options = ("--steps", "1", "--questions", "2", "--rollouts", "2", "--frames", "1")
    done = cli("train", "--task", task, *options)
    assert (done.code, done.out) == (0, "")
    assert f"no comparison: no val split of {task} is known" in done.err
    assert (tmp_path / "agents/tspo-q/model.safetensors").exists()


@pytest.mark.slow
def test_a_folder_is_not_overwritten(cli: Cli, tmp_path: Path) -> None:
    assert cli(*TRAIN).code == 0
    again = cli(*TRAIN)
    assert again.code == 2
    assert "--resume resumes it, --fresh starts over" in again.error
    other = cli(*TRAIN, "--resume", "--seeds", "1")
    assert (other.code, "(seed: 0 then, 1 now)" in other.error) == (2, True)


@pytest.mark.slow
def test_a_complete_run_stays_as_it_is_when_resumed(cli: Cli, tmp_path: Path) -> None:
    assert cli(*TRAIN).code == 0
    folder = tmp_path / "agents/tspo-q"
    kept = ("model.safetensors", "config.json", "log.jsonl", "training.json")
    checkpoints = sorted((folder / "checkpoints").rglob("*"))
    before = [(folder / name).read_bytes() for name in kept]
    times = [path.stat().st_mtime_ns for path in checkpoints]
    # Killed between the last step and the saving of the agent, it has yet to be saved.
    (folder / "model.safetensors").unlink()
    assert cli(*TRAIN, "--resume").code == 0
    assert [(folder / name).read_bytes() for name in kept] == before
    assert sorted((folder / "checkpoints").rglob("*")) == checkpoints
    assert [path.stat().st_mtime_ns for path in checkpoints] == times


MISTAKES = [
    (("--agent", "mine"), "no agent 'mine'; there are: tspo, tspo-q"),
    (("--rollouts", "1"), "1 rollouts a question"),
    (("--rewards", "luck"), "unknown reward 'luck'"),
    (("--preset", "fast"), "no preset 'fast'; there are: paper, haystack, toy"),
    (("--tau", "0"), "tau=0.0: a temperature must be above 0"),
    (("--seeds", "a"), "cannot read --seeds 'a'"),
    (("--seeds", "-1"), "seed=-1; give 0 to 4294967295"),
    (("--without", "luck"), "without.0 must be 'query', 'position'"),
    (("--agent", "tspo", "--without", "film"), "'tspo': no setting 'without'; tspo-q has it;"),
    (("--without-type", "opening,openin"), "has no questions of type 'openin'; its types: after"),
    (("--frames", "0"), "frames=0; give a whole number, 1 or more"),
    (("--videos", "0"), "num_videos=0; give a whole number, 1 or more"),
    (("--window", "0"), "window must be >= 1 (got 0)"),
    (("--task", "haystck"), "unknown task 'haystck'"),
    (("--model", "no-such-folder/"), "no-such-folder"),
    (("--encoder", "no-such-folder/"), "no-such-folder"),
    (("--without-type", "after,before,count,ending,opening,order,with"), "no question with"),
    (("--batch-size", "0"), "batch_size=0; give a whole number, 1 or more"),
    (("--resume", "--fresh"), "give one"),
    (("--seeds", "0,-1"), "seed=-1; give 0 to 4294967295"),
    (("--device", "foo"), "unknown device 'foo'; use cpu, cuda or cuda:N"),
    (("--device", "cuda:99"), "device 'cuda:99': no CUDA device found; use --device cpu"),
    (("--candidate-fps", "0"), "candidate_fps=0.0; give a number above 0"),
    (("--video-root", "videos"), "--video-root: no effect without --data"),
    (("--toy",), "--task, --videos: no effect with --toy"),
    (
        (
            *("--data", "a.jsonl", "--split", "val", "--data-root", ".", "--without-type", "after"),
            *("--candidates", "time"),
        ),
        "--task, --split, --data-root, --videos, --without-type, --candidates: no effect with",
    ),
]


@pytest.mark.parametrize(("given", "said"), MISTAKES)
def test_a_mistake_is_one_line_before_models_are_loaded(
    given: tuple[str, ...], said: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("load_mllm", "load_encoder"):
        monkeypatch.setattr(f"tspo_bench.training.train.{name}", lambda *args: 1 / 0)
    done = cli(*TRAIN, *given)
    assert done.code == 2
    assert said in done.error
    assert not (tmp_path / "agents").exists()


def test_data_come_with_their_videos(cli: Cli, tmp_path: Path) -> None:
    done = cli("train", "--data", "none.jsonl")
    assert done.code == 2
    assert "--data none.jsonl: say where its videos are with --video-root" in done.error
    assert not (tmp_path / "agents").exists()


def test_every_seeds_folder_is_checked_before_the_first_is_trained(
    cli: Cli, tmp_path: Path
) -> None:
    agent = tmp_path / "agents/tspo-q"
    (agent / "seed-1").mkdir(parents=True)
    (agent / "seed-1" / "training.json").write_text("{}")
    done = cli(*TRAIN, "--seeds", "0,1")
    assert (done.code, "tspo-q/seed-1 holds a training run already" in done.error) == (2, True)
    assert [path.name for path in agent.iterdir()] == ["seed-1"]
    done = cli(*TRAIN, "--fresh")
    assert (done.code, "--name, or one like tspo-q/seed-3" in done.error) == (2, True)
    (agent / "training.json").write_text("{}")
    done = cli(*TRAIN, "--fresh", "--seeds", "1,2")
    assert (done.code, "agents/tspo-q is an agent itself" in done.error) == (2, True)
    assert sorted(path.name for path in agent.iterdir()) == ["seed-1", "training.json"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ("{train: {files: films.jsonl}}", "'val'"),
        ("{train: {files: films.jsonl}, val: {files: gone.jsonl}}", "gone.jsonl"),
    ],
)
def test_a_comparison_that_cannot_be_made_comes_out_before_training(
    splits: str, said: str, cli: Cli, tmp_path: Path
) -> None:
    make_films(tmp_path)
    card = f"class: tspo_bench.tasks:AnnotatedTask\noptions: {{splits: {splits}}}\n"
    (tmp_path / "mine.yaml").write_text(card)
    small = ("--steps", "1", "--questions", "1", "--rollouts", "2", "--frames", "1")
    done = cli("train", "--task", "mine.yaml", *small)
    assert done.code == 2
    assert said in done.error
    assert done.error.endswith("; --no-evaluate leaves the comparison on it out")
    assert not (tmp_path / "agents").exists()
    assert cli("train", "--task", "mine.yaml", *small, "--no-evaluate").code == 0


@pytest.mark.slow
def test_an_agents_name_may_hold_what_specs_are_made_of(cli: Cli, tmp_path: Path) -> None:
    small = [word for word in TRAIN if word != "--no-evaluate"]
    small[2] = "haystack[length=1min,videos=1]"
    name = 'a,b "x #1"]'
    done = cli(*small, "--name", name, "--videos", "1", "--steps", "1", "--batch-size", "5")
    assert done.code == 0
    assert "clip-topk" in done.out
    run = json.loads((tmp_path / "agents" / name / "val" / "run.json").read_text())
    assert run["commands"][0]["settings"]["batch_size"] == 5


@pytest.mark.parametrize("given", [("--rewards", "luck"), ("--window", "0"), ("--model", "none/")])
def test_a_mistake_throws_nothing_away(given: tuple[str, ...], cli: Cli, tmp_path: Path) -> None:
    settings = tmp_path / "agents/tspo-q/training.json"
    settings.parent.mkdir(parents=True)
    settings.write_text("{}")
    assert cli(*TRAIN, "--fresh", *given).code == 2
    assert settings.read_text() == "{}"


@pytest.mark.slow
def test_each_option_reaches_the_training(cli: Cli, tmp_path: Path) -> None:
    given = ("--without", "film, echo", "--window", "4", "--without-type", "after,before")
    more = ("--learning-rate", "0.01", "--tau", "0.5", "--anneal", "0.5", "--rewards", "temporal")
    more = (*more, "--log-prob", "plackett-luce", "--accumulation", "2")
    assert cli(*TRAIN, *given, *more, "--seeds", "3").code == 0
    known = json.loads((tmp_path / "agents/tspo-q/training.json").read_text())
    assert known["options"] == {"without": ["film", "echo"], "window": 4}
    assert known["without_types"] == ["after", "before"]
    assert (known["num_videos"], known["seed"]) == (7, 3)
    assert known["preset"] == {
        "answer": "generate",
        "frames": 4, "rollouts": 2, "steps": 2, "questions": 2, "accumulation": 2,
        "learning_rate": 0.01, "tau": 0.5, "anneal": 0.5, "rewards": "temporal",
        "log_prob": "plackett-luce", "name": "haystack", "init_std": None,
    }  # fmt: skip
    assert json.loads((tmp_path / "agents/tspo-q/config.json").read_text())["tau"] == 0.25
