"""How a name becomes a sampler, a task or a model.

A *card* is a YAML file that gives a name to a class and its options; the built-in ones stand
in `tasks/` and `samplers/`. A registry resolves specs of one kind.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import inspect
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tspo_bench.errors import CRASHES, UserError
from tspo_bench.files import user_path
from tspo_bench.specs import (
    CARD_SUFFIXES,
    IMPORT_PATH,
    Spec,
    is_card_path,
    is_import_path,
    make_local_modules_importable,
    parse_spec,
    read_yaml,
    split_specs,
)

__all__ = [
    "Card",
    "Registry",
    "Spec",
    "cards_folder",
    "did_you_mean",
    "import_object",
    "parse_spec",
    "read_card",
    "split_specs",
]


@dataclass(frozen=True)
class Card:
    """A named class with options, as a YAML card or an entry point declares it.

    `target` is "package.module:Name". `tuned_for` names the benchmark that the options were tuned
    on, which every table must say. `problem` is why a card among the shipped ones cannot be used.
    """

    name: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    tuned_for: str | None = None
    path: Path | None = None
    problem: str | None = None


def cards_folder(kind: str) -> Path:
    """Where the shipped cards of a kind ("tasks", "samplers") lie: in the wheel or the checkout."""
    package = Path(__file__).parent
    shipped = package / "cards" / kind
    return shipped if shipped.is_dir() else package.parent / kind


def read_card(path: Path) -> dict[str, Any]:
    """A YAML card as a mapping.

    Raises:
        UserError: the file is missing, is not YAML, or holds no mapping.
    """
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read card {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"card {path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"card {path} must hold a mapping, got {type(content).__name__}")
    return content


def import_object(what: str, target: str) -> Any:
    """The object at "package.module:Name"; `what` is the word for it in messages.

    Raises:
        UserError: the target is not such a path, or importing it raises.
    """
    if not IMPORT_PATH.fullmatch(target):
        raise UserError(f"{what} {target!r}: write package.module:Name")
    module, _, name = target.partition(":")
    make_local_modules_importable()
    try:
        return getattr(importlib.import_module(module), name)
    except CRASHES as error:
        raise UserError(f"{what} {target!r} cannot be imported: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The error of an import, with its place in the module."""
    if isinstance(error, (ImportError, AttributeError)):
        return str(error)
    return _placed(error)


