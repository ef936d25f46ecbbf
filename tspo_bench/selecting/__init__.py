"""Frames of one video, of a whole task into a file, and their evidence recall; no MLLM."""

from tspo_bench.selecting.one_video import select_frames
from tspo_bench.selecting.selected_frames import SelectedFrames
from tspo_bench.selecting.selection_recall import RecallResult, recall
from tspo_bench.selecting.whole_task import TaskSelections, select_task

__all__ = [
    "RecallResult",
    "SelectedFrames",
    "TaskSelections",
    "recall",
    "select_frames",
    "select_task",
]
