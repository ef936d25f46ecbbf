"""The scenes of a video of the built-in world, and the drawing of a frame."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tspo_bench.haystack.world import draw_pictogram
from tspo_bench.types import Pixels

FRAME_SIZE = 128
FRAME_RATE = 8
FADE_SECONDS = 0.5
MAIN_SIZES = (62, 76)
COMPANION_SIZES = (44, 50)
TEXTURES = ("stripes", "dots", "checks", "waves", "plain")
COLOURS = {
    "red": (214, 92, 86), "orange": (232, 160, 92), "yellow": (236, 218, 120),
    "green": (128, 186, 116), "teal": (96, 182, 176), "blue": (104, 150, 214),
    "purple": (164, 124, 200), "pink": (236, 164, 192), "brown": (164, 128, 100),
    "grey": (160, 164, 170), "white": (236, 236, 230), "dark": (76, 82, 96),
}  # fmt: skip


@dataclass(frozen=True)
class Placement:
    """A pictogram in a scene: centre (x, y) and side in pixels at FRAME_SIZE, sway in pixels."""

    name: str
    x: float
    y: float
    size: int
    sway: float
    phase: float

    def centre(self, seconds: float) -> tuple[float, float]:
        """The position of the centre, `seconds` into the scene."""
        angle = 2 * math.pi * 0.4 * seconds + self.phase
        return self.x + self.sway * math.cos(angle), self.y + self.sway * math.sin(angle)


@dataclass(frozen=True)
class Scene:
    """A stretch of a video with one main object, perhaps companions, before one background.

    `start` and `end` are seconds in the video; `fade` says whether the scene before it is still
    seen fading for the first FADE_SECONDS (else: a cut).
    """

    start: float
    end: float
    main: Placement
    companions: tuple[Placement, ...]
    colour: str
    texture: str
    drift: tuple[float, float]
    fade: bool

    @property
    def clear(self) -> tuple[float, float]:
        """The times of the first and of the last frame that shows this scene alone."""
        first = self.start + (FADE_SECONDS if self.fade else 0.0)
        return first, self.end - 1 / FRAME_RATE


@functools.lru_cache(maxsize=len(COLOURS) * len(TEXTURES))
def _background(colour: str, texture: str) -> NDArray[np.float32]:
    """A tile [2 * FRAME_SIZE, 2 * FRAME_SIZE, 3] that repeats every 32 pixels."""
    y, x = np.mgrid[0 : 2 * FRAME_SIZE, 0 : 2 * FRAME_SIZE].astype(np.float32)
    step = 2 * np.pi / 32
    wave = {
        "stripes": np.sign(np.sin(step * (x + y))),
        "dots": np.sign(np.sin(step * x) * np.sin(step * y) - 0.45),
        "checks": np.sign(np.sin(step * x) * np.sin(step * y)),
        "waves": np.sin(step * y + 1.5 * np.sin(step * x)),
        "plain": 0.4 * np.sin(step * x / 2),
    }[texture]
    return np.array(COLOURS[colour], np.float32) + 14 * wave[..., None].astype(np.float32)


@functools.lru_cache(maxsize=256)
def _blendable(name: str, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A pictogram's colours in 0..255 and its opacity in 0..1, [size, size, 3] each."""
    drawn = draw_pictogram(name, size).astype(np.float32)
    return drawn[..., :3].copy(), np.repeat(drawn[..., 3:] / 255, 3, axis=-1)


def _paste(canvas: NDArray[np.float32], placement: Placement, seconds: float) -> None:
    size, (x, y) = placement.size, placement.centre(seconds)
    left, top = round(x - size / 2), round(y - size / 2)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + size, FRAME_SIZE), min(top + size, FRAME_SIZE)
    shown = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    colours, alpha = (part[shown] for part in _blendable(placement.name, size))
    region = canvas[y0:y1, x0:x1]
    region += alpha * (colours - region)


def draw_scene(scene: Scene, seconds: float) -> NDArray[np.float32]:
    """The scene alone, [FRAME_SIZE, FRAME_SIZE, 3] in 0..255, `seconds` into the video."""
    elapsed = seconds - scene.start
    left, top = (int(speed * elapsed) % 64 for speed in scene.drift)
    tile = _background(scene.colour, scene.texture)
    canvas = tile[top : top + FRAME_SIZE, left : left + FRAME_SIZE].copy()
    for placement in (*scene.companions, scene.main):
        _paste(canvas, placement, elapsed)
    return canvas


def draw_frame(scenes: tuple[Scene, ...], current: int, seconds: float) -> Pixels:
    """The frame at `seconds`, which lies in scene number `current`, with its fade: uint8 RGB."""
    scene = scenes[current]
    canvas = draw_scene(scene, seconds)
    faded = (seconds - scene.start) / FADE_SECONDS
    if scene.fade and current > 0 and faded < 1:
        before = draw_scene(scenes[current - 1], seconds)
        canvas = before + (faded + 0.5 / FADE_SECONDS / FRAME_RATE) * (canvas - before)
    return np.clip(canvas, 0, 255).astype(np.uint8)
