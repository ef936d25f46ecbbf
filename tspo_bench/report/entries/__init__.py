"""Runs as one file: packed, opened, and scored again."""
