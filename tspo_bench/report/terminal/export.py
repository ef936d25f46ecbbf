"""What `run --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tspo_bench.report.paired import PairedDifference
from tspo_bench.report.rows import BASELINE, Rivals, Row, pooled_rows
from tspo_bench.report.summary import Summary, summarise_cells, summary_json
from tspo_bench.results import Cell

_LABELS = ("task", "sampler", "model", "frames", "visual_tokens")
_FIGURES_BEFORE_HEADROOM = (
    *("protocol", "protocol_hash", "answer", "n", "num_withheld"),
    *("accuracy", "ci95", "headline", "headline_ci95", "macro", "macro_ci95"),
    *("accuracy_answered", "evidence_recall"),
)
_FIGURES_AFTER_HEADROOM = (
    *("seconds_per_question", "feature_sources"),
    *("mean_frames", "mean_visual_tokens", "frame_sizes", "mean_usage"),
    *("status_counts", "num_guessed", "num_truncated", "groups"),
)


def cells_json(cells: Sequence[Cell], baseline: str = BASELINE) -> dict[str, Any]:
    """The cells, and as "pooled" the table's rows: shares of 1, null where undefined.

    Args:
        cells: of one run or several.
        baseline: the sampler that each row is compared with, as a spec.
    """
    rivals = Rivals(cells, baseline)
    return {
        "cells": [_cell_json(cell, rivals) for cell in cells],
        "pooled": [
            row_json(row, rivals.baseline(row.cells[0])) for row in pooled_rows(cells, rivals)
        ],
    }


def _cell_json(cell: Cell, rivals: Rivals) -> dict[str, Any]:
    summary = summarise_cells([cell])
    return {
        **_labels(cell),
        "seed": cell.settings.get("seed"),
        **_figures(summary, rivals.headroom([cell], summary.accuracy)),
        "own_scores": dict(cell.own_scores.figures) if cell.own_scores else {},
        "run_dir": str(cell.run_folder),
    }


def row_json(row: Row, baseline: str) -> dict[str, Any]:
    """A row's labels and figures."""
    return {
        **_labels(row.cells[0]),
        "seeds": list(row.seeds),
        "accuracy_by_seed": list(row.accuracies) if row.seeds else [],
        "seed_std": row.seed_std,
        **_figures(row.summary, row.headroom),
        "paired": _paired_json(row, baseline),
        "run_dir": str(row.cells[0].run_folder),
    }


def _labels(cell: Cell) -> dict[str, Any]:
    return {key: cell.settings.get(key) for key in _LABELS}


def _figures(summary: Summary, headroom: float | None) -> dict[str, Any]:
    figures = summary_json(summary)
    return {
        **{key: figures[key] for key in _FIGURES_BEFORE_HEADROOM},
        "headroom_recovered": headroom,
        **{key: figures[key] for key in _FIGURES_AFTER_HEADROOM},
    }


def _paired_json(row: Row, baseline: str) -> dict[str, Any] | None:
    if row.paired is None or row.both_answered is None:
        return None
    return {
        "baseline": baseline,
        **_difference_json(row.paired),
        "both_answered": _difference_json(row.both_answered),
    }


def _difference_json(paired: PairedDifference) -> dict[str, Any]:
    return {
        "difference": paired.difference,
        "ci95": paired.ci95,
        "p": paired.p_value,
        "n": paired.num_questions,
        "videos": paired.num_videos,
    }
