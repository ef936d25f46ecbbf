"""A reward of a user's own that was edited is another run's."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from tspo_bench.errors import UserError
from tspo_bench.training.folder import check_folder
from tspo_bench.training.settings import TrainConfig, train_config


def test_an_edited_reward_is_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def config(text: str) -> TrainConfig:
        (tmp_path / "own_reward.py").write_text(text)
        sys.modules.pop("own_reward", None)
        importlib.invalidate_caches()
        return train_config(
            "tspo", tmp_path / "agent", rewards="answer,own_reward:mine", device="cpu"
        )

    text = "def mine(episode, positions, reply):\n    return 0.5\n"
    begun = config(text)
    assert list(begun.settings()["code"]) == ["own_reward"]
    assert "code" not in train_config("tspo", tmp_path / "agent", device="cpu").settings()
    begun.out.mkdir()
    (begun.out / "training.json").write_text(json.dumps(begun.settings()))
    check_folder(config(text), resume=True, fresh=False)
    with pytest.raises(UserError, match="code"):
        check_folder(config(text.replace("0.5", "0.7")), resume=True, fresh=False)
