"""The ablation: its commands change one thing each, and its table says what the records say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import typer

from benchmarks.ablation import DEFAULT, Plan, Variant, content, markdown, variants
from benchmarks.trials import Command
from tests.benchmarks.support import finish
from tspo_bench.cli import app
from tspo_bench.cli.train import _OWN
from tspo_bench.errors import UserError
from tspo_bench.training.settings import TrainConfig, train_config
from tspo_bench.types import Question

PLAN = Plan(agents=("tspo-q", "tspo"), seeds=(0, 1), steps=75)


def parsed(command: Command) -> dict[str, Any]:
    """The options that the real command line reads from a command."""
    program, name, *words = command
    assert program == "tspo-bench"
    command_line = typer.main.get_command(app)
    context = command_line.commands[name].make_context(name, words)  # type: ignore[attr-defined]
    return dict(context.params)


def config(agent: str, variant: Variant) -> TrainConfig:
    """The agents of the variant's command."""
    training = PLAN.trial(agent, variant).training
    assert training is not None
    params = parsed(training)
    assert (params["agent"], params["seeds"], params["evaluate"]) == (agent, "0,1", False)
    settings = {key: value for key, value in params.items() if key not in _OWN}
    return train_config(agent, "agents/x", **settings)


@pytest.mark.parametrize("agent", ["tspo-q", "tspo"])
def test_each_variant_is_another_training(agent: str):
    """By all settings that decide the weights; other rules of selection need none."""
    settings = {
        variant.name: repr(config(agent, variant).settings())
        for variant in variants(agent)
        if variant.select == "topk"
    }
    assert len(set(settings.values())) == len(settings)
    assert "'steps': 75" in settings[DEFAULT.name]


@pytest.mark.parametrize("agent", ["tspo-q", "tspo"])
def test_variants_change_what_their_names_say(agent: str):
    by_name = {variant.name: config(agent, variant) for variant in variants(agent)}
    default = by_name[DEFAULT.name]
    assert by_name["rollouts-16"].preset == default.preset.changed(rollouts=16)
    assert by_name["rewards-answer"].preset == default.preset.changed(rewards="answer")
    assert by_name["log-prob-plackett-luce"].preset.log_prob == "plackett-luce"
    assert by_name["window-4"].options == {"window": 4}
    assert by_name["no-haystacks"].task == "haystack[length=1min]"
    assert by_name["select-aks"] == default
    if agent == "tspo-q":
        assert by_name["without-echo"].options == {"without": ["echo"]}
    else:
        assert by_name["window-1"].options == {"window": 1}


def test_tests_ask_the_agents_of_all_seeds_with_every_rule():
    trial = PLAN.trial("tspo", DEFAULT)
    asked = parsed(trial.commands[1])
    agent = "agent=agents/ablation/tspo/default"
    rules = ("", ",select=bin-max", ",select=aks", ",select=inverse-transform")
    assert asked["sampler"] == ",".join(f"tspo[{agent}{rule}]" for rule in rules)
    assert (asked["split"], asked["frames"], asked["seeds"]) == ("val", "8", "0,1")
    trained = parsed(trial.commands[0])
    assert f"agents/{trained['name']}" == "agents/ablation/tspo/default"


def test_one_seed_has_a_folder_of_its_own_too():
    trial = Plan(agents=("tspo",), seeds=(2,), steps=75).trial("tspo", DEFAULT)
    assert parsed(trial.commands[0])["name"] == "ablation/tspo/default/seed-2"


def test_only_some_variants():
    folders = [str(trial.folder) for trial in PLAN.trials(["window-4", "select-aks"])]
    assert folders == [
        "agents/ablation/ready-made",
        *("agents/ablation/tspo-q/default", "agents/ablation/tspo-q/window-4"),
        *("agents/ablation/tspo/default", "agents/ablation/tspo/window-4"),
    ]
    with pytest.raises(UserError, match="no variant 'window-5'; there are: default, "):
        PLAN.trials(["window-5"])


def right(sampler: str, seed: int, place: int) -> bool:
    """The default gets every second question, and a seed one in four more; window 4 gets none."""
    if "window-4" in sampler or sampler == "uniform":
        return False
    if "select=aks" in sampler:
        return True
    return place % 2 == 0 or (seed == 1 and place % 4 == 1)


def test_the_table_says_what_the_records_say(questions: Sequence[Question]):
    plan = Plan(agents=("tspo-q",), seeds=(0, 1), steps=75)
    for trial in plan.trials(["window-4"]):
        finish(trial, questions, right)
    results = content(plan)
    rows = {row["variant"]: row for row in results["rows"]}
    assert rows.keys() == {
        *("default", "window-4", "select-bin-max", "select-aks", "select-inverse-transform")
    }
    default, window, aks = rows["default"], rows["window-4"], rows["select-aks"]
    assert (default["accuracy_by_seed"], default["difference"]) == ([0.5, 0.75], None)
    assert (default["accuracy"], default["spread"]) == (0.625, 0.25)
    assert default["evidence_recall"] == 0.625
    assert window["difference"]["difference"] == -0.625
    low, high = window["difference"]["ci95"]
    assert low < -0.625 < high < 0
    assert window["difference"]["p_value"] == 2 / 2**8  # all eight videos point one way
    assert aks["difference"]["difference"] == 0.375
    # Two logged lines of five steps, eight questions a step: 40 * 0.5 + 40 * 0.25 seconds.
    assert (default["training_seconds"], default["entropy"]) == (30.0, 2.5)
    assert default["without_signal"] == 0.3
    assert "tspo-q window-12" in results["missing"]
    assert results["seconds"] == 5 * 60  # three trials: two trainings and three tests
    assert {row["sampler"]: row["accuracy"] for row in results["ready_made"]}["uniform"] == 0
    lines = markdown(results).splitlines()
    (line,) = [line for line in lines if line.startswith("| window-4 ")]
    assert [cell.strip() for cell in line.split("|")][3:7] == [
        *("0.0%", "0.0", f"-62.5 [{100 * low:+.1f}, {100 * high:+.1f}]", "0.008")
    ]
    assert default["commands"][0]["command"] in lines


def test_before_anything_is_finished_there_are_no_rows():
    results = content(PLAN)
    assert (results["rows"], results["ready_made"]) == ([], [])
    assert "tspo default" in results["missing"]
    assert "Not finished: tspo-q default" in markdown(results)


def test_a_trial_run_leaves_the_usual_one_as_it_is():
    usual = {str(PLAN.results), *(str(trial.folder) for trial in PLAN.trials())}
    assert str(PLAN.results) == "results/haystack/ablation.json"
    for trial in (replace(PLAN, steps=2), replace(PLAN, videos=2), replace(PLAN, limit=5)):
        assert str(trial.results) == "agents/ablation-trial/ablation.json"
        assert usual.isdisjoint({str(one.folder) for one in trial.trials()})
        assert all(one.folder.is_relative_to(trial.root) for one in trial.trials())


def test_a_trial_run_has_its_sizes_even_where_a_variant_has_its_own():
    training = replace(PLAN, videos=2).trial("tspo", variant("no-haystacks")).training
    assert training is not None
    assert parsed(training)["num_videos"] == 2


def variant(name: str) -> Variant:
    (found,) = [one for one in variants("tspo") if one.name == name]
    return found


def test_the_table_says_which_rows_are_no_single_change():
    assert "two things" in variant("no-haystacks").change
    assert "learned map of each frame stays" in variant("window-1").change
