"""What an lmms-eval task makes of replies: its filters, its scores of one, its figures of all."""

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
    """A reply as `process_results` has it; `guessed` if it drew a random number over it."""

    results: Mapping[str, Any]
    guessed: bool


def score_reply(task: Any, doc: Mapping[str, Any], reply: str, seed: str) -> Scored:
    """Score a reply as lmms-eval does: cut, filtered, freed of reasoning, processed.

    Args:
        task: lmms-eval's.
        doc: the document that was asked about.
        reply: the MLLM's words.
        seed: decides what a task draws that finds no answer in a reply.
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
    """Whether the task's first metric counts one reply as right.

    A number is right from 1 on. Of a mapping its 0/1 score is taken where it has one (lmms-eval's
    `score_key`); else the reply is right if the metric's aggregation of it alone is above 0.
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
    """The letter that a task read in a reply; "" for none, None where it does not say."""
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
    """The task's own figures: each metric's aggregation of all results, in its own unit.

    Metrics that write a file for an evaluation server give no figure and are left out.
    """
    found = {}
    for name, aggregate in _aggregations(task).items():
        items = [results[name] for results in all_results if name in results]
        value = aggregate(items) if items else None
        if _is_number(value) and math.isfinite(value):
            found[name] = float(value)
    return found


def _aggregations(task: Any) -> dict[str, Callable[[Sequence[Any]], Any]]:
    """Each metric's, but of those that write files: they want lmms-eval's arguments."""
    return {
        name: aggregate
        for name, aggregate in task.aggregation().items()
        if "args" not in inspect.signature(aggregate).parameters
    }


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float | np.number | np.bool_)


@contextmanager
def _seeded(seed: str) -> Iterator[Any]:
    """Seed the global generators, which tasks draw letters from; tells whether they were used."""
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
