"""The sampler `tspo`: an agent's scores, and the rules that make frames of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samplers.cases import drawn_case, plain_candidates
from tspo_bench.agent import PaperAgent, QueryAgent, load_agent
from tspo_bench.errors import UserError
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.aks import aks
from tspo_bench.samplers.bin_max import bin_max
from tspo_bench.samplers.scores import top_k
from tspo_bench.samplers.tspo import softmax_steps

WIDTH = 16
RULES = ["topk", "bin-max", "aks", "inverse-transform"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent of either kind: `tspo` and `tspo-q`."""
    path = tmp_path_factory.mktemp("agents")
    PaperAgent(WIDTH, tau=0.3, encoder="some", encoder_id="clip-1").save_pretrained(path / "tspo")
    QueryAgent(WIDTH, tau=0.3).save_pretrained(path / "tspo-q")
    return path


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["tspo", "tspo-q"])
def test_gives_the_budget_of_distinct_sorted_frames(folder: Path, kind: str, rule: str) -> None:
    sampler = load_sampler(f"{kind}[select={rule}]", agent=str(folder / kind))
    for length, k in [(1, 1), (1, 8), (8, 8), (9, 8), (20, 8), (60, 1), (60, 8), (60, 59)]:
        query, candidates = drawn_case(length, length, WIDTH)
        selection = sampler.select(query, candidates, k)
        picks = selection.indices
        assert len(picks) == min(k, length)
        assert (np.diff(picks) > 0).all()
        assert np.isin(picks, candidates.indices).all()
        if length <= k:
            assert (picks == candidates.indices).all()
            assert selection.num_filled == 0
        assert selection.notes == {"agent": kind, "select": rule}
        assert selection.scores.dtype == np.float32
        again = sampler.select(query, candidates, k)
        assert again.indices.tolist() == picks.tolist()


@pytest.mark.parametrize("kind", ["tspo", "tspo-q"])
def test_a_short_video_may_be_shown_evenly(folder: Path, kind: str) -> None:
    """`load_video_index` of the paper's fork: `len(frame_idx) < max_frames_num` takes linspace."""
    usual = load_sampler(kind, agent=str(folder / kind))
    short = load_sampler(f"{kind}[short=uniform]", agent=str(folder / kind))
    for length, k in [(1, 8), (7, 8), (8, 8), (9, 8), (40, 8), (20, 0)]:
        query, candidates = drawn_case(length, length, WIDTH)
        selection, other = (each.select(query, candidates, k) for each in (short, usual))
        np.testing.assert_array_equal(selection.scores, other.scores)
        assert selection.num_filled == 0
        if length < k:
            rule = np.linspace(0, candidates.num_frames - 1, k, dtype=int)
            assert selection.indices.tolist() == sorted(set(rule.tolist()))
            assert selection.notes == {**other.notes, "short": "uniform"}
        else:
            assert selection.indices.tolist() == other.indices.tolist()
            assert selection.notes == other.notes


def test_a_video_of_fewer_frames_than_the_budget_gives_each_once(folder: Path) -> None:
    sampler = load_sampler("tspo[short=uniform]", agent=str(folder / "tspo"))
    query, drawn = drawn_case(0, 3, WIDTH)
    candidates = plain_candidates(3, 2, drawn.features)  # 6 frames
    selection = sampler.select(query, candidates, 8)
    assert selection.indices.tolist() == list(range(candidates.num_frames))


def test_the_scores_are_the_agents_and_the_rules_are_the_samplers(folder: Path) -> None:
    agent = load_agent(str(folder / "tspo"))
    query, candidates = drawn_case(0, 80, WIDTH)
    scores = agent.score(candidates.features, query.text_features)
    wanted = {
        "topk": top_k(scores, 6),
        "bin-max": bin_max(scores, 6),
        "aks": aks(scores, 6),
        "inverse-transform": softmax_steps(scores / 0.3, 6),
    }
    for rule, positions in wanted.items():
        spec = f"tspo[agent={folder / 'tspo'},select={rule}]"
        selection = load_sampler(spec).select(query, candidates, 6)
        np.testing.assert_array_equal(selection.scores, scores)
        assert set(candidates.indices[positions]) <= set(selection.indices)
        assert selection.num_filled == 6 - len(positions)
        left = np.setdiff1d(np.arange(80), positions)
        filled = np.setdiff1d(selection.indices, candidates.indices[positions]) // 25
        assert set(filled) == set(left[np.argsort(-scores[left])[: 6 - len(positions)]])


