"""`--agent`: the temporal agent of `tspo` and `tspo-q`, for `run` and `select`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.agent.published import CLIP_WIDTH, published, training_checkpoint
from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tests.features.checkpoints import clip
from tests.support import table_rows
from tspo_bench.agent import PaperAgent, QueryAgent, load_agent
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.results import read_run

RUN = ("run", "--task", "films.jsonl", "--model", ALWAYS_A, "--frames", "2", "--out", "out")
SELECT = ("select", "film.mp4", "-q", "w3 cat", "--frames", "2")


@pytest.fixture
def both(tmp_path: Path, films: Path) -> str:
    """A published checkpoint: encoder and agent."""
    published(tmp_path / "both")
    return "both"


@pytest.fixture
def encoder(tmp_path: Path, films: Path) -> str:
    """An encoder of the same width."""
    clip(tmp_path / "clip", 5, CLIP_WIDTH)
    return "clip"


def test_select_takes_a_published_checkpoint_as_encoder_too(cli: Cli, both: str) -> None:
    done = cli(*SELECT, "--sampler", "tspo", "--agent", both, "--json")
    assert done.code == 0
    assert "reference encoder" not in done.err
    encoder = load_encoder(both)
    candidates = FeatureStore().candidates(Path("film.mp4"), encoder)
    scores = load_agent(both).score(candidates.features, encoder.encode_text(["w3 cat"]))
    best = np.sort(np.argsort(-scores)[:2])
    found = json.loads(done.out)
    assert [frame["index"] for frame in found["frames"]] == candidates.indices[best].tolist()
    assert [frame["score"] for frame in found["frames"]] == pytest.approx(scores[best].tolist())
    assert found["notes"] == {"agent": "tspo", "select": "topk"}


@pytest.mark.slow
def test_run_takes_it_too_and_keeps_what_it_was(
    cli: Cli, both: str, caplog: pytest.LogCaptureFixture
) -> None:
    done = cli(*RUN, "--sampler", "clip-topk,tspo", "--agent", both)
    assert done.code == 0
    assert "reference encoder" not in done.err
    plain, ours = read_run(Path("out"))
    if plain.settings.sampler == "tspo":
        plain, ours = ours, plain
    assert ours.settings.sampler == "tspo"
    assert ours.settings.encoder_id == plain.settings.encoder_id == load_encoder(both).id
    kept = ours.settings.sampler_settings
    assert kept["options"] == {"agent": both}
    assert [record.notes["agent"] for record in ours.records] == ["tspo"] * 3
    again = cli(*RUN, "--sampler", "tspo", "--agent", both)
    assert again.code == 0
    published(Path(both), seed=1)  # trained on, at the same place
    changed = cli(*RUN, "--sampler", "tspo", "--agent", both)
    assert changed.code == 0
    assert "begun beside the earlier one" in caplog.text
    assert len({cell.settings.encoder_id for cell in read_run(Path("out"))}) == 2


def test_an_agent_refuses_features_of_another_encoder(cli: Cli, both: str, encoder: str) -> None:
    for command in (RUN, SELECT):
        done = cli(*command, "--sampler", "tspo", "--agent", both, "--encoder", encoder)
        assert done.code == 2
        assert "sampler 'tspo' reads features of encoder 'both', clip-" in done.error
        assert f"not of {encoder!r}, {load_encoder(encoder).id}" in done.error
        named = cli(*command, "--sampler", f"tspo[agent={both}]")
        assert named.code == 2  # the encoder is the reference
        assert "reads features of encoder 'both'" in named.error


@pytest.mark.parametrize("changed", [None, "text_model.final_layer_norm.weight"])
def test_an_agents_clip_saved_elsewhere_is_its_encoder(
    cli: Cli, both: str, changed: str | None
) -> None:
    """As openai/clip-vit-large-patch14 is that of TSPO-0.4B: without the agent, more exact."""
    shutil.copytree(both, "apart")
    saved = load_file("apart/model.safetensors")
    rounded = {name: weight.bfloat16() for name, weight in saved.items()}
    save_file(rounded, f"{both}/model.safetensors", {"format": "pt"})
    weights = {k: v for k, v in saved.items() if not k.startswith("selector.")}
    weights["text_model.embeddings.position_ids"] = torch.arange(4)  # as older versions saved
    if changed is not None:
        weights[changed] += 0.1
    save_file(weights, "apart/model.safetensors", {"format": "pt"})
    done = cli(*SELECT, "--sampler", "tspo", "--agent", both, "--encoder", "apart", "--json")
    assert done.code == (0 if changed is None else 2), done.err
    if changed is not None:
        assert "reads features of encoder 'both'" in done.error
        assert "not of 'apart', clip-" in done.error


def test_an_encoder_replaced_at_its_place_is_another(cli: Cli, encoder: str) -> None:
    known = {"encoder": encoder, "encoder_id": load_encoder(encoder).id}
    PaperAgent(CLIP_WIDTH, **known).save_pretrained("mine")
    asked = (*SELECT, "--sampler", "tspo", "--agent", "mine", "--encoder", encoder)
    assert cli(*asked).code == 0
    clip(Path(encoder), 6, CLIP_WIDTH)
    assert "reads features of encoder 'clip'" in cli(*asked).error


FILMS = ("--task", "films.jsonl", "--frames", "2")


@pytest.mark.parametrize(
    "command",
    [
        SELECT,
        pytest.param(("select", *FILMS, "--out", "picks.json"), marks=pytest.mark.slow),
        RUN,
        pytest.param(("recall", *FILMS), marks=pytest.mark.slow),
    ],
)
def test_a_training_checkpoint_runs_with_an_encoder(
    cli: Cli, encoder: str, command: tuple[str, ...]
) -> None:
    """Its folder holds an MLLM and the agent, so the encoder has to be named."""
    training_checkpoint(Path("checkpoint-100"))
    asked = (*command, "--sampler", "tspo", "--agent", "checkpoint-100")
    without = cli(*asked)
    assert without.code == 2
    assert "has no CLIP beside the agent's weights" in without.error
    assert "--encoder openai/clip-vit-large-patch14" in without.error
    done = cli(*asked, "--encoder", encoder, "--json")
    assert done.code == 0, done.err


def test_agents_of_both_kinds(cli: Cli, encoder: str) -> None:
    known = {"encoder": encoder, "encoder_id": load_encoder(encoder).id}
    PaperAgent(CLIP_WIDTH, **known).save_pretrained("paper")
    QueryAgent(CLIP_WIDTH, 0.1, **known).save_pretrained("ours")
    done = cli(
        *(*RUN, "--sampler", "tspo,tspo-q[agent=ours,select=aks],clip-topk"),
        *("--agent", "paper", "--encoder", encoder, "--json"),
    )
    assert done.code == 0
    cells = table_rows(done.out)
    assert {cell["sampler"] for cell in cells} == {
        "tspo",
        "tspo-q[agent=ours,select=aks]",
        "clip-topk",
    }
    assert [cell["n"] for cell in cells] == [3, 3, 3]


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize("command", [RUN, SELECT])
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--sampler", "tspo", "--agent", "./none"], "agent './none': there is no such folder"),
        (["--sampler", "tspo", "--agent", "film.mp4"], "agent 'film.mp4' is a file; give the"),
        (["--sampler", "tspo[agent=./none]"], "agent './none': there is no such folder"),
        (["--sampler", "aks", "--agent", "paper"], "use tspo or tspo-q"),
        (["--sampler", "tspo-q", "--agent", "paper"], "is of kind 'tspo'; use --sampler tspo"),
        (["--sampler", "tspo", "--agent", "paper"], "reads features of width 40, but"),
    ],
)
def test_mistakes_end_in_one_line(
    cli: Cli, command: tuple[str, ...], args: list[str], said: str
) -> None:
    PaperAgent(40).save_pretrained("paper")
    done = cli(*command, *args)
    assert done.code == 2
    assert said in done.error


@pytest.mark.parametrize("content", ["5", "[]", "{}", "{", "[" * 100_000 + "]" * 100_000])
def test_a_checkpoint_whose_config_is_broken(cli: Cli, both: str, content: str) -> None:
    """As an agent with its CLIP, and as a model."""
    Path(both, "config.json").write_text(content)
    agent = cli(*SELECT, "--sampler", "tspo", "--agent", both)
    assert agent.code == 2
    assert "both/config.json gives no model type (" in agent.error
    model = cli("run", "--task", "films.jsonl", "--sampler", "uniform", "--model", f"./{both}")
    assert model.code == 2
    assert "does not know the model type that both/config.json gives" in model.error
