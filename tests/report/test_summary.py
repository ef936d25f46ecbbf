"""Figures of a cell, by hand, and the object of `run --json`."""

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.support import cell, cell_with, record, settings_with
from tspo_bench.report import headroom_recovered, summarise
from tspo_bench.report.baselines import Baselines, pooled_rows
from tspo_bench.types import Status


def test_every_figure_by_hand() -> None:
    records = [
        record(0, evidence_recall=1.0, timing={"decode": 1.0, "answer": 2.0}),
        record(1, False, evidence_recall=0.0, timing={"answer": 1.0}),
        record(2, False, status="unparsed", letter=None, frames=(3,), num_filled=1),
        record(3, False, status="decode_error", letter=None, frames=(), error="broken"),
        record(4, num_filled=2),
    ]
    found = summarise(records, settings_with({"frames": 2}))
    assert (found.n, found.num_videos, found.num_withheld) == (5, 3, 0)
    assert found.accuracy == pytest.approx(2 / 5)
    assert found.accuracy_answered == pytest.approx(2 / 3)
    assert (found.evidence_recall, found.num_with_evidence) == (0.5, 2)
    assert found.seconds_per_question == pytest.approx(4 / 5)
    assert (found.num_filled, found.num_short, found.mean_frames) == (3, 1, 7 / 4)
    assert found.status_counts == {
        "ok": 3, "unparsed": 1, "decode_error": 1, "sampler_error": 0, "model_error": 0
    }  # fmt: skip
    assert found.num_failed == 1
    assert found.ci95 is not None


def test_nothing_asked_leaves_everything_undefined() -> None:
    found = summarise([])
    assert found.n == 0
    for name in ("accuracy", "ci95", "accuracy_answered", "evidence_recall", "mean_frames"):
        assert getattr(found, name) is None
    assert found.seconds_per_question is None


def test_none_answered_is_0_accuracy_but_undefined_among_the_answered() -> None:
    found = summarise([record(n, False, status="decode_error") for n in range(4)])
    assert (found.accuracy, found.accuracy_answered) == (0.0, None)


def test_withheld_answers_are_in_no_accuracy() -> None:
    hidden = [record(n, False, gold=None) for n in range(4)]
    found = summarise(hidden)
    assert (found.n, found.num_withheld) == (4, 4)
    assert (found.accuracy, found.ci95, found.accuracy_answered) == (None, None, None)
    mixed = summarise([*hidden, record(4), record(5, False)])
    assert (mixed.n, mixed.accuracy, mixed.num_withheld) == (6, 0.5, 4)


def test_a_question_counts_in_each_of_its_types() -> None:
    records = [
        record(0, groups={"type": "entity recognition|reasoning", "length": "600"}),
        record(1, False, groups={"type": "reasoning", "length": "60"}),
        record(2, groups={"type": "reasoning|reasoning|", "length": "3600"}),
        record(3, groups={"length": "9" * 6000}),
    ]
    groups = summarise(records).groups
    types = {value: (entry.n, entry.accuracy) for value, entry in groups["type"].items()}
    assert types == {"entity recognition": (1, 1.0), "reasoning": (3, pytest.approx(2 / 3))}
    assert list(groups["length"]) == ["60", "600", "3600", "9" * 6000]  # in natural order
    assert groups["type"]["entity recognition"].ci95 is None


@given(st.lists(st.tuples(st.sampled_from(get_args(Status)), st.booleans()), max_size=30))
def test_statuses_are_disjoint_and_add_up(drawn: list[tuple[Status, bool]]) -> None:
    records = [
        record(n, right and status == "ok", status=status)
        for n, (status, right) in enumerate(drawn)
    ]
    found = summarise(records)
    assert sum(found.status_counts.values()) == found.n == len(records)
    assert set(found.status_counts) == set(get_args(Status))
    if found.accuracy_answered is not None:
        assert found.accuracy is not None
        assert found.accuracy <= found.accuracy_answered


@pytest.mark.parametrize(
    ("accuracy", "uniform", "oracle", "expected"),
    [
        (0.5, 0.4, 0.9, 0.2),
        (0.4, 0.4, 0.9, 0.0),
        (0.9, 0.4, 0.9, 1.0),
        (0.3, 0.4, 0.9, -0.2),
        (0.5, 0.4, 0.4, None),
        (0.5, 0.4, 0.3, None),
        (None, 0.4, 0.9, None),
        (0.5, None, 0.9, None),
        (0.5, 0.4, None, None),
    ],
)
def test_headroom(accuracy, uniform, oracle, expected) -> None:
    found = headroom_recovered(accuracy, uniform, oracle)
    assert found == (None if expected is None else pytest.approx(expected))


