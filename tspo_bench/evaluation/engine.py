"""Answers the prepared questions: videos are prepared in threads while the MLLM works."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace

from tspo_bench.errors import CRASHES
from tspo_bench.evaluation.batch_limit import BatchLimit, is_out_of_memory, release_memory
from tspo_bench.evaluation.batches import Batches, token_counter
from tspo_bench.evaluation.checks import checked_answers
from tspo_bench.evaluation.chunks import Prepared
from tspo_bench.evaluation.plan import VideoWork
from tspo_bench.evaluation.prepare import VideoPreparer
from tspo_bench.evaluation.sampler_contract import crash_said
from tspo_bench.mllms.base import MLLM
from tspo_bench.profiling import ANSWER, WAIT, main_stage
from tspo_bench.results.records import kept_record
from tspo_bench.tasks import Reading, Task
from tspo_bench.types import Answer, Failed, Record, Request, VisualInput

PREFETCH = 2  # videos beside the next batch: with CHUNK_BYTES and two batches this bounds memory
# In the order of preparation: a question's number, itself without frames, and its request if any.
_Batch = list[tuple[int, Prepared, Request | None]]


def answer_videos(
    work: Iterable[VideoWork],
    prepare: VideoPreparer,
    task: Task,
    model: MLLM,
    limit: BatchLimit,
    on_record: Callable[[Record, str, str], None],
    max_tokens: int | None = None,
) -> None:
    """Answer the questions of all videos and append their records, in each cell in order.

    `on_record` is called with each record and its cell's sampler and frame budget. What is appended
    before an interruption stays. Batches hold at most `limit.most` questions and `max_tokens`
    tokens, padding included (see `Batches`).
    """
    records = _RecordsInOrder(on_record)
    preparing = ThreadPoolExecutor(PREFETCH, thread_name_prefix="prepare")
    batching = ThreadPoolExecutor(1, thread_name_prefix="batch")
    count = token_counter(model)
    waiting = Batches[tuple[int, Prepared]](limit.most, max_tokens, lambda one: count(one[1]))
    batches = _batches(_prefetch(work, prepare, preparing), waiting)
    try:
        coming = batching.submit(next, batches, None)
        while True:
            with main_stage(WAIT):
                batch = coming.result()
            if batch is None:
                return
            coming = batching.submit(next, batches, None)
            records.add(_answer_batch(batch, task, model, limit))
    finally:
        for pool in (preparing, batching):
            pool.shutdown(wait=True, cancel_futures=True)


def _prefetch(
    work: Iterable[VideoWork], prepare: VideoPreparer, pool: ThreadPoolExecutor
) -> Iterator[list[Prepared]]:
    """The prepared parts of the videos in order, the next one of PREFETCH more videos under way."""
    under_way: deque[tuple[Iterator[list[Prepared]], Future[list[Prepared] | None]]] = deque()
    videos = iter(work)
    while True:
        for video in itertools.islice(videos, PREFETCH + 1 - len(under_way)):
            parts = prepare(video)
            under_way.append((parts, pool.submit(next, parts, None)))
        if not under_way:
            return
        parts, coming = under_way.popleft()
        part = coming.result()
        if part is not None:
            under_way.appendleft((parts, pool.submit(next, parts, None)))
            yield part


def _batches(
    parts: Iterable[list[Prepared]], waiting: Batches[tuple[int, Prepared]]
) -> Iterator[_Batch]:
    """The batches, each with its frames copied: the model must not wait for that."""
    numbers = itertools.count()
    for part in itertools.chain(parts, (None,)):
        # Models pad a batch to its longest request: K = 4 must not cost what K = 64 does.
        ordered = sorted(part or (), key=lambda one: one.cell.budget.frames or 0)
        waiting.add((next(numbers), one) for one in ordered)
        yield from map(_with_requests, waiting.ready(last=part is None))


def _with_requests(batch: Iterable[tuple[int, Prepared]]) -> _Batch:
    return [(number, replace(one, shared=None), one.request) for number, one in batch]


class _RecordsInOrder:
    """Appends records in the order of their numbers, though batches overtake each other."""

    def __init__(self, on_record: Callable[[Record, str, str], None]) -> None:
        self._on_record = on_record
        self._next = 0
        self._done: dict[int, Prepared] = {}

    def add(self, answered: Iterable[tuple[int, Prepared]]) -> None:
        """Take answered questions; those whose turn has come are appended."""
        self._done.update(answered)
        with main_stage("records"):
            while done := self._done.pop(self._next, None):
                self._next += 1
                assert done.cell.writer is not None
                done.cell.writer.append(done.record, done.scores)
                self._on_record(done.record, done.cell.label, done.cell.budget.label)


def _answer_batch(
    batch: _Batch, task: Task, model: MLLM, limit: BatchLimit
) -> list[tuple[int, Prepared]]:
    """The questions with their finished records."""
    requests = [request for _, _, request in batch if request is not None]
    with main_stage(ANSWER) as done:
        answers = answer_requests(model, requests, limit)
        done.frames = sum(len(request.frames) for request in requests)
        done.tokens = sum(_tokens(answer) for answer, _ in answers)
    given = iter(answers)
    answered = []
    with main_stage("records"):
        for number, prepared, request in batch:
            record = prepared.record
            if request is not None:
                record = _scored(prepared, next(given), task)
            answered.append((number, replace(prepared, record=kept_record(record))))
    return answered


def _tokens(answer: Answer | Failed) -> int:
    """As the server counts them, else the visual ones, as far as they are known."""
    if isinstance(answer, Failed):
        return 0
    if "prompt_tokens" in answer.usage or "completion_tokens" in answer.usage:
        return sum(answer.usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens"))
    return (answer.visual_input and answer.visual_input.visual_tokens) or 0


def answer_requests(
    model: MLLM, requests: Sequence[Request], limit: BatchLimit
) -> list[tuple[Answer | Failed, float]]:
    """Each request's answer and its share of the seconds; `limit.now` at most are put at once.

    If memory runs out, fewer are put at once from then on. If a batch fails otherwise its requests
    are put one by one, so that one costs no other its answer.
    """
    answered: list[tuple[Answer | Failed, float]] = []
    while len(answered) < len(requests):
        batch = requests[len(answered) : len(answered) + limit.now]
        answered += _attempt(model, batch, limit)
    return answered


def _attempt(
    model: MLLM, requests: Sequence[Request], limit: BatchLimit, is_second: bool = False
) -> list[tuple[Answer | Failed, float]]:
    """Each request's answer and its share of the seconds; [] if fewer must be put at once."""
    started = time.perf_counter()
    try:
        answers = checked_answers(model.answer(requests), requests)
        limit.passed(len(requests))
    except CRASHES as error:
        answers = [Failed(crash_said(error, type(model).__module__))] * len(requests)
        has_failed, is_too_large = True, is_out_of_memory(error)
    else:
        has_failed = is_too_large = False
    if is_too_large:
        release_memory()  # not above: the error holds tensors
        if len(requests) == 1 and not is_second:  # perhaps the encoder held the memory
            return _attempt(model, requests, limit, is_second=True)
    if has_failed and len(requests) > 1:
        if is_too_large:
            limit.exceeded(len(requests))
            return []
        return [pair for request in requests for pair in _attempt(model, [request], limit)]
    seconds = (time.perf_counter() - started) / len(requests)
    return [(answer, seconds) for answer in answers]


