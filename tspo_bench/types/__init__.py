"""The data that packages pass on: frozen dataclasses.

Frame numbers always count the video's own frames in presentation order, from 0. Times are seconds
from the start of the video. Arrays are numpy: indices int64, seconds float64, pixels uint8 RGB,
features float32.
"""

from tspo_bench.types.aliases import (
    JSON,
    SEARCHING,
    AnswerMode,
    CandidateRule,
    Features,
    FloatArray,
    IntArray,
    Need,
    Pixels,
    Status,
    SubtitleMode,
)
from tspo_bench.types.answer import Answer, Prompt, Request, VisualInput
from tspo_bench.types.frames import Candidates, Frames, LazyScores, PixelScan, VideoInfo
from tspo_bench.types.question import OPTION_LETTERS, Query, Question, Span
from tspo_bench.types.record import Count, Finite, Flag, Record, Text
from tspo_bench.types.selection import Failed, Selection

__all__ = [
    "JSON",
    "OPTION_LETTERS",
    "SEARCHING",
    "Answer",
    "AnswerMode",
    "CandidateRule",
    "Candidates",
    "Count",
    "Failed",
    "Features",
    "Finite",
    "Flag",
    "FloatArray",
    "Frames",
    "IntArray",
    "LazyScores",
    "Need",
    "PixelScan",
    "Pixels",
    "Prompt",
    "Query",
    "Question",
    "Record",
    "Request",
    "Selection",
    "Span",
    "Status",
    "SubtitleMode",
    "Text",
    "VideoInfo",
    "VisualInput",
]
