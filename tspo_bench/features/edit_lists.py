"""Candidate features of edit lists, put together from those of their clips.

A clip's candidates are kept in fixed blocks for each canvas size, so however many edit lists show
a stretch of it, it is decoded and encoded once, and always in the same batches.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.stored import StoredCandidates
from tspo_bench.types import CandidateRule, Features, IntArray
from tspo_bench.video.candidates import candidate_indices, shown_at
from tspo_bench.video.edit_list import read_edit_list
from tspo_bench.video.edit_reader import EditListReader, clip_facts

if TYPE_CHECKING:
    from tspo_bench.features.store import FeatureStore


def joined_candidates(
    store: FeatureStore, video: Path, encoder: FrameEncoder, rate: float, rule: CandidateRule
) -> StoredCandidates:
    """The candidates of an edit list with features; see `FeatureStore.candidates`.

    Raises:
        VideoError: the list or one of its clips cannot be read.
        UserError: the store cannot be written.
    """
    found = _joined(store, video, encoder, rate, rule, makes=True)
    assert found is not None
    return found


def stored_candidates(
    store: FeatureStore, video: Path, encoder: FrameEncoder, rate: float, rule: CandidateRule
) -> StoredCandidates | None:
    """The candidates as `joined_candidates` gives them, if the store has those of every clip.

    Raises:
        VideoError: the list or one of its clips cannot be read.
    """
    return _joined(store, video, encoder, rate, rule, makes=False)


def _joined(
    store: FeatureStore,
    video: Path,
    encoder: FrameEncoder,
    rate: float,
    rule: CandidateRule,
    *,
    makes: bool,
) -> StoredCandidates | None:
    edits = read_edit_list(video)
    canvas = edits.width, edits.height
    rows: list[Features] = []
    num_encoded = 0
    with EditListReader(video, edits) as reader:
        info, times = reader.info, reader.times
        indices = candidate_indices(info, times, rate, rule, reader.keyframes)
        cuts = np.searchsorted(indices, reader.bounds)
        for part, (start, end) in zip(edits.parts, itertools.pairwise(cuts), strict=True):
            numbers = reader.numbers[indices[start:end]]
            for block in _blocks(part.path, numbers, rate):
                found = (store.of_frames if makes else store.stored_frames)(
                    part.path, encoder, block, canvas=canvas
                )
                if found is None:
                    return None
                assert found.features is not None
                rows.append(found.features[np.isin(block, numbers)])
                num_encoded += found.num_encoded
    return StoredCandidates(
        indices=indices,
        seconds=times[indices],
        num_frames=info.num_frames,
        frame_rate=float(info.frame_rate),
        features=np.concatenate(rows),
        num_encoded=num_encoded,
    )


def _blocks(clip: Path, numbers: IntArray, rate: float) -> Iterator[IntArray]:
    """Sets of frames of a clip that together hold these numbers, rising.

    They are the clip's own candidates, those on show at 0, 1 / rate, ... seconds, in blocks of a
    batch. Numbers that are not of them (parts that begin between two) are a set of their own.
    """
    from tspo_bench.features.store import BATCH

    facts = clip_facts(clip)
    usual = shown_at(facts.times, facts.info.duration_seconds, rate)
    if len(numbers) and not np.isin(numbers, usual).all():
        yield numbers
        return
    for block in np.unique(np.searchsorted(usual, numbers) // BATCH).tolist():
        yield usual[block * BATCH : (block + 1) * BATCH]
