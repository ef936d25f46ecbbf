"""The contract of every sampler, checked on drawn videos."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.samplers.cases import plain_candidates
from tspo_bench.agent import agent_class
from tspo_bench.errors import UserError
from tspo_bench.samplers import AGENTS, focus, load_sampler, registry, wavelet
from tspo_bench.samplers.scores import cosine
from tspo_bench.specs import Spec
from tspo_bench.types import Candidates, Query

SCORED = ["clip-topk", "bin-max", "aks", "aks-videomme", "aks[depth=0]"]
SCORED += ["bolt", "bolt-longvideobench", "q-frame", "wfs-sb"]
SCORED += ["mdp3", "mdp3[segment=5]", "mmr", "facility-location", "surprise", "router"]
FEATURES = [*SCORED, "maxinfo", "maxinfo[rank=2]"]
WITHIN_CANDIDATES = [*FEATURES, "focus", "random", "oracle"]
UNIFORM = ["uniform", "uniform[variant=left-edge]", "uniform[variant=bin-centres]"]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Query, Candidates, int]:
    """A question with features and evidence, candidates (constant and tied ones too), a budget."""
    length = draw(st.integers(1, 60))
    values = draw(st.sampled_from([st.floats(-10, 10, width=32), st.sampled_from([0.0, 1.0])]))
    features = draw(hnp.arrays(np.float32, (length, 3), elements=values))
    if draw(st.booleans()):
        features = np.repeat(features[:1], length, axis=0)
    stride = draw(st.integers(1, 30))
    candidates = plain_candidates(length, stride, features, draw(st.integers(0, 30)))
    moments = st.floats(0, length + 5)
    evidence = tuple(
        sorted(pair) for pair in draw(st.lists(st.tuples(moments, moments), min_size=1, max_size=6))
    )
    text = draw(hnp.arrays(np.float32, (1, 3), elements=values))
    query = Query("q", "v", "?", (), text, tuple((a, b) for a, b in evidence))
    candidates = dataclasses.replace(
        candidates, score=lambda positions: cosine(features[positions], text)
    )
    return query, candidates, draw(st.integers(1, 70))


@pytest.mark.parametrize("name", WITHIN_CANDIDATES)
@given(case=cases())
@settings(max_examples=60, deadline=None)
def test_gives_the_budget_of_distinct_sorted_frames(
    name: str, case: tuple[Query, Candidates, int]
) -> None:
    query, candidates, k = case
    sampler = load_sampler(name, seed=3)
    selection = sampler.select(query, candidates, k)
    picks = selection.indices
    assert picks.dtype == np.int64
    assert len(picks) == min(k, len(candidates))
    assert (np.diff(picks) > 0).all()
    assert picks[0] >= 0
    assert picks[-1] < candidates.num_frames
    if name != "oracle":  # whose evidence may lie between candidates
        assert np.isin(picks, candidates.indices).all()
        if k >= len(candidates):
            assert (picks == candidates.indices).all()
    if name in SCORED:
        assert np.isfinite(selection.scores).all()
        assert len(selection.scores) == len(candidates)
    again = load_sampler(name, seed=3).select(query, candidates, k)
    assert again.indices.tolist() == picks.tolist()
    assert again.num_filled == selection.num_filled


@pytest.mark.parametrize("name", UNIFORM)
@given(num_frames=st.integers(1, 100_000), k=st.integers(1, 800))
@settings(max_examples=200, deadline=None)
def test_uniform_gives_the_budget_of_the_whole_video(name: str, num_frames: int, k: int) -> None:
    candidates = Candidates(np.array([0]), np.array([0.0]), num_frames, 25.0)
    picks = load_sampler(name).select(Query("q", "v", "?"), candidates, k).indices
    assert len(picks) == min(k, num_frames)
    assert (np.diff(picks) > 0).all()
    assert picks[0] >= 0
    assert picks[-1] < num_frames


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_frames_are_distinct_at_every_small_length(name: str) -> None:
    sampler = load_sampler(name)
    for num_frames in range(1, 70):
        for k in range(1, 70):
            candidates = Candidates(np.array([0]), np.array([0.0]), num_frames, 25.0)
            picks = sampler.select(Query("q", "v", "?"), candidates, k).indices
            assert len(set(picks.tolist())) == min(k, num_frames)


@given(case=cases())
@settings(max_examples=60, deadline=None)
def test_cosine_equals_torch(case: tuple[Query, Candidates, int]) -> None:
    import torch

    query, candidates, _ = case
    ours = cosine(candidates.features, query.text_features)
    theirs = torch.cosine_similarity(
        torch.from_numpy(candidates.features).double(),
        torch.from_numpy(query.text_features).double(),
    )
    # 1e-30 features: torch squares the norm's floor, a difference that no encoder's output shows
    norms = np.linalg.norm(candidates.features.astype(float), axis=1)
    sane = (norms > 1e-4) & (np.linalg.norm(query.text_features) > 1e-4) | (norms == 0)
    assert np.abs(ours - theirs.numpy())[sane].max(initial=0) < 1e-6


@pytest.mark.parametrize("name", SCORED)
def test_equal_frames_score_equally_wherever_they_stand(name: str) -> None:
    rng = np.random.default_rng(0)
    frame, text = rng.normal(size=(1, 771)), rng.normal(size=(1, 771)).astype(np.float32)
    candidates = plain_candidates(133, 25, np.repeat(frame, 133, axis=0).astype(np.float32))
    selection = load_sampler(name).select(Query("q", "v", "?", (), text), candidates, 16)
    assert len(set(selection.scores.tolist())) == 1


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_an_error(name: str, value: float) -> None:
    features = np.ones((5, 2), np.float32)
    features[3, 1] = value
    query = Query("q7", "v.mp4", "?", (), np.ones((1, 2), np.float32))
    with pytest.raises(UserError, match=r"video 'v.mp4': the feature of frame 75 is not finite"):
        load_sampler(name).select(query, plain_candidates(5, 25, features), 2)
    bad = Query("q7", "v.mp4", "?", (), np.array([[1, value]], np.float32))
    good = plain_candidates(5, 25, np.ones((5, 2), np.float32))
    with pytest.raises(UserError, match="question 'q7': the feature of its text is not finite"):
        load_sampler(name).select(bad, good, 2)


@pytest.mark.parametrize("name", SCORED)
def test_missing_or_mismatched_features_are_a_bug_of_the_caller(name: str) -> None:
    sampler = load_sampler(name)
    with pytest.raises(ValueError, match="a needed feature was not given"):
        sampler.select(Query("q", "v", "?"), plain_candidates(3), 2)
    query = Query("q", "v", "?", (), np.ones((1, 4), np.float32))
    with pytest.raises(ValueError, match=r"frames \[3, 2\] and text \[1, 4\]"):
        sampler.select(query, plain_candidates(3, 25, np.ones((3, 2), np.float32)), 2)


def test_blind_sees_nothing() -> None:
    sampler = load_sampler("blind")
    assert sampler.needs == frozenset()
    assert len(sampler.select(Query("q", "v", "?"), plain_candidates(9), 8).indices) == 0


def numeric_options() -> list[tuple[str, str]]:
    """(sampler, option) of every option whose default is a number."""
    found = []
    for name in registry.cards():
        prepared = registry.prepare(Spec(name, argument="x.json" if name == "file" else None))
        parameters = inspect.signature(prepared.func).parameters.values()
        found += [(name, p.name) for p in parameters if type(p.default) in (int, float)]
    return found


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_options_are_finite_numbers(value: str) -> None:
    options = numeric_options()
    assert len(options) > 30
    for name, key in options:
        with pytest.raises(UserError, match=rf"{key} must be a (finite|whole) number"):
            load_sampler(f"{name}[{key}={value}]")


@pytest.mark.parametrize(
    ("sampler", "option", "wanted"),
    [
        ("aks", "fill=uniform", "'score' or 'none'"),
        ("aks", "t1=high", "a number"),
        ("aks", "depth=2.5", "a whole number"),
        ("aks", "depth=-1", ">= 0"),
        ("aks", f"t1=1{'0' * 400}", "a "),  # beyond floats
        ("bolt", "power=0", "> 0"),
        ("bolt", "power=true", "a number"),
        ("facility-location", "trade_off=1.5", "<= 1"),
        ("focus", "clip_seconds=0", "> 0"),
        ("focus", "top=-0.1", ">= 0"),
        ("focus", "gap_seconds=-1", ">= 0"),
        ("maxinfo", "rank=0", ">= 1"),
        ("mdp3", "trade_off=0", "> 0"),
        ("mmr", "trade_off=-0.1", ">= 0"),
        ("q-frame", "temperature=0", "> 0"),
        ("random", "seed=1.5", "a whole number"),
        ("scenes", "rate=0", "> 0"),
        ("surprise", "radius=-1", ">= 0"),
        ("uniform", "variant=middle", "'both-ends', 'left-edge', 'bin-centres' or 'qwen'"),
        ("uniform", "short=all", "'candidates' or 'uniform'"),
        ("wfs-sb", "trade_off=2", "<= 1"),
        ("wfs-sb", "gap_least=0", ">= 1"),
    ],
)
def test_options_out_of_range(sampler: str, option: str, wanted: str) -> None:
    key = option.partition("=")[0]
    with pytest.raises(UserError) as caught:
        load_sampler(f"{sampler}[{option}]")
    assert str(caught.value).startswith(f"sampler {sampler!r}: {key} must be {wanted}")


AKS = {"t2": -100.0, "fill": "score"}


@pytest.mark.parametrize(
    ("name", "options", "tuned_for"),
    [
        ("aks", {**AKS, "t1": 0.2, "depth": 3}, None),
        ("aks-videomme", {**AKS, "t1": 0.8, "depth": 5}, "videomme"),
        ("bolt", {"power": 3.0, "fill": "score"}, None),
        ("bolt-longvideobench", {"power": 2.5, "fill": "score"}, "longvideobench"),
        ("q-frame", {"temperature": 0.8}, None),
        ("focus", dataclasses.asdict(focus.Settings()), None),
        ("wfs-sb", dataclasses.asdict(wavelet.Settings()), None),
    ],
)
def test_cards_state_the_published_settings(
    name: str, options: dict[str, object], tuned_for: str | None
) -> None:
    card = registry.cards()[name]
    assert (card.options, card.tuned_for) == (options, tuned_for)


def test_samplers_import_no_heavy_library() -> None:
    names = ["uniform", "random", "clip-topk", "bin-max", "aks", "oracle", "blind"]
    names += ["mmr", "facility-location", "mdp3", "maxinfo", "surprise", "scenes", "router"]
    code = (
        "import sys; from tspo_bench.samplers import load_sampler\n"
        f"for name in {names}: load_sampler(name)\n"
        "heavy = {'torch', 'transformers', 'scipy', 'pandas', 'av', 'decord', 'matplotlib',"
        " 'cv2', 'scenedetect'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_card_says_what_it_is_and_can_be_loaded(tmp_path) -> None:
    (tmp_path / "frames.json").write_text('{"q": [1]}')
    cards = registry.cards()
    assert {"uniform", "random", "clip-topk", "bin-max", "aks", "oracle", "blind", "file"} <= set(
        cards
    )
    for name, card in cards.items():
        assert card.description, name
        spec = f"file:{tmp_path / 'frames.json'}" if name == "file" else name
        if name in AGENTS:  # the package's own are trained, not written
            agent = agent_class(name)(16, 0.1)
            agent.save_pretrained(tmp_path / name)
        assert callable(load_sampler(spec, agent=str(tmp_path / name)).select)
