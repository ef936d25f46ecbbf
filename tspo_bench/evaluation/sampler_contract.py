"""Calls samplers, and names faults of custom ones."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tspo_bench.errors import CRASHES, UserError, VideoError, warn
from tspo_bench.evaluation.checks import checked_selection
from tspo_bench.samplers import FrameSampler
from tspo_bench.types import SEARCHING, Candidates, Need, Query, Selection

# What a sampler reads, the need to declare for it, and the needs that it comes with.
_PROBED: tuple[Need, frozenset[Need]] = ("probe", frozenset(get_args(Need)))
_NEEDS_OF: dict[str, tuple[Need, frozenset[Need]]] = {
    "candidates.indices": _PROBED,
    "candidates.seconds": _PROBED,
    "candidates.num_frames": _PROBED,
    "candidates.frame_rate": _PROBED,
    "candidates.features": ("features", frozenset({"features"})),
    "candidates.score": ("lazy_scores", frozenset({"lazy_scores"})),
    "candidates.scan": ("pixels", frozenset({"pixels"})),
    "query.text_features": ("features", SEARCHING),
    "query.evidence": ("evidence", frozenset({"evidence"})),
}
# Code that copies, compares or prints the fields.
_NOT_READING = ("dataclasses", Query.__module__, Candidates.__module__, __name__)
_LIBRARIES = tuple(
    os.path.join(path, "")
    for path in (
        *map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(__file__).parents[1]),
    )
)
_LOCK = threading.Lock()


class SamplerError(UserError):
    """A sampler crashed."""


def ask_sampler(
    label: str,
    sampler: FrameSampler,
    query: Query,
    candidates: Candidates,
    k: int,
    warned: set[str] | None = None,
) -> Selection:
    """The frames that a sampler picks, checked.

    Warns, once for each label and kind of fault, of picks that look like positions among the
    candidates, of scores that are not one number for each candidate (the selection then has none),
    and of reading what no declared need gives.

    Args:
        label: the sampler's name in tables.
        sampler: who is asked.
        query, candidates, k: see `FrameSampler.select`.
        warned: the faults that have been named; further ones are added.

    Raises:
        SamplerError: the sampler crashed; the message has the innermost line of its own code.
        UserError: what the sampler raised as such, or the picks are not k of the video's frames.
        VideoError: a frame cannot be decoded.
    """
    read: set[str] = set()
    watched_query, watched_candidates = (
        _WatchedQuery.of(query, read),
        _WatchedCandidates.of(candidates, read),
    )
    try:
        # No video has more; what is asked beyond that would only cost memory and time.
        most = min(k, candidates.num_frames) if candidates.num_frames else k
        given = sampler.select(watched_query, watched_candidates, most)
        selection = checked_selection(given, candidates.num_frames, k)
    except VideoError:
        raise
    except UserError as error:
        if undeclared := _undeclared(sampler, read):
            raise UserError(f"{error}; {undeclared}") from error
        raise
    except CRASHES as error:
        said = crash_said(error, type(sampler).__module__)
        undeclared = _undeclared(sampler, read)
        raise SamplerError(f"{said}; {undeclared}" if undeclared else said) from error
    bad_scores = _bad_scores(candidates, selection)
    faults = {
        "needs": _undeclared(sampler, read),
        "picks": _positions(sampler, candidates, selection),
        "scores": bad_scores,
    }
    for kind, fault in faults.items():
        if fault:
            _warn_once(f"sampler {label!r}", kind, fault, set() if warned is None else warned)
    return replace(selection, scores=None) if bad_scores else selection


def _warn_once(who: str, kind: str, fault: str, warned: set[str]) -> None:
    with _LOCK:  # videos are prepared in threads
        is_new = f"{who}, {kind}" not in warned
        warned.add(f"{who}, {kind}")
    if is_new:
        warn(f"{who} {fault}")


def _undeclared(sampler: FrameSampler, read: Collection[str]) -> str | None:
    """Name what was read with no need declared for it, and what to declare."""
    names = [name for name in _NEEDS_OF if name in read]
    names = [name for name in names if not _NEEDS_OF[name][1] & sampler.needs]
    if not names:
        return None
    needs = sampler.needs | {_NEEDS_OF[name][0] for name in names}
    needs = needs - {"probe"} or needs  # any other need gives what the probe does
    said = ", ".join(map(repr, sorted(needs)))
    return f"reads {', '.join(names)} undeclared: declare needs = {{{said}}}"


def _positions(sampler: FrameSampler, candidates: Candidates, selection: Selection) -> str | None:
    """Whether the picks look like places among the candidates, taken for frame numbers.

    Frames between candidates are allowed (a router's uniform ones are), so it takes both: picks
    that are not candidates, and none beyond the number of candidates.
    """
    picks = selection.indices
    if not SEARCHING & sampler.needs or not len(picks) or picks[-1] >= len(candidates):
        return None
    if np.isin(picks, candidates.indices).all():
        return None
    return (
        "returns frames that are not candidates, all below the number of candidates: if they are "
        "positions among the candidates, return candidates.indices[positions]"
    )


def _bad_scores(candidates: Candidates, selection: Selection) -> str | None:
    if selection.scores is None:
        return None
    scores = np.asarray(selection.scores)
    if scores.shape == (len(candidates),) and scores.dtype.kind in "fiu":
        if not len(scores) or np.isfinite(scores).any():
            return None
        return (
            f"returns scores of which none is finite ({len(scores)} candidates): its selection may "
            "be arbitrary; the scores are left out"
        )
    return (
        f"returns scores {scores.dtype} of shape {list(scores.shape)} for {len(candidates)} "
        "candidates: return one number for each, in their order, or None; they are left out"
    )


def crash_said(error: BaseException, module: str) -> str:
    """An exception of a module's custom code, with its place."""
    return f"{type(error).__name__}: {error}{_place(error, module)}"


def _place(error: BaseException, module: str) -> str:
    """The innermost line outside of libraries, or of the module's own file."""
    home = getattr(sys.modules.get(module), "__file__", None)
    own, at_home = [], []
    for frame, number in traceback.walk_tb(error.__traceback__):
        line = (frame.f_code.co_filename, number)
        # Compiled modules state their source's name, not its folder.
        where = frame.f_globals.get("__file__") or line[0]
        own += [] if where.startswith((*_LIBRARIES, "<frozen")) else [line]
        at_home += [line] if line[0] == home else []
    if not (own or at_home):
        return ""
    file, number = (own or at_home)[-1]
    here = os.path.join(os.getcwd(), "")
    return f" ({file.removeprefix(here)}:{number})"


class _Watched:
    """Notes which of the fields in `_NEEDS_OF` are read."""

    _prefix: str

    @classmethod
    def of(cls, original: object, read: set[str]) -> Any:
        """A copy that adds to `read`; copies of it by `dataclasses.replace` do not."""
        copy = object.__new__(cls)
        copy.__dict__.update(original.__dict__, _read=read)
        return copy

    def __getattribute__(self, name: str) -> Any:
        full = f"{object.__getattribute__(self, '_prefix')}.{name}"
        if full in _NEEDS_OF:
            read = object.__getattribute__(self, "__dict__").get("_read")
            reader = sys._getframe(1).f_globals.get("__name__")
            if read is not None and reader not in _NOT_READING:
                read.add(full)
        return super().__getattribute__(name)


class _WatchedQuery(_Watched, Query):
    _prefix = "query"


class _WatchedCandidates(_Watched, Candidates):
    _prefix = "candidates"
