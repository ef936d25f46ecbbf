"""Contact sheet of a selection: the picked frames with their times, under the score curve."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write, make_folder
from tspo_bench.types import Features, FloatArray, Frames

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Lengths are inches, measured from the sheet's upper left corner.
_WIDTH = 12.0
_MARGIN = 0.4
_GAP = 0.12
_LABEL = 0.22  # for the time under a frame
_TITLE_LINE = 0.26
_CURVE_HEIGHT = 1.5
_TIME_LINE_HEIGHT = 0.35
_NUMBERS = 0.25  # for the frames' numbers above the curve
_AXIS = 0.45  # for the ticks below it
_GRID_SHAPE = 1.6  # width by height that the grid of frames comes close to
_MAX_FRAME_HEIGHT = 5.0
_DPI = 120

_FORMATS = ("png", "jpg", "pdf", "svg")
_PICK_COLOUR, _SCORE_COLOUR, _TEXT_COLOUR = "#d1495b", "#30638e", "#333333"
_TICK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


@dataclass(frozen=True)
class _Grid:
    """The layout of n frames on the sheet."""

    columns: int
    rows: int
    frame_width: float
    frame_height: float

    @property
    def height(self) -> float:
        return self.rows * (self.frame_height + _LABEL + _GAP)


def draw_sheet(
    frames: Frames,
    *,
    title: str,
    seconds: FloatArray | None,
    scores: Features | None,
    duration_seconds: float,
    path: Path,
) -> None:
    """Draw the picked frames with their times, under the score curve with the picks marked.

    Args:
        frames: the picked frames, in time order; portrait or landscape.
        title: usually the question; it is wrapped.
        seconds: times [T] of the candidates, for samplers that score.
        scores: the candidates' scores [T]; without them a time line stands in for the curve.
        duration_seconds: the video's length.
        path: the image to write; its suffix is the format, PNG if it has none.

    Raises:
        UserError: the folder cannot be written, or the suffix names no format that can be drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = textwrap.wrap(title, 100)
    curve_height = _TIME_LINE_HEIGHT if scores is None else _CURVE_HEIGHT
    curve_top = _MARGIN + _TITLE_LINE * len(lines) + _NUMBERS
    grid_top = curve_top + curve_height + _AXIS
    grid = _arrange(len(frames), frames.pixels.shape[2] / frames.pixels.shape[1])
    height = grid_top + grid.height + _MARGIN
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    # A question may hold dollar signs, which are not mathematics.
    figure.text(
        _MARGIN / _WIDTH,
        1 - 0.7 * _MARGIN / height,
        "\n".join(lines),
        va="top",
        fontsize=13,
        color=_TEXT_COLOUR,
        parse_math=False,
    )
    axes = _place(figure, _MARGIN, curve_top, _WIDTH - 2 * _MARGIN, curve_height)
    _draw_curve(axes, frames.seconds, seconds, scores, duration_seconds)
    _draw_frames(figure, frames, grid, grid_top)
    _save(figure, path)


def _arrange(num_frames: int, aspect: float) -> _Grid:
    """The grid whose shape is closest to the wanted one, with few empty places."""

    def with_columns(columns: int) -> _Grid:
        width = (_WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) / columns
        frame_height = min(width / aspect, _MAX_FRAME_HEIGHT)
        return _Grid(columns, math.ceil(num_frames / columns), width, frame_height)

    def badness(grid: _Grid) -> float:
        excess = math.log((_WIDTH - 2 * _MARGIN) / grid.height / _GRID_SHAPE)
        empty = grid.columns * grid.rows - num_frames
        # Too tall is worse than too wide: the sheet is as wide as it is anyway.
        return max(excess, -2 * excess) + 6 * empty / num_frames

    if num_frames == 0:
        return _Grid(0, 0, 0.0, 0.0)
    return min(map(with_columns, range(1, num_frames + 1)), key=badness)


