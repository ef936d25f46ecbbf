"""Select frames of any one video: `tspo_bench.select_frames`."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.selecting.selected_frames import SelectedFrames
from tspo_bench.selecting.settings import sampler_settings
from tspo_bench.specs import parse_spec
from tspo_bench.types import SEARCHING, CandidateRule, Candidates, Query, Selection

if TYPE_CHECKING:
    from tspo_bench.evaluation import RunSettings
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
    """Select the frames of one video for a question.

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
        encoder: as in `RunSettings`, or an encoder that is loaded already.
        agent, candidate_fps, candidates, device: as in `RunSettings`.
        seed: for samplers that draw.

    Raises:
        UserError: a setting that cannot be used, or a sampler that needs annotations.
        VideoError: the video is missing or cannot be read.
    """
    named = encoder is None or isinstance(encoder, str)
    settings: dict[str, Any] = {
        "candidate_fps": candidate_fps,
        "candidates": candidates,
        "device": device,
    }
    settings |= {"agent": agent, "encoder": encoder if named else "reference"}
    config = sampler_settings(settings, sampler, frames, seed)
    loaded = None if named else cast("FrameEncoder", encoder)
    return _select(user_path(video), question, config, loaded)


def _select(
    path: Path, question: str, config: RunSettings, encoder: FrameEncoder | None
) -> SelectedFrames:
    """Select with the settings' one sampler; `encoder` is one that is loaded already."""
    from tspo_bench.evaluation.sampler_inputs import SamplerInputs, frames_processed
    from tspo_bench.features import FeatureStore
    from tspo_bench.video import open_video
    from tspo_bench.video.candidates import rules_said

    label, sampler = _sampler(config, question)
    text_features = None
    if SEARCHING & sampler.needs:
        encoder = _checked_encoder(encoder, config, label, sampler, path)
        text_features = encoder.encode_text([question])
    query = Query(question, str(path), question, text_features=text_features)
    rate, (budget,) = config.candidate_fps, config.budgets
    assert budget.frames is not None
    with open_video(path) as reader:
        info, times = reader.info, reader.times
        inputs = SamplerInputs(path, reader, rate, FeatureStore(), encoder, config.candidates)
        if "features" in sampler.needs:
            inputs.scan()
        shown = inputs.for_sampler(sampler.needs, sampler, text_features)
        selection = _asked(label, sampler, query, shown, budget.frames)
    ruled = {} if inputs.ruled is None else {"candidates": inputs.ruled}
    for line in rules_said({str(path): rule for rule in ruled.values()}, rate):
        _log.warning(line)
    return SelectedFrames(
        indices=selection.indices,
        scores=selection.scores,
        num_filled=selection.num_filled,
        notes={**selection.notes, **ruled},
        question_id=question,
        timestamps=times[selection.indices],
        candidates=inputs.candidates,
        duration_seconds=info.duration_seconds,
        frames_processed=frames_processed(shown),
        video=path,
        question=question,
        sampler=label,
        num_asked=budget.frames,
    )


def _sampler(config: RunSettings, question: str) -> tuple[str, FrameSampler]:
    """The sampler's label and the sampler, which must do without annotations."""
    from tspo_bench.samplers import load_sampler

    (spec,), (seed,) = config.samplers, config.seeds or (0,)
    label = parse_spec(spec).label
    sampler = load_sampler(spec, seed=seed, agent=config.agent, device=config.device)
    _check_usable(label, sampler, question)
    return label, sampler


def _checked_encoder(
    encoder: FrameEncoder | None, config: RunSettings, label: str, sampler: FrameSampler, path: Path
) -> FrameEncoder:
    from tspo_bench.evaluation.checks import check_encoder
    from tspo_bench.evaluation.reference_use import warn_of_reference_video
    from tspo_bench.features import load_encoder

    loaded = encoder or load_encoder(config.encoder, config.device)
    check_encoder(label, sampler, loaded)
    warn_of_reference_video(path, loaded)
    return loaded


def _asked(
    label: str, sampler: FrameSampler, query: Query, candidates: Candidates, frames: int
) -> Selection:
    from tspo_bench.evaluation.sampler_contract import SamplerError, ask_sampler

    try:
        return ask_sampler(label, sampler, query, candidates, frames)
    except SamplerError as error:
        raise UserError(f"sampler {label!r} failed: {error}") from error


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
            f"sampler {label!r} looks frames up by a question's id, which a single question "
            "does not have; use another sampler, or evaluate the task that the file is for"
        )
    if (half := re.search("[\ud800-\udfff]", question)) is not None:
        raise UserError(
            f"the question has half a character, {half[0]!r}, at position {half.start()}; give it "
            "as UTF-8"
        )
    if SEARCHING & sampler.needs and not question.strip():
        raise UserError(f"sampler {label!r} searches for the question's text; it is empty")
