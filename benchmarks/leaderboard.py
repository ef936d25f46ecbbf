"""results/README.md, this repository's leaderboard: `make leaderboard`.

The tables follow from the committed runs alone: results/runs/*.zip, each of which `tspo-bench
bundle` wrote. The figures of papers (results/published.csv) stand in
a table of their own, for they were not measured here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tspo_bench.report.comparison import ComparedRow, ComparisonTable, comparison_tables, is_bound
from tspo_bench.report.format import percent
from tspo_bench.report.loading import load_results
from tspo_bench.report.papers.published import Published, read_published
from tspo_bench.report.tables.comparison import comparison_grid
from tspo_bench.report.tables.grid import Entry, Grid, Heading
from tspo_bench.report.tables.markdown import grids_markdown

RESULTS = Path(__file__).parents[1] / "results"
RUNS = RESULTS / "runs"
PAGE = RESULTS / "README.md"

_HEAD = """# Leaderboard

Made by `make leaderboard` from the runs in [`runs/`](runs). Check one yourself:
`tspo-bench rescore results/runs/haystack.zip --protocol strict@2`; as a page: `tspo-bench report
results/runs/*.zip --html out/`. The replies of `haystack.zip` were read by protocol `strict@1`,
an earlier version; `strict@2` reads the same letter in each of the 20,160.

Other pages: [haystack](haystack/README.md), what the agents gain, with more questions and seeds;
[reference](reference), the models that ship; [benchmarks](benchmarks), speed.

## Measured here

`tspo-bench run --task haystack --frames 4,8,16,32 --limit 210` with every sampler of the package
but `word-rule`, `smoothed-cosine` and `untrained`
([measured here](../docs/haystack.md#what-it-does-not-show)), and `--seeds 0,1,2 --agent
agents/tspo-q` (`agents/tspo`) for the agents, of which the package has seed 0; the zip's `run.json`
has the commands. 2 cores, no GPU. The built-in task is a diagnostic:
it shows what a sampler can find in a world of pictograms, not what it gains on films.

"""
_PUBLISHED = """
## Published by others, not measured here

What papers and their repositories state on real benchmarks, each with its own frames, prompt and
extraction: **not comparable with the table above, and with each other only in part**. Sources and
what is verified: [published.csv](published.csv).

"""
_BENCHMARKS = ("longvideobench", "mlvu", "videomme", "lvbench")


def leaderboard() -> str:
    """The page's text.

    Raises:
        UserError: no run is there, or one of them cannot be read.
    """
    tables = comparison_tables(load_results(sorted(RUNS.glob("*.zip"))).cells)
    short = grids_markdown([_by_budget(table) for table in tables])
    whole = grids_markdown([comparison_grid(table) for table in tables])
    details = (
        f"\n<details><summary>All figures, with paired tests</summary>\n\n{whole}\n</details>\n"
    )
    return _HEAD + short + details + _PUBLISHED + grids_markdown([_published(read_published())])


def _by_budget(table: ComparisonTable) -> Grid:
    """A row a sampler, a column a budget: accuracy with its interval, and evidence recall."""
    budgets = list(dict.fromkeys(one.row.budget for one in table.rows))
    by_name: dict[str, dict[str, ComparedRow]] = {}
    for one in table.rows:
        by_name.setdefault(one.name, {})[one.row.budget] = one
    ranked = sorted(by_name.items(), key=lambda item: -_mean(list(item[1].values())))
    return Grid(
        title=table.title,
        headings=(Heading("sampler", is_name=True), *(Heading(f"K = {k}") for k in budgets)),
        rows=tuple(
            (
                Entry(f"{name} (bound)" if is_bound(name) else name, value=name),
                *(_entry(ones.get(k)) for k in budgets),
            )
            for name, ones in ranked
        ),
        notes=("accuracy, 95% interval clustered by video / evidence recall",),
    )


def _mean(ones: Sequence[ComparedRow]) -> float:
    known = [one.row.summary.accuracy for one in ones]
    return sum(share for share in known if share is not None) / len(known)


def _entry(one: ComparedRow | None) -> Entry:
    if one is None:
        return Entry("n/a")
    summary = one.row.summary
    low, high = summary.ci95 or (float("nan"), float("nan"))
    interval = f"[{100 * low:.0f}, {100 * high:.0f}] / {percent(summary.evidence_recall)}"
    return Entry(percent(summary.accuracy), interval, summary.accuracy, one.mark)


def _published(rows: Sequence[Published]) -> Grid:
    """A row a method, model and number of frames; whole benchmarks only, none with subtitles."""
    kept = [
        one
        for one in rows
        if one.benchmark in _BENCHMARKS and one.group is None and one.subtitles != "full"
    ]
    by_row: dict[tuple[str, str, str, str], list[Published]] = {}
    for one in kept:
        frames = "" if one.frames is None else str(one.frames)
        by_row.setdefault((one.method, one.model, one.source, frames), []).append(one)
    return Grid(
        title="figures as their sources state them (%)",
        headings=(
            *(Heading(name, is_name=True) for name in ("method", "model", "source")),
            *map(Heading, ("frames", *_BENCHMARKS)),
        ),
        rows=tuple(
            (
                *(Entry(text, value=text) for text in row[:3]),
                Entry(row[3]),
                *(
                    Entry(" / ".join(_value(f) for f in same if f.benchmark == b))
                    for b in _BENCHMARKS
                ),
            )
            for row, same in by_row.items()
        ),
        notes=("macro: the mean over task types; ?: not stated which; *: not read at the source",),
    )


def _value(one: Published) -> str:
    kind = {"micro": "", "macro": " macro", "unknown": " ?"}[one.metric]
    return f"{one.value:g}{kind}{'' if one.first_hand else '*'}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(leaderboard())
    print(PAGE)


if __name__ == "__main__":
    main()
