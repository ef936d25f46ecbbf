"""Annotations into questions; prompts; answer extraction."""

from tspo_bench.tasks.annotated import AnnotatedTask
from tspo_bench.tasks.base import Skipped, Task, TaskScores
from tspo_bench.tasks.inventory import Survey, survey, warn_of_skipped, with_videos
from tspo_bench.tasks.loading import (
    digest_of,
    is_annotation_file,
    limit_questions,
    load_task,
    load_tasks,
    registry,
    videos_of,
)
from tspo_bench.tasks.multiple_choice import MultipleChoice
from tspo_bench.tasks.protocols import INSTRUCTION, EvaluationProtocol, Reading
from tspo_bench.tasks.strict_extractor import read_answer

__all__ = [
    "INSTRUCTION",
    "AnnotatedTask",
    "EvaluationProtocol",
    "MultipleChoice",
    "Reading",
    "Skipped",
    "Survey",
    "Task",
    "TaskScores",
    "digest_of",
    "is_annotation_file",
    "limit_questions",
    "load_task",
    "load_tasks",
    "read_answer",
    "registry",
    "survey",
    "videos_of",
    "warn_of_skipped",
    "with_videos",
]
