"""A video's wanted frames in parts that can be decoded each by itself."""

from __future__ import annotations

import numpy as np

from tspo_bench.types import IntArray
from tspo_bench.video.opened import OpenedVideo


def split(opened: OpenedVideo, indices: IntArray, size: int) -> list[IntArray]:
    """Cut rising frame numbers into parts of about `size`, without decoding any frame twice.

        wanted     2    5      9    14    21
        keyframes  0            10        20
        size 2     [2   5      9]  [14    21]

    A part ends where the next wanted frame has a later keyframe to start from. A file that cannot
    be entered in the middle is one part.
    """
    if not len(indices):
        return []
    timeline = opened.timeline
    may_cut = timeline.starts[indices[1:]] > timeline.positions[indices[:-1]]
    cuts, begin = [], 0
    for place in (np.flatnonzero(may_cut) + 1).tolist() if opened.seeks else ():
        if place - begin >= size:
            cuts.append(place)
            begin = place
    return np.split(indices, cuts)
