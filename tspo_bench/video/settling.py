"""Packets whose times are missing or absurd: the decoder's order settles where they belong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from tspo_bench.types import IntArray
from tspo_bench.video.demuxing import demuxed
from tspo_bench.video.timeline import REORDERING, Packets, StreamFacts, segments_of

# A first or last frame that is shown this long, and longer than all others, is not believed.
_STILL_SECONDS = 600
# H.264, A.3.1, as other codecs: no picture is decoded more than 16 pictures before it is shown.
_MOST_DELAYED = REORDERING // 2
# Where more packets than this have no time, the frames are counted as they come out.
_MOST_DECODED = 256

# Positions of the frames that come out, in that order, if packets `first` to `last` are decoded.
DecodedOrder = Callable[[int, int], list[int]]


def settled(
    packets: Packets, facts: StreamFacts, decoded_order: DecodedOrder
) -> tuple[Packets, StreamFacts]:
    """The packets with a believable time each; those that yield no frame are marked not shown.

    The few packets without a time, and those at a file's beginning that may lean on what lies
    before it, are decoded with their surroundings. Where many have none, frames will be counted.
    """
    if not len(packets):
        return packets, facts
    if facts.container == "avi":
        return replace(packets, dts=_output_times(packets, facts, decoded_order)), facts
    if facts.counted:
        doubted = replace(packets, timed=np.zeros_like(packets.timed))
        joint = int(np.count_nonzero(segments_of(packets, facts) == 0))
        unseen = _unseen_at_the_start(
            doubted, lambda first, last: decoded_order(first, min(last, joint - 1))
        )
        packets.is_shown[unseen] = 0
        return packets, facts
    if facts.reorders and (np.diff(packets.pts) > 0).all() and len(packets) > 1:
        # H.264 in MXF: FFmpeg numbers the packets in file order.
        order = decoded_order(0, min(_MOST_DECODED, len(packets)) - 1)
        if order != sorted(order):
            return packets, replace(facts, counted=True)
    packets = replace(packets, timed=packets.timed & ~_absurd(packets, facts.time_base))
    untimed = np.flatnonzero((packets.timed == 0) & (packets.is_shown == 1))
    if len(untimed) > _MOST_DECODED:
        return packets, replace(facts, counted=True)
    packets = replace(packets, pts=packets.pts.copy(), dts=packets.dts.copy())
    packets.is_shown[_unseen_at_the_start(packets, decoded_order)] = 0
    for first, last in _regions(packets, untimed):
        _answer_batch(packets, first, decoded_order(first, last), facts.one_frame)
    return packets, facts


def _output_times(packets: Packets, facts: StreamFacts, decoded_order: DecodedOrder) -> IntArray:
    """When the frames of an AVI file come out, [m]: with B-frames later than a packet goes in.

    That matters where empty chunks are time that passes.
    """
    steps, last = np.diff(packets.dts), min(_MOST_DECODED, len(packets)) - 1
    if not facts.reorders or (steps == steps[:1]).all():
        return packets.dts
    waits = (place - n for n, place in enumerate(decoded_order(0, last)))
    delay = max(waits, default=0)
    behind = packets.dts[-1] + facts.one_frame * np.arange(1, delay + 1)
    return np.append(packets.dts[delay:], behind)


def decoded_order(
    container: InputContainer, stream: VideoStream, first: int, last: int
) -> list[int]:
    """See `DecodedOrder`; the container is freshly opened. An error in decoding ends the list."""
    order = []
    try:
        for position, packet in enumerate(demuxed(container, stream)):
            if position < first:
                continue
            packet.pts = position
            order += [frame.pts for frame in stream.decode(packet)]
            if position == last:
                break
        order += [frame.pts for frame in stream.decode(None)]
    except FFmpegError:
        pass
    return [position for position in order if position is not None]


def _absurd(packets: Packets, time_base: Fraction) -> IntArray:
    """Which packets' times lie far outside those of the packets around them, which agree, [m].

    A packet cannot be shown after more of the next ones than the film's decoder delays any by. What
    may be the first or the last frame may also be a long still, and is judged by `_STILL_SECONDS`;
    but not where nothing is delayed, if its decoding time did not jump.
    """
    pts, absurd = packets.pts, np.zeros(len(packets), np.int64)
    second = round(1 / time_base)
    jumps = _jumps(pts, second)
    delay = _delay(np.delete(pts, jumps)) if jumps else 0
    waits = pts - packets.dts
    strays = abs(waits - np.median(waits)) > second
    for position in jumps:
        around = slice(max(0, position - REORDERING), position + REORDERING + 1)
        others = np.delete(pts[around], position - around.start)
        ahead, behind = pts[position] - others.max(), others.min() - pts[position]
        enough = int(np.ptp(others))
        room = len(pts) - 1 - position if ahead > 0 else position
        if room <= delay and not (delay == 0 and strays[position]):
            longest_still = round(_STILL_SECONDS / time_base)
            enough = max(longest_still, int(np.ptp(np.delete(pts, position))))
        absurd[position] = max(ahead, behind) > enough
    return absurd


def _jumps(pts: IntArray, limit: int) -> list[int]:
    """Packets whose time is far from both neighbours' in decoding order."""
    if len(pts) <= REORDERING:  # too few to agree on anything
        return []
    far = abs(np.diff(pts)) > limit
    return np.flatnonzero(np.append(True, far) & np.append(far, True)).tolist()


