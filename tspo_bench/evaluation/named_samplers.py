"""The samplers of a run, built, with what tables and settings say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.evaluation.seeds import Seeded, with_seeds
from tspo_bench.evaluation.settings import RunSettings
from tspo_bench.files import user_path
from tspo_bench.registry import Card, import_object
from tspo_bench.samplers import FrameSampler, load_sampler, with_agent
from tspo_bench.samplers import registry as samplers
from tspo_bench.samplers.base import Weighted
from tspo_bench.sources import sources_of
from tspo_bench.specs import is_card_path, is_import_path, parse_spec
from tspo_bench.tasks import Task
from tspo_bench.types import JSON


@dataclass(frozen=True)
class NamedSampler:
    """A sampler with what tables and settings say of it.

    `seed` is None if it depends on none; `tuned_for` is the benchmark of its card's options.
    """

    label: str
    seed: int | None
    sampler: FrameSampler
    settings: dict[str, JSON]
    tuned_for: str | None = None


def load_samplers(run_settings: RunSettings, task: Task) -> list[NamedSampler]:
    """Every sampler of a run, built for a task: one for each seed that it depends on.

    Raises:
        UserError: a sampler that cannot be built, or two of one name.
    """
    context = {"question_ids": task.annotation_ids, "device": run_settings.device}
    asked = [*run_settings.samplers, *_bounds(run_settings, task)]
    labels = [parse_spec(text).label for text in asked]
    reject_equal_labels("samplers", asked, labels)
    return [
        _named(label, seeded, run_settings.agent, context)
        for label, text in zip(labels, asked, strict=True)
        for seeded in with_seeds(text, run_settings.agent, run_settings.seeds, context)
    ]


def _bounds(run_settings: RunSettings, task: Task) -> list[str]:
    """The blind sampler, and the oracle where the task has evidence."""
    if not run_settings.with_bounds:
        return []
    has_evidence = any(question.evidence for question in task.questions())
    bounds = ["blind", *(["oracle"] if has_evidence else [])]
    return [name for name in bounds if name not in run_settings.samplers]


def _named(
    label: str, seeded: Seeded, agent: str | None, context: Mapping[str, Any]
) -> NamedSampler:
    sampler = load_sampler(seeded.spec, seed=seeded.seed or 0, agent=agent, **context)
    spec = with_agent(parse_spec(seeded.spec), agent)
    card = samplers.card(spec)
    settings: dict[str, JSON] = {"class": card.target, "options": dict(card.options)}
    if isinstance(sampler, Weighted) and isinstance(sampler.id, str):  # a custom one's may differ
        settings["id"] = sampler.id
    if spec.argument is not None:
        content = user_path(spec.argument).read_bytes()
        settings["file"] = hashlib.sha256(content).hexdigest()
    if sources := _sources(card):
        settings["code"] = sources
    return NamedSampler(label, seeded.seed, sampler, settings, card.tuned_for)


def _sources(card: Card) -> dict[str, JSON]:
    """The source of a sampler's class, and of the classes that its options name."""
    found: dict[str, JSON] = {}
    waiting: list[Any] = [card]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Card):
            found |= sources_of(import_object("sampler", one.target))
            waiting += one.options.values()
        elif isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, str) and (inner := _named_class(one)) is not None:
            waiting.append(inner)
    return dict(sorted(found.items()))


def _named_class(text: str) -> Card | None:
    """The class that an option's text names by its import path or a card's path, if it does."""
    try:
        spec = parse_spec(text)
        is_card = is_card_path(spec.name) and user_path(spec.name).is_file()
        return samplers.card(spec) if is_card or is_import_path(spec.name) else None
    except UserError:
        return None


def reject_equal_labels(kind: str, given: Sequence[str], labels: Sequence[str]) -> None:
    """Reject equal names: tables and cells' folders need different ones.

    Raises:
        UserError: two of the labels are equal.
    """
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(
                f"{kind} {', '.join(given)}: two of them are called {label!r} in tables; rename a "
                "file or folder, or run them with different --out"
            )
