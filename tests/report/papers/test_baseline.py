"""The rule by which a run agrees with the literature, at its edges."""

import dataclasses

import pytest

from tests.report.support import cell_with
from tspo_bench.errors import UserError
from tspo_bench.report.papers.baseline import ROUNDING, Check, check_published
from tspo_bench.report.papers.published import Published
from tspo_bench.report.summary import summarise

FIGURE = Published(
    benchmark="mlvu", split="dev", model="m", method="uniform", frames=2, value=50.0,
    metric="micro", subtitles="none", group=None, source="a paper", verified="P", note="",
)  # fmt: skip
RUN = cell_with("uniform", 250, 500, task="mlvu", model="m", protocol="strict@1")
LOW, HIGH = (100 * end for end in summarise(RUN.records).ci95 or (0, 0))


def check(*values: float, **changes: object) -> Check:
    rows = [FIGURE.model_copy(update={"value": value, **changes}) for value in values]
    ((found,), _) = check_published([RUN], rows)
    return found


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (50.0, True),
        (HIGH + ROUNDING - 1e-6, True),
        (HIGH + ROUNDING + 1e-6, False),
        (LOW - ROUNDING + 1e-6, True),
        (LOW - ROUNDING - 1e-6, False),
    ],
)
def test_the_interval_and_half_of_the_last_decimal(value: float, passes: bool) -> None:
    assert check(value).passed is passes


def test_one_that_agrees_is_enough_where_papers_contradict_each_other() -> None:
    assert check(50.0, 90.0).passed
    assert not check(90.0, 91.0).passed


def test_each_figure_needs_one_that_agrees() -> None:
    """Of all questions and of a group: the second one is wrong."""
    records = [dataclasses.replace(r, groups={"duration": "long"}) for r in RUN.records]
    run = dataclasses.replace(RUN, records=records)
    rows = [FIGURE, FIGURE.model_copy(update={"group": ("duration", "long"), "value": 90.0})]
    ((found,), _) = check_published([run], rows)
    assert found.verdicts[0].text == "within"
    assert not found.passed


@pytest.mark.parametrize(
    ("task", "options", "warns"),
    [
        ("lvbench", "template=chatml_direct", False),
        ("lvbench", "max_pixels=235200,min_pixels=200704,positions=constant", False),
        ("lvbench", "template=chatml_direct,pool=2", True),
        ("mlvu", "template=chatml_direct", True),  # there the preset has its own protocol
    ],
)
def test_options_of_the_papers_preset_are_published(task: str, options: str, warns: bool) -> None:
    run = cell_with("uniform", 5, task=task, model=f"m[{options}]", protocol="lmms-eval@0.7.3")
    assert any("options" in one for one in Check(run, summarise(run.records), ()).warnings) is warns


def test_second_hand_figures_decide_nothing() -> None:
    second_hand = FIGURE.model_copy(update={"value": 90.0, "verified": "N"})
    ((found,), _) = check_published([RUN], [FIGURE, second_hand])
    assert found.passed
    with pytest.raises(UserError, match="no published figure decides: a paper"):
        check_published([RUN], [second_hand])


def test_a_benchmark_that_does_not_average_has_no_macro_figure() -> None:
    with pytest.raises(UserError, match="the run has no such figure"):
        check(50.0, metric="macro")
