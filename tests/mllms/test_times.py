"""The frames' seconds in each class's input, against the true ones."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from tests.mllms.conftest import make_request
from tspo_bench.errors import UserError
from tspo_bench.mllms import check_mllm
from tspo_bench.mllms.conversation import with_times
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.types import Request

Get = Callable[[str], Path]
CLUSTERED = [0, 10, 400, 420, 430, 590]  # at 10 frames a second


def vlm(folder: Path, **options: object) -> TransformersVLM:
    return TransformersVLM(str(folder), max_new_tokens=8, **options)  # type: ignore[arg-type]


def _prompt_text(model: TransformersVLM, request: Request) -> str:
    ids = model._inputs([request])["input_ids"][0]
    return str(model._processor.tokenizer.decode(ids)).replace(" ", "")


@pytest.mark.parametrize("name", ["qwen3_vl", "qwen3_5"])
def test_qwen3_writes_the_true_times(checkpoint: Get, name: str) -> None:
    model = vlm(checkpoint(name))
    text = _prompt_text(model, make_request([15, 15 + 10, 300, 333], frame_rate=10.0))
    # Means of pairs of frames. The toy vocabulary lacks words that Qwen3.5's tokenizer class drops.
    assert re.findall(r"<([\d.]+)(?:seconds)?>", text) == ["2.0", "31.6"]


def test_qwen3_vl_writes_the_true_times_of_a_variable_frame_rate(checkpoint: Get) -> None:
    """Frames 0 to 3 of a slide show at 0.5 frames a second on average: index / fps is wrong."""
    model = vlm(checkpoint("qwen3_vl"))
    request = make_request(
        [0, 1, 2, 3], frame_rate=0.5, num_frames=4, seconds=[0.0, 0.25, 7.0, 7.5]
    )
    text = _prompt_text(model, request)
    assert re.findall(r"<([\d.]+)seconds>", text) == ["0.1", "7.2"]


def test_smolvlm_writes_the_true_times_and_the_video_length(
    checkpoint: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = vlm(checkpoint("smolvlm"))
    processor, written = model._processor, []
    replace = processor.replace_video_token
    monkeypatch.setattr(
        processor, "replace_video_token", lambda *a, **k: written.append(replace(*a, **k)) or "?"
    )
    model._inputs([make_request([0, 100, 599], frame_rate=10.0, num_frames=6000)])
    assert re.findall(r"Frame from ([\d:]+):", written[0]) == ["00:00", "00:10", "00:59"]
    assert "three frames from a 0:10:00" in written[0]


def test_one_frame_stands_at_its_second(checkpoint: Get) -> None:
    model = vlm(checkpoint("qwen3_vl"))
    assert re.findall(r"<([\d.]+)seconds>", _prompt_text(model, make_request([33]))) == ["3.3"]


def test_doubled_frames_have_each_their_own_stamp(checkpoint: Get) -> None:
    """Fused, 43.0 and 59.0 seconds are one step, stamped at neither."""
    request = make_request(CLUSTERED)
    stamps = {}
    for pairs in ("fuse", "repeat"):
        model = vlm(checkpoint("qwen3_vl"), pairs=pairs)
        stamps[pairs] = re.findall(r"<([\d.]+)seconds>", _prompt_text(model, request))
    assert stamps["fuse"] == ["0.5", "41.0", "51.0"]
    assert stamps["repeat"] == ["0.0", "1.0", "40.0", "42.0", "43.0", "59.0"]


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl"])
def test_a_doubled_frame_is_fused_with_itself_alone(checkpoint: Get, name: str) -> None:
    """Each grid step's patches hold the same picture twice; fused ones two pictures."""
    for pairs, equal in (("fuse", False), ("repeat", True)):
        inputs = vlm(checkpoint(name), pairs=pairs)._inputs([make_request(CLUSTERED)])
        patches = inputs["pixel_values_videos"].unflatten(1, (3, 2, 4, 4))
        assert torch.equal(patches[:, :, 0], patches[:, :, 1]) == equal
    assert inputs["video_grid_thw"][0, 0] == len(CLUSTERED)


def test_the_mean_step_is_the_video_length_by_the_frames(checkpoint: Get) -> None:
    """One constant step is all that transformers' Qwen2.5-VL knows."""
    inputs = vlm(checkpoint("qwen2_5_vl"), positions="mean")._inputs(
        [make_request([0, 20, 40, 60])]
    )
    assert inputs["second_per_grid_ts"][0] == pytest.approx(2 * 60 / 4)
    assert "position_ids" not in inputs


