"""Records into figures: what a cell's summary.json, the table and `--json` show.

A question that was asked with several seeds has a record of each; it counts once in every number of
questions, and its seeds together wherever answers are averaged or counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import computed_field

from tspo_bench.report.groups import by_value
from tspo_bench.report.headline import headline, headline_interval
from tspo_bench.report.stats import Interval, accuracy_interval
from tspo_bench.results import Cell, CellSettings
from tspo_bench.results.forms import OnDisk
from tspo_bench.types import Record, Status

STATUSES: tuple[Status, ...] = get_args(Status)
FORMAT_VERSION = 2  # of summary.json, which only people and scripts read
FeatureSource = Literal["computed", "cached", "unknown"]


class GroupSummary(OnDisk):
    """Accuracy within one value of a group."""

    n: int
    """Its questions."""
    accuracy: float | None
    """The share of correct answers."""
    ci95: Interval | None
    """Its 95% interval."""


class Summary(OnDisk):
    """The figures of one cell, as summary.json has them; `docs/metrics.md` defines each.

    Shares are of 1; null is undefined.
    """

    format_version: int = FORMAT_VERSION
    """Of this form."""
    protocol: str | None
    """The protocol with its version."""
    protocol_hash: str | None
    """A hash of the protocol's text."""
    answer: str | None
    """The answering mode: "generate" or "options"."""
    n: int
    """Questions asked."""
    num_videos: int
    """Their videos."""
    num_withheld: int
    """Questions without a public right answer, which are in no accuracy."""
    accuracy: float | None
    """The share of correct answers over questions."""
    ci95: Interval | None
    """Its 95% interval, clustered by video."""
    headline: float | None
    """The protocol's figure."""
    headline_ci95: Interval | None
    """Its 95% interval."""
    macro: float | None
    """The mean accuracy over the values of the benchmark's own group."""
    macro_ci95: Interval | None
    """Its 95% interval."""
    accuracy_answered: float | None
    """The accuracy over the answers in which a letter was read."""
    evidence_recall: float | None
    """The mean share of evidence spans that the frames hit."""
    num_with_evidence: int
    """Questions with a span to hit."""
    status_counts: Mapping[Status, int]
    """Records by status."""
    num_guessed: int
    """Letters drawn by the protocol."""
    num_truncated: int
    """Replies cut at the longest length."""
    num_unread: int
    """Replies in which no letter could be read (unparsed or drawn)."""
    num_unread_truncated: int
    """Those of them that were cut."""
    seconds_per_question: float | None
    """Mean seconds of all stages."""
    feature_sources: Mapping[FeatureSource, int]
    """Answers by where the features came from that their sampler searched."""
    num_filled: int
    """Frames added by a fill rule."""
    num_short: int
    """Answers given fewer frames than asked for."""
    mean_frames: float | None
    """Mean number of frames given."""
    mean_frames_processed: Mapping[str, float]
    """Mean numbers of frames decoded and encoded to select them."""
    mean_visual_tokens: float | None
    """Mean number of visual tokens."""
    frame_sizes: Mapping[str, int]
    """Answers by height x width of their frames as the model's processor made them."""
    mean_usage: Mapping[str, float]
    """Mean numbers of tokens as the model's tokenizer or its server counted them."""
    mean_flops: Mapping[str, float]
    """Mean FLOPs of encoder and MLLM, each over the answers that have it."""
    groups: Mapping[str, Mapping[str, GroupSummary]]
    """Accuracy by group and value."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def num_failed(self) -> int:
        """Records that never got to an answer: neither ok nor unparsed."""
        counts = self.status_counts.items()
        return sum(number for status, number in counts if status not in ("ok", "unparsed"))


_UNKNOWN = CellSettings(task="", sampler="", model="", protocol="", frames=None)


def summarise(
    records: Sequence[Record],
    settings: CellSettings = _UNKNOWN,
    own_headline: float | None = None,
) -> Summary:
    """The figures of a cell's records, or of those of several cells that differ in the seed alone.

    Args:
        records: one for each question asked, and seed.
        settings: the cell's: of interest are `frames` (K, to count the answers that were given
            fewer), `scoring` (see `report.headline`), `macro` (the group that the benchmark
            averages over), and what says how it was asked.
        own_headline: that of a task which scores by its own code (`results.TaskScores`).
    """
    counts = Counter(record.status for record in records)
    known = [record for record in records if record.gold is not None]
    unread = [record for record in records if record.status == "unparsed" or record.guessed]
    given = [len(record.frames) for record in records if not record.failed]
    recalls = _recalls(records)
    timed = [record.timing for record in records if record.timing]
    seconds = math.fsum(second for timing in timed for second in timing.values())
    scoring: Mapping[str, Any] = settings.scoring or {}
    macro = {"average": "macro", "over": settings.macro} if settings.macro else None
    frames = settings.frames or 0
    return Summary(
        protocol=settings.protocol or None,
        protocol_hash=settings.protocol_hash,
        answer=settings.answer,
        n=_num_questions(records),
        num_videos=len({record.video for record in records}),
        num_withheld=_num_questions([record for record in records if record.gold is None]),
        accuracy=accuracy_of(records),
        ci95=_interval(known),
        headline=headline(records, scoring) if own_headline is None else own_headline,
        headline_ci95=headline_interval(records, scoring) if own_headline is None else None,
        macro=headline(records, macro) if macro else None,
        macro_ci95=headline_interval(records, macro) if macro else None,
        accuracy_answered=_accuracy([record for record in known if record.status == "ok"]),
        evidence_recall=_mean(recall for _, recall in recalls),
        num_with_evidence=len({question for question, _ in recalls}),
        status_counts={status: counts[status] for status in STATUSES},
        num_guessed=sum(record.guessed for record in records),
        num_truncated=sum(record.truncated for record in records),
        num_unread=len(unread),
        num_unread_truncated=sum(record.truncated for record in unread),
        seconds_per_question=seconds / len(records) if timed else None,
        feature_sources=count_sources(timed),
        num_filled=sum(record.num_filled for record in records),
        num_short=sum(number < frames for number in given),
        mean_frames=_mean(given),
        mean_frames_processed=_mean_of([record.frames_processed for record in records]),
        mean_visual_tokens=_mean_of([record.visual_input for record in records]).get(
            "visual_tokens"
        ),
        frame_sizes=_frame_sizes(records),
        mean_usage=_mean_of([record.usage for record in records]),
        mean_flops=_mean_of([record.flops for record in records if not record.failed]),
        groups=_groups(records),
    )


def _recalls(records: Sequence[Record]) -> list[tuple[str, float]]:
    """The evidence recall of each answer that has one, with its question."""
    return [
        (record.question_id, record.evidence_recall)
        for record in records
        if record.evidence_recall is not None
    ]


def feature_source(timing: Mapping[str, float]) -> FeatureSource | None:
    """The source of the features that a record's sampler searched; None where it searched none.

    "cached": from the store, so that the record's seconds lack a scan; "unknown": the record is
    older than the stage that says so.
    """
    if "stored" in timing:
        return "cached"
    if "text" in timing:
        return "computed"
    return "unknown" if "scan" in timing else None


def count_sources(timings: Iterable[Mapping[str, float]]) -> dict[FeatureSource, int]:
    """The number of records by the source of their features, without sources of none."""
    return dict(Counter(source for timing in timings if (source := feature_source(timing))))


def summarise_cells(cells: Sequence[Cell]) -> Summary:
    """The figures of cells that differ in the seed alone (mostly one cell), together."""
    records = [record for cell in cells for record in cell.records]
    own = [cell.task_scores.headline for cell in cells if cell.task_scores is not None]
    known = [headline for headline in own if headline is not None]
    mean = _mean(known) if len(known) == len(cells) else None
    return summarise(records, cells[0].settings, mean)


def accuracy_of(records: Sequence[Record]) -> float | None:
    """The accuracy over all questions with a known right answer; None without one."""
    return _accuracy([record for record in records if record.gold is not None])


def _groups(records: Sequence[Record]) -> dict[str, dict[str, GroupSummary]]:
    """Accuracy by group and value."""
    return {
        group: {value: _group_summary(some) for value, some in values.items()}
        for group, values in by_value(records).items()
    }


def _group_summary(records: Sequence[Record]) -> GroupSummary:
    known = [record for record in records if record.gold is not None]
    return GroupSummary(n=_num_questions(records), accuracy=_accuracy(known), ci95=_interval(known))


def _frame_sizes(records: Sequence[Record]) -> dict[str, int]:
    """The number of answers by height and width of their frames: {"384x384": 1337}."""
    inputs = [record.visual_input for record in records]
    sizes = [i for i in inputs if i.get("frames") and {"height", "width"} <= i.keys()]
    counts = Counter(f"{size['height']}x{size['width']}" for size in sizes)
    return dict(counts.most_common())


def _mean_of(counts: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """The mean of each key over those that have it."""
    keys = dict.fromkeys(key for count in counts for key in count)
    means = {key: _mean(count[key] for count in counts if key in count) for key in keys}
    return {key: mean for key, mean in means.items() if mean is not None}


def _num_questions(records: Sequence[Record]) -> int:
    return len({record.question_id for record in records})


def _accuracy(records: Sequence[Record]) -> float | None:
    return _mean(record.correct for record in records)


def _interval(records: Sequence[Record]) -> Interval | None:
    return accuracy_interval([r.correct for r in records], [r.video for r in records])


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers) if numbers else None
