"""MLLMs on servers with OpenAI's chat completions API."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.mllms.base import MLLM
from tspo_bench.mllms.chat import TOP_LOGPROBS, chat_messages, read_reply
from tspo_bench.mllms.jpeg_urls import QUALITY, JpegURLs
from tspo_bench.specs import Spec, read_yaml
from tspo_bench.types import Answer, Failed, Frames, Prompt, Request

try:
    import anyio
    import anyio.from_thread
    import anyio.to_thread
    import openai

    from tspo_bench.mllms.connection import Connection, is_unreachable, post, served_models
except ImportError as error:
    raise ImportError(f"{error}; install it with: pip install 'tspo-bench[openai]'") from error

TIMES = ("frames", "none")
_HELLO_RETRIES = 2  # a connection may break between two requests; an unserved model stays one
_LISTED = 10  # served models that a message names
_HELLO = Request(
    Frames(np.empty(0, np.int64), np.empty(0), np.empty((0, 1, 1, 3), np.uint8)),
    prompt=Prompt("Hello", max_new_tokens=1),
    frame_rate=1.0,
    letters="AB",
)
Result = TypeVar("Result")


class OpenAIServer(MLLM):
    """A model behind an OpenAI-compatible server: vLLM, SGLang, LMDeploy, hosted APIs.

    Requests have temperature 0 and seed 0; whether they are deterministic depends on the server. An
    error costs only its own request (`Failed`). Rate limits (with Retry-After), server errors,
    timeouts and lost connections are retried with backoff; an unreachable server gets single tries
    until it answers.

    Args:
        model: the model's name on the server.
        base_url: the server's URL ("http://localhost:8000/v1"); None for OPENAI_BASE_URL.
        concurrency: concurrent requests.
        timeout: seconds for one try, from the first byte sent to the last received.
        retries: tries after the first.
        short_side: to which frames are scaled down; None for full size.
        quality: of the JPEGs, 1 to 100.
        times: "frames", "[12.3 s]" before each frame; "none".
        prefill: whether a protocol's `reply_start` is an assistant message to continue; otherwise
            it ends the prompt.
        max_new_tokens: the longest reply, unless the protocol sets it.
        extra: fields to add to the request's body, or to leave out if null; a mapping, or YAML.
        key_env: the environment variable that holds the key.
        name: the model's name in tables; None for the last part of `model`.

    Raises:
        UserError: an unusable setting. `check_server` checks the server.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        concurrency: int = 8,
        timeout: float = 120.0,
        retries: int = 5,
        short_side: int | None = 448,
        quality: int = QUALITY,
        times: str = "frames",
        prefill: bool = True,
        max_new_tokens: int = 32,
        extra: Mapping[str, Any] | str | None = None,
        key_env: str = "OPENAI_API_KEY",
        name: str | None = None,
    ) -> None:
        self._model = str(model)
        self._check("concurrency", concurrency, 1)
        self._check("retries", retries, 0)
        self._check("short_side", 1 if short_side is None else short_side, 1)
        self._check("quality", quality, 1, 100)
        self._check("max_new_tokens", max_new_tokens, 1)
        if times not in TIMES:
            raise UserError(f"model {self._model!r}: times={times!r}; use {' or '.join(TIMES)}")
        if not isinstance(prefill, bool):
            raise UserError(f"model {self._model!r}: prefill={prefill!r}; give true or false")
        if not isinstance(timeout, int | float) or not timeout > 0:
            raise UserError(f"model {self._model!r}: timeout={timeout!r}; give seconds above 0")
        self._connection = Connection(base_url, key_env, timeout)
        self._concurrency, self._retries = concurrency, retries
        self._to_url, self._times, self._prefill = JpegURLs(quality), times, prefill
        self._max_new_tokens = max_new_tokens
        self._extra = self._mapping(extra)
        self._is_reached = True
        self.short_side = short_side
        self.name = name or Path(self._model).name
        decides = {
            "base_url": self._connection.shown_url,
            "extra": self._extra,
            "max_new_tokens": max_new_tokens,
            "prefill": prefill,
            "quality": quality,
            "short_side": short_side,
            "times": times,
        }
        self.id = Spec(f"openai:{self._model}", decides).label

    @classmethod
    def check(cls, *args: Any, **options: Any) -> None:
        """Raise what the constructor would."""
        cls(*args, **options)

    @classmethod
    def check_server(cls, **options: Any) -> None:
        """Check that the server answers, accepts the key and serves the model.

        Raises:
            UserError: it does not, or as the constructor.
        """
        _run(cls(**options)._probe)

    def answer(self, requests: Sequence[Request]) -> list[Answer | Failed]:
        """Answer the requests, in order."""
        return _run(lambda: self._answer_all(list(requests)))

    async def _answer_all(self, requests: list[Request]) -> list[Answer | Failed]:
        answers: dict[int, Answer | Failed] = {}
        limiter = anyio.CapacityLimiter(self._concurrency)

        async def ask(position: int) -> None:
            async with limiter:
                answers[position] = await self._ask(client, requests[position])

        async with self._connection.client(self._retries) as client, anyio.create_task_group() as g:
            for position in range(len(requests)):
                g.start_soon(ask, position)
        return [answers[position] for position in range(len(requests))]

    async def _ask(self, client: openai.AsyncOpenAI, request: Request) -> Answer | Failed:
        if not self._is_reached:
            client = client.with_options(max_retries=0)
        try:
            body = await anyio.to_thread.run_sync(self._body, request)
            content = await post(client, body)
            self._is_reached = True
            answer = read_reply(content, request)
        except Exception as error:  # noqa: BLE001 - must not cost the other requests
            self._is_reached = not is_unreachable(error)
            return Failed(self._connection.reason(error))
        redacted = self._connection.redacted
        refusal = None if answer.refusal is None else redacted(answer.refusal)
        return dataclasses.replace(answer, text=redacted(answer.text), refusal=refusal)

    def _body(self, request: Request) -> dict[str, Any]:
        """Return a request as the API's JSON."""
        messages = chat_messages(
            request,
            to_url=self._to_url,
            times=self._times == "frames",
            prefill=self._prefill,
        )
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "max_tokens": request.prompt.max_new_tokens or self._max_new_tokens,
            "temperature": 0,
            "seed": 0,
        }
        if messages[-1]["role"] == "assistant":
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        if request.mode == "options":
            body |= {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP_LOGPROBS}
        return {key: value for key, value in (body | self._extra).items() if value is not None}

    async def _probe(self) -> None:
        """See `check_server`."""
        async with self._connection.client(0) as client:
            served: list[str] = []
            try:
                served = await served_models(client)
                if self._model not in served:  # lists may be incomplete
                    patient = client.with_options(max_retries=_HELLO_RETRIES)
                    await post(patient, self._body(_HELLO))
            except openai.RateLimitError:
                return  # the server is there
            except (openai.OpenAIError, ValueError) as error:
                raise UserError(self._problem(error, served)) from None

    def _problem(self, error: Exception, served: Sequence[str]) -> str:
        hint = "start the server, or give another --base-url"
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            hint = f"put the server's key into {self._connection.key_env}"
        elif served:
            more = f" and {len(served) - _LISTED} more" if len(served) > _LISTED else ""
            hint = f"it serves {', '.join(served[:_LISTED])}{more}"
        elif isinstance(error, openai.APIStatusError | ValueError):
            hint = "check the name, and the --base-url: most end in /v1"
        return f"model {self._model!r}: {self._connection.reason(error)}; {hint}"

    def _check(self, name: str, value: Any, least: int, most: int | None = None) -> None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > most):
            rest = "or more" if most is None else f"to {most}"
            raise UserError(
                f"model {self._model!r}: {name}={value!r}; give a whole number, {least} {rest}"
            )

    def _mapping(self, extra: Mapping[str, Any] | str | None) -> dict[str, Any]:
        given = read_yaml(extra) if isinstance(extra, str) else extra
        if given is not None and not isinstance(given, Mapping):
            raise UserError(
                f"model {self._model!r}: extra={extra!r}; write extra='{{field: value}}'"
            )
        return dict(given or {})


def _run(function: Callable[[], Awaitable[Result]]) -> Result:
    """Run in an event loop of its own thread: a notebook's thread has a loop already."""
    with anyio.from_thread.start_blocking_portal() as portal:
        return portal.call(function)
