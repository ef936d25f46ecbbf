"""Training data as a torch dataset: shuffled by epoch, and without what cannot be read."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

from torch.utils.data import Dataset

from tspo_bench.errors import VideoError
from tspo_bench.training.episode import Episode, TrainingData

_log = logging.getLogger(__name__)


class EpisodeDataset(Dataset[Episode | None]):
    """Episodes in an order that seed and epoch give, so that a resumed run sees the same ones.

    None stands for an episode whose video cannot be read: it is logged and left out.
    """

    def __init__(self, data: TrainingData, seed: int) -> None:
        self._data, self._seed = data, seed
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
            _log.warning("an item is left out: %s", error)
            return None


def collate(episodes: Sequence[Episode | None]) -> dict[str, list[Episode]]:
    """A batch of those that can be read."""
    return {"episodes": [episode for episode in episodes if episode is not None]}
