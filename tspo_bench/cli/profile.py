"""The profile of a run, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from tspo_bench.profiling import Profile, Stage

_HEADINGS = ("stage", "seconds", "% of wall", "frames", "MB", "tokens")


def waiting_line(profile: Profile) -> str | None:
    """How long the model waited for frames; None if it had no work."""
    if profile.waiting_share is None:
        return None
    return f"the model waited for frames in {profile.waiting_share:.0%} of its time"


def profile_table(profile: Profile) -> Table:
    """The stages of the main thread, which add up to wall time, and those beside them."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title="profile", title_justify="left")
    for place, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if place else "left")

    def add(stages: dict[str, Stage]) -> None:
        for name, stage in stages.items():
            share = stage.seconds / profile.wall_seconds
            counts = [stage.frames, round(stage.num_bytes / 1e6, 1), stage.tokens]
            shown = [f"{count:,}" if count else "" for count in counts]
            table.add_row(f"  {name}", f"{stage.seconds:.2f}", f"{share:.1%}", *shown)

    table.add_row("main thread", f"{profile.wall_seconds:.2f}", "100.0%")
    add(profile.main)
    if profile.beside:
        table.add_row("other threads, meanwhile")
        add(profile.beside)
    share = profile.worker_cpu_seconds / profile.wall_seconds
    table.add_row("worker processes (CPU)", f"{profile.worker_cpu_seconds:.2f}", f"{share:.1%}")
    return table
