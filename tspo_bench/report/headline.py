"""The figure that a protocol calls its own: over questions or over task types, with its interval.

The scoring of a cell is the mapping in its settings: `average` ("micro", over questions; "macro",
the mean of the accuracies within the values of the group `over`; "groups", the mean score of each
video's questions, scored together as the value of `over` names: `tasks.question_groups`), `values`
(those of the group that must be there: one without a question counts as 0; empty for those that
occur) and `unparsed` ("wrong", or "dropped" from the denominator). A key that is missing is "micro"
and "wrong".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tspo_bench.report.groups import values_of
from tspo_bench.report.stats import Interval, linear_interval
from tspo_bench.tasks.question_groups import MEMBERS, group_score, place_of
from tspo_bench.types import Record


def headline(records: Sequence[Record], scoring: Mapping[str, Any]) -> float | None:
    """A protocol's accuracy of a cell's records, or of those of several seeds together.

    A question that failed (its video, sampler or model) counts as wrong under every protocol; one
    without a known right answer is in no figure; one with the labels "a|b" counts in a and in b.

    Returns:
        A share of 1, or None where no record is left in the denominator.
    """
    if scoring.get("average") == "groups":
        scores = [score for _, score in _group_scores(records, str(scoring["over"]))]
        return math.fsum(scores) / len(scores) if scores else None
    parts = _parts(records, scoring)
    return math.fsum(map(_share_right, parts)) / len(parts) if any(parts) else None


def headline_interval(records: Sequence[Record], scoring: Mapping[str, Any]) -> Interval | None:
    """95% confidence interval of `headline`, clustered by video.

    The figure is a mean of ratios, one for each of the G values, and its standard error is that of
    its linearisation: a record adds (x - p_g) / (G n_g) for each of its values g, where p_g is the
    accuracy within g and n_g its number of records (Taylor linearisation, Woodruff 1971, JASA 66).
    These are summed within videos as in `stats.clustered_standard_error`. With G = 1 this is the
    interval of the accuracy over questions.

    Returns:
        (low, high), or None with fewer than two videos.
    """
    if scoring.get("average") == "groups":
        return _groups_interval(_group_scores(records, str(scoring["over"])))
    parts = _parts(records, scoring)
    if not any(parts):
        return None
    shares = [_share_right(part) for part in parts]
    counted = list({id(record): record for part in parts for record in part}.values())
    place = {id(record): index for index, record in enumerate(counted)}
    influence, weights = np.zeros(len(counted)), np.zeros(len(counted))
    for part, share in zip(parts, shares, strict=True):
        for record in part:
            weight = 1 / (len(parts) * len(part))
            weights[place[id(record)]] += weight
            influence[place[id(record)]] += weight * (record.correct - share)
    estimate = math.fsum(shares) / len(shares)
    return linear_interval(estimate, influence, weights, [record.video for record in counted])


def _group_scores(records: Sequence[Record], over: str) -> list[tuple[str, float]]:
    """Each group's video and score; a question without a record counts as wrong.

    The n-th record of a question belongs to the group of the n-th seed.
    """
    times: Counter[str] = Counter()
    members: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        if record.gold is not None and record.groups.get(over) is not None:
            members.setdefault((record.video, times[record.question_id]), []).append(record)
            times[record.question_id] += 1
    found = []
    for (video, _), group in members.items():
        right = {place_of(record.question_id): record.correct for record in group}
        ordered = [right.get(place, False) for place in range(1, MEMBERS + 1)]
        first = min(group, key=lambda record: place_of(record.question_id))
        found.append((video, group_score(first.groups[over], ordered)))
    return found


def _groups_interval(found: Sequence[tuple[str, float]]) -> Interval | None:
    """The interval of a mean of group scores, clustered by video."""
    if not found:
        return None
    scores = np.array([score for _, score in found])
    weights = np.full(len(scores), 1 / len(scores))
    estimate = math.fsum(scores) / len(scores)
    return linear_interval(
        estimate, weights * (scores - estimate), weights, [video for video, _ in found]
    )


def _parts(records: Sequence[Record], scoring: Mapping[str, Any]) -> list[list[Record]]:
    """The records in the denominator: a list for each value whose accuracy is averaged."""
    known = [record for record in records if record.gold is not None]
    drops = scoring.get("unparsed") == "dropped"

    def kept(part: Sequence[Record]) -> list[Record]:
        return [record for record in part if not (drops and record.status == "unparsed")]

    if scoring.get("average", "micro") == "micro":
        return [kept(known)]
    members: dict[str, list[Record]] = {value: [] for value in scoring.get("values") or ()}
    is_open = not members
    for record in known:
        for value in values_of(record, str(scoring["over"])):
            if is_open:
                members.setdefault(value, [])
            if value in members:
                members[value].append(record)
    return [kept(part) for part in members.values()]


def _share_right(records: Sequence[Record]) -> float:
    """The accuracy of records; 0 of none, as the benchmarks' own code has it."""
    return sum(record.correct for record in records) / len(records) if records else 0.0
