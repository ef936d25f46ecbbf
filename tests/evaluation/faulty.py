"""Custom samplers with one fault each: found as tests.evaluation.faulty:Name."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tspo_bench.samplers.scores import relevance
from tspo_bench.types import Candidates, Query, Selection


class Positions:
    """Returns the best candidates' places in place of their frame numbers."""

    needs = frozenset({"features"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        scores = relevance(query, candidates)
        return Selection(np.sort(np.argsort(-scores)[:k]), scores)


class ScoresOfPicks:
    """Gives the picks' scores alone."""

    needs = frozenset({"features"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        scores = relevance(query, candidates)[:k]
        return Selection(candidates.indices[:k], scores[:-1])


class Crashes:
    """Divides by zero in a function of its own, or deep in numpy."""

    needs = frozenset({"probe"})

    def __init__(self, deep: bool = False) -> None:
        self.deep = deep

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        return self.helped(k)

    def helped(self, k: int) -> Selection:
        if self.deep:
            np.random.default_rng(0).choice(3, size=k, p=[0.5, 0.1, 0.1])  # LINE deep
        return Selection(np.arange(k // 0))  # LINE shallow


class Unscored:
    """Scores no candidate."""

    needs = frozenset({"probe"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        return Selection(candidates.indices[:k], np.full(len(candidates), np.nan, np.float32))


class Exits:
    """Ends the process, or is interrupted by its user."""

    needs = frozenset({"probe"})

    def __init__(self, interrupted: bool = False) -> None:
        self.interrupted = interrupted

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        raise KeyboardInterrupt if self.interrupted else SystemExit(3)


class Undeclared:
    """Reads what `field` names, but needs the probe alone; uses it only where `uses` says so."""

    needs: ClassVar[frozenset[str]] = frozenset({"probe"})

    def __init__(self, field: str, uses: bool = True) -> None:
        self.field, self.uses = field, uses

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        source: Any = query if self.field in ("text_features", "evidence") else candidates
        value = getattr(source, self.field)
        if self.uses:
            value[0] + 1
        return Selection(candidates.indices[:k])


class Helped:
    """Calls the package's own helper without declaring what it needs."""

    needs = frozenset({"probe"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        return Selection(candidates.indices[:k], relevance(query, candidates))