def _delay(pts: IntArray) -> int:
    """How many packets at most lie between one and another that is shown before it."""
    lags = range(1, _MOST_DELAYED + 1)
    return max((lag for lag in lags if (pts[lag:] < pts[:-lag]).any()), default=0)


def _unseen_at_the_start(packets: Packets, decoded_order: DecodedOrder) -> list[int]:
    """Packets that yield no frame since what they lean on lies before the file's beginning.

    In Matroska their times are cut off or fall on the keyframe's. With intra refresh, all frames up
    to the first that is whole are of them.
    """
    begins_whole = packets.is_key[0] == 1
    some = slice(1, REORDERING)
    doubtful = (packets.timed[some] == 0) | (packets.pts[some] == packets.pts[0])
    if begins_whole and not doubtful.any():
        return []
    last, came = REORDERING, list[int]()
    while not came and last < 64 * REORDERING:
        last *= 2
        came = decoded_order(0, min(last, len(packets) - 1))
    seen = set(came)
    return [position for position in range(max(seen, default=0)) if position not in seen]


def _regions(packets: Packets, untimed: IntArray) -> Iterator[tuple[int, int]]:
    """Ranges to decode to see where the untimed packets' frames come out: whole groups, merged."""
    keys = np.flatnonzero(packets.is_key)
    done = -1
    for position in untimed[packets.is_shown[untimed] == 1].tolist():
        if position <= done:
            continue
        before = keys[keys <= position][-2:]
        done = min(position + 2 * REORDERING, len(packets) - 1)
        yield int(before[0]) if len(before) == 2 else 0, done


def _answer_batch(packets: Packets, first: int, order: list[int], one_frame: int) -> None:
    """Give the untimed packets of a region times between those that come out around them."""
    came = np.array(order, dtype=np.int64)
    known = packets.timed[came] == 1
    if not known.any():
        return
    places, missing = np.flatnonzero(known), np.flatnonzero(~known)
    times = packets.pts[came[known]]
    at = np.interp(missing, places, times)
    at += np.minimum(missing - places[0], 0) * one_frame
    at += np.maximum(missing - places[-1], 0) * one_frame
    packets.pts[came[missing]] = np.round(at).astype(np.int64)
    before = came[missing] - 1
    packets.dts[came[missing]] = packets.dts[np.where(before < 0, 1, before)]
    packets.timed[came[missing]] = 1
