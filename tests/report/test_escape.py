"""Hostile texts are shown as text: in the terminal, Markdown, LaTeX and spreadsheets."""

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tspo_bench.report.escape import MOST, for_terminal, latex, markdown, spreadsheet

HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|'/c calc'!A1",
    "\x1b]0;owned\x07\x1b[2J",
    "\u202etxet\u202c\u200f",
    "a\nb\r\nc\td",
    "\ud800",
    "| x | y |\n|---|---|",
    "[a](javascript:alert(1)) ![b](http://x/y.png) www.evil.org https://evil.org",
    "*b* _i_ `c` ~~d~~ $e$ <!-- f --> &lt;g&gt; \\| \\",
    "\\input{/etc/passwd}\\end{document}$%#&_^~{}",
    "  =1+1",
    "＝1+1",
    "- item\n# heading\n> quote",
    "",
)
hostile = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=30)
for_each = [example(text) for text in HOSTILE]


def with_examples(test):  # type: ignore[no-untyped-def]
    for one in for_each:
        test = one(test)
    return test


@with_examples
@given(hostile)
def test_visible_is_one_line_of_printable_characters(text: str) -> None:
    shown = for_terminal(text)
    assert shown.isprintable()
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")
    if text.isprintable():
        assert shown == text


def test_long_texts_are_cut_and_say_so() -> None:
    shown = for_terminal("x" * 1_000_000)
    assert shown == "x" * MOST + "… (1000000 characters)"


def parts(tokens: list[Token]) -> list[Token]:
    return [part for token in tokens for part in (token, *parts(token.children or []))]


@with_examples
@given(hostile)
def test_markdown_is_the_text_and_nothing_else(text: str) -> None:
    """CommonMark with GitHub's tables, strikethrough and bare links, HTML allowed."""
    reader = MarkdownIt("commonmark", {"html": True, "linkify": False})
    reader.enable(["table", "strikethrough"])
    page = f"| a | b |\n| --- | --- |\n| {markdown(text)} | end |\n"
    tokens = parts(reader.parse(page))
    allowed = {"table", "thead", "tbody", "tr", "th", "td", "inline", "text", "text_special"}
    assert {re.sub("_(open|close)$", "", token.type) for token in tokens} <= allowed
    cells = [token for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    read = "".join(child.content for child in cells[2].children or [])
    assert read == for_terminal(text).strip(" ")
    assert not re.search(r"https?://|www\.", markdown(text), re.IGNORECASE)


@with_examples
@given(hostile)
def test_spreadsheets_see_no_formula(text: str) -> None:
    shown = spreadsheet(text)
    for part in (shown, *shown.split(";")):  # a line is cut there where commas are decimal
        assert not part.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert shown.replace("'", "") == for_terminal(text).replace("'", "")
    out = io.StringIO()
    csv.writer(out).writerow([shown, 1])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == [shown, "1"]


def unescaped(text: str) -> str:
    """The text that LaTeX would print: each escape is taken back, one by one."""
    names = {
        "textbackslash": "\\", "textasciicircum": "^", "textasciitilde": "~", "textless": "<",
        "textgreater": ">", "textbar": "|", "textquotedbl": '"', "textquotesingle": "'",
        "textasciigrave": "`",
    }  # fmt: skip
    pattern = r"\\([a-z]+)\{\}|\\([{}$&#%_])|-\{\}|\{(\[)\}|([^\\{}$&#%_^~<>|\"'`])"
    found = list(re.finditer(pattern, text))
    assert "".join(match[0] for match in found) == text  # nothing but these
    return "".join(
        names[match[1]] if match[1] else match[2] or match[3] or match[4] or "-" for match in found
    )


@with_examples
@given(hostile)
def test_latex_is_ascii_without_a_command_of_theirs(text: str) -> None:
    made = latex(text)
    assert made.isascii()
    assert not made.startswith("[")
    assert "--" not in made
    shown = for_terminal(text).replace("…", "...")
    expected = re.sub(r"[^\x00-\x7f]", lambda m: f"[U+{ord(m[0]):04X}]", shown)
    assert unescaped(made) == expected


def test_what_latex_cuts_ends_in_three_dots() -> None:
    assert latex("x" * 300) == "x" * MOST + "... (300 characters)"


@pytest.mark.parametrize(("text", "shown"), [("\x1b[31m", "\\x1b[31m"), ("\u202e", "\\u202e")])
def test_what_is_shown_of_control_characters(text: str, shown: str) -> None:
    assert for_terminal(text) == shown
