"""A benchmark task with annotation files: a card states where they are and in what form.

The card's options are the fields of `AnnotatedTask`. A new benchmark is one card and, if its
records have a form of their own, an annotation parser.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from tspo_bench.errors import UserError, VideoError
from tspo_bench.registry import import_object
from tspo_bench.specs import Spec
from tspo_bench.tasks.annotations import find_files, parse_all, read_files, read_hub, shortened
from tspo_bench.tasks.base import Skipped
from tspo_bench.tasks.evidence_files import read_evidence, with_evidence
from tspo_bench.tasks.multiple_choice import MultipleChoice
from tspo_bench.tasks.parsers import Parser
from tspo_bench.tasks.protocols import chosen_protocol
from tspo_bench.tasks.shuffling import shuffled
from tspo_bench.tasks.subtitles import Subtitle, read_subtitles
from tspo_bench.tasks.video_files import find_file, video_names
from tspo_bench.types import Question, SubtitleMode


@dataclass(eq=False, kw_only=True)
class AnnotatedTask(MultipleChoice):
    """Questions from annotation files or the Hugging Face hub, videos from a folder.

    Annotations are searched for in this order: the file `annotations`; the split's `files` under
    the data root, then beside a custom card; the split's `hub` dataset. Unusable ones are listed in
    `skipped`.

    Attributes:
        splits: for each split its `files` (names or patterns, tried in order), its `hub` dataset
            (arguments of `datasets.load_dataset`) and the fields in which its `protocols` differ;
            the first split is the default.
        parser: "package.module:function" that makes a `Question` of a record.
        nested: the field that holds a record's questions, if a record is a whole video.
        groups: the record's fields that accuracies are broken down by. A list is joined with "|".
        macro: the group over whose values the benchmark averages accuracies; tables show that
            average beside the accuracy over questions, under every protocol.
        protocols: the fields of each `EvaluationProtocol` that the benchmark has beside "strict".
        protocol: the name of the one to use; None for "strict".
        video_folders: folders under the data root that may hold the videos (or patterns).
        subtitle_folders: likewise for the subtitle files.
        subtitles: which subtitles the model is shown: "none", those of the selected frames
            ("aligned"), or all of the video ("full").
        data_root: the benchmark's folder; None for the annotation file's.
        evidence: a file with the questions' evidence, in place of the annotations' own: see
            `tspo_bench.tasks.evidence_files`. A relative path in a card starts at the data root or
            beside the card.
        shuffle_options: a seed for the order of each question's options; None: as annotated.
        beside: the folder of a custom card.
        variant: the options written with the task's name, for its label.
    """

    name: str
    splits: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"test": {}})
    parser: str = "tspo_bench.tasks.parsers:generic"
    nested: str | None = None
    groups: Sequence[str] = ()
    macro: str | None = None
    video_folders: Sequence[str] = (".", "videos", "video")
    protocols: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    protocol: str | None = None
    subtitle_folders: Sequence[str] = (".", "subtitles", "subtitle")
    subtitles: SubtitleMode = "none"
    tolerance_seconds: float = 1.0
    data_root: Path | None = None
    annotations: Path | None = None
    evidence: str | Path | None = None
    split: str | None = None
    shuffle_options: int | None = None
    beside: Path | None = None
    variant: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.splits, Mapping) or not self.splits:
            raise UserError(
                f"task {self.name!r}: splits must map a split's name to its files and hub dataset, "
                f"got {self.splits!r}"
            )
        tolerance = self.tolerance_seconds
        is_number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
        if not (is_number and 0 <= tolerance < math.inf):
            raise UserError(
                f"task {self.name!r}: tolerance_seconds={tolerance!r}; use a number, 0 or more"
            )
        default = next(iter(self.splits))
        self.split = self.split or default
        if self.split not in self.splits:
            known = ", ".join(self.splits)
            raise UserError(f"task {self.name!r} has no split {self.split!r}; it has: {known}")
        if self.data_root is not None and not os.path.isdir(self.data_root):
            raise UserError(
                f"task {self.name!r}: data root {self.data_root} is not a folder; set --data-root"
            )
        if self.subtitles not in get_args(SubtitleMode):
            raise UserError(
                f"task {self.name!r}: subtitles {self.subtitles!r}; use one of "
                f"{', '.join(get_args(SubtitleMode))}"
            )
        self.rules = chosen_protocol(
            self.name, self._declared_protocols(), self.protocol, self.subtitles
        )
        options = {key: value for key, value in self.variant.items() if key != "split"}
        if self.split != default:
            options["split"] = self.split
        if self.shuffle_options is not None:
            options["shuffle_options"] = _seed(self.name, self.shuffle_options)
        self.label = Spec(self.name, options).label

    def _declared_protocols(self) -> dict[str, dict[str, Any]]:
        """Return the fields of each protocol; the split's replace those of the task."""
        own = self.splits[self.split or ""].get("protocols", {})
        names = dict.fromkeys([*self.protocols, *own])
        return {name: {**self.protocols.get(name, {}), **own.get(name, {})} for name in names}

    def questions(self) -> Sequence[Question]:
        """Return every question of the split, in annotation order; opens no video.

        Raises:
            UserError: annotations are missing, all unusable, or have an id twice; or subtitles
                are to be shown and no question has any.
        """
        return self._questions

    @functools.cached_property
    def _questions(self) -> tuple[Question, ...]:
        return tuple(one for one in self._loaded if isinstance(one, Question))

    @property
    def annotation_ids(self) -> Sequence[str | None]:
        """The id of each annotation's question, in order; None for a skipped one."""
        return [one.id if isinstance(one, Question) else None for one in self._loaded]

    @property
    def skipped(self) -> Sequence[Skipped]:  # type: ignore[override]
        """The unusable annotations, each with its place and the reason."""
        return [one for one in self._loaded if isinstance(one, Skipped)]

    def video_path(self, video: str) -> Path:
        """Return the file of `question.video`, also with another of the usual video suffixes.

        Raises:
            VideoError: the data root has no such file, or no file can have that name.
        """
        root = self._video_root
        if root is None:
            raise VideoError(f"task {self.name!r}: video {video} has no folder; set --data-root")
        try:
            path = find_file(self._videos_in, video_names(video))
        except (OSError, ValueError) as error:  # too long a name, say
            reason = error.strerror if isinstance(error, OSError) else error
            raise VideoError(f"task {self.name!r}: video {shortened(video)!r}: {reason}") from error
        if path is not None:
            return path
        hint = "set --data-root"
        if self.data_root is not None:
            hint = "correct the name or --data-root, or leave such questions out: --only-present"
        raise VideoError(
            f"task {self.name!r}: video {video} not found under {root} "
            f"(looked in {', '.join(_names(self.video_folders))}); {hint}"
        )

    def subtitles_of(self, question: Question) -> Sequence[Subtitle] | None:
        """Return the subtitles of the question's video; None without a file of them.

        Raises:
            UserError: the file cannot be read.
        """
        path = self._subtitle_path(question)
        if path is None:
            return None
        return self._read_subtitles(
            path, offset=question.subtitle_offset, duration=question.duration_seconds
        )

    @functools.cached_property
    def _read_subtitles(self) -> Callable[..., tuple[Subtitle, ...]]:
        # Several questions and cells use a video in succession.
        return functools.lru_cache(maxsize=16)(read_subtitles)

    def _subtitle_path(self, question: Question) -> Path | None:
        if question.subtitles is None:
            return None
        try:
            return find_file(self._subtitles_in, [question.subtitles])
        except (OSError, ValueError):  # a name that no file can have
            return None

    @functools.cached_property
    def _loaded(self) -> tuple[Question | Skipped, ...]:
        """The question of each annotation, in order."""
        parser: Parser = import_object(f"task {self.name!r}: parser", self.parser)
        split = self.splits[self.split or ""]
        files, folders = self._annotation_files, self._annotation_folders
        if files:
            entries = read_files(files, self.nested)
        else:
            patterns = _names(split.get("files", ()))
            entries = read_hub(
                self.name, f"{self.split}", split.get("hub"), self.nested, folders, patterns
            )
        loaded = parse_all(
            self.name,
            entries,
            parser,
            _names(self.groups),
            scored_together=self.rules.average == "groups",
        )
        if self.shuffle_options is not None:
            loaded = self._shuffled(loaded, self.shuffle_options)
        if self.evidence is not None:
            loaded = self._with_evidence(loaded, Path(self.evidence))
        self._check_subtitles([one for one in loaded if isinstance(one, Question)])
        return loaded

    def _shuffled(
        self, loaded: Sequence[Question | Skipped], seed: int
    ) -> tuple[Question | Skipped, ...]:
        found = tuple(shuffled(one, seed) if isinstance(one, Question) else one for one in loaded)
        for before, after in zip(loaded, found, strict=True):
            if not isinstance(before, Question) or not isinstance(after, Question):
                continue
            moved = before.options != after.options
            if moved and self.rules.prompt_for(before) == self.rules.prompt_for(after):
                raise UserError(
                    f"task {self.name!r}: protocol {self.rules.name!r} quotes the options of "
                    f"question {before.id!r} from its annotation, where they cannot be shuffled; "
                    "drop --shuffle-options, or use --protocol strict"
                )
        return found

    def _with_evidence(
        self, loaded: Sequence[Question | Skipped], path: Path
    ) -> tuple[Question | Skipped, ...]:
        near = [folder / path for folder in self._annotation_folders]
        file = read_evidence(next((place for place in near if place.is_file()), path))
        questions = [one for one in loaded if isinstance(one, Question)]
        replaced = {one.id: one for one in with_evidence(self.name, questions, file)}
        return tuple(replaced[one.id] if isinstance(one, Question) else one for one in loaded)

    def _check_subtitles(self, questions: Sequence[Question]) -> None:
        """Raise UserError if subtitles are to be shown and no question has a file of them."""
        if self.subtitles == "none":
            return
        if not any(question.subtitles for question in questions):
            raise UserError(
                f"task {self.name!r} has no subtitles: its annotations name none; leave "
                "--subtitles out"
            )
        if not any(map(self._subtitle_path, questions)):
            raise UserError(
                f"task {self.name!r}: no question has a subtitle file under {self._video_root} "
                f"(looked in {', '.join(_names(self.subtitle_folders))}); set --data-root, or "
                "leave --subtitles out"
            )

    @property
    def _annotation_folders(self) -> list[Path]:
        return [Path(folder) for folder in (self.data_root, self.beside) if folder is not None]

    @functools.cached_property
    def _annotation_files(self) -> list[Path]:
        if self.annotations is not None:
            return [Path(self.annotations)]
        patterns = _names(self.splits[self.split or ""].get("files", ()))
        return find_files(self._annotation_folders, patterns)

    @functools.cached_property
    def _video_root(self) -> Path | None:
        if self.data_root is not None:
            return Path(self.data_root)
        return self._annotation_files[0].parent if self._annotation_files else None

    @functools.cached_property
    def _videos_in(self) -> list[Path]:
        return self._folders(self.video_folders)

    @functools.cached_property
    def _subtitles_in(self) -> list[Path]:
        return self._folders(self.subtitle_folders)

    def _folders(self, patterns: str | Sequence[str]) -> list[Path]:
        root = self._video_root or Path()
        found = [root.glob(name) if name != "." else [root] for name in _names(patterns)]
        return [folder for paths in found for folder in sorted(paths) if folder.is_dir()]


def _seed(task: str, given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise UserError(f"task {task!r}: shuffle_options={given!r}; use a whole number, 0 or more")
    return given


def _names(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
