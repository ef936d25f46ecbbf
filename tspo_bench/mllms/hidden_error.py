"""Errors that servers and gateways send with status 200."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_CODES = ("code", "status", "status_code", "statusCode", "http_status")
_WORDS = ("message", "detail", "msg", "error_msg")
# Names in place of numbers, by their parts without "_", and the status that they mean.
_NAMED = {
    "ratelimit": 429,
    "toomanyrequests": 429,
    "resourceexhausted": 429,
    "overloaded": 503,
    "unavailable": 503,
    "servererror": 500,
    "internalerror": 500,
}
_DEEPEST = 3  # an error in an error, in a list


def hidden_status(content: bytes) -> tuple[int, bytes] | None:
    """Return the status (400 to 599) and the error that a response's JSON states, if both."""
    if b"rror" not in content and not any(word.encode() in content for word in _WORDS):
        return None
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return None
    words = hidden_words(whole)
    status = next((s for each in _errors(whole) for s in _statuses(each)), None)
    if words is None or status is None:
        return None
    return status, json.dumps({"error": {"message": words}}).encode()


def hidden_words(content: Any) -> str | None:
    """Return the message of an error within a reply's parsed JSON; None without an error."""
    error = next(_errors(content), None)
    if error is None or isinstance(error, str):
        return error
    for key in _WORDS:
        if isinstance(error.get(key), str) and error[key].strip():
            return str(error[key])
    return json.dumps(error)


def _errors(content: Any) -> Iterator[str | Mapping[str, Any]]:
    """Yield the errors of a reply, the most specific one first."""
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        content = {"error": content}
    if not isinstance(content, Mapping):
        return
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    within = [
        each.get(key)
        for each in (content, first)
        if isinstance(each, Mapping)
        for key in ("error", "errors")
    ]
    found = [error for one in within if (error := _innermost(one))]
    yield from found
    if found or (not choices and any(isinstance(content.get(key), str) for key in _WORDS)):
        yield content


def _innermost(error: Any) -> str | Mapping[str, Any] | None:
    """Unwrap an error from lists and errors around it; None for an empty one."""
    for _ in range(_DEEPEST):
        if isinstance(error, list) and error:
            error = error[0]
        elif isinstance(error, Mapping) and isinstance(error.get("error"), Mapping):
            error = error["error"]
    if type(error) is int and error:
        error = {"code": error}
    says = any(error.values()) if isinstance(error, Mapping) else isinstance(error, str) and error
    return error if says else None


def _statuses(error: str | Mapping[str, Any]) -> Iterator[int]:
    if isinstance(error, str):
        return
    for given in (*(error.get(key) for key in _CODES), error.get("type")):
        value = int(given) if isinstance(given, float) and given.is_integer() else given
        if isinstance(value, int | str) and str(value).isdecimal() and len(str(value)) == 3:
            if 400 <= int(value) <= 599:
                yield int(value)
        elif isinstance(value, str):
            name = value.lower().replace("_", "").replace(" ", "")
            yield from (status for part, status in _NAMED.items() if part in name)
