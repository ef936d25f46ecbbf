"""`tspo-bench list`: every name, with what it needs and takes."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli
from tspo_bench.mllms import registry as models
from tspo_bench.registry import Registry
from tspo_bench.samplers import registry as samplers
from tspo_bench.tasks import registry as tasks


@pytest.mark.parametrize(
    ("kind", "registry"), [("tasks", tasks), ("samplers", samplers), ("models", models)]
)
def test_lists_every_name(cli: Cli, kind: str, registry: Registry) -> None:
    entries = json.loads(cli("list", kind, "--json").out)[kind]
    assert [entry["name"] for entry in entries] == list(registry.cards())
    assert all(entry["description"] for entry in entries)
    table = cli("list", kind)
    assert (table.code, table.err) == (0, "")
    assert all(name in table.out for name in registry.cards())


def test_what_is_said_of_samplers(cli: Cli) -> None:
    entries = {e["name"]: e for e in json.loads(cli("list", "samplers", "--json").out)["samplers"]}
    aks = entries["aks-videomme"]
    assert aks["options"] == {"t1": 0.8, "t2": -100.0, "depth": 5, "fill": "score"}
    assert (aks["needs"], aks["tuned_for"]) == (["features"], "videomme")
    assert entries["oracle"]["needs"] == ["evidence", "probe"]
    assert entries["file"]["options"] == {"path": None}
    assert entries["random"]["options"] == {}  # the seed is the run's
    assert entries["blind"]["needs"] == []
    assert entries["aks"]["tuned_for"] is None


def test_brackets_of_descriptions_are_shown(cli: Cli) -> None:
    assert "[length=1min|5min|15min|60min]" in cli("list", "tasks").out


def test_a_broken_plugin_does_not_hide_the_others(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samplers, "_registered", {})
    samplers.register("broken", "tests.cli.own:Absent")
    entries = {e["name"]: e for e in json.loads(cli("list", "samplers", "--json").out)["samplers"]}
    assert "cannot be imported" in entries["broken"]["description"]
    assert set(entries) == set(samplers.cards())
    assert "cannot be imported" in cli("list", "samplers").out
