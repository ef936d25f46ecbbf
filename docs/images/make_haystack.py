"""Draws docs/images/haystack.png: scenes of one video, and a question with its evidence.

Run from the repository's root: .venv/bin/python docs/images/make_haystack.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from tspo_bench.haystack.scenes import draw_scene
from tspo_bench.haystack.script import Script
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.types import Question

VIDEO, KIND = "test-5min-0066.mp4", "after"
NUM_SHOWN = 8
EVIDENCE, OTHER = "#d1495b", "#9aa5b1"


def _timeline(figure: Figure, script: Script, evidence: tuple[int, ...], shown: range) -> None:
    """The whole video as a bar of scenes; lines lead from the shown ones to their pictures."""
    bar = figure.add_axes((0.02, 0.80, 0.96, 0.06))
    for number, scene in enumerate(script.scenes):
        colour = EVIDENCE if number in evidence else OTHER if number % 2 else "#c9d1d9"
        bar.axvspan(scene.start, scene.end, color=colour, lw=0)
    bar.set(xlim=(0, script.scenes[-1].end), yticks=[])
    minutes = np.arange(6)
    bar.set_xticks(60 * minutes, [f"{minute}:00" for minute in minutes], fontsize=8)
    bar.xaxis.tick_top()
    bar.tick_params(length=2)
    bar.spines[:].set_visible(False)
    ends = (script.scenes[shown[0]].start, script.scenes[shown[-1]].end)
    for seconds, side in zip(ends, (0.02, 0.98), strict=True):
        line = ConnectionPatch(
            (seconds, 0), (side, 0.725), bar.transData, figure.transFigure, color=OTHER, lw=0.8
        )
        figure.add_artist(line)


def _scenes(figure: Figure, script: Script, evidence: tuple[int, ...], shown: range) -> None:
    """The middle frame of each shown scene, with its seconds."""
    gap = 0.008
    width = (0.96 - gap * (NUM_SHOWN - 1)) / NUM_SHOWN
    for place, number in enumerate(shown):
        scene = script.scenes[number]
        axes = figure.add_axes((0.02 + place * (width + gap), 0.3, width, 0.42))
        middle = sum(scene.clear) / 2
        axes.imshow(np.clip(draw_scene(scene, middle), 0, 255).astype(np.uint8))
        axes.set(xticks=[], yticks=[])
        marked = number in evidence
        axes.spines[:].set(color=EVIDENCE if marked else "white", linewidth=3 if marked else 0)
        axes.set_xlabel(
            f"{scene.start:.1f} - {scene.end:.1f} s",
            fontsize=8,
            color=EVIDENCE if marked else "#57606a",
            weight="bold" if marked else "normal",
        )


def _question(figure: Figure, question: Question) -> None:
    figure.text(0.02, 0.15, question.text, fontsize=12, weight="bold", va="center")
    for place, (letter, option) in enumerate(zip(question.letters, question.options, strict=True)):
        right = letter == question.answer
        figure.text(
            0.02 + 0.13 * place,
            0.06,
            f"{letter}. {option}",
            fontsize=11,
            va="center",
            color=EVIDENCE if right else "#24292f",
            weight="bold" if right else "normal",
        )
    figure.text(0.98, 0.06, "evidence in red", color=EVIDENCE, fontsize=9, ha="right", va="center")


def main() -> None:
    """Draw the picture beside this file."""
    task = HaystackTask()
    script = task.script(VIDEO)
    (item,) = [item for item in script.items if item.kind == KIND]
    (question,) = [q for q in task.questions() if q.id == f"{Path(VIDEO).stem}-{KIND}"]
    first = item.evidence[0] - (NUM_SHOWN - 2) // 2
    shown = range(first, first + NUM_SHOWN)
    figure = plt.figure(figsize=(10, 2.95), dpi=110)
    _timeline(figure, script, item.evidence, shown)
    _scenes(figure, script, item.evidence, shown)
    _question(figure, question)
    figure.savefig(Path(__file__).with_name("haystack.png"), facecolor="white")


if __name__ == "__main__":
    main()