def _place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place given in inches from the upper left corner."""
    sheet_width, sheet_height = figure.get_size_inches()
    return figure.add_axes(
        (
            left / sheet_width,
            1 - (top + height) / sheet_height,
            width / sheet_width,
            height / sheet_height,
        )
    )


def _draw_curve(
    axes: Axes,
    picks: FloatArray,
    seconds: FloatArray | None,
    scores: Features | None,
    duration_seconds: float,
) -> None:
    end = max([duration_seconds, *picks, *(seconds if seconds is not None else [])]) or 1.0
    axes.set_xlim(0, end)
    axes.set_yticks([])
    axes.spines[["left", "right", "top"]].set_visible(False)
    if seconds is not None and scores is not None:
        axes.plot(seconds, scores, color=_SCORE_COLOUR, linewidth=1.2)
        heights = np.interp(picks, seconds, scores)
        axes.set_ylabel("score", color=_SCORE_COLOUR)
        axes.margins(y=0.1)
    else:
        heights = np.full(len(picks), 0.5)
        axes.set_ylim(0, 1)
    for second in picks:
        axes.axvline(second, color=_PICK_COLOUR, linewidth=0.8, alpha=0.45, clip_on=False)
    axes.plot(picks, heights, "o", color=_PICK_COLOUR, markersize=4.5, clip_on=False, zorder=3)
    _number_picks(axes, picks, end)
    step = next((step for step in _TICK_STEPS if end / step <= 12), math.ceil(end / 12))
    ticks = np.arange(0, end + 1e-9, step)
    axes.set_xticks(ticks, [clock(tick, digits=0) for tick in ticks], color=_TEXT_COLOUR)


def _number_picks(axes: Axes, picks: FloatArray, end: float) -> None:
    """Number the marks as the frames below, where there is room for it."""
    last = -math.inf
    for number, second in enumerate(picks, start=1):
        if second - last >= 0.018 * end:
            axes.annotate(
                str(number),
                (second, 1),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=_PICK_COLOUR,
            )
            last = second


def _draw_frames(figure: Figure, frames: Frames, grid: _Grid, top: float) -> None:
    label_size = 9 if grid.frame_width > 1.2 else 7
    for place, (second, image) in enumerate(zip(frames.seconds, frames.pixels, strict=True)):
        row, column = divmod(place, grid.columns)
        axes = _place(
            figure,
            _MARGIN + column * (grid.frame_width + _GAP),
            top + row * (grid.frame_height + _LABEL + _GAP),
            grid.frame_width,
            grid.frame_height,
        )
        axes.imshow(image, interpolation="antialiased")
        axes.set_axis_off()
        axes.set_anchor("NW")
        label = axes.text(
            0,
            -0.05 / grid.frame_height,
            f"{place + 1}",
            transform=axes.transAxes,
            va="top",
            fontsize=label_size,
            fontweight="bold",
            color=_PICK_COLOUR,
        )
        axes.annotate(
            clock(second, digits=1),
            (1, 0),
            xycoords=label,
            xytext=(5, 0),
            textcoords="offset points",
            va="bottom",
            fontsize=label_size,
            color=_TEXT_COLOUR,
        )


def clock(seconds: float, digits: int) -> str:
    """A time as "1:02:03.4", without hours where there are none."""
    tenths = round(seconds * 10**digits)
    whole, fraction = divmod(tenths, 10**digits)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{text}.{fraction:0{digits}d}" if digits else text


def sheet_format(path: Path) -> str:
    """The image format that a sheet's suffix names, PNG without one.

    Raises:
        UserError: it cannot be drawn.
    """
    kind = path.suffix.lstrip(".").lower() or "png"
    if kind not in _FORMATS:
        raise UserError(
            f"cannot draw {path}: unknown image format {kind!r}; use {', '.join(_FORMATS)}"
        )
    return kind


def _save(figure: Figure, path: Path) -> None:
    kind = sheet_format(path)
    hint = "name another file with --sheet"
    make_folder(path.parent, hint)
    with atomic_write(path, hint) as temporary:
        figure.savefig(temporary, format=kind)
