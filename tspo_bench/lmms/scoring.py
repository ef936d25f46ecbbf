"""Scores of replies by an lmms-eval task's own code: its filters, scores and aggregates."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from tspo_bench.lmms.messages import cut
from tspo_bench.types import OPTION_LETTERS

_SAID = ("pred_answer", "parsed_pred", "pred", "prediction", "pred_ans", "extracted_answer")
# The default of lmms-eval's --reasoning_tags, for tasks that set none.
_REASONING = [["<think>", "</think>"], ["<analysis>", "</analysis>"]]


@dataclass(frozen=True)
class Scored:
    """The results of `process_results`; `guessed` if it drew a random number."""

    results: Mapping[str, Any]
    guessed: bool


def score_reply(task: Any, doc: Mapping[str, Any], reply: str, seed: str) -> Scored:
    """Score a reply as lmms-eval does: cut it, filter it, remove reasoning, process it.

    Args:
        task: lmms-eval's.
        doc: the question's document.
        reply: the MLLM's reply.
        seed: of the letters that tasks draw for replies without an answer.
    """
    from lmms_eval.api.instance import Instance
    from lmms_eval.api.reasoning import parse_reasoning_tags_config, strip_reasoning_tags

    generation = task.config.generation_kwargs or {}
    metadata = {"task": task.config.task, "doc_id": 0, "repeats": 1}
    instance = Instance("generate_until", (), 0, metadata, [cut(reply, generation.get("until"))])
    ensemble = task._filters[0]
    ensemble.apply([instance], None)
    filtered = instance.filtered_resps[ensemble.name]
    tags = parse_reasoning_tags_config(None, task.config.reasoning_tags) or _REASONING
    if isinstance(filtered, str):
        filtered = strip_reasoning_tags(filtered, tags)
    with _seeded(seed) as drawn:
        # Not task.process_results, which tries again for minutes where a function raises.
        function = inspect.unwrap(type(task).process_results)
        results = function(task, doc, [filtered])
        guessed = drawn()
    return Scored(results, guessed)


def is_right(task: Any, results: Mapping[str, Any]) -> bool:
    """Whether the task's first metric counts a reply as right.

    A number is right from 1 on, as is the score of a mapping (lmms-eval's `score_key`). Without a
    number the reply is right if the metric's aggregate of it alone is above 0.
    """
    for name, aggregate in _aggregations(task).items():
        if name not in results:
            continue
        value = results[name]
        if isinstance(value, Mapping):
            value = value.get(task.config.score_key)
        if _is_number(value):
            return bool(value >= 1)
        alone = aggregate([results[name]])
        return bool(_is_number(alone) and alone > 0)
    return False


def said_letter(results: Mapping[str, Any]) -> str | None:
    """Return the letter that a task extracted; "" for none, None if it does not report it."""
    for value in results.values():
        if not isinstance(value, Mapping):
            continue
        for key in _SAID:
            said = value.get(key)
            if isinstance(said, str):
                letter = said.strip().strip("().").upper()
                return letter if len(letter) == 1 and letter in OPTION_LETTERS else ""
    return None


def figures(task: Any, all_results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the task's own figures: each metric's aggregate of all results, in its unit.

    Metrics that write a file for an evaluation server have no figure.
    """
    found = {}
    for name, aggregate in _aggregations(task).items():
        items = [results[name] for results in all_results if name in results]
        value = aggregate(items) if items else None
        if _is_number(value) and math.isfinite(value):
            found[name] = float(value)
    return found


def _aggregations(task: Any) -> dict[str, Callable[[Sequence[Any]], Any]]:
    """Return each metric's aggregation, except those that write files, which need `args`."""
    return {
        name: aggregate
        for name, aggregate in task.aggregation().items()
        if "args" not in inspect.signature(aggregate).parameters
    }


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float | np.number | np.bool_)


@contextmanager
def _seeded(seed: str) -> Iterator[Any]:
    """Seed the global generators, which tasks draw from; yields a check of whether they did."""
    before, numpy_before = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(random.getrandbits(32))

    def drawn() -> tuple[object, int]:
        return random.getstate(), np.random.get_state(legacy=False)["state"]["pos"]

    start = drawn()
    try:
        yield lambda: drawn() != start
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)
