"""Callbacks of training."""

from __future__ import annotations

from transformers import TrainerState

from tspo_bench.training.callbacks import ReportProgress


class Noted:
    def __init__(self) -> None:
        self.rewards: list[float | None] = []

    def began(self, steps: int, done: int) -> None: ...

    def stepped(self, logs: dict[str, float]) -> None:
        self.rewards.append(logs.get("reward"))


def test_a_step_is_reported_with_its_own_figures() -> None:
    """In the Trainer's order: a step ends, then its figures are logged, if they are."""
    noted = Noted()
    callback = ReportProgress(noted)
    state, control = TrainerState(), None
    for reward in (0.1, 0.2, None, 0.4, None):
        callback.on_step_begin(None, state, control)
        callback.on_step_end(None, state, control)
        if reward is not None:
            callback.on_log(None, state, control, logs={"reward": reward})
    callback.on_log(None, state, control, logs={"train_runtime": 1.0})
    callback.on_train_end(None, state, control)
    assert noted.rewards == [0.1, 0.2, 0.2, 0.4, 0.4]
