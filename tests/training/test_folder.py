"""An agent's folder: who may write to it, and from which checkpoint training goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tspo_bench.errors import UserError
from tspo_bench.training.folder import check_folder, last_checkpoint, prepare_folder
from tspo_bench.training.settings import TrainConfig, train_config


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    return train_config("tspo", tmp_path / "agent", seed=1, device="cpu")


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


def test_fresh_empties_the_folder(config: TrainConfig) -> None:
    prepare_folder(config, fresh=False)
    (config.out / "model.safetensors").write_bytes(b"weights")
    check_folder(config, resume=False, fresh=True)
    prepare_folder(config, fresh=True)
    assert [path.name for path in config.out.iterdir()] == ["training.json"]


def test_others_files_are_never_thrown_away(config: TrainConfig) -> None:
    config.out.mkdir()
    (config.out / "thesis.tex").write_text("")
    for fresh in (False, True):
        with pytest.raises(UserError, match="no training run's folder, and not empty"):
            check_folder(config, resume=False, fresh=fresh)


def test_a_run_with_other_settings_is_not_resumed(config: TrainConfig, tmp_path: Path) -> None:
    prepare_folder(config, fresh=False)
    other = train_config("tspo", config.out, seed=2, steps=7)
    with pytest.raises(UserError, match="with another preset, seed"):
        check_folder(other, resume=True, fresh=False)
    check_folder(config, resume=True, fresh=False)


def test_settings_that_cannot_be_read_are_said(config: TrainConfig) -> None:
    prepare_folder(config, fresh=False)
    (config.out / "training.json").write_text("{")
    with pytest.raises(UserError, match=r"training\.json is not valid JSON.*--fresh starts over"):
        check_folder(config, resume=True, fresh=False)
