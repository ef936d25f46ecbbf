"""Records into figures: what a cell's summary.json, the table and `--json` show."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from tspo_bench.report.stats import Interval, accuracy_interval
from tspo_bench.results import Cell, read_run
from tspo_bench.results.run import RUN_FILE
from tspo_bench.types import Record, Status

STATUSES: tuple[Status, ...] = get_args(Status)
_SEVERAL_VALUES = "|"


@dataclass(frozen=True)
class GroupSummary:
    """Accuracy within one value of a group, over its n questions."""

    n: int
    accuracy: float | None
    ci95: Interval | None


@dataclass(frozen=True)
class Summary:
    """The figures of one cell; None is undefined. `docs/metrics.md` defines each of them.

    Shares are of 1. `num_withheld` questions have no public right answer and are in no accuracy.
    `num_short` answered questions were given fewer frames than asked for, though `mean_frames`
    were given on average.
    """

    n: int
    num_videos: int
    num_withheld: int
    accuracy: float | None
    ci95: Interval | None
    accuracy_answered: float | None
    evidence_recall: float | None
    num_with_evidence: int
    status_counts: Mapping[Status, int]
    seconds_per_question: float | None
    num_filled: int
    num_short: int
    mean_frames: float | None
    groups: Mapping[str, Mapping[str, GroupSummary]]

    @property
    def num_failed(self) -> int:
        """Questions that never got to an answer: neither ok nor unparsed."""
        return self.n - self.status_counts["ok"] - self.status_counts["unparsed"]


def summarise(records: Sequence[Record], *, frames: int | None = None) -> Summary:
    """The figures of one cell's records.

    Args:
        records: one for each question asked.
        frames: the frame budget K, to count the questions that were given fewer.
    """
    counts = Counter(record.status for record in records)
    known = [record for record in records if record.gold is not None]
    given = [len(record.frames) for record in records if not record.failed]
    recalls = [r.evidence_recall for r in records if r.evidence_recall is not None]
    timed = [record.timing for record in records if record.timing]
    seconds = math.fsum(second for timing in timed for second in timing.values())
    return Summary(
        n=len(records),
        num_videos=len({record.video for record in records}),
        num_withheld=len(records) - len(known),
        accuracy=_accuracy(known),
        ci95=_interval(known),
        accuracy_answered=_accuracy([record for record in known if record.status == "ok"]),
        evidence_recall=_mean(recalls),
        num_with_evidence=len(recalls),
        status_counts={status: counts[status] for status in STATUSES},
        seconds_per_question=seconds / len(records) if timed else None,
        num_filled=sum(record.num_filled for record in records),
        num_short=sum(number < (frames or 0) for number in given),
        mean_frames=_mean(given),
        groups=_groups(records),
    )


def summary_json(summary: Summary) -> dict[str, Any]:
    """A summary as plain JSON values, for summary.json."""
    return {**asdict(summary), "num_failed": summary.num_failed}


def headroom_recovered(
    accuracy: float | None, uniform: float | None, oracle: float | None
) -> float | None:
    """(accuracy - uniform) / (oracle - uniform): 0 is uniform sampling, 1 the oracle's frames.

    None where one of the three is undefined, or the oracle is no better than uniform sampling.
    """
    if accuracy is None or uniform is None or oracle is None or oracle <= uniform:
        return None
    return (accuracy - uniform) / (oracle - uniform)


def headrooms(cells: Sequence[Cell], summaries: Sequence[Summary]) -> list[float | None]:
    """Headroom recovered by each cell.

    The two it is measured against are the cells whose sampler's label is exactly "uniform" and
    "oracle" and which share with it the run, task, protocol, model, frame budget and limit; they
    are read from the run's folder where they are not among `cells`.
    """
    known = {cell.folder: summary for cell, summary in zip(cells, summaries, strict=True)}
    accuracy_of = {
        (_peers(cell), cell.settings["sampler"]): (
            known.get(cell.folder) or summarise(cell.records)
        ).accuracy
        for cell in [*cells, *_bounds_on_disk(cells)]
    }
    return [
        headroom_recovered(
            summary.accuracy,
            accuracy_of.get((_peers(cell), "uniform")),
            accuracy_of.get((_peers(cell), "oracle")),
        )
        for cell, summary in zip(cells, summaries, strict=True)
    ]


def _bounds_on_disk(cells: Sequence[Cell]) -> list[Cell]:
    """The "uniform" and "oracle" cells of the same runs that are not among `cells`."""
    here = {cell.folder for cell in cells}
    runs = dict.fromkeys(cell.run_folder for cell in cells)
    return [
        cell
        for run in runs
        if (run / RUN_FILE).is_file()
        for cell in read_run(run)
        if cell.settings["sampler"] in ("uniform", "oracle") and cell.folder not in here
    ]


def _peers(cell: Cell) -> tuple[Any, ...]:
    keys = ("task", "protocol", "model", "frames", "limit")
    return (cell.run_folder, *(cell.settings.get(key) for key in keys))


def cells_json(cells: Sequence[Cell]) -> dict[str, Any]:
    """What `run --json` prints: accuracies as shares of 1, null where undefined."""
    summaries = [summarise(cell.records, frames=cell.settings["frames"]) for cell in cells]
    rows = zip(cells, summaries, headrooms(cells, summaries), strict=True)
    return {"cells": [_cell_json(cell, summary, headroom) for cell, summary, headroom in rows]}


def _cell_json(cell: Cell, summary: Summary, headroom: float | None) -> dict[str, Any]:
    labels = ("task", "sampler", "model", "frames", "protocol")
    figures = summary_json(summary)
    before = ("n", "accuracy", "ci95", "accuracy_answered", "evidence_recall")
    after = ("seconds_per_question", "status_counts", "groups")
    return {
        **{key: cell.settings[key] for key in labels},
        **{key: figures[key] for key in before},
        "headroom_recovered": headroom,
        **{key: figures[key] for key in after},
        "run_dir": str(cell.run_folder),
    }


def _groups(records: Sequence[Record]) -> dict[str, dict[str, GroupSummary]]:
    """Accuracy by group and value; a question with "a|b" counts in a and in b."""
    members: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        for group, values in record.groups.items():
            for value in dict.fromkeys(part.strip() for part in values.split(_SEVERAL_VALUES)):
                if value:
                    members.setdefault(group, {}).setdefault(value, []).append(record)
    return {
        group: {value: _group_summary(by_value[value]) for value in sorted(by_value, key=_natural)}
        for group, by_value in members.items()
    }


def _natural(text: str) -> list[Any]:
    """Sorting key that puts "60" before "600" and "5min" before "15min"."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _group_summary(records: Sequence[Record]) -> GroupSummary:
    known = [record for record in records if record.gold is not None]
    return GroupSummary(len(records), _accuracy(known), _interval(known))


def _accuracy(records: Sequence[Record]) -> float | None:
    return _mean(record.correct for record in records)


def _interval(records: Sequence[Record]) -> Interval | None:
    return accuracy_interval([r.correct for r in records], [r.video for r in records])


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers) if numbers else None
