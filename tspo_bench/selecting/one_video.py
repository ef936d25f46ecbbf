"""Pick frames of any one video: `tspo_bench.select_frames`."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tspo_bench.device import default_device
from tspo_bench.errors import UserError
from tspo_bench.files import make_folder, user_path, written_whole
from tspo_bench.specs import parse_spec
from tspo_bench.types import (
    SEARCHING,
    CandidateRule,
    Candidates,
    Frames,
    Query,
    Selection,
)

if TYPE_CHECKING:
    from tspo_bench.features.base import FrameEncoder
    from tspo_bench.samplers import FrameSampler

_log = logging.getLogger(__name__)
_SHEET_FRAME_SIDE = 360  # pixels: a sheet shows no frame much larger
_MESSAGE_SIDE = 448  # pixels, as `openai:NAME` sends
_JPEG_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class SelectedFrames(Selection):
    """The frames of one video that a sampler selected for a question.

    Attributes:
        video: the file.
        question: what the frames were selected for.
        sampler: the sampler's label, with its options.
        num_asked: the frame budget; the frames are fewer where the video has fewer candidates, say.
    """

    video: Path
    question: str
    sampler: str
    num_asked: int

    @property
    def remarks(self) -> tuple[str, ...]:
        """That there are fewer picks than were asked for, and how many the fill rule added."""
        found = []
        if len(self) < self.num_asked:
            why = "the sampler gives no more of this video"
            if len(self) == self._num_candidates:
                why = f"the video has {len(self)} candidates (--candidate-fps gives more)"
            found.append(f"{len(self)} frames picked of {self.num_asked} asked for: {why}")
        if self.num_filled:
            found.append(
                f"{self.num_filled} of {len(self)} frames were added by the sampler's fill rule, "
                "as its own rule picked fewer"
            )
        return tuple(found)

    def fetch(self, short_side: int | None = None) -> Frames:
        """Decode the picks: pixels uint8 [n, h, w, 3], scaled down to `short_side` pixels if given.

        Raises:
            VideoError: the video cannot be read any more.
        """
        from tspo_bench.video import open_video

        with open_video(self.video) as reader:
            return reader.fetch(self.indices, short_side=short_side)

    def draw_sheet(self, path: str | Path) -> None:
        """Draw the picks with their times under the score curve; the suffix names the format.

        Raises:
            UserError: the file cannot be written, or the format is unknown.
        """
        from tspo_bench.report import draw_sheet

        draw_sheet(
            self.fetch(_SHEET_FRAME_SIDE),
            title=self.question or self.sampler,
            seconds=np.empty(0) if self.candidates is None else self.candidates.seconds,
            scores=self.scores,
            duration_seconds=self.duration_seconds or 0.0,
            path=user_path(path),
        )

    def save(
        self, folder: str | Path, image_format: str = "jpg", short_side: int | None = None
    ) -> list[Path]:
        """Write each frame to a picture named by its place and time: 003_0h01m02.40s.jpg.

        Args:
            folder: made if need be; pictures of the same names are replaced.
            image_format: "jpg" or "png".
            short_side: pixels; None for the video's own size.

        Raises:
            UserError: another format, or the folder cannot be written.
            VideoError: the video cannot be read any more.
        """
        from PIL import Image

        if image_format not in ("jpg", "png"):
            raise UserError(f"image format {image_format!r}; use jpg or png")
        out = make_folder(user_path(folder), "name another folder")
        frames = self.fetch(short_side)
        paths = []
        for number, (second, pixels) in enumerate(
            zip(frames.seconds, frames.pixels, strict=True), start=1
        ):
            path = out / f"{number:03d}_{_time_in_name(float(second))}.{image_format}"
            with written_whole(path) as temporary:
                kind = {"jpg": "JPEG", "png": "PNG"}[image_format]
                Image.fromarray(pixels).save(temporary, kind, quality=_JPEG_QUALITY)
            paths.append(path)
        return paths

    def to_messages(self, short_side: int | None = _MESSAGE_SIDE) -> list[dict[str, Any]]:
        """Return the frames and the question as a chat message for OpenAI-style APIs.

        Each frame is a JPEG data URL after its time ("[12.3 s]"). Example:
        `client.chat.completions.create(model=..., messages=picked.to_messages())`.

        Args:
            short_side: pixels; None for the video's own size.

        Raises:
            VideoError: the video cannot be read any more.
        """
        from tspo_bench.mllms.chat import frames_message

        return frames_message(self.question, self.fetch(short_side))

    def to_dict(self) -> dict[str, Any]:
        """Return what `tspo-bench select --json` prints; a score is None if unknown."""
        known = [None] * len(self) if self.frame_scores is None else self.frame_scores.tolist()
        frames = [
            {
                "index": index,
                "seconds": second,
                "score": None if score is None or math.isnan(score) else score,
            }
            for index, second, score in zip(
                self.indices.tolist(), self.timestamps.tolist(), known, strict=True
            )
        ]
        return {
            "video": str(self.video),
            "question": self.question,
            "sampler": self.sampler,
            "duration_seconds": self.duration_seconds,
            "num_candidates": self._num_candidates,
            "num_asked": self.num_asked,
            "num_filled": self.num_filled,
            "notes": dict(self.notes),
            "frames": frames,
        }

    @property
    def _num_candidates(self) -> int:
        return 0 if self.candidates is None else len(self.candidates)


def _time_in_name(seconds: float) -> str:
    hundredths = round(100 * seconds)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}h{minutes % 60:02d}m{rest / 100:05.2f}s"


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
    from tspo_bench.evaluation.config import check_count
    from tspo_bench.samplers import AGENTS, takes_agent

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
