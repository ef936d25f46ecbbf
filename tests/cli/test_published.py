"""`tspo-bench report --published`: runs made by hand beside the shipped published figures."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tspo_bench.results import RunDirectory, cell_slug
from tspo_bench.types import Record

SCORING = {"average": "micro", "over": None, "values": [], "unparsed": "wrong"}
UNIFORM: dict[str, Any] = {
    "task": "mlvu", "sampler": "uniform", "model": "llava-video-7b", "frames": 64,
    "protocol": "lmms-eval@0.7.3", "protocol_hash": "0a", "answer": "generate",
    "scoring": SCORING, "macro": "task_type", "limit": None, "num_questions": 2000,
}  # fmt: skip
COUNT = 200  # questions of the one type, 1800 of the other


def records(count: float, order: float, n: int = 2000) -> Iterator[Record]:
    """Answers of which a share of each type is right; one question a video."""
    for number in range(n):
        kind, place, share, of = "order", number - COUNT, order, n - COUNT
        if number < COUNT:
            kind, place, share, of = "count", number, count, COUNT
        right = place < round(share * of)
        yield Record(
            f"q{number}", f"v{number}", "ok", "A", "A" if right else "B", right,
            groups={"task_type": kind, "duration": "long" if number % 2 else "short"},
        )  # fmt: skip


def run(
    count: float, order: float, n: int = 2000, folder: Path = Path("run"), **settings: Any
) -> Path:
    """A run's folder with one more uniform cell."""
    asked = UNIFORM | settings
    slug = cell_slug(asked["task"], asked["sampler"], asked["model"], f"k{asked['frames']}")
    with RunDirectory(folder).open_cell(slug, asked) as writer:
        for record in records(count, order, n):
            writer.append(replace(record, mode=asked["answer"]))
    return folder


VERIFY = ("report", "run", "--published", "--gate")
JSON = ("--format", "json")


def verdicts(found: dict) -> dict[tuple[float, str], str]:
    (cell,) = found["cells"]
    return {(one["value"], one["metric"]): one["verdict"] for one in cell["published"]}


def test_macro_is_compared_with_macro_and_micro_with_micro(cli: Cli) -> None:
    """Micro 70.3% as TSPO's rerun, macro 68.6% as FlexSelect's: of 0.1 a + 0.9 b and their mean."""
    order = (0.703 - 0.1 * 2 * 0.686) / 0.8
    run(2 * 0.686 - order, order)
    done = cli(*VERIFY, *JSON)
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["passed"]
    assert verdicts(found) == {
        (70.8, "unknown"): "not compared: macro or micro is not stated",
        (70.3, "micro"): "within",
        (68.6, "macro"): "within",
    }
    (cell,) = found["cells"]
    by_metric = {one["metric"]: one for one in cell["published"]}
    assert by_metric["micro"]["accuracy"] == pytest.approx(0.703, abs=0.001)
    assert by_metric["macro"]["accuracy"] == pytest.approx(0.686, abs=0.003)
    low, high = by_metric["macro"]["ci95"]
    assert high - low > 0.05  # the small type makes it less sure than micro's 0.04
    assert (cell["frames"], cell["n"], cell["protocol"]) == (64, 2000, "lmms-eval@0.7.3")


def test_micro_that_agrees_does_not_make_up_for_macro(cli: Cli) -> None:
    """Micro 0.1 x 0.2 + 0.9 x 0.759 = 70.3%; macro 48.0%. The model's folder is its name."""
    run(0.2, 0.759, model="LLaVA-Video-7B-Qwen2")
    done = cli(*VERIFY, *JSON)
    assert done.code == 3
    found = verdicts(json.loads(done.out))
    assert found[(70.3, "micro")] == "within"
    assert found[(68.6, "macro")].startswith("outside by 1")


def test_outside_by_how_much(cli: Cli) -> None:
    """The end of the interval, widened by the 0.05 points that rounding hides."""
    run(0.6, 0.6)
    done = cli(*VERIFY, *JSON)
    assert done.code == 3
    found = json.loads(done.out)
    assert not found["passed"]
    (cell,) = found["cells"]
    (micro,) = [one for one in cell["published"] if one["metric"] == "micro"]
    low, high = micro["ci95"]
    assert (low, high) == pytest.approx((0.578, 0.621), abs=0.001)
    assert micro["outside_by"] == pytest.approx(70.3 - 100 * high - 0.05)
    assert micro["verdict"] == f"outside by {micro['outside_by']:.1f} points"