@pytest.mark.parametrize("rate", [0.5, 10.0, 30.0])
def test_the_step_is_that_of_the_videos_own_rate(checkpoint: Get, rate: float) -> None:
    """Not of 2 frames a second, which processors assume where the rate is lost; nor cut to 0."""
    request = make_request([0, 1, 2, 3], frame_rate=rate, num_frames=4)
    inputs = vlm(checkpoint("qwen2_5_vl"), positions="mean")._inputs([request])
    assert inputs["second_per_grid_ts"][0] == pytest.approx(2 / rate)
    timed = vlm(checkpoint("qwen2_5_vl"))._inputs([request])
    first, last = timed["position_ids"][1, 0, timed["mm_token_type_ids"][0] == 2][[0, -1]]
    assert last - first == int(2 / rate * 4 + 1e-4)  # the class counts 4 positions a second


def naive_positions(model: TransformersVLM, request: Request, moments: list[int]) -> torch.Tensor:
    """Position ids [3, length] written down token by token; `moments` are those of the steps."""
    inputs = model._inputs([request])
    config = model._model.config
    _, high, wide = (inputs["video_grid_thw"][0] // 2).tolist()
    columns: list[tuple[int, int, int]] = []
    patch = 0
    for token in inputs["input_ids"][0].tolist():
        if token == config.video_token_id:
            step, cell = divmod(patch, high * wide)
            if patch == 0:
                start = len(columns)
            row, column = divmod(cell, wide)
            columns.append((start + moments[step], start + row, start + column))
            patch += 1
        else:
            last = max(map(max, columns), default=-1)
            columns.append((last + 1,) * 3)
    return torch.tensor(columns).T


def test_qwen2_5_vl_stands_at_the_true_seconds(checkpoint: Get) -> None:
    """Steps at 0.5, 41.0 and 51.0 seconds; the class counts 4 positions a second."""
    model = vlm(checkpoint("qwen2_5_vl"))
    assert model._model.config.vision_config.tokens_per_second == 4
    request = make_request(CLUSTERED)
    given = model._inputs([request])["position_ids"]
    naive = naive_positions(model, request, [0, int(40.5 * 4), int(50.5 * 4)])
    assert torch.equal(given[1:, 0], naive)
    assert given[0, 0].tolist() == list(range(given.shape[2]))


@pytest.mark.parametrize("indices", [CLUSTERED, [0, 3, 500, 510, 599], [7]])
def test_a_constant_step_is_one_second_a_pair(checkpoint: Get, indices: list[int]) -> None:
    """Whatever the frames' seconds, and the words after the video stand behind it.

    So transformers 4.49 counts where its processor is given no rate: 2 frames a second, a pair a
    step, `tokens_per_second` positions each.
    """
    model = vlm(checkpoint("qwen2_5_vl"), positions="constant")
    request = make_request(indices)
    steps = -(-len(indices) // 2)
    naive = naive_positions(model, request, [4 * step for step in range(steps)])
    assert torch.equal(model._inputs([request])["position_ids"][1:, 0], naive)


def test_doubled_frames_stand_at_their_own_seconds(checkpoint: Get) -> None:
    model = vlm(checkpoint("qwen2_5_vl"), pairs="repeat")
    request = make_request(CLUSTERED)
    naive = naive_positions(model, request, [0, 4, 160, 168, 172, 236])
    assert torch.equal(model._inputs([request])["position_ids"][1:, 0], naive)


@pytest.mark.parametrize(("spacing", "count"), [(10, 6), (5, 8), (7, 4), (150, 4)])
def test_even_frames_stand_where_the_library_has_them(
    checkpoint: Get, spacing: int, count: int
) -> None:
    """All of the video, and the words before it; the words after it come behind it."""
    model = vlm(checkpoint("qwen2_5_vl"))
    indices = [spacing * i for i in range(count)]
    inputs = model._inputs([make_request(indices, num_frames=spacing * count)])
    theirs, _ = model._model.model.get_rope_index(
        inputs["input_ids"],
        mm_token_type_ids=inputs["mm_token_type_ids"],
        video_grid_thw=inputs["video_grid_thw"],
        second_per_grid_ts=inputs["second_per_grid_ts"],
        attention_mask=inputs["attention_mask"],
    )
    end = int(torch.nonzero(inputs["mm_token_type_ids"][0] == 2)[-1])
    ours = inputs["position_ids"][1:]
    assert torch.equal(ours[:, :, : end + 1], theirs[:, :, : end + 1])
    behind = ours[:, 0, : end + 1].max() + 1
    assert torch.equal(
        ours[:, 0, end + 1 :], (behind + torch.arange(ours.shape[2] - end - 1)).expand(3, -1)
    )


def test_a_batch_has_the_positions_of_single_requests(checkpoint: Get) -> None:
    """Padded on the left, prompts and times of several lengths; the answers are the same ones."""
    model = vlm(checkpoint("qwen2_5_vl"))
    requests = [
        make_request(CLUSTERED, "long question A ?"),
        make_request([0, 1, 2, 3, 4, 5], "?"),
        make_request([5, 90, 91, 92, 300, 599], "which thing ?"),
    ]
    inputs = model._inputs(requests)
    for row, request in enumerate(requests):
        alone = model._inputs([request])["position_ids"]
        kept = inputs["attention_mask"][row].bool()
        assert torch.equal(inputs["position_ids"][:, row, kept], alone[:, 0])
    assert model.answer(requests) == [model.answer([request])[0] for request in requests]


def test_the_model_is_given_the_true_seconds(checkpoint: Get) -> None:
    """The first token's log-probabilities equal those of a plain pass with naive positions."""
    folder = checkpoint("qwen2_5_vl")
    model = vlm(folder)
    request = dataclasses.replace(make_request(CLUSTERED), mode="options")
    plain = transformers.AutoModelForImageTextToText.from_pretrained(folder).eval()
    inputs = model._inputs([request])
    inputs["position_ids"] = naive_positions(model, request, [0, 162, 202])[:, None]
    with torch.no_grad():
        logprobs = plain(**inputs).logits[0, -1].log_softmax(-1)
    tokens = model._processor.tokenizer.convert_tokens_to_ids(list("ABCD"))
    expected = dict(zip("ABCD", logprobs[tokens].tolist(), strict=True))
    (answer,) = model.answer([request])
    assert answer.option_logprobs == pytest.approx(expected, abs=1e-4)
    other = vlm(folder, positions="mean").answer([request])[0]
    assert other.option_logprobs != pytest.approx(expected, abs=1e-4)


def test_where_frames_stand_changes_the_answer(checkpoint: Get) -> None:
    """The same pictures at other seconds."""
    model = vlm(checkpoint("qwen2_5_vl"))
    request = dataclasses.replace(make_request(CLUSTERED), mode="options")
    frames = dataclasses.replace(request.frames, seconds=request.frames.seconds[::-1].cumsum())
    moved = dataclasses.replace(request, frames=frames)
    first, second = model.answer([request, moved])
    assert first.option_logprobs != pytest.approx(second.option_logprobs, abs=1e-4)


def test_seconds_in_words() -> None:
    """The sentence is the one that the documentation prints, for both of its options."""
    request = make_request([0, 20, 599], "which ?")
    sentence = (
        "The video lasts for 60.00 seconds. The frames shown, in order of time, are located at "
        "0.00s,2.00s,59.90s."
    )
    assert with_times(request) == f"{sentence}\nwhich ?"
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    assert " ".join(page.split()).count(f'"{sentence}"') == 2
    unknown = make_request([4], "which ?", num_frames=None)
    assert with_times(unknown).startswith("The frames shown, in order of time, are located at 0.4")
    assert with_times(make_request([], "which ?")) == "which ?"


@pytest.mark.parametrize("name", ["internvl", "llava_onevision"])
def test_times_are_added_to_the_prompt_on_request(checkpoint: Get, name: str) -> None:
    request = make_request([0, 20, 599])
    later = dataclasses.replace(
        request, frames=dataclasses.replace(request.frames, seconds=np.array([1.0, 2.0, 3.0]))
    )
    told, not_told = (vlm(checkpoint(name), **own) for own in ({"times": "prompt"}, {}))
    assert "prompt" in told.id
    assert "times" not in not_told.id
    pair = [dataclasses.replace(r, mode="options") for r in (request, later)]
    one, other = (answer.option_logprobs for answer in not_told.answer(pair))
    assert one == pytest.approx(other, abs=1e-5)
    one, other = (answer.option_logprobs for answer in told.answer(pair))
    assert one != pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("qwen2_5_vl", "positions=true", "positions=True; use seconds or mean or constant"),
        ("qwen2_5_vl", "pairs=3", "pairs=3; use fuse or repeat"),
        ("qwen2_5_vl", "times=true", "times=True; use none or prompt"),
        ("qwen3_vl", "positions=mean", "qwen3_vl: leave `positions` out"),
        ("qwen3_vl", "positions=constant", "positions=constant is for Qwen2.5-VL"),
        ("internvl", "pairs=repeat", "takes them one by one: leave `pairs` out"),
    ],
)
def test_settings_that_cannot_be(checkpoint: Get, name: str, option: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_mllm(f"{checkpoint(name)}[{option}]")


def test_the_id_depends_on_the_visual_input(checkpoint: Get) -> None:
    folder = checkpoint("qwen2_5_vl")
    constant = {"positions": "constant"}
    settings = ({}, {"positions": "mean"}, constant, {"pairs": "repeat"}, {"times": "prompt"})
    assert len({vlm(folder, **own).id for own in settings}) == 5
    assert vlm(folder, positions="seconds").id == vlm(folder).id
