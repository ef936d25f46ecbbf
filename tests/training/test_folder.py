"""An agent's folder: who may write to it, and from which checkpoint training resumes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tspo_bench.errors import UserError
from tspo_bench.training.aside import last_checkpoint, recover
from tspo_bench.training.folder import check_folder, is_complete, prepared_folder
from tspo_bench.training.settings import TrainConfig, train_config


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    return train_config("tspo", tmp_path / "agent", seed=1, device="cpu")


def prepare_folder(config: TrainConfig, *, fresh: bool) -> None:
    """As for a run that ends well."""
    with prepared_folder(config, fresh=fresh):
        pass


def _checkpoint(config: TrainConfig, step: int, state: str | None) -> Path:
    folder = config.out / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    if state is not None:
        (folder / "trainer_state.json").write_text(state)
    return folder


def test_checking_writes_nothing(config: TrainConfig) -> None:
    check_folder(config, resume=False, fresh=False)
    check_folder(config, resume=True, fresh=False)
    assert not config.out.exists()


@pytest.mark.parametrize("state", [None, "", '{"global_step": 4, "log_his'])
def test_a_half_written_checkpoint_is_passed_over(config: TrainConfig, state: str | None) -> None:
    prepare_folder(config, fresh=False)
    whole = _checkpoint(config, 9, json.dumps({"global_step": 9}))
    half = _checkpoint(config, 10, state)
    check_folder(config, resume=True, fresh=False)
    prepare_folder(config, fresh=False)
    assert last_checkpoint(config.out) == str(whole)
    assert not half.exists()


def test_without_a_checkpoint_training_starts_over(config: TrainConfig) -> None:
    prepare_folder(config, fresh=False)
    assert last_checkpoint(config.out) is None
    _checkpoint(config, 2, None)
    prepare_folder(config, fresh=False)
    assert last_checkpoint(config.out) is None


def test_fresh_removes_what_a_run_wrote_and_nothing_else(config: TrainConfig) -> None:
    prepare_folder(config, fresh=False)
    _checkpoint(config, 9, json.dumps({"global_step": 9}))
    written = ("model.safetensors", "config.json", "README.md", "log.jsonl", "toy.png", "toy.gif")
    for name in (*written, "tensorboard/events", "val/run.json", "thesis.tex", "notes/val/a.txt"):
        (config.out / name).parent.mkdir(parents=True, exist_ok=True)
        (config.out / name).write_text("")
    check_folder(config, resume=False, fresh=True)
    prepare_folder(config, fresh=True)
    assert sorted(path.name for path in config.out.iterdir()) == [
        "notes", "thesis.tex", "training.json",
    ]  # fmt: skip
    assert (config.out / "notes/val/a.txt").exists()


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("agents_file", ["training.json", "config.json"])
def test_an_agent_does_not_hold_one_of_each_seed(
    config: TrainConfig, agents_file: str, fresh: bool
) -> None:
    third = replace(config, out=config.out / "seed-3")
    prepare_folder(third, fresh=False)
    with pytest.raises(UserError, match=r"agent of each seed: seed-3; .* like agent/seed-3 for"):
        check_folder(config, resume=False, fresh=fresh)
    check_folder(replace(config, out=config.out / "seed-4"), resume=False, fresh=fresh)
    (config.out / agents_file).write_text("{}")
    with pytest.raises(UserError, match=r"agent is an agent itself .*; give another --name"):
        check_folder(replace(config, out=config.out / "seed-4"), resume=False, fresh=fresh)
    with pytest.raises(UserError, match="an agent of each seed: seed-3"):
        check_folder(config, resume=False, fresh=fresh)
    assert (third.out / "training.json").exists()


@pytest.mark.parametrize("steps", [-1, 8, 9])
@pytest.mark.parametrize("step", [7, 8, 9])
def test_a_run_is_complete_at_its_last_step(config: TrainConfig, step: int, steps: int) -> None:
    state = json.dumps({"global_step": step, "max_steps": 8})
    complete = step >= max(8, steps)  # -1: one epoch, as the checkpoint planned it
    assert is_complete(str(_checkpoint(config, step, state)), steps) is complete


def _finished(config: TrainConfig, seed: int) -> dict[str, bytes]:
    """A finished run in the folder, and another file; the content of all."""
    with prepared_folder(replace(config, seed=seed), fresh=(config.out / "training.json").exists()):
        _checkpoint(config, 9, json.dumps({"global_step": 9, "max_steps": 9}))
        for name in ("model.safetensors", "config.json", "README.md", "val/run.json"):
            (config.out / name).parent.mkdir(exist_ok=True)
            (config.out / name).write_text(f"{name} of seed {seed}")
    (config.out / "thesis.tex").write_text("mine")
    return _content(config.out)


def _content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _failed_run(
    config: TrainConfig, *, fresh: bool, error: type[BaseException], work: Callable[[], object]
) -> None:
    with prepared_folder(config, fresh=fresh):
        work()
        raise error


@pytest.mark.parametrize("error", [UserError, KeyboardInterrupt, RuntimeError])
def test_a_finished_run_is_put_back_if_none_takes_its_place(
    config: TrainConfig, error: type[BaseException]
) -> None:
    before = _finished(config, 1)

    def work() -> None:
        assert json.loads((config.out / "training.json").read_text())["seed"] == 1
        assert _content(config.out / "previous").items() < before.items()
        assert not (config.out / "model.safetensors").exists()
        (config.out / "checkpoints").mkdir()  # the Trainer's, still empty
        (config.out / "log.jsonl").write_text("{}")

    with pytest.raises(error):
        _failed_run(config, fresh=True, error=error, work=work)
    assert _content(config.out) == before


def test_a_finished_run_is_kept_until_the_next_one_is_complete(config: TrainConfig) -> None:
    before = _finished(config, 1)
    state = json.dumps({"global_step": 1, "max_steps": 9})
    with pytest.raises(KeyboardInterrupt):
        _failed_run(
            config, fresh=True, error=KeyboardInterrupt, work=lambda: _checkpoint(config, 1, state)
        )
    kept = _content(config.out / "previous")
    assert {**kept, "thesis.tex": b"mine"} == before
    # Once more from the start: the unfinished one goes, the finished one stays.
    with pytest.raises(UserError):
        _failed_run(config, fresh=True, error=UserError, work=lambda: _checkpoint(config, 2, state))
    assert [path.name for path in (config.out / "checkpoints").iterdir()] == ["checkpoint-2"]
    assert _content(config.out / "previous") == kept
    with prepared_folder(config, fresh=False):  # resumed
        (config.out / "model.safetensors").write_text("new")
        (config.out / "config.json").write_text("new")
    assert not (config.out / "previous").exists()
    assert (config.out / "model.safetensors").read_text() == "new"
    assert (config.out / "thesis.tex").exists()


def test_a_run_that_fails_at_once_leaves_no_folder(config: TrainConfig, tmp_path: Path) -> None:
    deep = replace(config, out=tmp_path / "new" / "agent")
    with pytest.raises(UserError):
        _failed_run(deep, fresh=False, error=UserError, work=lambda: None)
    assert not (tmp_path / "new").exists()
    state = json.dumps({"global_step": 1, "max_steps": 9})
    with pytest.raises(UserError):
        _failed_run(deep, fresh=False, error=UserError, work=lambda: _checkpoint(deep, 1, state))
    assert last_checkpoint(deep.out) is not None


@pytest.mark.parametrize("moved", [1, 3, 6])
def test_a_move_that_was_killed_is_undone(config: TrainConfig, moved: int) -> None:
    before = _finished(config, 1)
    half = config.out / ".previous"
    half.mkdir()
    for name in sorted({path.split("/")[0] for path in before} - {"thesis.tex"})[:moved]:
        (config.out / name).rename(half / name)
    check_folder(config, resume=False, fresh=True)
    assert _content(config.out) == before
    recover(config.out)
    assert _content(config.out) == before


def test_a_kill_before_the_next_run_begins_is_undone(config: TrainConfig) -> None:
    before = _finished(config, 1)
    (config.out / "previous").mkdir()
    for name in {path.split("/")[0] for path in before} - {"thesis.tex"}:
        (config.out / name).rename(config.out / "previous" / name)
    check_folder(replace(config, seed=1), resume=True, fresh=False)
    assert _content(config.out) == before


def test_another_folder_called_previous_is_kept(config: TrainConfig) -> None:
    _finished(config, 1)
    (config.out / "previous").mkdir()
    (config.out / "previous" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"previous is where --fresh keeps .* no run wrote it"):
        check_folder(config, resume=False, fresh=True)
    check_folder(config, resume=True, fresh=False)
    prepare_folder(config, fresh=False)
    assert (config.out / "previous" / "notes.txt").exists()


def test_others_files_are_never_thrown_away(config: TrainConfig) -> None:
    config.out.mkdir()
    (config.out / "thesis.tex").write_text("")
    for fresh in (False, True):
        with pytest.raises(UserError, match="not a training run's folder, and not empty"):
            check_folder(config, resume=False, fresh=fresh)


def test_a_run_with_other_settings_is_not_resumed(config: TrainConfig, tmp_path: Path) -> None:
    prepare_folder(config, fresh=False)
    other = train_config("tspo", config.out, seed=2, num_videos=7, device="cpu")
    with pytest.raises(UserError) as caught:
        check_folder(other, resume=True, fresh=False)
    assert str(caught.value) == (
        f"{config.out} was begun with other settings (videos: 100 then, 7 now; seed: 1 then, "
        "2 now); give the same (or more --steps) to resume it, --fresh to replace it, or another "
        "--name"
    )
    check_folder(config, resume=True, fresh=False)


def test_a_run_may_be_given_more_steps_but_not_fewer(config: TrainConfig) -> None:
    prepare_folder(config, fresh=False)
    more = train_config("tspo", config.out, seed=1, steps=301, device="cpu")
    check_folder(more, resume=True, fresh=False)
    prepare_folder(more, fresh=False)
    with pytest.raises(UserError, match=r"\(steps: 301 then, 300 now\); give the same"):
        check_folder(config, resume=True, fresh=False)


def test_a_run_from_before_a_setting_was_there_is_resumed(config: TrainConfig) -> None:
    prepare_folder(config, fresh=False)
    path = config.out / "training.json"
    known = json.loads(path.read_text())
    for name in ("name", "init_std", "log_prob"):
        del known["preset"][name]
    path.write_text(json.dumps(known))
    check_folder(config, resume=True, fresh=False)
    paper = train_config("tspo", config.out, "paper", seed=1, device="cpu")
    with pytest.raises(UserError, match=r"init_std: None then, 0\.02 now"):
        check_folder(paper, resume=True, fresh=False)


def test_a_run_in_another_precision_is_not_resumed(config: TrainConfig) -> None:
    prepare_folder(config, fresh=False)
    path = config.out / "training.json"
    known = json.loads(path.read_text())
    assert known["precision"] == "float32"
    path.write_text(json.dumps({**known, "precision": "bfloat16"}))
    with pytest.raises(UserError, match=r"\(precision \(the --device's\): bfloat16 then, float32"):
        check_folder(config, resume=True, fresh=False)


@pytest.mark.parametrize("content", ["{", "[]", "7", "[" * 100_000, '{"seed": ' + "1" * 5000 + "}"])
def test_settings_that_cannot_be_read_are_said(config: TrainConfig, content: str) -> None:
    prepare_folder(config, fresh=False)
    (config.out / "training.json").write_text(content)
    with pytest.raises(UserError, match=r"training\.json is not .*--fresh starts over"):
        check_folder(config, resume=True, fresh=False)
