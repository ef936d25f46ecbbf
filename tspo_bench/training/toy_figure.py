"""Draws the toy example: what an agent learns from one question about one video."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tspo_bench.files import atomic_write
from tspo_bench.types import FloatArray, IntArray, Pixels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from PIL.Image import Image

_REWARD, _SCENE, _TEXT, _MUTED = "#30638e", "#edae49", "#222222", "#777777"
_CURVES = 6  # score curves in the still figure
_SMOOTHED = 5  # steps in the reward's running mean
_MOVING_FRAMES = 31  # at most, in the animation
_FRAME_MS, _LAST_MS = 150, 2500
_STYLE: dict[Any, Any] = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "text.color": _TEXT,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class ToyRun:
    """A toy run of S steps on a video of T candidates, K of which are picked.

    `duration` is the video's in seconds, `opening` the scene that answers the question, from second
    to second; `seconds` [T] and `pixels` [T, h, w, 3] are the candidates'. `rewards` [S] are means
    over each step's draws; `probabilities` [S + 1, T] and `picks` [S + 1, K] (positions of the K
    best, sorted) are the policy's before each step and after the last.
    """

    agent: str
    question: str
    answer: str
    opening: tuple[float, float]
    duration: float
    seconds: FloatArray
    pixels: Pixels
    rewards: FloatArray
    probabilities: FloatArray
    picks: IntArray

    @property
    def steps(self) -> int:
        """S."""
        return len(self.rewards)

    @property
    def in_opening(self) -> np.ndarray:
        """Which candidates show the scene that answers the question [T]."""
        start, end = self.opening
        return (start <= self.seconds) & (self.seconds <= end)

    def hits(self, step: int) -> float:
        """Share of the frames picked after a number of steps that show that scene."""
        return float(self.in_opening[self.picks[step]].mean())


def draw_figure(run: ToyRun, path: Path) -> None:
    """Draw reward, policy and picked frames of a run as one PNG.

    Raises:
        UserError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE), atomic_write(path) as temporary:
        figure = Figure(figsize=(11, 7.4), dpi=120)
        (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.25, 1))
        _title(upper, run, 15)
        reward, policy = upper.subplots(1, 2, width_ratios=(1, 1.35))
        upper.subplots_adjust(left=0.07, right=0.985, top=0.74, bottom=0.14, wspace=0.2)
        _draw_rewards(reward, run, run.steps)
        shown = np.unique(np.linspace(0, run.steps, _CURVES).round().astype(int)).tolist()
        _draw_policy(policy, run, shown)
        policy.legend(
            title="after step",
            frameon=False,
            labelspacing=0.25,
            loc="upper right",
            handlelength=1.5,
        )
        _draw_picks(lower, run, (0, run.steps))
        figure.savefig(temporary, format="png")


def draw_animation(run: ToyRun, path: Path) -> None:
    """Draw the policy and its picks, step by step, as a GIF that loops.

    Raises:
        UserError: the file cannot be written.
    """
    from PIL import Image

    number = min(run.steps + 1, _MOVING_FRAMES)
    steps = np.unique(np.linspace(0, run.steps, number).round().astype(int)).tolist()
    images = [_moment(run, step) for step in steps]
    # One palette for all, or colours would flicker.
    ends = Image.fromarray(np.vstack([np.asarray(images[0]), np.asarray(images[-1])]))
    palette = ends.quantize(256, dither=Image.Dither.NONE)
    first, *rest = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    with atomic_write(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=rest,
            duration=[_FRAME_MS] * len(rest) + [_LAST_MS],
            loop=0,
        )


