"""The exceptions and warnings a user can do something about.

Every message names the thing, the value and the way out, and the command line prints it without
a traceback. What is not a `UserError` is a bug in tspo-bench.
"""

from __future__ import annotations

import sys
import warnings

# What custom code may raise and is caught: `sys.exit` there must not end a run. Ctrl-C does.
CRASHES = (Exception, SystemExit)
_PACKAGE = __name__.partition(".")[0]


class UserError(Exception):
    """A mistake in what was asked for: the command ends with exit code 2."""


class VideoError(UserError):
    """A video that is missing or cannot be read: it costs its own questions only."""


class TspoBenchWarning(UserWarning):
    """The result exists, but may not be the intended one. Commands print it as one line."""


def warn(message: str) -> None:
    """Issue a `TspoBenchWarning` at the innermost line outside this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, TspoBenchWarning, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module == _PACKAGE or module.startswith(f"{_PACKAGE}.")
