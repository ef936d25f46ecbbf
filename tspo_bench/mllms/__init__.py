"""Frames and a prompt into an answer."""
