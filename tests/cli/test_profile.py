"""`tspo-bench run --profile`, and the line about waiting with every run."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A

OWN = ("run", "--task", "films.jsonl", "--model", ALWAYS_A, "--sampler", "uniform")


@pytest.mark.usefixtures("films")
def test_every_run_says_how_long_the_model_waited(cli: Cli) -> None:
    done = cli(*OWN)
    assert "the model waited for frames in " in done.err
    assert "worker processes" not in done.err + done.out


@pytest.mark.usefixtures("films")
def test_the_profile_beside_json(cli: Cli) -> None:
    done = cli(*OWN, "--profile", "--json")
    json.loads(done.out)
    for word in ("main thread", "wait for frames", "answer", "decode", "worker processes (CPU)"):
        assert word in done.err