def _placed(error: BaseException) -> str:
    """An error with its place in a module."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = "" if isinstance(error, SyntaxError) else f" ({last.filename}, line {last.lineno})"
    return f"{type(error).__name__}: {error}{place}"


class Registry:
    """Resolves the specs of one kind of thing ("sampler", "task", "model").

    Names come from the shipped cards, from entry points of the group `tspo_bench.<kind>s`, and from
    `register`. Beside names, a spec may be a card's path or "package.module:Name".

    Args:
        kind: the word for one thing of this registry, used in messages.
        cards: where the cards lie; None for the shipped ones.
    """

    def __init__(self, kind: str, cards: Path | None = None) -> None:
        self.kind = kind
        self._folder = cards
        self._registered: dict[str, Card] = {}

    def register(self, name: str, target: str, description: str = "", **options: Any) -> None:
        """Give `name` to the class at `target`, "package.module:Name".

        Raises:
            UserError: the name is taken by another target.
        """
        taken = self.cards().get(name)
        if taken is not None and taken.target != target:
            raise UserError(f"{self.kind} {name!r} is {taken.target}; {target} needs another name")
        self._registered[name] = Card(name, target, options, description)

    def cards(self) -> dict[str, Card]:
        """Every known name with its card, sorted."""
        found = {card.name: card for card in self._entry_points}
        found.update({card.name: card for card in self._shipped})
        found.update(self._registered)
        return dict(sorted(found.items()))

    def card(self, spec: Spec) -> Card:
        """The card that a spec names, with the spec's own options over the card's.

        Raises:
            UserError: unknown name (near matches are offered), or a broken card.
        """
        if is_card_path(spec.name):
            card = self._load(user_path(spec.name))
        elif is_import_path(spec.name):
            card = Card(spec.name.rpartition(":")[2], spec.name)
        else:
            known = self.cards()
            if spec.name not in known:
                raise UserError(self._unknown(spec, list(known)))
            card = known[spec.name]
        if card.problem is not None:
            raise UserError(card.problem)
        options = {**card.options, **spec.options}
        return replace(card, options=options)

    def create(self, spec: Spec, **context: Any) -> Any:
        """Build what a spec names: its class called with its options.

        `context` holds what the caller can offer (a seed, a device, a data root); a class takes of
        it what its constructor names. The argument of `file:PATH` is offered as `path`.

        Raises:
            UserError: the class cannot be imported, an option is not one of its own, one that it
            needs is not given, or a custom class raises something.
        """
        call = self.prepare(spec, **context)
        try:
            return call()
        except UserError:
            raise
        except TypeError as error:
            raise UserError(f"{self.kind} {spec.label!r}: {error}") from error
        except CRASHES as error:
            if call.func.__module__.startswith("tspo_bench."):  # a fault of ours
                raise
            raise UserError(
                f"{self.kind} {spec.label!r} cannot be built: {_placed(error)}"
            ) from error

    def prepare(self, spec: Spec, **context: Any) -> functools.partial[Any]:
        """The call that `create` makes, checked but not made yet: see there."""
        card = self.card(spec)
        cls = self._import(card.target)
        parameters = inspect.signature(cls).parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        for key in card.options:
            if key not in parameters and not open_ended:
                hint = did_you_mean(key, parameters)
                raise UserError(
                    f"{self.kind} {spec.name!r} has no option {key!r}; {hint}"
                    f"it has: {', '.join(sorted(parameters)) or 'none'}"
                )
        if spec.argument is not None:
            if "path" not in parameters:
                raise UserError(
                    f"{self.kind} {spec.name!r} takes nothing after a colon, "
                    f"got {spec.argument!r}; write options as {spec.name}[option=value]"
                )
            context["path"] = spec.argument
        arguments = {key: value for key, value in context.items() if key in parameters}
        arguments.update(card.options)
        for name, parameter in parameters.items():
            if name not in arguments and _is_required(parameter):
                rest = ":PATH" if name == "path" else f"[{name}=value]"
                raise UserError(f"{self.kind} {spec.name!r} needs {name!r}: {spec.name}{rest}")
        return functools.partial(cls, **arguments)

    @functools.cached_property
    def _shipped(self) -> list[Card]:
        folder = self._folder or cards_folder(f"{self.kind}s")
        paths = sorted(p for p in folder.glob("*") if p.suffix in CARD_SUFFIXES)
        cards = []
        for path in paths:
            try:
                cards.append(self._load(path))
            except UserError as error:  # it must not hide the others
                cards.append(Card(path.stem, "", path=path, problem=str(error)))
        return cards

    @functools.cached_property
    def _entry_points(self) -> list[Card]:
        points = importlib.metadata.entry_points(group=f"tspo_bench.{self.kind}s")
        return [Card(point.name, f"{point.module}:{point.attr}") for point in points]

    def _load(self, path: Path) -> Card:
        content = read_card(path)
        if not isinstance(content.get("class"), str):
            raise UserError(f"card {path} lacks 'class': package.module:Name")
        known = {"name", "class", "options", "description", "tuned_for"}
        extra = sorted(set(content) - known)
        if extra:
            raise UserError(f"card {path} has unknown key {extra[0]!r}; known: {sorted(known)}")
        options = content.get("options") or {}
        if not isinstance(options, dict):
            raise UserError(f"card {path}: 'options' must be a mapping, got {options!r}")
        return Card(
            name=str(content.get("name", path.stem)),
            target=content["class"],
            options=options,
            description=content.get("description") or "",
            tuned_for=content.get("tuned_for"),
            path=path,
        )

    def _import(self, target: str) -> Any:
        found = import_object(self.kind, target)
        if not callable(found):
            raise UserError(f"{self.kind} {target!r} is not a class but {type(found).__name__}")
        return found

    def _unknown(self, spec: Spec, known: list[str]) -> str:
        hint = did_you_mean(spec.name, known)
        if not hint and IMPORT_PATH.fullmatch(f"{spec.name}:{spec.argument or ''}"):
            hint = f"no {spec.name}.py is here; "
        return f"unknown {self.kind} {spec.name!r}: {hint}known: {', '.join(known)}"


def _is_required(parameter: inspect.Parameter) -> bool:
    named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    return named and parameter.default is parameter.empty


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The known words nearest to a mistyped one, as the start of a hint."""
    lowered = {name.lower(): name for name in known}
    near = [lowered[name] for name in difflib.get_close_matches(word.lower(), lowered, n=3)]
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""
