"""Takes out of what is published what is nobody's business: folders, keys, queries of URLs.

What tells experiments apart stays: names of files and models, relative paths, hosts of servers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

SECRET = "***"
_SECRET_LENGTH = 8  # shorter keys ("EMPTY") keep nothing secret, and may be words of a text
_SECRET_VARIABLE = re.compile(r".*(KEY|TOKEN|SECRET|PASSWORD)")
_SECRET_NAME = (
    r"(?:key|(?:[\w-]*[_-])?(?:(?:api|access|private|secret)[_-]?key|(?:access|auth)?token|secret|"
    r"password|passwd|passphrase|credentials?|o?auth|authorization))"
)
_SECRET_KEY = re.compile(_SECRET_NAME, re.IGNORECASE)
_SECRET_FLAG = re.compile(rf"--{_SECRET_NAME}", re.IGNORECASE)
# name=value, name: value, and so in JSON, also in JSON that stands in a text of JSON: \"a\": \"b\".
_SECRET_OPTION = re.compile(
    rf"\b({_SECRET_NAME}(?:\\*[\"'])?\s*[=:]\s*)"
    r"(?:(\\*[\"']).*?(?<!\\)\2|(?:(?:bearer|basic|token)\s+)?[^,\]}\s\"']+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE)
_KNOWN_KEY = re.compile(
    r"\b(?:[srp]k[-_]|hf_|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|AKIA|AIza)[\w-]{16,}"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>,\]]+")
_PART = r"[^\s/\\:;,\"'\[\]()<>]+"
# A path from the root or a home on, but for what goes on from another text: "and/or", "./x", "//".
# A folder may have a few blanks in its name: rather a word too much is taken out than a name left.
_FOLDER = rf"{_PART}(?: {_PART}){{0,4}}"
_PATH = re.compile(rf"(?<![\w./~])(?:~[\w.-]*)?/(?!/)(?:{_FOLDER}/)*({_PART})?")
_WINDOWS_PATH = re.compile(
    rf"(?:\b[A-Za-z]:\\+|(?<![\w\\])\\\\+(?={_FOLDER}[\\/]))(?:{_FOLDER}[\\/]+)*({_PART})?"
)


class Scrubber:
    """Replaces what must not travel in texts and settings.

    Args:
        folders: absolute paths with what stands for each of them ("DATA_ROOT"). All other absolute
            paths are cut down to their last name.
    """

    def __init__(self, folders: Mapping[str, str]) -> None:
        named = {**folders, str(Path.home()): "~"}
        real = {os.path.realpath(path): name for path, name in named.items()}
        known = {path.rstrip("/"): name for path, name in {**real, **named}.items()}
        self._folders = [
            (re.compile(re.escape(path) + r"(?![\w.-])"), known[path])
            for path in sorted(known, key=len, reverse=True)
            if path
        ]
        self._secrets = [
            value
            for variable, value in os.environ.items()
            if _SECRET_VARIABLE.fullmatch(variable) and len(value) >= _SECRET_LENGTH
        ]

    def text(self, text: str) -> str:
        """A text without keys, queries and logins of URLs, and absolute paths."""
        for secret in self._secrets:
            text = text.replace(secret, SECRET)
        text = _SECRET_OPTION.sub(_without_value, text)
        text = _KNOWN_KEY.sub(SECRET, _BEARER.sub(rf"\1{SECRET}", text))
        text = _URL.sub(lambda match: _bare_url(match[0]), text)
        for pattern, name in self._folders:
            text = pattern.sub(name, text)
        text = _WINDOWS_PATH.sub(lambda match: match[1] or "\\", text)
        return _PATH.sub(lambda match: match[1] or "/", text)

    def value(self, value: Any) -> Any:
        """The same for all texts of a JSON value, without the values of keys that name a secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(key): SECRET if _SECRET_KEY.fullmatch(key) and one else self.value(one)
                for key, one in value.items()
            }
        return [self.value(one) for one in value] if isinstance(value, list | tuple) else value

    def command(self, arguments: Iterable[str]) -> list[str]:
        """The same for a command line: what follows a flag that names a secret is one."""
        scrubbed, is_secret = [], False
        for argument in arguments:
            scrubbed.append(SECRET if is_secret else self.text(argument))
            is_secret = _SECRET_FLAG.fullmatch(argument) is not None
        return scrubbed


def _without_value(match: re.Match[str]) -> str:
    """What names a secret, with quotes where there were some."""
    quote = match[2] or ""
    return f"{match[1]}{quote}{SECRET}{quote}"


def _bare_url(url: str) -> str:
    """A URL's scheme, host and path; of a file's the path alone, to be cut like others."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return SECRET
    if parts.scheme == "file":
        return f"file:{parts.path}"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