def _moment(run: ToyRun, step: int) -> Image:
    """One picture of the animation, as a PIL image."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from PIL.Image import open as open_image

    with rc_context(_STYLE):
        figure = Figure(figsize=(9, 5.2), dpi=90)
        (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.9, 1))
        _title(upper, run, 12.5)
        reward, policy = upper.subplots(1, 2, width_ratios=(1, 1.6))
        upper.subplots_adjust(left=0.085, right=0.985, top=0.68, bottom=0.18, wspace=0.25)
        _draw_rewards(reward, run, step)
        _draw_policy(policy, run, [step])
        _draw_picks(lower, run, (step,))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
    return open_image(buffer).convert("RGB")


def _title(figure: Figure | SubFigure, run: ToyRun, size: float) -> None:
    start, end = run.opening
    figure.suptitle(
        "One video, one question: right answers alone teach the agent where to look",
        x=0.012, y=0.97, ha="left", fontsize=size, fontweight="bold",
    )  # fmt: skip
    figure.text(
        0.012, 0.855, f"{run.agent}: “{run.question}” The {run.answer}, seen from {start:.0f} to "
        f"{end:.0f} s of {run.duration:.0f} s.",
        va="center", fontsize=0.8 * size, color=_MUTED,
    )  # fmt: skip


def _draw_rewards(axes: Axes, run: ToyRun, until: int) -> None:
    """Each step's reward, and the running mean, up to a step."""
    steps, rewards = np.arange(1, run.steps + 1)[:until], run.rewards[:until]
    axes.plot(steps, rewards, "o", markersize=3.5, color=_REWARD, alpha=0.35, markeredgewidth=0)
    smoothed = [rewards[max(0, i - _SMOOTHED + 1) : i + 1].mean() for i in range(until)]
    axes.plot(steps, smoothed, color=_REWARD, linewidth=2.2)
    axes.set(
        xlim=(0, run.steps + 0.5), ylim=(0, 1.04), xlabel="training step", title="Reward",
        ylabel="share answered right",
    )  # fmt: skip


def _draw_policy(axes: Axes, run: ToyRun, steps: list[int]) -> None:
    """The probability of each frame after some steps: light first, dark last."""
    from matplotlib import colormaps

    axes.axvspan(*run.opening, color=_SCENE, alpha=0.3, linewidth=0)
    top = 100 * run.probabilities.max() * 1.12
    axes.text(run.opening[1] + 0.5, top, "scene asked for", va="top", fontsize=9.5, color="#8a5a00")
    for step in steps:
        shade = 0.2 + 0.75 * step / run.steps if len(steps) > 1 else 0.8
        percent = 100 * run.probabilities[step]
        axes.plot(
            run.seconds, percent, color=colormaps["Blues"](shade), linewidth=1.8, label=str(step)
        )
    if len(steps) == 1:
        picks = run.picks[steps[0]]
        axes.plot(run.seconds[picks], percent[picks], "o", color="#d1495b", markersize=5)
    axes.set(
        xlim=(0, run.duration), ylim=(0, top), xlabel="time in the video (s)",
        ylabel="probability (%)", title="Where the policy looks",
    )  # fmt: skip


def _draw_picks(figure: Figure | SubFigure, run: ToyRun, steps: tuple[int, ...]) -> None:
    """A row of thumbnails for each step: the K best frames, those of the scene framed."""
    k = run.picks.shape[1]
    rows = figure.subplots(len(steps), k, squeeze=False)
    bottom = 0.03 if len(steps) > 1 else 0.02
    figure.subplots_adjust(left=0.17, right=0.985, top=0.9, bottom=bottom, wspace=0.08, hspace=0.3)
    for row, step in zip(rows, steps, strict=True):
        hits = int(run.in_opening[run.picks[step]].sum())
        row[0].text(
            -0.12, 0.5, f"step {step}: picks\n{hits} of {k} show\nthe scene", ha="right",
            va="center", transform=row[0].transAxes,
        )  # fmt: skip
        for axes, position in zip(row, run.picks[step], strict=True):
            axes.imshow(run.pixels[position])
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"{run.seconds[position]:.0f} s", fontsize=10, fontweight="normal",
                           loc="center", pad=3)  # fmt: skip
            found = run.in_opening[position]
            for spine in axes.spines.values():
                spine.set(visible=True, color=_SCENE if found else "#cccccc")
                spine.set_linewidth(4 if found else 1)
