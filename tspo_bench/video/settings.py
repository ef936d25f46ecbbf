"""How this process decodes: set by commands from their options, read wherever a file is opened."""

from __future__ import annotations

trust_packets = False  # read files that end before their header says
timeout_seconds = 300.0  # of a worker process, for a piece of work
in_workers = True  # decode in worker processes
