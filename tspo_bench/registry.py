"""How a name becomes a sampler, a task or a model.

A *spec* is what people write: `aks`, `aks[t1=0.8,depth=5]`, `file:PATH`, `pkg.mod:Name`, a card's
path. A *card* is a YAML file that gives a name to a class and its options; the built-in ones stand
in `tasks/` and `samplers/`. A registry resolves specs of one kind.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tspo_bench.errors import UserError

CARD_SUFFIXES = (".yaml", ".yml")
_SPEC = re.compile(r"^(?P<name>[^\[\]]+)(\[(?P<options>[^\[\]]*)\])?$")


@dataclass(frozen=True)
class Spec:
    """A parsed name: `argument` is what follows the colon in `file:PATH`."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    argument: str | None = None

    @property
    def label(self) -> str:
        """The name as tables show it, with its options: what tells two cells apart."""
        base = self.name if self.argument is None else f"{self.name}:{Path(self.argument).name}"
        if Path(base).suffix in CARD_SUFFIXES:
            base = Path(base).stem
        options = ",".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{base}[{options}]" if options else base


@dataclass(frozen=True)
class Card:
    """A named class with options, as a YAML card or an entry point declares it.

    `target` is "package.module:Name". `tuned_for` names the benchmark that the options were tuned
    on, which every table must say.
    """

    name: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    tuned_for: str | None = None
    path: Path | None = None


def split_specs(text: str) -> list[str]:
    """Split "a,b[x=1,y=2],c" at the commas outside of brackets."""
    parts = [part.strip() for part in re.split(r",(?![^\[]*\])", text)]
    return [part for part in parts if part]


def parse_spec(text: str) -> Spec:
    """Read one spec. Option values are read as YAML scalars (numbers, true, text).

    Raises:
        UserError: the text is not `name`, `name[key=value,...]` or `name:argument`.
    """
    match = _SPEC.match(text.strip())
    if match is None:
        raise UserError(f"cannot read {text!r}: write a name, or name[option=value,option=value]")
    options: dict[str, Any] = {}
    for item in filter(None, (match["options"] or "").split(",")):
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise UserError(f"cannot read option {item!r} of {text!r}: write option=value")
        options[key.strip()] = yaml.safe_load(value)
    name, colon, argument = match["name"].strip().partition(":")
    if colon and not _is_import_path(match["name"].strip()):
        return Spec(name, options, argument)
    return Spec(match["name"].strip(), options)


def _is_import_path(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*", text) is not None and (
        "." in text.partition(":")[0] or _module_exists(text.partition(":")[0])
    )


def _module_exists(name: str) -> bool:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # a sampler of one's own lies beside the shell
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read card {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UserError(f"card {path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"card {path} must hold a mapping, got {type(content).__name__}")
    return content


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
        taken = self._registered.get(name)
        if taken is not None and taken.target != target:
            raise UserError(f"{self.kind} {name!r} is {taken.target}; {target} needs another name")
        self._registered[name] = Card(name, target, options, description)

    def cards(self) -> dict[str, Card]:
        """Every known name with its card, sorted."""
        found = {card.name: card for card in self._entry_points()}
        found.update({card.name: card for card in self._shipped})
        found.update(self._registered)
        return dict(sorted(found.items()))

    def card(self, spec: Spec) -> Card:
        """The card that a spec names, with the spec's own options over the card's.

        Raises:
            UserError: unknown name (near matches are offered), or a broken card.
        """
        if Path(spec.name).suffix in CARD_SUFFIXES:
            card = self._load(Path(spec.name))
        elif _is_import_path(spec.name):
            card = Card(spec.name.rpartition(":")[2], spec.name)
        else:
            known = self.cards()
            if spec.name not in known:
                raise UserError(self._unknown(spec.name, list(known)))
            card = known[spec.name]
        options = {**card.options, **spec.options}
        return Card(card.name, card.target, options, card.description, card.tuned_for, card.path)

    def create(self, spec: Spec, **context: Any) -> Any:
        """Build what a spec names: its class called with its options.

        `context` holds what the caller can offer (a seed, a device, a data root); a class takes of
        it what its constructor names. The argument of `file:PATH` is offered as `path`.

        Raises:
            UserError: the class cannot be imported, or an option is none of its own.
        """
        card = self.card(spec)
        cls = self._import(card.target)
        parameters = inspect.signature(cls).parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        unknown = [key for key in card.options if key not in parameters and not open_ended]
        if unknown:
            raise UserError(
                f"{self.kind} {spec.name!r} has no option {unknown[0]!r}; "
                f"it has: {', '.join(sorted(parameters)) or 'none'}"
            )
        if spec.argument is not None:
            context["path"] = spec.argument
        offered = {key: value for key, value in context.items() if key in parameters}
        try:
            return cls(**{**offered, **card.options})
        except TypeError as error:
            raise UserError(f"{self.kind} {spec.label!r}: {error}") from error

    @functools.cached_property
    def _shipped(self) -> list[Card]:
        folder = self._folder or cards_folder(f"{self.kind}s")
        paths = sorted(p for p in folder.glob("*") if p.suffix in CARD_SUFFIXES)
        return [self._load(path) for path in paths]

    def _entry_points(self) -> list[Card]:
        points = importlib.metadata.entry_points(group=f"tspo_bench.{self.kind}s")
        return [Card(point.name, point.value) for point in points]

    def _load(self, path: Path) -> Card:
        content = read_card(path)
        missing = [key for key in ("class",) if key not in content]
        if missing:
            raise UserError(f"card {path} lacks {missing[0]!r}: package.module:Name")
        known = {"name", "class", "options", "description", "tuned_for"}
        extra = sorted(set(content) - known)
        if extra:
            raise UserError(f"card {path} has unknown key {extra[0]!r}; known: {sorted(known)}")
        return Card(
            name=content.get("name", path.stem),
            target=content["class"],
            options=content.get("options") or {},
            description=content.get("description", ""),
            tuned_for=content.get("tuned_for"),
            path=path,
        )

    def _import(self, target: str) -> Any:
        module, _, name = target.partition(":")
        _module_exists(module.partition(".")[0])
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UserError(f"{self.kind} {target!r} cannot be imported: {error}") from error

    def _unknown(self, name: str, known: list[str]) -> str:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        return f"unknown {self.kind} {name!r}: {hint}known: {', '.join(known)}"
