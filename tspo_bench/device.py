"""Which device a call uses that names none."""

from __future__ import annotations


def default_device() -> str:
    """The device of a call that names none: "cuda" if torch sees a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
