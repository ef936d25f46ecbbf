"""An HTTP client with a limit on time and size of a whole response."""

from __future__ import annotations

import ssl
from typing import Any

import anyio
import httpx2
from openai import OpenAIError

from tspo_bench.mllms.hidden_error import hidden_status

MOST_BYTES = 2**20  # of a response: some thousand times an answer
_CONNECT_SECONDS = 10.0
# Headers of the body as it was sent; here it is decoded.
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")


class ResponseTooLong(OpenAIError):  # noqa: N818 - the library does not retry its own errors
    """A response of more than MOST_BYTES."""


class BoundedClient(httpx2.AsyncClient):
    """Reads every response whole, within `seconds` from the first byte sent to the last received.

    httpx's own time limits are for single reads. After the time `send` raises ReadTimeout, as the
    openai library expects; for a response of more than MOST_BYTES, ResponseTooLong. An error within
    a response of status 200 replaces that status, so that the library raises or retries it.

    Args:
        seconds: see above.
        is_local: the server is on this machine, so no proxy is used.
        verify: the certificates to trust for a local server; else the environment's.
    """

    def __init__(
        self, seconds: float, is_local: bool = False, verify: ssl.SSLContext | bool = True
    ) -> None:
        super().__init__(
            verify=verify,
            trust_env=not is_local,
            timeout=httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
            limits=httpx2.Limits(max_connections=None),  # the caller counts its requests
            follow_redirects=True,
        )
        self._seconds = seconds

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """See `httpx2.AsyncClient.send`; `stream` makes no difference."""
        try:
            with anyio.fail_after(self._seconds):
                response = await super().send(request, **{**options, "stream": True})
                try:
                    content = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the time is over", request=request) from error
        headers = [(k, v) for k, v in response.headers.items() if k.lower() not in _OF_THE_WIRE]
        status = response.status_code
        if status == 200:
            status, content = hidden_status(content) or (status, content)
        return httpx2.Response(status, headers=headers, content=content, request=response.request)


async def _read(response: httpx2.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise ResponseTooLong(f"the response is longer than {MOST_BYTES:,} bytes")
    return bytes(content)
