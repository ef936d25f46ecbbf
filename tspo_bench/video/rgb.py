"""Decoded pictures to RGB pixels of a size."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from tspo_bench.types import Pixels


class RGBConverter:
    """Turns decoded frames into RGB of one size by FFmpeg's filters.

    They honour the stream's colour matrix, which PyAV's `reformat` does not, and give the same
    bytes as decord and torchcodec at full size. `angle` turns the picture clockwise within its own
    size, in degrees; right angles are better turned afterwards, without a loss.
    """

    def __init__(self, width: int, height: int, angle: int = 0) -> None:
        self._size = width, height
        self._angle = angle
        self._source: tuple[object, ...] = ()

    def __call__(self, frame: VideoFrame) -> Pixels:
        """The picture as RGB, [h, w, 3]."""
        source = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)
        if source != self._source:
            self._graph, self._source = self._make(frame), source
        self._graph.push(frame)
        return np.asarray(self._graph.pull().to_ndarray(), np.uint8)

    def _make(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        turn = [graph.add("rotate", f"{self._angle}*PI/180")] if self._angle else []
        graph.link_nodes(
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1),
            ),
            *turn,
            graph.add("scale", "{}:{}:threads=1".format(*self._size)),  # more would only wait
            graph.add("format", "rgb24"),
            graph.add("buffersink"),
        ).configure()
        return graph