def recovered(cells: list) -> list[float | None]:
    return [headroom for _, headroom in sorted(headrooms(cells))]


def headrooms(cells: list) -> list[tuple[int, float | None]]:
    """The place of each row's cell, and its headroom."""
    rows = pooled_rows(cells, Baselines(cells))
    return [(cells.index(row.cells[0]), row.headroom) for row in rows]


def test_headroom_is_measured_within_the_same_setting() -> None:
    uniform, aks, oracle = cell_with("uniform", 4), cell_with("aks", 6), cell_with("oracle", 9)
    assert recovered([uniform, aks, oracle]) == pytest.approx([0.0, 0.4, 1.0])
    edge, qwen = (cell_with(f"uniform[{one}]", 2) for one in ("rule=edge", "variant=qwen"))
    assert recovered([edge, uniform, aks, oracle])[1:] == pytest.approx([0.0, 0.4, 1.0])
    assert recovered([edge, aks, oracle]) == pytest.approx([0.0, 4 / 7, 1.0])  # the only one
    assert recovered([edge, qwen, aks, oracle]) == [None] * 4
    for key in (
        *("task", "model", "frames", "visual_tokens", "limit", "questions"),
        *("protocol", "protocol_hash", "answer"),
    ):
        is_number = key in ("frames", "visual_tokens", "limit")
        other = cell_with("aks", 6, **{key: 8 if is_number else "8"})
        assert recovered([uniform, other, oracle])[1] is None
        both = [uniform, other]
        assert [row.paired for row in pooled_rows(both, Baselines(both))] == [None, None]
    elsewhere = cell("aks", aks.records, run=Path("/runs/two"))
    assert recovered([uniform, elsewhere, oracle])[1] == pytest.approx(0.4)
    worse = cell("uniform", cell_with("uniform", 3).records, run=Path("/runs/two"))
    assert recovered([uniform, elsewhere, oracle, worse])[1] == pytest.approx(3 / 6)  # its own run


def test_summary_is_plain_json() -> None:
    records = [record(n, groups={"a": "b"}) for n in range(4)]
    read = json.loads(summarise(records, settings_with({"frames": 2})).model_dump_json())
    assert read["num_failed"] == 0
    assert read["groups"]["a"]["b"]["accuracy"] == 1.0


def test_headline_and_macro_are_the_protocols_and_the_benchmarks() -> None:
    kinds = ["count"] * 2 + ["order"] * 6
    records = [
        record(n, n > 4, groups={"type": kind}, status="unparsed" if n == 0 else "ok")
        for n, kind in enumerate(kinds)
    ]
    dropped = {"average": "micro", "over": None, "values": [], "unparsed": "dropped"}
    found = summarise(records, settings_with({"scoring": dropped, "macro": "type"}))
    assert (found.accuracy, found.headline) == (3 / 8, 3 / 7)
    assert found.macro == pytest.approx((0 + 3 / 6) / 2)
    assert found.macro_ci95 is not None
    plain = summarise(records)
    assert (plain.headline, plain.headline_ci95, plain.macro) == (3 / 8, plain.ci95, None)


def test_what_the_model_was_shown() -> None:
    def seen(height: int, tokens: int) -> dict[str, int]:
        return {"frames": 2, "height": height, "width": 640, "visual_tokens": tokens}

    records = [
        record(0, visual_input=seen(360, 100), usage={"prompt_tokens": 120}),
        record(1, visual_input=seen(480, 300), guessed=True),
        record(
            2, visual_input=seen(480, 200), usage={"prompt_tokens": 220, "completion_tokens": 2}
        ),
        record(3, False, status="decode_error", frames=()),
        record(4, visual_input={"frames": 0, "height": 0, "width": 0, "visual_tokens": 0}),  # blind
    ]
    settings = {"protocol": "strict@1", "protocol_hash": "0a", "answer": "options"}
    found = summarise(records, settings_with(settings))
    assert found.mean_visual_tokens == (100 + 300 + 200 + 0) / 4
    assert list(found.frame_sizes.items()) == [("480x640", 2), ("360x640", 1)]
    assert found.mean_usage == {"prompt_tokens": 170.0, "completion_tokens": 2.0}
    assert found.num_guessed == 1
    assert (found.protocol, found.protocol_hash, found.answer) == ("strict@1", "0a", "options")


def test_frame_sizes_are_of_the_answers_that_tell_them() -> None:
    told = {"frames": 3, "height": 64, "width": 48}
    found = summarise(
        [record(0, visual_input=told), record(1, visual_input={"frames": 3}), record(2)]
    )
    assert found.frame_sizes == {"64x48": 1}
