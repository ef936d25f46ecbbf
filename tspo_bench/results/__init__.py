"""Run directories on disk: records and summaries, written and read."""
