"""Select frames of any one video: `tspo_bench.select_frames`."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tspo_bench.device import default_device
from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.selecting.selected_frames import SelectedFrames
from tspo_bench.specs import parse_spec
from tspo_bench.types import (
    SEARCHING,
    CandidateRule,
    Candidates,
    Query,
    Selection,
)

if TYPE_CHECKING:
    from tspo_bench.features.base import FrameEncoder
    from tspo_bench.samplers import FrameSampler

_log = logging.getLogger(__name__)


def select_frames(
    video: str | Path,
    question: str,
    sampler: str = "aks",
    frames: int = 8,
    *,
    encoder: str | FrameEncoder | None = None,
    agent: str | None = None,
    candidate_fps: float = 1.0,
    candidates: CandidateRule = "auto",
    seed: int = 0,
    device: str | None = None,
) -> SelectedFrames:
    """Pick the frames of one video that a question should be answered with.

    Example:
        >>> import tspo_bench
        >>> picked = tspo_bench.select_frames("film.mp4", "What is in the pan?", frames=4)
        >>> len(picked.indices), len(picked.timestamps)
        (4, 4)
        >>> picked.fetch(short_side=48).pixels.shape
        (4, 48, 80, 3)

    Args:
        video: the file.
        question: the text alone, without options and instructions.
        sampler: a sampler's spec; not one that reads annotations (`oracle`, `file:PATH`).
        frames: the frame budget K; a video with fewer candidates gives all of them.
        encoder: "reference", a checkpoint's folder, a hub id, or an encoder that is loaded already;
            None for the agent's folder if that holds an encoder too, else "reference".
        agent: a temporal agent's folder or hub id, for the samplers tspo and tspo-q; None for those
            in the package.
        candidate_fps: candidate frames per second.
        candidates: which frames these are: every n-th ("stride"), those shown at each 1 /
            `candidate_fps` second ("time"), or ("auto") by time where frames are uneven in time.
        seed: for samplers that draw.
        device: a torch device; None for CUDA where torch sees it, else the CPU.

    Raises:
        UserError: unknown sampler or encoder, or a sampler that needs annotations.
        VideoError: the video is missing or cannot be read.
    """
    from tspo_bench.evaluation.checks import check_encoder
    from tspo_bench.evaluation.reference_use import warn_of_reference_video
    from tspo_bench.evaluation.sampler_inputs import SamplerInputs, frames_processed
    from tspo_bench.features import FeatureStore
    from tspo_bench.samplers import load_sampler
    from tspo_bench.video import open_video
    from tspo_bench.video.candidates import check_rule, rules_said

    check_rule(candidates)
    _check_asked(sampler, frames, agent, candidate_fps, seed)
    device = device or default_device()
    chosen = load_sampler(sampler, seed=seed, agent=agent, device=device)
    label = parse_spec(sampler).label
    _check_usable(label, chosen, question)
    path = user_path(video)
    loaded, text_features = None, None
    if SEARCHING & chosen.needs:
        loaded = _loaded_encoder(encoder, agent, device)
        check_encoder(label, chosen, loaded)
        warn_of_reference_video(path, loaded)
        text_features = loaded.encode_text([question])
    query = Query(question, str(path), question, text_features=text_features)
    with open_video(path) as reader:
        info, times = reader.info, reader.times
        inputs = SamplerInputs(path, reader, candidate_fps, FeatureStore(), loaded, candidates)
        if "features" in chosen.needs:
            inputs.scan()
        shown = inputs.for_sampler(chosen.needs, chosen, text_features)
        selection = _selected(label, chosen, query, shown, frames)
    ruled = {} if inputs.ruled is None else {"candidates": inputs.ruled}
    for rule in ruled.values():
        for line in rules_said({str(path): rule}, candidate_fps):
            _log.warning(line)
    return SelectedFrames(
        indices=selection.indices,
        scores=selection.scores,
        num_filled=selection.num_filled,
        notes={**selection.notes, **ruled},
        question_id=question,
        timestamps=times[selection.indices],
        candidates=replace(shown, score=None, scan=None),
        duration_seconds=info.duration_seconds,
        frames_processed=frames_processed(shown),
        video=path,
        question=question,
        sampler=label,
        num_asked=frames,
    )


def _check_asked(
    sampler: str, frames: int, agent: str | None, candidate_fps: float, seed: int
) -> None:
    from tspo_bench.samplers import AGENTS, takes_agent
    from tspo_bench.validation import check_count

    check_count("--frames", frames)
    check_count("--seed", seed)
    if frames < 1:
        raise UserError(f"{frames} frames cannot be picked; give 1 or more")
    if not 0 < candidate_fps < math.inf:
        raise UserError(f"candidate rate {candidate_fps} must be above 0 a second")
    if agent is not None and not takes_agent(parse_spec(sampler)):
        raise UserError(f"agent {agent!r}: sampler {sampler!r} has none; use {' or '.join(AGENTS)}")


def _selected(
    label: str, sampler: FrameSampler, query: Query, candidates: Candidates, frames: int
) -> Selection:
    from tspo_bench.evaluation.sampler_contract import SamplerError, ask_sampler

    try:
        return ask_sampler(label, sampler, query, candidates, frames)
    except SamplerError as error:
        raise UserError(f"sampler {label!r} failed: {error}") from error


def _loaded_encoder(
    encoder: str | FrameEncoder | None, agent: str | None, device: str
) -> FrameEncoder:
    if encoder is not None and not isinstance(encoder, str):
        return encoder
    from tspo_bench.agent.checkpoint import default_encoder
    from tspo_bench.features import load_encoder

    return load_encoder(encoder or default_encoder(agent), device)


def _check_usable(label: str, sampler: FrameSampler, question: str) -> None:
    """Reject samplers that need annotations."""
    from tspo_bench.samplers.published import PublishedFrames

    if "evidence" in sampler.needs:
        raise UserError(
            f"sampler {label!r} needs annotated evidence, which a single video does not have; use "
            "another sampler, or evaluate a task whose questions have it"
        )
    if isinstance(sampler, PublishedFrames):
        raise UserError(
            f"sampler {label!r} looks frames up by a question's id, which a question of your own "
            "does not have; use another sampler, or evaluate the task that the file is for"
        )
    if (half := re.search("[\ud800-\udfff]", question)) is not None:
        raise UserError(
            f"the question has half a character, {half[0]!r}, at position {half.start()}; give it "
            "as UTF-8"
        )
    if SEARCHING & sampler.needs and not question.strip():
        raise UserError(f"sampler {label!r} searches for the question's text; it is empty")
