"""Connections to an OpenAI-compatible server: its URL, the key, and messages of errors."""

from __future__ import annotations

import ipaddress
import json
import os
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import proxy_bypass

import httpx2
import openai

from tspo_bench.errors import UserError
from tspo_bench.mllms.bounded_http import BoundedClient

URL_ENV = "OPENAI_BASE_URL"
_SECRET_LENGTH = 8  # shorter keys ("EMPTY") are not secret, and may be words of a reply
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OF_PROXIES = (403, 407, 502, 503, 504)  # of proxies that cannot reach the server
_LONGEST_NUMBER = 400  # digits
_SHOWN = 500  # characters of a server's message that are kept


class Connection:
    """Makes clients of a server, and removes its secrets from messages.

    Args:
        base_url: the server's URL; None for OPENAI_BASE_URL. Only the variable may hold a user and
            password (or a token), since arguments are recorded; neither may hold a query.
        key_env: the environment variable that holds the key.
        timeout: seconds for one try of a request.

    Raises:
        UserError: no URL (frames are sent nowhere by default), one that is not usable, or a key
            that no header can hold.
    """

    def __init__(self, base_url: str | None, key_env: str, timeout: float) -> None:
        self._url = base_url if base_url is not None else os.environ.get(URL_ENV, "")
        if not self._url:
            raise UserError(
                f"a served model needs its server: give --base-url (or set {URL_ENV}), as in "
                "http://localhost:8000/v1"
            )
        _check_url(self._url, "--base-url" if base_url is not None else URL_ENV)
        self._key = os.environ.get(key_env, "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise UserError(f"the key in {key_env} holds characters that no key has; set it again")
        self._timeout = timeout
        self._host = urlsplit(self._url).hostname or ""
        self.key_env = key_env
        self.shown_url = _without_secrets(self._url)

    def client(self, retries: int) -> openai.AsyncOpenAI:
        """Return a client for one event loop; use it as a context manager."""
        return openai.AsyncOpenAI(
            api_key=self._key or "none",  # the library needs one, most local servers do not
            base_url=self._url,
            max_retries=retries,
            http_client=self._http_client(),
        )

    def _http_client(self) -> BoundedClient:
        """Return the HTTP client, with the environment's proxies and certificates.

        Raises:
            UserError: these cannot be used.
        """
        is_secure = self._url.startswith("https:")
        try:
            if not is_on_this_machine(self._host):
                for name in _proxy_variables():
                    _check_port(os.environ[name])
                return BoundedClient(self._timeout)
            verify = httpx2.create_ssl_context() if is_secure else True
            return BoundedClient(self._timeout, is_local=True, verify=verify)
        except OSError as error:
            raise UserError(
                f"{' or '.join(_CERTIFICATES)} names no usable certificates ({error}); unset it, "
                "or give the file of your certificate authority"
            ) from error
        except ImportError as error:
            raise UserError(
                f"{' and '.join(_proxy_variables())}: a SOCKS proxy needs the package socksio; "
                "pip install 'tspo-bench[openai]', or unset the variable"
            ) from error
        except (ValueError, httpx2.InvalidURL) as error:
            raise UserError(
                f"{' and '.join(_proxy_variables())}: no usable proxy; write http://HOST:PORT or "
                "socks5://HOST:PORT, or unset the variable"
            ) from error

    @property
    def _proxy_hint(self) -> str:
        """How to bypass the proxy, for a message; "" without one."""
        names = _proxy_variables(urlsplit(self._url).scheme)
        if not names or is_on_this_machine(self._host) or proxy_bypass(self._host):
            return ""
        return (
            f"; {names[0]} sends this through a proxy: to go past it put {self._host} into NO_PROXY"
        )

    def redacted(self, text: str) -> str:
        """Remove the key and the URL's password (or token) from a text, also without %-escapes."""
        parts = urlsplit(self._url)
        in_url = parts.password or parts.username or ""
        for secret in (self._key, in_url, unquote(in_url)):
            if len(secret) >= _SECRET_LENGTH:
                text = text.replace(secret, "***")
        return text

    def reason(self, error: Exception) -> str:
        """Return the reason of an error in a line without secrets."""
        match error:
            case openai.APITimeoutError():
                reason = f"{self.shown_url} gave no answer within {self._timeout:g} s"
            case openai.APIConnectionError():
                cause = error.__cause__ or error
                said = f"{type(cause).__name__}: {cause}".removesuffix(": ")
                reason = f"cannot reach {self.shown_url}: {said}{self._proxy_hint}"
                if "CERTIFICATE_VERIFY_FAILED" in said:
                    reason += "; SSL_CERT_FILE names the certificates to trust"
            case openai.APIStatusError():
                said = _said(error)
                reason = f"{self.shown_url} answers {error.status_code}: {said[:_SHOWN]}"
                if error.status_code in _OF_PROXIES:
                    reason += self._proxy_hint
                if "continue_final_message" in said:
                    reason = f"{reason[:_SHOWN]}; [prefill=false] ends the prompt with these words"
            case json.JSONDecodeError():
                reason = f"the reply is not JSON: {error.doc[:80]!r}"
                if error.doc.lstrip().startswith(("data:", "event:")):
                    reason += "; the server streams: leave `stream` out of extra"
            case _:
                reason = str(error) or type(error).__name__
        return " ".join(self.redacted(reason).split())[: 2 * _SHOWN]


def _said(error: openai.APIStatusError) -> str:
    """Return the message of an error response: OpenAI's field, or the whole text."""
    message = error.body.get("message") if isinstance(error.body, dict) else None
    return message if isinstance(message, str) else error.response.text


def is_unreachable(error: Exception) -> bool:
    """Whether the connection failed or broke, as it would for any request."""
    if isinstance(error, openai.APITimeoutError):
        return isinstance(error.__cause__, httpx2.ConnectTimeout)
    return isinstance(error, openai.APIConnectionError)


async def post(client: openai.AsyncOpenAI, body: dict[str, Any]) -> Any:
    """Return a chat completion as parsed JSON.

    Raises:
        openai.OpenAIError: the request failed.
        json.JSONDecodeError: the response is not JSON.
    """
    response = await client.post("/chat/completions", body=body, cast_to=httpx2.Response)
    return json.loads(response.text.removeprefix("\ufeff"), parse_int=_whole)


def _whole(digits: str) -> int | float:
    """Return a whole number; a longer one than any count as a float instead of an error."""
    return int(digits) if len(digits) < _LONGEST_NUMBER else float(digits)


def is_on_this_machine(host: str) -> bool:
    """Whether a host's name or address is the machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _proxy_variables(*schemes: str) -> list[str]:
    """Return the environment's variables for a proxy, of some schemes or all."""
    wanted = [f"{scheme}_proxy" for scheme in (*(schemes or ("http", "https")), "all")]
    return [name for want in wanted for name in (want, want.upper()) if os.environ.get(name)]


async def served_models(client: openai.AsyncOpenAI) -> list[str]:
    """Return the models that a server lists; [] if it lists none.

    Raises:
        openai.APIConnectionError: the server cannot be reached.
    """
    try:
        response = await client.get("/models", cast_to=httpx2.Response)
        return [str(model["id"]) for model in json.loads(response.text)["data"]]
    except openai.APIConnectionError:
        raise
    except (openai.OpenAIError, ValueError, TypeError, KeyError, RecursionError):
        return []


def _check_url(url: str, source: str) -> None:
    """Check that a URL can be used, and recorded unless it is the environment's."""
    try:
        shown, parts = _without_secrets(url), urlsplit(url)
        _check_port(url)
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL) as error:  # it may hold a secret
        raise UserError(
            f"{source} is not a URL: write http://HOST:PORT/v1, or https://..."
        ) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{source} {shown!r}: write http://HOST:PORT/v1, or https://...")
    if parts.query or parts.fragment:  # the client would put the request's path behind it
        raise UserError(
            f"{source} {shown}...: the part after ? or # cannot be sent; leave it out, and put a "
            "key into OPENAI_API_KEY"
        )
    if "@" in parts.netloc and source != URL_ENV:
        raise UserError(
            f"{source} {shown}...: a user or password in it would be kept with the run; put the "
            f"whole URL into {URL_ENV}, or the key into OPENAI_API_KEY"
        )


def _check_port(url: str) -> None:
    """Raise ValueError for an impossible port: the error of a connection would be longer."""
    _ = urlsplit(url).port


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
