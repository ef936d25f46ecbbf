"""What custom samplers do beside their contract is named; built-in ones do none of it."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from tests.evaluation.support import by_label, run
from tests.samplers.cases import plain_candidates
from tests.samplers.test_contract import UNIFORM, WITHIN_CANDIDATES, cases
from tspo_bench.errors import TspoBenchWarning, UserError
from tspo_bench.evaluation.sampler_contract import SamplerError, ask_sampler
from tspo_bench.samplers import load_sampler, registry
from tspo_bench.types import Candidates, Query

FAULTY = "tests.evaluation.faulty"
NO_EVIDENCE = Query("q", "v", "What is shown?", text_features=np.eye(3, dtype=np.float32)[:1])


def asked(name: str, k: int = 4, query: Query = NO_EVIDENCE, stride: int = 25):
    features = np.random.default_rng(0).random((18, 3), np.float32)
    candidates = plain_candidates(18, stride, features)
    sampler = load_sampler(f"{FAULTY}:{name}")
    if "features" not in sampler.needs:
        candidates, query = replace(candidates, features=None), replace(query, text_features=None)
    return ask_sampler(name, sampler, query, candidates, k)


def test_positions_are_warned_of_with_the_way_out() -> None:
    with pytest.warns(TspoBenchWarning, match=r"candidates\.indices\[positions\]"):
        assert len(asked("Positions").indices) == 4
    with pytest.warns(TspoBenchWarning):  # all of them: K is larger
        asked("Positions", k=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asked("Positions", stride=1)  # every frame is a candidate: a place is its number


def test_scores_of_another_length_are_warned_of_and_left_out() -> None:
    with pytest.warns(TspoBenchWarning, match=r"scores float32 of shape \[3\] for 18 candidates"):
        assert asked("ScoresOfPicks").scores is None


def test_scores_of_nothing_are_warned_of_and_left_out() -> None:
    with pytest.warns(TspoBenchWarning, match=r"none is finite \(18 candidates\)"):
        assert asked("Unscored").scores is None


def test_exit_in_a_sampler_is_its_crash() -> None:
    with pytest.raises(SamplerError, match=r"^SystemExit: 3 \(.*faulty\.py:\d+\)$"):
        asked("Exits")
    with pytest.raises(KeyboardInterrupt):
        asked("Exits[interrupted=true]")


def test_a_crash_names_the_innermost_line_of_the_samplers_own_code() -> None:
    lines = (Path(__file__).parent / "faulty.py").read_text().splitlines()
    for deep in (False, True):
        word = "LINE deep" if deep else "LINE shallow"
        number = next(n for n, line in enumerate(lines, start=1) if line.endswith(word))
        with pytest.raises(SamplerError, match=rf"Error: .*faulty\.py:{number}\)$"):
            asked(f"Crashes[deep={str(deep).lower()}]")


@pytest.mark.parametrize(
    ("field", "needs"),
    [
        ("features", "features"),
        ("text_features", "features"),
        ("score", "lazy_scores"),
        ("scan", "pixels"),
        ("evidence", "evidence"),
    ],
)
def test_an_undeclared_need_is_named(field: str, needs: str) -> None:
    advice = rf"reads (candidates|query)\.{field} undeclared: declare needs = {{'{needs}'}}"
    with pytest.raises(SamplerError, match=rf"faulty\.py:\d+\); {advice}"):
        asked(f"Undeclared[field={field}]")
    with pytest.warns(TspoBenchWarning, match=advice):
        asked(f"Undeclared[field={field},uses=false]")


def test_a_helper_that_lacks_features_names_the_need() -> None:
    with pytest.raises(UserError, match=r"features undeclared: declare needs = {'features'}"):
        asked("Helped")


def test_copying_and_printing_is_not_reading() -> None:
    class Copies:
        needs = frozenset({"probe"})

        def select(self, query: Query, candidates: Candidates, k: int):
            copy = replace(candidates, num_frames=5)
            assert isinstance(candidates, Candidates)
            assert len(candidates) == len(copy)
            assert (repr(query), candidates == copy) == (repr(query), False)
            return load_sampler("uniform").select(query, candidates, k)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask_sampler("copies", Copies(), NO_EVIDENCE, plain_candidates(9, 30), 3)


UNTRAINED = ["smoothed-cosine", "word-rule", "untrained"]
AGENTS = ["tspo", "tspo-q"]
ALL = [*WITHIN_CANDIDATES, *UNIFORM, *UNTRAINED, *AGENTS, "blind", "router[local=focus]"]


def test_all_built_in_samplers_are_looked_at() -> None:
    names = {name.partition("[")[0] for name in ALL}
    others = {name for name in set(registry.cards()) - names if "-" not in name}
    assert others == {"file", "scenes"}  # they need a file, and a video


@pytest.mark.parametrize("name", ALL)
@given(case=cases())
@settings(max_examples=8, deadline=None)
def test_no_built_in_sampler_is_warned_of(name: str, case: tuple[Query, Candidates, int]) -> None:
    sampler, (query, candidates, k) = load_sampler(name, seed=3), case
    needs = sampler.needs
    if name.startswith("tspo"):
        width = sampler.encoder_width
        shape = (len(candidates), width)
        features = np.random.default_rng(1).random(shape, np.float32)
        candidates = replace(candidates, features=features)
        query = replace(query, text_features=features[:1])
    if not {"features", "lazy_scores"} & needs:
        query = replace(query, text_features=None)
    for what in (query, replace(query, text="How many scenes are there in the video?")):
        shown = replace(
            candidates,
            features=candidates.features if "features" in needs else None,
            score=candidates.score if "lazy_scores" in needs else None,
        )
        given = what if "evidence" in needs else replace(what, evidence=())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ask_sampler(name, sampler, given, shown, k)


def test_a_run_warns_once_a_sampler_and_keeps_the_place_of_a_crash(
    questions: Path, clip: Path, tmp_path: Path
) -> None:
    names = [f"{FAULTY}:{name}" for name in ("Positions", "ScoresOfPicks", "Crashes")]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = run(
            questions, tmp_path / "run", samplers=tuple(names), encoder=str(clip), frames=(2, 4)
        )
    said = [str(one.message) for one in found if one.category is TspoBenchWarning]
    assert sorted(re.findall(r"sampler '.*?:(\w+)' returns", " ".join(said))) == [
        "Positions",
        "ScoresOfPicks",
    ]
    records = by_label(result)[names[2]].values()
    assert all(re.search(r"ZeroDivisionError: .*faulty\.py:\d+", r.error or "") for r in records)
