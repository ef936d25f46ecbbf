"""The folder name of a cell."""

from __future__ import annotations

import hashlib
import json
import re

_SAFE_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=,+]*(-[A-Za-z0-9._=,+]+)*")
_MAX_LABEL = 60


def cell_slug(
    task_label: str, sampler_label: str, model_label: str, budget: str, seed: int | None = None
) -> str:
    """A cell's folder name, "haystack--aks--reference--k8": other labels give another name.

    A seed follows the budget: "k8--seed0". Characters that shells and file systems dislike become
    "-"; then a hash of the labels follows, so that names stay distinct.
    """
    labels = (task_label, sampler_label, model_label)
    parts = [safe_label(label) for label in labels]
    slug = "--".join([*parts, budget, *([] if seed is None else [f"seed{seed}"])])
    if tuple(parts) == labels:
        return slug
    digest = hashlib.sha256(json.dumps([*labels, budget]).encode()).hexdigest()
    return f"{slug}--{digest[:8]}"


def safe_label(label: str) -> str:
    """A label as part of a file's name: characters that shells and file systems dislike are "-"."""
    if _SAFE_LABEL.fullmatch(label) and len(label) <= _MAX_LABEL:
        return label
    replaced = re.sub(r"[^A-Za-z0-9._=,+]+", "-", label)[:_MAX_LABEL]
    return replaced.lstrip("._,=+-").rstrip("-") or "x"
