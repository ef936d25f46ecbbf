"""What published records say of evidence: its spans, the video's length, the recall that follows.

Where the task's annotations are here, they tell the spans, and roughly the length. Which frames
were shown at which seconds only the video could tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tspo_bench.results import evidence_recall
from tspo_bench.types import Question, Record, Span

Spans = tuple[tuple[float, float], ...]
_BEFORE_A_PICK = ("decode_error", "sampler_error")  # no evidence is looked up for these
_ROUNDED = 1e-5  # seconds; records have six digits
# Annotations round lengths, and copies of a video differ by a cut at the end.
_NEAR_SECONDS, _NEAR_SHARE = 1.0, 0.01
_NEAR_RATE = 0.02


def with_evidence(
    stored: Record, question: Question | None, rate: float | None, tolerance: float | None
) -> Record:
    """A record with the evidence that counts, and the recall that its frames' seconds come to.

    Args:
        stored: as it was published.
        question: as it is annotated; None where nothing but the entry tells: its spans count.
        rate: the video's frames a second, for spans that are annotated in frames.
        tolerance: seconds around a moment, of the task; None leaves the recall as it is.
    """
    if stored.status in _BEFORE_A_PICK:
        return replace(stored, evidence=(), duration_seconds=None, evidence_recall=None)
    # Of a video that the sampler did not look at, records say nothing.
    is_seen = bool(stored.frames) or stored.duration_seconds is not None
    spans, duration = stored.evidence, stored.duration_seconds
    if question is not None:
        spans = _spans(stored, question.evidence, rate if is_seen else 1.0)
        duration = _duration(duration, question.duration_seconds) if is_seen else None
    recall = stored.evidence_recall
    if question is None and not is_seen:
        recall = None if recall is None else 0.0
    elif tolerance is not None:
        # Who says that a video is longer than it is has no more of its evidence found.
        end = None if duration is None else max(duration, stored.duration_seconds or 0) + _ROUNDED
        found = evidence_recall(spans, stored.timestamps, tolerance=tolerance, duration_seconds=end)
        recall = found.recall
    evidence = spans if is_seen else ()
    return replace(stored, evidence=evidence, duration_seconds=duration, evidence_recall=recall)


def is_beyond(record: Record) -> bool:
    """Whether frames are of times that the video does not have, where its length is known."""
    length, seconds = record.duration_seconds, record.timestamps
    if length is None or not seconds:
        return False
    near = max(_NEAR_SECONDS, _NEAR_SHARE * length)
    return min(seconds) < -near or max(seconds) > length + near


def frame_rates(records: Iterable[Record], questions: Mapping[str, Question]) -> dict[str, float]:
    """Frames a second by video, where evidence is annotated in frames, as the records tell them.

    One rate for all records of a video: the latest evidence that one of them states has it most
    exactly. If that is not near the rate of the frames shown, theirs counts.
    """
    shown: dict[str, tuple[int, float]] = {}
    stated: dict[str, tuple[float, float]] = {}
    for record in records:
        question = questions.get(record.question_id)
        if question is None or all(span.unit == "seconds" for span in question.evidence):
            continue
        last = max(zip(record.frames, record.timestamps, strict=False), default=(0, 0.0))
        shown[question.video] = max(last, shown.get(question.video, last))
        for span, (_, end) in zip(question.evidence, record.evidence, strict=False):
            latest = (span.end, end)
            stated[question.video] = max(latest, stated.get(question.video, latest))
    found = {}
    for video, last in shown.items():
        by_frames, by_evidence = _rate(last), _rate(stated.get(video, (0, 0.0)))
        rate = by_frames or by_evidence
        if by_frames and by_evidence and abs(by_evidence - by_frames) <= _NEAR_RATE * by_frames:
            rate = by_evidence
        if rate is not None:
            found[video] = rate
    return found


def _rate(place: tuple[float, float]) -> float | None:
    frame, second = place
    return frame / second if frame > 0 and second > 0 else None


def _spans(stored: Record, annotated: Sequence[Span], rate: float | None) -> Spans:
    """The annotated spans in seconds; the record's own where they are the same but for rounding."""
    if rate is None and any(span.unit == "frames" for span in annotated):
        return stored.evidence
    spans = tuple(span.in_seconds(rate or 1.0) for span in annotated)
    is_same = len(spans) == len(stored.evidence) and all(
        abs(ours - theirs) <= _ROUNDED
        for told, said in zip(spans, stored.evidence, strict=True)
        for ours, theirs in zip(told, said, strict=True)
    )
    rounded = tuple((round(start, 6), round(end, 6)) for start, end in spans)
    return stored.evidence if is_same else rounded


def _duration(stored: float | None, annotated: float | None) -> float | None:
    if stored is None or annotated is None:
        return annotated if stored is None else stored
    is_near = abs(stored - annotated) <= max(_NEAR_SECONDS, _NEAR_SHARE * annotated)
    return stored if is_near else float(annotated)