def test_as_a_table(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    run(0.6, 0.6)
    done = cli(*VERIFY)
    assert done.code == 3
    text = " ".join(done.out.split())
    assert "mlvu, llava-video-7b, uniform, K = 64, protocol lmms-eval@0.7.3: 2000 questions" in text
    assert "60.0% [57.8, 62.1]" in text
    assert "outside by 8.1 points" in text
    assert "widened by 0.05 points of rounding" in text
    assert done.out.endswith("\nnot passed\n")


def test_groups_and_second_hand_figures(cli: Cli) -> None:
    """Video-MME: all, and the long ones; what others' notes say is shown and decides nothing."""
    run(0.5, 0.5, task="videomme", model="Qwen2.5-VL-7B-Instruct")
    found = json.loads(cli(*VERIFY, *JSON).out)
    (cell,) = found["cells"]
    by_value = {one["value"]: one for one in cell["published"]}
    assert by_value[53.3]["group"] == "duration=long"
    assert not by_value[52.2]["decides"]
    assert "second-hand" in by_value[52.2]["verdict"]
    assert by_value[63.7]["decides"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"frames": 8}, "is published with 32, 64 frames, not with 8 frames"),
        ({"frames": None, "visual_tokens": 4096}, "not with None frames"),
        ({"sampler": "aks"}, "no cell of sampler 'uniform'"),
        ({"sampler": "uniform[rule=edge]"}, "no cell of sampler 'uniform'"),
        ({"model": "smolvlm2"}, "no published figure of smolvlm2 on mlvu"),
        ({"task": "mlvu[split=test]"}, " on mlvu[split=test]"),
        ({"num_questions": 2174}, "is unfinished: 2000 of 2174 questions"),
        ({"limit": 2000}, "it has the first 2000 questions only"),
        ({"answer": "options"}, "it weighs the options' letters"),
        ({"protocol": "strict@1+aligned"}, "subtitles none there, aligned here"),
    ],
)
def test_what_is_refused(cli: Cli, settings: dict[str, Any], problem: str) -> None:
    run(0.5, 0.5, **settings)
    done = cli(*VERIFY)
    assert done.code == 2
    assert problem in done.error


def test_cells_that_cannot_be_compared_are_notes(cli: Cli) -> None:
    run(0.6, 0.6, folder=Path("runs/a"))
    run(0.6, 0.6, 20, folder=Path("runs/b"))
    done = cli("report", "runs", "--published", *JSON)
    assert done.code == 0  # without --gate
    found = json.loads(done.out)
    assert not found["passed"]
    assert [one["cell"].split("/")[1] for one in found["cells"]] == ["a"]
    assert "note: not compared: runs/b/" in done.err
    assert "it is unfinished: 20 of 2000 questions" in done.err
    assert cli("report", "runs", "--published", "--gate").code == 3


def test_what_published_runs_did_not_have_is_told(cli: Cli) -> None:
    run(0.7, 0.7, protocol="strict@1", model="llava-video-7b[pool=2]")
    done = cli(*VERIFY, *JSON)
    (cell,) = json.loads(done.out)["cells"]
    protocol, options = cell["warnings"]
    assert "protocol 'strict@1'" in protocol
    assert "--protocol lmms-eval" in protocol
    assert "'llava-video-7b[pool=2]'" in options
    assert done.err.splitlines() == [f"warning: {protocol}", f"warning: {options}"]
    run(0.7, 0.7, folder=Path("plain"))
    plain = cli("report", "plain", "--published", *JSON)
    assert json.loads(plain.out)["cells"][0]["warnings"] == []


@pytest.mark.parametrize("sampler", ["uniform[short=candidates]", "uniform[variant=qwen]"])
def test_the_preset_of_the_paper_is_a_published_set_up(cli: Cli, sampler: str) -> None:
    model = "llava-video-7b[template=chatml_direct]"
    run(0.703, 0.703, sampler=sampler, model=model, protocol="tspo-paper@19f4ecb")
    done = cli(*VERIFY, *JSON)
    found = json.loads(done.out)
    assert verdicts(found)[70.3, "micro"] == "within"
    assert (found["cells"][0]["warnings"], done.err) == ([], "")