def naive_softmax_steps(logits: np.ndarray, k: int) -> set[int]:
    weights = [np.exp(x - max(logits)) for x in logits]
    picks = set()
    for i in range(k):
        passed = 0.0
        for place, weight in enumerate(weights):
            passed += weight / sum(weights)
            if passed >= (i + 0.5) / k - 1e-12:
                picks.add(place)
                break
    return picks


@given(
    logits=st.lists(st.integers(-40, 40), min_size=1, max_size=30),
    k=st.integers(1, 20),
)
@settings(max_examples=100, deadline=None)
def test_softmax_steps_are_equal(logits: list[int], k: int) -> None:
    values = np.array(logits) / 7 + np.arange(len(logits)) * 1e-4  # no step on a frame's edge
    picks = softmax_steps(values, k)
    assert set(picks.tolist()) == naive_softmax_steps(values, k)
    assert (np.diff(picks) > 0).all()


def test_softmax_steps_by_hand() -> None:
    assert softmax_steps(np.zeros(12), 4).tolist() == [1, 4, 7, 10]
    peaked = np.where(np.arange(12) == 5, 100.0, 0.0)
    assert softmax_steps(peaked, 4).tolist() == [5]
    half = np.log([1, 1, 1, 1, 4])  # the last holds half: steps 1/8, 3/8, 5/8, 7/8
    assert softmax_steps(half, 4).tolist() == [0, 2, 4]


def test_what_it_says_of_itself(folder: Path) -> None:
    paper, ours = (load_sampler(kind, agent=str(folder / kind)) for kind in ("tspo", "tspo-q"))
    assert paper.needs == {"features"}
    assert (paper.kind, paper.encoder, paper.encoder_id) == ("tspo", "some", "clip-1")
    assert (ours.kind, ours.encoder, ours.encoder_id) == ("tspo-q", None, None)
    assert paper.id != ours.id
    assert paper.id == load_sampler("tspo", agent=str(folder / "tspo")).id


def test_the_specs_own_agent_goes_before_the_one_for_all(folder: Path) -> None:
    sampler = load_sampler(f"tspo[agent={folder / 'tspo'}]", agent="./nowhere")
    assert sampler.kind == "tspo"
    assert load_sampler("uniform", agent="./nowhere")  # which has none


def test_mistakes(folder: Path) -> None:
    def rejected(spec: str, said: str, agent: Path | str = folder / "tspo") -> None:
        with pytest.raises(UserError, match=said):
            load_sampler(spec, agent=str(agent))

    rejected("tspo[select=best]", r"select must be topk or bin-max or .* \(got 'best'\)")
    rejected("tspo[short=all]", r"short must be candidates or uniform \(got 'all'\)")
    rejected("tspo", "agent './nowhere': there is no such folder", "./nowhere")
    rejected("tspo-q", "is of kind 'tspo'; use --sampler tspo$")
    rejected("tspo", "is of kind 'tspo-q'; use --sampler tspo-q", folder / "tspo-q")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_an_error(folder: Path, value: float) -> None:
    sampler = load_sampler("tspo", agent=str(folder / "tspo"))
    query, candidates = drawn_case(0, 5, WIDTH)
    candidates.features[3, 1] = value
    with pytest.raises(UserError, match=r"video 'v.mp4': the feature of frame 75 is not finite"):
        sampler.select(query, candidates, 2)


def test_an_agent_whose_weights_overflow_is_an_error(folder: Path, tmp_path: Path) -> None:
    agent = load_agent(str(folder / "tspo"))
    agent.mlp[2].bias.data.fill_(3e38)
    agent.save_pretrained(tmp_path)
    sampler = load_sampler("tspo", agent=str(tmp_path))
    with pytest.raises(UserError, match="question 'q0': the agent's scores are not finite"):
        sampler.select(*drawn_case(0, 5, WIDTH), 2)
