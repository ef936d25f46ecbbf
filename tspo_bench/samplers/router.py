"""A router by the question's words: uniform for the whole video, a search for parts of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

from tspo_bench.errors import UserError
from tspo_bench.samplers.base import FrameSampler
from tspo_bench.samplers.uniform import Uniform
from tspo_bench.types import Candidates, Need, Query, Selection

_VIDEO = r"(?:this |the |these )?(?:\w+ )?(?:video|film|movie|clip|footage|cartoon|documentary)s?"
_GIST = r"(?:topic|theme|idea|plot|story|storyline|focus|message|subject|purpose|point|gist)"
_SETTING = r"(?:setting|background|environment|scene|activity|event)"

# Questions about the whole video. Rules of English wording, not of any benchmark's task names.
GLOBAL_PATTERNS = {
    "gist": (
        rf"\b(?:main|mainly|central|overall|primary|overarching|core) (?:\w+ )?{_GIST}\b",
        rf"\b(?:main|overall|primary|most frequent) {_SETTING}\b",
        rf"\b(?:{_GIST}|setting|background|caption)(?: matter)? (?:of|for) {_VIDEO}",
        rf"\bwhat (?:is|are) the (?:\w+ )?contents? of {_VIDEO}",
        rf"\b(?:type|kind|genre|sort|style|title|tone|mood|atmosphere) (?:of|for) {_VIDEO}",
        rf"\b{_VIDEO} (?:is |are )?(?:mainly|mostly|primarily|generally|chiefly)\b",
        rf"\b(?:is|are) {_VIDEO} (?:mainly |mostly |primarily |all )?(?:about|related to)\b",
        rf"\bdoes {_VIDEO} (?:mainly |primarily )?(?:describe|depict|focus|convey|cover|entail)",
        r"\b(?:summar(?:y|i[sz]es?)|synopsis|genre)\b",
        r"\bwho (?:is|are) the (?:main|central) (?:characters?|protagonists?)\b",
    ),
    "whole": (
        r"\bthroughout\b",
        r"\b(?:entire|whole|full|majority of the) (?:video|film|movie|clip|footage|story)\b",
        r"\b(?:over|during) the course of\b",
        r"\bfrom (?:the )?(?:beginning|start) to (?:the )?end\b",
    ),
    "count": (
        r"\bin total\b",
        r"\btotal (?:number|count|amount)\b",
        r"\bhow many (?:times(?! more| as)|instances|occurrences)\b",
        r"\bhow often\b",
        rf"\bhow many (?:[\w-]+ ){{1,8}}in {_VIDEO}",
    ),
    "order": (
        r"\b(?:chronological|correct|actual|right|proper) (?:\w+ )?(?:order|sequence)\b",
        r"\bin (?:what|which) (?:order|sequence)\b",
        r"\b(?:order|sequences?) (?:of|in which) ",
        r"\b(?:scene|event|action) sequences?\b",
        r"\barrange the following\b",
    ),
    "statements": (
        r"\bnot (?:mentioned|shown|appear|appeared|featured|included|discussed|introduced)\b",
        r"\bstatements? (?:[\w']+ )*(?:is|are) (?:not )?(?:in)?(?:correct|accurate|true|false)\b",
    ),
}
_GLOBAL = {
    name: re.compile("|".join(patterns), re.IGNORECASE)
    for name, patterns in GLOBAL_PATTERNS.items()
}
_PART = re.compile(
    r"\b(?:at|in|near|towards?|during|from) the (?:very )?(?:beginning|start|end|middle|opening|"
    r"introductory|final|first|second|third|last|latter|early)\b(?! to )",
    re.IGNORECASE,
)


def global_reason(question: str) -> str | None:
    """Why a question is about the whole video, a key of `GLOBAL_PATTERNS`; None if it is local.

    A question that names a part of the video ("at the beginning", "in the first half") is local.
    """
    if _PART.search(question):
        return None
    return next((name for name, pattern in _GLOBAL.items() if pattern.search(question)), None)


class Router:
    """Uniform frames for questions about the whole video, another sampler for the others.

    DIG (arXiv 2512.04000) found that uniform sampling suits global questions, and asks an LLM which
    are global. Here a rule on the words of the question decides.

    Args:
        local: the sampler for questions about parts, as `--sampler` takes it. The run's seed does
            not reach it: one that draws has its own, as in `random[seed=3]`.
        device: a torch device, for a local sampler that scores with an agent.

    Attributes:
        needs: what the local sampler needs, and the probe.

    Raises:
        UserError: the local sampler cannot be built, or routes itself.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"probe", "features"})

    def __init__(self, local: str = "bin-max", device: str = "cpu") -> None:
        from tspo_bench.samplers import load_sampler  # it is what builds this one

        sampler = load_sampler(str(local), device=device)
        if isinstance(sampler, Router):
            raise UserError(f"sampler 'router': local={local!r} is a router too; name a sampler")
        self.local: FrameSampler = sampler
        self.needs = sampler.needs | {"probe"}  # type: ignore[misc]
        for name in ("encoder", "encoder_id", "encoder_width", "id"):  # of an agent
            if hasattr(sampler, name):
                setattr(self, name, getattr(sampler, name))

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick as the question's kind asks for; the notes say which, and why.

        Raises:
            UserError: what the local sampler raises.
        """
        reason = global_reason(query.text)
        picked = (self.local if reason is None else Uniform()).select(query, candidates, k)
        route = "local" if reason is None else f"global: {reason}"
        return replace(picked, notes={**picked.notes, "route": route})
