"""Training data as a torch dataset: shuffled by epoch, and without what cannot be read."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from torch.utils.data import Dataset

from tspo_bench.errors import VideoError
from tspo_bench.training.episode import Episode, TrainingData


class EpisodeDataset(Dataset[Episode | None]):
    """Episodes in an order that seed and epoch give, so that a resumed run sees the same ones.

    None stands for an episode whose video cannot be read: `left_out` is given the
    reason.
    """

    def __init__(self, data: TrainingData, seed: int, left_out: Callable[[str], None]) -> None:
        self._data, self._seed, self._left_out = data, seed, left_out
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Shuffle for an epoch; the trainer calls this as each begins."""
        self._epoch = epoch
        self._order = list(range(len(self._data)))
        random.Random(f"{self._seed}/{epoch}").shuffle(self._order)

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, place: int) -> Episode | None:
        try:
            return self._data.episode(self._order[place], self._epoch)
        except VideoError as error:
            self._left_out(str(error))
            return None


def collate(episodes: Sequence[Episode | None]) -> dict[str, Any]:
    """A batch: its `episodes` that can be read, and how many are `left_out`."""
    readable = [episode for episode in episodes if episode is not None]
    return {"episodes": readable, "left_out": len(episodes) - len(readable)}
