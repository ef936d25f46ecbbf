"""Reports as CSV for pandas: plain numbers, shares of 1, nothing where undefined."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tspo_bench.report.escape import spreadsheet
from tspo_bench.report.power import power_of
from tspo_bench.report.standings import Standing, Standings
from tspo_bench.report.stats import Interval
from tspo_bench.report.written.paper import Paper
from tspo_bench.report.written.standings_grid import Prices, cost_per_question


def standings_csv(
    tables: Sequence[Standings], prices: Prices | None = None, groups: bool = False
) -> str:
    """A line for each row of each table; with `groups` a line for each of its groups' values too.

    The columns are the same whatever the rows hold; `group` and `value` are there with `groups`.
    """
    lines = []
    for table in tables:
        for one in table.standings:
            about = {**table.shared, "baseline": table.baseline, **_about(one)}
            of_all = {"group": None, "value": None} if groups else {}
            lines.append({**about, **of_all, **_figures(one, prices)})
            if groups:
                lines += [{**about, **entry} for entry in _groups(one)]
    return _csv(lines)


def papers_csv(papers: Sequence[Paper]) -> str:
    """A line for each row of each paper table."""
    lines = []
    for paper in papers:
        for row in paper.rows:
            line = {**paper.shared, "model": row.model, "sampler": row.sampler, "K": row.budget}
            for column in paper.columns:
                figure = row.figures.get(column.key)
                line[column.key] = figure.accuracy if figure else None
                line |= _ends(column.key, figure.ci95 if figure else None)
                known = figure if figure and figure.accuracy is not None else None
                line[f"{column.key}_finished"] = known.is_finished if known else None
            lines.append({**line, **_share("mean_difference", row.difference, row.difference_ci95)})
    return _csv(lines)


def _csv(lines: Sequence[Mapping[str, Any]]) -> str:
    columns = dict.fromkeys(key for line in lines for key in line)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({key: _plain(value) for key, value in line.items()})
    return out.getvalue()


def _plain(value: Any) -> Any:
    """Texts are others' and may look like formulas; numbers stay numbers."""
    return spreadsheet(value) if isinstance(value, str) else value


def _about(one: Standing) -> dict[str, Any]:
    settings = one.row.cells[0].settings
    return {
        "sampler": settings["sampler"],
        "frames": settings["frames"],
        "visual_tokens": settings.get("visual_tokens"),
        "seeds": " ".join(map(str, one.row.seeds)),
        "run": str(one.row.cells[0].run_folder),
    }


def _figures(one: Standing, prices: Prices | None) -> dict[str, Any]:
    row, summary = one.row, one.row.summary
    paired, answered, usage = row.paired, row.both_answered, row.summary.mean_usage
    power = power_of(paired) if paired else None
    return {
        "n": summary.n,
        "num_videos": summary.num_videos,
        "num_done": one.num_done,
        "num_planned": one.num_planned,
        "num_withheld": summary.num_withheld,
        "unparsed": summary.status_counts["unparsed"],
        "failed": summary.num_failed,
        **_share("accuracy", summary.accuracy, summary.ci95),
        **_share("macro", summary.macro, summary.macro_ci95),
        **_share("headline", summary.headline, summary.headline_ci95),
        "seed_std": row.seed_std,
        **_share(
            "difference", paired.difference if paired else None, paired.ci95 if paired else None
        ),
        "n_paired": paired.num_questions if paired else None,
        "p": paired.p_value if paired else None,
        "p_holm": one.p_holm,
        "p_mcnemar": paired.mcnemar_p if paired else None,
        **_share(
            "difference_both_answered",
            answered.difference if answered else None,
            answered.ci95 if answered else None,
        ),
        "n_both_answered": answered.num_questions if answered else None,
        "p_both_answered": answered.p_value if answered else None,
        "needed_for_1_point": power.needed if power else None,
        **_share("headroom_recovered", row.headroom, one.headroom_ci95),
        "evidence_recall": summary.evidence_recall,
        "seconds_per_question": summary.seconds_per_question,
        "num_features_cached": summary.feature_sources.get("cached", 0),
        "num_features_unknown": summary.feature_sources.get("unknown", 0),
        "gpu_seconds_per_question": one.gpu_seconds,
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "cost_per_question": cost_per_question(one, prices),
        "mark": one.mark,
    }


def _groups(one: Standing) -> Iterator[dict[str, Any]]:
    for group, values in one.row.summary.groups.items():
        for value, entry in values.items():
            figure = _share("accuracy", entry.accuracy, entry.ci95)
            yield {"group": group, "value": value, "n": entry.n, **figure}


def _share(name: str, share: float | None, ci95: Interval | None) -> dict[str, Any]:
    return {name: share, **_ends(name, ci95)}


def _ends(name: str, ci95: Interval | None) -> dict[str, Any]:
    low, high = ci95 or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
