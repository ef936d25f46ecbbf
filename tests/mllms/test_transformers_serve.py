"""A served model against a real engine: `transformers serve` with a tiny checkpoint."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transformers

from tests.mllms.checkpoints import llava_onevision
from tests.mllms.conftest import make_request, with_prompt
from tests.mllms.servers import pictures_of
from tspo_bench.errors import UserError
from tspo_bench.mllms.chat import chat_messages
from tspo_bench.mllms.openai_server import OpenAIServer
from tspo_bench.types import Answer, Failed, Request

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_quick_retries")]

REQUESTS = [
    make_request([3, 50, 117, 580]),
    make_request([], "which long question A"),
    make_request([10, 599], "second thing B ?"),
    make_request([5, 200, 377], "from A ?", size=(64, 48)),
    with_prompt(make_request([7, 8], "first ?"), system="long", reply_start="the thing"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llava_onevision(tmp_path_factory.mktemp("served") / "tiny-vl")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    pytest.importorskip("fastapi", reason="transformers serve needs fastapi")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    process = subprocess.Popen([*command, *options], env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        base = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 300
        while not _is_up(f"{base}/health"):
            assert process.poll() is None, "the server ended before it answered"
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield f"{base}/v1"
    finally:
        process.kill()
        process.wait()


def _is_up(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=5):
            return True
    except OSError:
        return False


def expected(folder: Path, request: Request) -> tuple[str, int]:
    """The library's own reply to the same messages, and how many tokens they are."""
    processor: Any = transformers.AutoProcessor.from_pretrained(folder)
    model: Any = transformers.AutoModelForImageTextToText.from_pretrained(folder)
    messages = chat_messages(request, prefill=False)
    pictures = iter(pictures_of({"messages": messages}))
    content = {
        message["role"]: [
            {"type": "image", "image": next(pictures)} if part["type"] == "image_url" else part
            for part in (
                message["content"]
                if isinstance(message["content"], list)
                else [{"type": "text", "text": message["content"]}]
            )
        ]
        for message in messages
    }
    inputs = processor.apply_chat_template(
        [{"role": role, "content": parts} for role, parts in content.items()],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    length = inputs["input_ids"].shape[1]
    output = model.generate(**inputs, do_sample=False, max_new_tokens=8)
    return processor.decode(output[0, length:], skip_special_tokens=True).strip(), length


def test_answers_are_those_of_the_library(folder: Path, url: str) -> None:
    model = OpenAIServer(str(folder), url, max_new_tokens=8, prefill=False, concurrency=3)
    answers = model.answer(REQUESTS)
    texts = []
    for request, answer in zip(REQUESTS, answers, strict=True):
        assert isinstance(answer, Answer), answer
        text, num_tokens = expected(folder, request)
        assert answer.text == text
        assert answer.usage["prompt_tokens"] == num_tokens
        assert 1 <= answer.usage["completion_tokens"] <= 8
        texts.append(text)
    assert len(set(texts)) >= 3, "answers that do not differ prove nothing"
    single = [model.answer([request])[0] for request in REQUESTS]
    assert [answer.text for answer in single if isinstance(answer, Answer)] == texts


def test_what_this_engine_cannot_do_is_said(folder: Path, url: str) -> None:
    model = OpenAIServer(str(folder), url)
    [begun] = model.answer(REQUESTS[-1:])
    assert isinstance(begun, Failed)
    assert "422" in begun.error
    assert "[prefill=false]" in begun.error
    [options] = model.answer([dataclasses.replace(REQUESTS[0], mode="options")])
    assert options == Failed("the server gives no log-probabilities; use --answer generate")


def test_a_model_that_it_does_not_serve(folder: Path, url: str) -> None:
    with pytest.raises(UserError, match=f"Server is pinned to '{folder}"):
        OpenAIServer.check_server(model="another", base_url=url)
