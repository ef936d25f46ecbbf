"""`tspo-bench verify-baseline`: runs made by hand beside the shipped published figures."""

import json
import os
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


VERIFY = ("verify-baseline", "llava-video-7b", "run", "--task", "mlvu")


def verdicts(found: dict) -> dict[tuple[float, str], str]:
    (cell,) = found["cells"]
    return {(one["value"], one["metric"]): one["verdict"] for one in cell["published"]}


def test_macro_is_compared_with_macro_and_micro_with_micro(cli: Cli) -> None:
    """Micro 70.3% as TSPO's rerun, macro 68.6% as FlexSelect's: of 0.1 a + 0.9 b and their mean."""
    order = (0.703 - 0.1 * 2 * 0.686) / 0.8
    run(2 * 0.686 - order, order)
    done = cli(*VERIFY, "--json")
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
    done = cli(*VERIFY, "--json")
    assert done.code == 3
    found = verdicts(json.loads(done.out))
    assert found[(70.3, "micro")] == "within"
    assert found[(68.6, "macro")].startswith("outside by 1")


def test_outside_by_how_much(cli: Cli) -> None:
    """The end of the interval, widened by the 0.05 points that rounding hides."""
    run(0.6, 0.6)
    done = cli(*VERIFY, "--json")
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
    args = ("verify-baseline", "qwen2.5-vl-7b", "run", "--task", "videomme", "--json")
    found = json.loads(cli(*args).out)
    (cell,) = found["cells"]
    by_value = {one["value"]: one for one in cell["published"]}
    assert by_value[53.3]["group"] == "duration=long"
    assert not by_value[52.2]["decides"]
    assert "second-hand" in by_value[52.2]["verdict"]
    assert by_value[63.7]["decides"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"frames": 8}, "is published with 32, 64 frames; the run has 8"),
        ({"frames": None, "visual_tokens": 4096}, "the run has None"),
        ({"sampler": "aks"}, "no cell of sampler 'uniform'; it has: aks"),
        ({"sampler": "uniform[rule=edge]"}, "no cell of sampler 'uniform'"),
        ({"model": "qwen2.5-vl-7b"}, "no cell of model 'llava-video-7b'"),
        ({"task": "lvbench"}, "no cell of task 'mlvu'; it has: lvbench"),
        ({"task": "mlvu[split=test]"}, "no cell of task 'mlvu'; it has: mlvu[split=test]"),
        ({"num_questions": 2174}, "is unfinished: 2000 of 2174 questions"),
        ({"limit": 2000}, "is over the first 2000 questions alone"),
        ({"answer": "options"}, "weighs the options' letters"),
        ({"protocol": "strict@1+aligned"}, "subtitles none there, aligned here"),
    ],
)
def test_what_is_refused(cli: Cli, settings: dict[str, Any], problem: str) -> None:
    run(0.5, 0.5, **settings)
    done = cli(*VERIFY)
    assert done.code == 2
    assert problem in done.error


NEWEST = ("verify-baseline", "llava-video-7b", "--task", "mlvu")


def age(folder: Path, hours: int) -> None:
    """A run's folder, last written so long ago."""
    then = 1.7e9 - 3600 * hours
    os.utime(folder / "run.json", (then, then))


def test_without_a_folder_the_newest_that_can_be_compared(cli: Cli) -> None:
    """Newer ones are of another task, a first try, answered otherwise, unfinished, or no run."""
    for hours, count, settings in (
        (9, 2000, {}),
        (8, 2000, {}),
        (7, 20, {"limit": 20, "num_questions": 20}),
        (6, 20, {"answer": "options", "num_questions": 20}),
        (5, 20, {}),
        (4, 20, {"task": "lvbench", "num_questions": 20}),
        (3, 20, {"frames": 8, "num_questions": 20}),
    ):
        folder = Path(f"runs/{hours}")
        age(run(0.7, 0.7, count, folder, **settings), hours)
    Path("runs/2").mkdir()
    Path("runs/2/run.json").write_text("{}")
    Path("runs/notes.txt").touch()
    found = json.loads(cli(*NEWEST, "--json").out)
    assert found["run"] == str(Path("runs/8"))
    assert cli(*NEWEST).out.startswith("run runs/8\n")
    age(Path("runs/8"), 10)
    assert json.loads(cli(*NEWEST, "--json").out)["run"] == "runs/9"
    assert json.loads(cli(*NEWEST, "runs/8", "--json").out)["run"] == "runs/8"


def test_without_a_folder_and_without_a_run(cli: Cli) -> None:
    done = cli(*NEWEST)
    assert done.code == 2
    assert (
        "make one with `tspo-bench run --task mlvu --model llava-video-7b --sampler uniform "
        "--frames 64 --protocol lmms-eval --data-root DIR`"
    ) in done.error
    run(0.7, 0.7, 20, Path("runs/a"))
    run(0.7, 0.7, 20, Path("runs/b"), task="lvbench")
    done = cli(*NEWEST)
    assert done.code == 2
    assert "not runs/a: cell runs/a/mlvu--uniform--llava-video-7b--k64 is unfinished" in done.error
    unknown = cli("verify-baseline", "smolvlm2", "--task", "mlvu")
    assert unknown.code == 2
    assert "no published uniform figure of 'smolvlm2' on 'mlvu'" in unknown.error


def test_what_published_runs_did_not_have_is_told(cli: Cli) -> None:
    run(0.7, 0.7, protocol="strict@1", model="llava-video-7b[pool=2]")
    done = cli(*VERIFY, "--json")
    (cell,) = json.loads(done.out)["cells"]
    protocol, options = cell["warnings"]
    assert "protocol 'strict@1'" in protocol
    assert "--protocol lmms-eval" in protocol
    assert "'llava-video-7b[pool=2]'" in options
    assert done.err.splitlines() == [f"warning: {protocol}", f"warning: {options}"]
    run(0.7, 0.7, folder=Path("plain"))
    plain = cli("verify-baseline", "llava-video-7b", "plain", "--task", "mlvu", "--json")
    assert json.loads(plain.out)["cells"][0]["warnings"] == []


def test_models_and_tasks_without_a_published_figure(cli: Cli) -> None:
    run(0.5, 0.5)
    done = cli("verify-baseline", "smolvlm2", "run", "--task", "mlvu")
    assert done.code == 2
    assert "no published uniform figure of 'smolvlm2' on 'mlvu'; there are:" in done.error
    assert "llava-video-7b on mlvu" in done.error
    assert "no run.json found" in cli("verify-baseline", "m", "nowhere", "--task", "mlvu").error


@pytest.mark.parametrize("sampler", ["uniform[short=candidates]", "uniform[variant=qwen]"])
def test_the_preset_of_the_paper_is_a_published_set_up(cli: Cli, sampler: str) -> None:
    model = "llava-video-7b[template=chatml_direct]"
    run(0.703, 0.703, sampler=sampler, model=model, protocol="tspo-paper@19f4ecb")
    done = cli(*VERIFY, "--json")
    found = json.loads(done.out)
    assert verdicts(found)[70.3, "micro"] == "within"
    assert (found["cells"][0]["warnings"], done.err) == ([], "")
