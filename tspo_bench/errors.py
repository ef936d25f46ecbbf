"""The exceptions a user can do something about.

Every message names the thing, the value and the way out, and the command line prints it without
a traceback. What is not a `UserError` is a bug in tspo-bench.
"""

from __future__ import annotations


class UserError(Exception):
    """A mistake in what was asked for: the command ends with exit code 2."""


class VideoError(UserError):
    """A video that is missing or cannot be read: it costs its own questions only."""
