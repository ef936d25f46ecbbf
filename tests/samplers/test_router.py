"""The router's rule on sentences and on the benchmarks' questions, and where it sends them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.samplers.cases import scored_candidates
from tspo_bench.agent import QueryAgent
from tspo_bench.errors import UserError
from tspo_bench.evaluation.seeds import Seeded, with_seeds
from tspo_bench.evaluation.settings import RunSettings
from tspo_bench.samplers import load_sampler, with_agent
from tspo_bench.samplers.router import global_reason
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import load_task
from tspo_bench.types import Query

# Percent of the questions routed global, as docs/samplers.md gives them.
ROUTED = {
    "mlvu": {
        "count": 100,
        "order": 100,
        "topic_reasoning": 59,
        "plotQA": 2,
        "needle": 0,
        "ego": 0,
        "anomaly_reco": 0,
    },
    "videomme": {
        "Information Synopsis": 70,
        "Temporal Reasoning": 63,
        "Counting Problem": 53,
        "OCR Problems": 10,
        "Object Reasoning": 7,
        "Attribute Perception": 7,
        "Spatial Reasoning": 7,
        "Temporal Perception": 5,
        "Object Recognition": 5,
        "Action Recognition": 4,
        "Action Reasoning": 4,
        "Spatial Perception": 4,
    },
}


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What is the main topic of the video?", "gist"),
        ("What is this film about?", "gist"),
        ("Which of these best summarizes the documentary?", "gist"),
        ("What genre is this?", "gist"),
        ("How does the mood change throughout?", "whole"),
        ("How many times does the dog bark in total?", "count"),
        ("How many birds can be seen in the video?", "count"),
        ("In which order do the events happen?", "order"),
        ("Which of the following is not mentioned?", "statements"),
        ("WHAT IS THE VIDEO MAINLY ABOUT", "gist"),
        ("What colour is the hat of the man with the dog?", None),
        ("What does the woman do after the car has left?", None),
        ("How many cups stand on the table at the beginning of the video?", None),
        ("How many times more powerful is the new engine?", None),
        ("Where does the main character put the key?", None),
        ("", None),
    ],
)
def test_rule(question: str, reason: str | None) -> None:
    assert global_reason(question) == reason


@pytest.mark.parametrize(("task", "file"), [("mlvu", "mlvu_dev"), ("videomme", "videomme")])
def test_shares_of_the_benchmarks_routed_global(real_data: Path, task: str, file: str) -> None:
    annotations = real_data / "annotations" / f"{file}.json"
    routed: dict[str, list[bool]] = defaultdict(list)
    for question in load_task(task, data_root=real_data, annotations=annotations).questions():
        routed[question.groups["task_type"]].append(global_reason(question.text) is not None)
    shares = {kind: round(100 * float(np.mean(found))) for kind, found in routed.items()}
    assert shares == ROUTED[task]


def test_routes_to_uniform_or_to_the_local_sampler() -> None:
    scores = np.random.default_rng(0).uniform(0, 1, 50)
    candidates = scored_candidates(scores)
    text = np.array([[1, 0]], np.float32)
    whole = Query("q1", "v", "What is the video mainly about?", (), text)
    part = Query("q2", "v", "What colour is the hat?", (), text)
    for local in ("bin-max", "clip-topk", "aks", "mmr"):
        router = load_sampler(f"router[local={local}]")
        far = router.select(whole, candidates, 8)
        uniform = load_sampler("uniform").select(whole, candidates, 8)
        assert far.indices.tolist() == uniform.indices.tolist()
        assert far.notes["route"] == "global: gist"
        near = router.select(part, candidates, 8)
        own = load_sampler(local).select(part, candidates, 8)
        assert near.indices.tolist() == own.indices.tolist()
        assert near.num_filled == own.num_filled
        assert near.notes == {**own.notes, "route": "local"}


def test_needs_what_its_local_sampler_needs() -> None:
    assert load_sampler("router").needs == {"probe", "features"}
    assert load_sampler("router[local=scenes]").needs == {"probe", "pixels"}
    assert load_sampler("router[local=random[seed=7]]", seed=3).local.seed == 7
    inner = load_sampler("router[local=aks[t1=0.8,depth=5]]").local
    assert (inner.t1, inner.depth) == (0.8, 5)


def test_does_not_depend_on_the_runs_seed() -> None:
    for spec in ("router", "router[local=random]", "router[local=random[seed=7]]"):
        assert with_seeds(spec, None, [0, 1], {}) == [Seeded(None, spec)]
    assert len(with_seeds("random", None, [0, 1], {})) == 2


def test_the_runs_agent_is_that_of_the_local_sampler(tmp_path: Path) -> None:
    folders = [tmp_path / "one, two", tmp_path / "other"]
    for seed, folder in enumerate(folders):
        torch.manual_seed(seed)
        QueryAgent(16, 0.1).save_pretrained(folder)
    given, named = (load_sampler("tspo-q", agent=str(folder)).id for folder in folders)
    assert given != named
    for spec in ("router[local=tspo-q]", "router[local=tspo-q[select=bin-max]]"):
        assert load_sampler(spec, agent=str(folders[0])).id == given
        settings = with_agent(parse_spec(spec), str(folders[0])).options
        assert load_sampler(f"router[local={settings['local']}]").id == given
        run = RunSettings.of(sampler=[spec], agent=str(folders[0]))
        assert run.agent == str(folders[0])
    with pytest.raises(UserError, match="device 'meta' is not supported"):
        load_sampler("router[local=tspo-q]", agent=str(folders[0]), device="meta")
    own = f"router[local=tspo-q[agent={folders[1]}]]"
    assert load_sampler(own, agent=str(folders[0])).id == named
    with pytest.raises(UserError, match="is of kind 'tspo-q'; use --sampler tspo-q"):
        load_sampler("router[local=tspo]", agent=str(folders[0]))


def test_reports_the_encoder_of_its_agent() -> None:
    agent, router = load_sampler("tspo-q"), load_sampler("router[local=tspo-q]")
    assert router.encoder_id == agent.encoder_id is not None
    assert router.id == agent.id
    assert not hasattr(load_sampler("router"), "encoder_id")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("router[local=router]", "is a router too"),
        ("router[local=nothing]", "unknown sampler 'nothing'"),
        ("router[local=aks[depth=-1]]", "depth must be >= 0"),
    ],
)
def test_bad_local_samplers(spec: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_sampler(spec)
    assert message in str(caught.value)
