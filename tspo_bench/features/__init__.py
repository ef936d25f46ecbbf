"""Frames and text into vectors, and the store that keeps them."""
