"""`tspo-bench list`: every name, with what it needs and takes."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.report.papers.test_submission import written
from tests.report.support import record
from tspo_bench.mllms import registry as models
from tspo_bench.mllms.presets import PRESETS
from tspo_bench.registry import Registry, cards_folder
from tspo_bench.samplers import registry as samplers
from tspo_bench.tasks import registry as tasks


def test_runs(cli: Cli) -> None:
    assert "runs is not a folder" in cli("list", "runs").error
    written(Path("runs/a"), "c", [record(0), record(1)], task="films")
    written(Path("runs/deep/b"), "c", [record(0)], task="films", num_questions=3)
    Path("runs/c").mkdir()
    Path("runs/c/run.json").write_text("{")
    for hours, run in enumerate(("a", "deep/b", "c")):
        os.utime(Path("runs") / run / "run.json", (1.7e9 - 3600 * hours,) * 2)
    done = cli("list", "runs")
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines() if line.startswith(" runs/")]
    rows = rows or [line.split() for line in done.out.splitlines() if line.startswith("runs/")]
    assert [row[0] for row in rows] == ["runs/a", "runs/deep/b", "runs/c"]
    assert rows[1][1:6] == ["films", "m", "1", "of", "3"]
    date = datetime.fromtimestamp(1.7e9).strftime("%Y-%m-%d %H:%M")
    assert rows[0][5:9] == ["2", "idle", *date.split()]
    first, second, broken = json.loads(cli("list", "runs", "--json").out)["runs"]
    assert (first["num_records"], first["samplers"]) == (2, ["uniform"])
    assert (second["num_planned"], second["state"] != "finished") == (3, True)
    assert broken["state"] == "broken"
    assert len(json.loads(cli("list", "runs", "runs/deep", "--json").out)["runs"]) == 1


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
    assert entries["file"]["options"] == {"path": None, "short": "candidates"}
    assert entries["random"]["options"] == {}  # the seed is the run's
    assert entries["blind"]["needs"] == []
    assert entries["aks"]["tuned_for"] is None


def test_a_models_hub_id_is_whole(cli: Cli) -> None:
    out = cli("list", "models").out
    assert all(preset.hub_id in out for preset in PRESETS.values())


def test_brackets_of_descriptions_are_shown(cli: Cli) -> None:
    assert "[length=1min|5min|15min|60min," in cli("list", "tasks").out


def test_what_is_broken_does_not_hide_the_others(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that is not there, a module with a mistake, a class that is not a sampler, a card."""
    (tmp_path / "own_mistake.py").write_text("class Mine(\n")
    cards = shutil.copytree(cards_folder("samplers"), tmp_path / "cards")
    (cards / "unfinished.yaml").write_text("class: [")
    registry = Registry("sampler", cards)
    monkeypatch.setattr("tspo_bench.samplers.registry", registry)
    registry.register("absent", "tests.cli.own:Absent")
    registry.register("mistake", "own_mistake:Mine")
    registry.register("no-sampler", "fractions:Fraction")
    entries = {e["name"]: e for e in json.loads(cli("list", "samplers", "--json").out)["samplers"]}
    reasons = {
        "absent": "has no attribute 'Absent'",
        "mistake": "SyntaxError: '(' was never closed (own_mistake.py, line 1)",
        "no-sampler": "has no attribute 'needs'",
        "unfinished": "is not valid YAML",
    }
    assert set(entries) == {*samplers.cards(), *reasons}
    for name, reason in reasons.items():
        assert entries[name]["description"].startswith("cannot be used: ")
        assert reason in entries[name]["description"]
    assert "cannot be used" not in entries["aks"]["description"]
    assert "unfinished" in cli("list", "samplers").out


def test_a_broken_card_of_a_task(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half.yaml").write_text("class: a:B\nclas: 3\n")
    monkeypatch.setattr("tspo_bench.tasks.registry", Registry("task", tmp_path))
    (entry,) = json.loads(cli("list", "tasks", "--json").out)["tasks"]
    assert entry["name"] == "half"
    assert "has unknown key 'clas'" in entry["description"]
