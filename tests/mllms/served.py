"""What the tests of served models share."""

from __future__ import annotations

from typing import Any

from tests.mllms.conftest import make_request
from tests.mllms.servers import Body, ChatServer, completion, prompt_of
from tspo_bench.mllms.openai_server import OpenAIServer
from tspo_bench.types import Answer, Failed, Request

MODEL = "some/tiny-vl"


def model_at(server: ChatServer, **options: Any) -> OpenAIServer:
    """A served model, of a server that is asked whether it is there."""
    settings = {"model": MODEL, "base_url": server.url, **options}
    OpenAIServer.check_server(**settings)
    return OpenAIServer(**settings)


def questions(number: int) -> list[Request]:
    return [make_request([], f"question {i}") for i in range(number)]


def echo(body: Body, number: int) -> Body:
    return completion(f"to {prompt_of(body)}")


def reason(given: Answer | Failed) -> str:
    assert isinstance(given, Failed), given
    return given.error