def _scored(prepared: Prepared, given: tuple[Answer | Failed, float], task: Task) -> Record:
    answer, seconds = given
    timing = {**prepared.record.timing, "answer": seconds}
    record = replace(prepared.record, timing=timing)
    if isinstance(answer, Failed):
        return replace(record, status="model_error", error=answer.error)
    question = prepared.question
    try:
        reading = (
            _likeliest(answer)
            if record.mode == "options"
            else _checked(task.read_answer(answer.text, question))
        )
    except CRASHES as error:
        said = f"the reply cannot be read: {crash_said(error, type(task).__module__)}"
        return replace(record, status="model_error", error=said, reply=answer.text)
    refusal = {} if answer.refusal is None else {"refusal": answer.refusal}
    return replace(
        record,
        status="unparsed" if reading.letter is None else "ok",
        letter=reading.letter,
        guessed=reading.guessed,
        correct=reading.letter is not None and reading.letter == question.answer,
        reply=answer.text,
        truncated=answer.truncated,
        option_logprobs=answer.option_logprobs,
        visual_input=_known(answer.visual_input),
        usage=answer.usage,
        flops={**record.flops, **({} if answer.flops is None else {"mllm": answer.flops})},
        notes={**record.notes, **refusal},
    )


def _checked(reading: object) -> Reading:
    if not isinstance(reading, Reading):
        raise TypeError(f"the extractor returned {type(reading).__name__}, not a Reading")
    return reading


def _likeliest(answer: Answer) -> Reading:
    """The option with the highest log-probability, the first of equal ones."""
    logprobs = answer.option_logprobs
    return Reading(max(logprobs, key=logprobs.__getitem__) if logprobs else None)


def _known(visual_input: VisualInput | None) -> dict[str, int]:
    """The visual input, without what is unknown."""
    known = {} if visual_input is None else asdict(visual_input)
    return {name: value for name, value in known.items() if value is not None}
