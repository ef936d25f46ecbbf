"""Checks of what samplers and models return: they may be custom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.features.base import FrameEncoder
from tspo_bench.samplers import FrameSampler
from tspo_bench.samplers.base import ForEncoder
from tspo_bench.types import Answer, Failed, Request, Selection


def check_encoder(label: str, sampler: FrameSampler, encoder: FrameEncoder) -> None:
    """Reject features that a sampler was not made for.

    Raises:
        UserError: the encoder is another one, even if its features are as wide.
    """
    if not isinstance(sampler, ForEncoder):
        return
    from tspo_bench.features.encoder import TransformersEncoder  # torch takes seconds to import

    made_for, width, name = sampler.encoder_id, sampler.encoder_width, sampler.encoder
    folder = encoder.folder if isinstance(encoder, TransformersEncoder) else None
    if made_for and not _is_encoder(encoder.id, folder, made_for, name):
        raise UserError(
            f"sampler {label!r} reads features of encoder {f'{name!r}, ' if name else ''}"
            f"{made_for}, not of {f'{str(folder)!r}, ' if folder else ''}{encoder.id}; give the "
            "first with --encoder, or another --agent"
        )
    if width and width != encoder.width:
        raise UserError(
            f"sampler {label!r} reads features of width {width}, but those of encoder {encoder.id} "
            f"have width {encoder.width}; give its own with --encoder, or another --agent"
        )


def _is_encoder(given: str, folder: Path | None, made_for: str, name: str | None) -> bool:
    """Whether an encoder has the weights of that id, or a copy: rounded, or with others beside."""
    from tspo_bench.features.checkpoint import (
        checkpoint_id,
        find_checkpoint,
        is_same_encoder,
        without_precision,
    )

    if without_precision(made_for) == without_precision(given):
        return True
    if name is None or folder is None:
        return False
    try:
        own = find_checkpoint("encoder", name, local_files_only=True)
        return checkpoint_id(own) == without_precision(made_for) and is_same_encoder(own, folder)
    except UserError:  # it is not available for the comparison
        return False


def checked_selection(selection: Selection, num_frames: int, k: int) -> Selection:
    """Check a selection, and return it in the types that a record holds.

    Raises:
        UserError: it is not a `Selection`, or not k of the video's `num_frames` frames.
    """
    if not isinstance(selection, Selection):
        raise UserError(f"the sampler gave a {type(selection).__name__}; it must give a Selection")
    given = np.asarray(selection.indices)
    if given.ndim != 1 or (len(given) and given.dtype.kind not in "iu"):
        raise UserError(
            f"the sampler picked {given.dtype} of shape {list(given.shape)}; give whole frame "
            "numbers, [k]"
        )
    indices = given.astype(np.int64)
    if len(indices) > k:
        raise UserError(f"the sampler picked {len(indices)} frames where {k} were asked for")
    if len(indices) and not num_frames:
        raise UserError("the sampler picked frames, but its `needs` are empty; add 'probe'")
    if len(indices) and not 0 <= indices[0] <= indices[-1] < num_frames:
        raise UserError(
            f"the sampler picked frames {indices[0]} to {indices[-1]}, but the video has frames "
            f"0 to {num_frames - 1}"
        )
    try:
        json.dumps(dict(selection.notes), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UserError(f"the sampler's notes cannot be kept as JSON: {error}") from error
    return replace(selection, indices=indices, num_filled=int(selection.num_filled))


def checked_answers(
    answers: Iterable[Answer | Failed], requests: Sequence[Request]
) -> list[Answer | Failed]:
    """The answers of a model: one for each request, in the way that it asks for.

    Raises:
        TypeError: something else than an answer.
        ValueError: more or fewer than there are requests, or no log-probabilities where they are
            asked for.
    """
    checked = list(answers)
    for answer in checked:
        if not isinstance(answer, Answer | Failed):
            raise TypeError(f"the model gave a {type(answer).__name__}; it must give Answers")
        if isinstance(answer, Answer) and not isinstance(answer.text, str):
            raise TypeError(f"the model's text is a {type(answer.text).__name__}, not a str")
    if len(checked) != len(requests):
        raise ValueError(f"the model gave {len(checked)} answers to {len(requests)} requests")
    for request, answer in zip(requests, checked, strict=True):
        if request.mode != "options" or isinstance(answer, Failed):
            continue
        known = set(answer.option_logprobs or ())
        if not known or not known <= set(request.letters):
            raise ValueError(
                f"the model gives no log-probabilities of {request.letters}; use --answer generate"
            )
    return checked
