"""How a spec, what people write to name a sampler, a task or a model, is read.

A *spec* is `aks`, `aks[t1=0.8,depth=5]`, `file:PATH`, `pkg.mod:Name` or a card's path; commas
separate several.
"""

from __future__ import annotations

import importlib.util
import json
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
IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_ARGUMENT = re.compile(r"(?P<name>[A-Za-z][\w.-]*):(?P<argument>.+)", re.DOTALL)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain scalars.

    The 1.1 rules of PyYAML read 1e-3 as text, 15:30 as 930, no as false and 010 as 8.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )


def read_yaml(text: str) -> Any:
    """A YAML document's content, its plain scalars read by YAML 1.2's rules.

    Raises:
        yaml.YAMLError: it is not YAML, is nested too deep, or holds a number of too many digits.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deep") from error
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from error


@dataclass(frozen=True)
class Spec:
    """A parsed name: `argument` is what follows the colon in `file:PATH`."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    argument: str | None = None

    @property
    def label(self) -> str:
        """The name as tables show it, with its options, which distinguish cells."""
        if self.argument is not None:
            base = f"{self.name}:{Path(self.argument).name}"
        else:
            base = Path(self.name).stem if is_card_path(self.name) else self.name
        options = ",".join(f"{key}={_show(value)}" for key, value in sorted(self.options.items()))
        return f"{base}[{options}]" if options else base


def split_specs(text: str) -> list[str]:
    """Split "a,b[x=1,y=2],c" at the commas outside of brackets and quotes.

    A spec that holds a comma itself (a path) is put in quotes: `uniform,"file:a,b.json"`.
    """
    parts = [part.strip() for part in _split_at_commas(text)]
    return [_unquoted(part) for part in parts if part]


def parse_spec(text: str) -> Spec:
    """Read one spec. Option values are YAML: numbers, true, text, lists as `[1,2]`.

    Raises:
        UserError: the text is not `name`, `name[key=value,...]` or `name:argument`.
    """
    text = text.strip()
    name, bracketed = _cut_options(text)
    if not name:
        raise UserError(f"cannot read {text!r}: write a name, or name[option=value,option=value]")
    options: dict[str, Any] = {}
    for item in filter(str.strip, _split_at_commas(bracketed)):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key:
            raise UserError(f"cannot read option {item!r} of {text!r}: write option=value")
        if key in options:
            raise UserError(f"option {key!r} is given twice in {text!r}")
        options[key] = _read_value(value, text)
    match = _ARGUMENT.fullmatch(name)
    if match and not is_import_path(name):
        return Spec(match["name"], options, match["argument"])
    return Spec(name, options)


def _split_at_commas(text: str) -> list[str]:
    parts, depth, quote = [""], 0, ""
    for character in text:
        opens = not parts[-1].strip() or parts[-1][-1] in "=[,"
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and opens:  # not the apostrophe inside a word
            quote = character
        if not quote:
            depth = max(0, depth + (character == "[") - (character == "]"))
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _cut_options(text: str) -> tuple[str, str]:
    """Cut `name[options]` at the bracket that the last character closes.

    Brackets elsewhere are part of the name (`file:frames[64].json`).
    """
    if not text.endswith("]"):
        unclosed = re.fullmatch(r"[\w.-]+\[.*", text) or re.search(r"\[\s*\w+\s*=[^\]]*$", text)
        return ("", "") if unclosed else (text, "")
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += (text[position] == "]") - (text[position] == "[")
        if depth == 0:
            return text[:position].strip(), text[position + 1 : -1]
    return "", ""


def _read_value(value: str, text: str) -> Any:
    try:
        return read_yaml(value)
    except yaml.YAMLError as error:
        raise UserError(
            f"cannot read value {value!r} in {text!r}: put it in quotes if it is text"
        ) from error


def _show(value: Any) -> str:
    """An option's value as one would write it in a spec."""
    if isinstance(value, str) and not re.search(r"[\[\],'\"]|\s#", value):
        return value
    return json.dumps(value, separators=(",", ":"), default=str)


def is_card_path(name: str) -> bool:
    """Whether a spec's name is the path of a YAML card."""
    return Path(name).suffix in CARD_SUFFIXES


def is_import_path(text: str) -> bool:
    """Whether a spec's name is "package.module:Name", where a plain module must exist."""
    return IMPORT_PATH.fullmatch(text) is not None and (
        "." in text.partition(":")[0] or _module_exists(text.partition(":")[0])
    )


def _module_exists(name: str) -> bool:
    make_local_modules_importable()
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def make_local_modules_importable() -> None:
    """Let a custom sampler lie beside the shell, as it may for `python -m`.

    Last in the path, so that no local file hides an installed package.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
