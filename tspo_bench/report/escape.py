"""Texts that others wrote (labels, groups, questions, answers), made harmless where they are shown.

Nothing is left out unseen: what a terminal, a spreadsheet, a browser or LaTeX would act upon is
written as text that says what it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MOST = 200  # characters of a text that are shown
MOST_OF_NOTE = 5000
# What spreadsheets take for a formula at the start of a cell; the wide forms are read alike.
_FORMULA = re.compile(r"(^|;)(\s*[=+\-@＝＋－＠])")
# Markup anywhere in a line, and where links begin that need no markup.
_MARKDOWN = re.compile(r"[\\`*_\[\]|~$<>&@]|(?<=www)\.|:(?=//)", re.IGNORECASE)
_BACKSLASHED = "\\`*_[]"
# Control characters but for line breaks and tabs, marks that turn the direction of writing, and
# halves of surrogate pairs: what could hide or reorder the text around it.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "…": "...",
}


def for_terminal(text: str, most: int = MOST) -> str:
    r"""A text in one line of printable characters, for the terminal and all other forms.

    Control characters, line breaks, marks that turn the direction of writing, lone surrogates and
    other unprintable ones are written as Python writes them (``\x1b``, ``\u202e``). Of more than
    `most` characters the first are shown, with their number.
    """
    shown = text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in shown
    )


def markdown(text: str, most: int = MOST) -> str:
    """A text for a cell of a Markdown table: neither markup, HTML, mathematics nor a link."""
    return _MARKDOWN.sub(_markdown_character, for_terminal(text, most))


def _markdown_character(match: re.Match[str]) -> str:
    # As a number where a backslash does not help: in a table, in mathematics, in a bare link.
    return f"\\{match[0]}" if match[0] in _BACKSLASHED else f"&#{ord(match[0])};"


def latex(text: str, most: int = MOST) -> str:
    """A text for LaTeX: no command; what is not ASCII as its number, "[U+4E2D]", for pdflatex.

    An ellipsis, as `for_terminal` sets where it cuts, is three dots.
    """
    escaped = "".join(
        _LATEX.get(char, char if char.isascii() else rf"[U+{ord(char):04X}]")
        for char in for_terminal(text, most)
    )
    # "--" would be a dash, and a bracket after "\\" an argument.
    return re.sub(r"^(\s*)\[", r"\1{[}", escaped.replace("--", "-{}-{}"))


def spreadsheet(text: str) -> str:
    """A text for a CSV file: an apostrophe stands before what would be a formula.

    Behind a semicolon, too: where commas are decimal, spreadsheets cut the line there.
    """
    return _FORMULA.sub(r"\1'\2", for_terminal(text))


def spreadsheet_value(value: Any) -> Any:
    """A value of a CSV file: lists and mappings as JSON, texts by `spreadsheet`, numbers as is."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    return spreadsheet(value) if isinstance(value, str) else value


def escape_control(text: str) -> str:
    r"""A text of any length with such characters written out: ``\x1b``, ``\u202e``.

    What is markup stays: it is escaped where it is shown.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return _HARMFUL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), unified)


def snippet(text: str, most: int) -> str:
    """The beginning of a text, in one line."""
    line = re.sub(r"\s+", " ", escape_control(text[: 4 * most])).strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def escape_json(value: Any) -> Any:
    """A value of mappings, lists and texts, all texts and keys of it harmless."""
    if isinstance(value, str):
        return escape_control(value)
    if isinstance(value, Mapping):
        return {escape_control(key): escape_json(one) for key, one in value.items()}
    return [escape_json(one) for one in value] if isinstance(value, list | tuple) else value
