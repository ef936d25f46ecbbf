"""Groups of four questions of a video that are scored together: Video-MME-v2's group score.

A "relevance" group scores the square of the share that is right. A "logic" group scores its chain
of steps up to the first wrong one; two questions of one step may stand in for each other there.
Source: MME-Benchmarks/Video-MME-v2 at b24176a, evaluation/test_video_mme_v2.py.
"""

from __future__ import annotations

import ast
import logging
from collections.abc import Mapping, Sequence

from tspo_bench.tasks.file_readers import Annotation
from tspo_bench.types import Question

_log = logging.getLogger(__name__)
FORM = "group_form"  # the group of a record that names how its group is scored
MEMBERS = 4
_FEW = 5  # incomplete groups that a warning names
# Points by the number of right questions, or steps, in parts of the last.
_POINTS: Mapping[str, tuple[int, ...]] = {
    "relevance": (0, 1, 4, 9, 16),
    "logic [1, 2, 3, 4]": (0, 1, 4, 9, 16),
    "logic [1, [2, 3], 4]": (0, 1, 4, 7, 12),
    "logic [[1, 2], 3, 4]": (0, 1, 2, 5, 10),
}
# Where a chain breaks after so many right ones, the next question but one continues it.
_STANDS_IN: Mapping[str, int] = {"logic [1, [2, 3], 4]": 1, "logic [[1, 2], 3, 4]": 0}


def form_of(record: Annotation) -> str:
    """Return a record's form of group: "relevance", "logic [1, [2, 3], 4]", ...

    Raises:
        KeyError: a field is missing.
        ValueError: the type or structure is unknown.
    """
    kind = record["group_type"]
    if kind == "relevance":
        return "relevance"
    structure = record["group_structure"]
    try:
        form = f"{kind} {ast.literal_eval(structure) if isinstance(structure, str) else structure}"
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        form = f"{kind} {structure}"
    if form not in _POINTS:
        known = ", ".join(_POINTS)
        raise ValueError(f"group_type and group_structure {form!r}; known: {known}")
    return form


def place_of(question_id: str) -> int:
    """Return a question's place in its group, from 1: "017-3" has 3; 0 if the id has none."""
    end = question_id.rpartition("-")[2]
    return int(end) if end.isdecimal() else 0


def group_score(form: str, right: Sequence[bool]) -> float:
    """Return the score of a group, a share of 1.

    Args:
        form: as `form_of` returns it.
        right: [4] whether each question is right, in the order of the group.
    """
    points = _POINTS[form]
    if form == "relevance":
        return points[sum(right)] / points[-1]
    steps = next((number for number, is_right in enumerate(right) if not is_right), len(right))
    if _STANDS_IN.get(form) == steps and right[steps + 1]:
        steps += 1
    return points[steps] / points[-1]


def warn_of_incomplete(task: str, questions: Sequence[Question], places: Mapping[str, str]) -> None:
    """Log the groups that have other members than questions 1 to 4.

    Args:
        task: its name.
        questions: all of the task.
        places: where the annotation of each stands ("test.jsonl line 3"), by question id.
    """
    members: dict[str, list[Question]] = {}
    for question in questions:
        members.setdefault(question.video, []).append(question)
    expected = list(range(1, MEMBERS + 1))
    odd = {
        video: group
        for video, group in members.items()
        if sorted(place_of(one.id) for one in group) != expected
        or len({one.groups.get(FORM) for one in group}) > 1
    }
    for video, group in list(odd.items())[:_FEW]:
        found = ", ".join(f"{one.id} ({places.get(one.id, '?')})" for one in group)
        forms = " and ".join(sorted({one.groups.get(FORM, "none") for one in group}))
        _log.warning(
            "task %r: the group of video %s must be questions 1 to %d of one form; it has %s, "
            "form %s; a missing question counts as wrong in the group score",
            task, video, MEMBERS, found, forms,
        )  # fmt: skip
    if len(odd) > _FEW:
        _log.warning("task %r: incomplete groups: %d more", task, len(odd) - _FEW)
