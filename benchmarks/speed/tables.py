"""Tables and a chart of all speed benchmarks, made from their JSON alone.

`python -m benchmarks.speed.tables` reads results/benchmarks/speed_*.json and writes speed.md and
speed.svg beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.speed.measure import RESULTS

MEDIAN = "median_seconds"
LABELS = {
    MEDIAN: "s",
    "min_seconds": "fastest",
    "max_seconds": "slowest",
    "cpu_seconds": "CPU s",
    "peak_memory_mib": "peak MiB",
    "peak_gib_above_inputs": "peak GiB above inputs",
    "times_floor": "x floor",
}
Case = Mapping[str, Any]


def cases_of(name: str, found: Case) -> Iterator[tuple[str, Case]]:
    """The tables in a file: each mapping whose values are the figures of a way, by its name."""
    if _is_table(found):
        yield name, found
        return
    for key, value in found.items():
        if isinstance(value, dict):
            yield from cases_of(f"{name}: {key}", value)


def figures_of(found: Case, path: str = "") -> Iterator[tuple[str, Any]]:
    """What lies beside the tables: single figures, with their names."""
    for key, value in found.items():
        if isinstance(value, float | int | str):  # raw rounds stay in the file
            yield f"{path}{key}", f"{value:.4g}" if isinstance(value, float) else value
        elif isinstance(value, dict) and not _is_table(value):
            yield from figures_of(value, f"{path}{key}: ")


def _is_table(found: Case) -> bool:
    return any(isinstance(value, dict) and MEDIAN in value for value in found.values())


def table(case: Case) -> list[str]:
    """A way a row, in Markdown."""
    ways = {way: row for way, row in case.items() if isinstance(row, dict)}
    columns = list(dict.fromkeys(column for row in ways.values() for column in row))
    lines = [
        f"| way | {' | '.join(LABELS.get(c, c.replace('_', ' ')) for c in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for way, row in ways.items():
        lines.append(f"| {way} | {' | '.join(str(row.get(c, '')) for c in columns)} |")
    lines += [f"| {way} | {row} |" for way, row in case.items() if isinstance(row, str)]
    return lines


def page(files: Mapping[str, Case]) -> str:
    """All tables, with the command and the machine of each file."""
    lines = ["# Speed", "", "Made by `python -m benchmarks.speed.tables` from speed_*.json."]
    lines += ["Seconds are the median of the rounds.", "", "![all cases](speed.svg)"]
    for name, content in files.items():
        machine = content["environment"]
        versions = ", ".join(f"{p} {v}" for p, v in machine["packages"].items())
        where = machine["gpus"] or f"{machine['num_cores']} cores of {machine['cpu']}"
        revision = str(machine.get("git_revision", "unknown"))[:7]
        lines += ["", f"## {name}"]
        lines += [f"`{content['command']}` at revision {revision}: {where}; {versions}"]
        for title, case in cases_of("", content["cases"]):
            lines += ["", f"**{title.removeprefix(': ')}**", "", *table(case)]
        single = [f"- {label}: {value}" for label, value in figures_of(content["cases"])]
        lines += ["", *single] if single else []
    return "\n".join(lines) + "\n"


def chart(files: Mapping[str, Case], path: Path) -> None:
    """Each case as bars: seconds with their spread, or a rate where the ways do unequal work."""
    cases = [
        (f"{name}{title}", {w: r for w, r in case.items() if isinstance(r, dict)})
        for name, content in files.items()
        for title, case in cases_of("", content["cases"])
    ]
    heights = [len(case) + 2 for _, case in cases]
    figure = Figure(figsize=(8, 0.25 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(cases), height_ratios=heights, squeeze=False)[:, 0]
    for axis, (title, case) in zip(axes, cases, strict=True):
        rows = list(case.values())
        rate = next((name for name in rows[0] if name.endswith("_per_second")), None)
        shown = rate or MEDIAN
        values = [row[shown] for row in rows]
        spread = [
            [row[MEDIAN] - row["min_seconds"] for row in rows],
            [row["max_seconds"] - row[MEDIAN] for row in rows],
        ]
        ours = ("ours", "now", "tspo")
        colours = ["tab:blue" if way.startswith(ours) else "0.7" for way in case]
        axis.barh(list(case), values, xerr=None if rate else spread, color=colours)
        axis.invert_yaxis()
        unit = LABELS.get(shown, shown.replace("_", " "))
        axis.set_title(f"{title}, {unit}", fontsize=8, loc="left")
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def read(folder: Path = RESULTS) -> dict[str, Case]:
    """The benchmarks' contents, by name."""
    paths = sorted(folder.glob("speed_*.json"))
    return {path.stem.removeprefix("speed_"): json.loads(path.read_text()) for path in paths}


def main() -> None:
    """Write the page and the chart."""
    files = read()
    (RESULTS / "speed.md").write_text(page(files))
    chart(files, RESULTS / "speed.svg")
    print(RESULTS / "speed.md")


if __name__ == "__main__":
    main()
