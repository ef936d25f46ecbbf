"""A benchmark task whose questions stand in annotation files: a card says where and in what form.

The card's options are the fields of `AnnotatedTask`. A new benchmark is one card and, if its
records are of their own form, one small parser function.
"""

from __future__ import annotations

import functools
import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from tspo_bench.errors import UserError, VideoError
from tspo_bench.registry import import_object
from tspo_bench.specs import Spec
from tspo_bench.tasks.base import Skipped
from tspo_bench.tasks.multiple_choice import MultipleChoice
from tspo_bench.tasks.parsers import Parser
from tspo_bench.tasks.protocols import chosen_protocol
from tspo_bench.tasks.records import Entry, entries_of, load_hub, read_entries
from tspo_bench.tasks.subtitles import Subtitle, read_subtitles
from tspo_bench.tasks.values import is_missing, taken_for_missing
from tspo_bench.tasks.video_files import find_file, video_names
from tspo_bench.types import Question, SubtitleMode

_log = logging.getLogger(__name__)
_SHOWN = 200  # characters of what annotations hold, in a message


@dataclass(eq=False, kw_only=True)
class AnnotatedTask(MultipleChoice):
    """Questions from annotation files or the Hugging Face hub, videos from a folder.

    Annotations are looked for in this order: the file `annotations`; the first of the split's
    `files` that is there under the data root, then, for a custom card, beside the card; the
    split's `hub` dataset. Annotations that cannot be read are left out and listed in `skipped`.

    Attributes:
        splits: for each split its `files` (names or patterns, tried in order) and its `hub`
            dataset (arguments of `datasets.load_dataset`), and `protocols`, the fields in which
            its protocols differ; the first split is the default.
        parser: "package.module:function" that makes a `Question` of a record.
        nested: the field that holds a record's questions, where a record is a whole video.
        groups: the record's fields that accuracies are broken down by. A list is joined with "|".
        macro: the group over whose values the benchmark averages accuracies; reports show this
            figure beside the accuracy over questions, whatever the protocol.
        protocols: the fields of each `EvaluationProtocol` that the benchmark has beside "strict".
        protocol: the one in force, by name; None for "strict".
        video_folders: folders under the data root that may hold the videos (patterns allowed).
        subtitle_folders: folders under the data root that may hold the subtitle files.
        subtitles: which subtitles the model is shown: "none", those of the chosen frames
            ("aligned"), or all of the video ("full").
        data_root: the benchmark's folder; by default the annotation file's.
        beside: the folder of a custom card.
        variant: the options written with the task's name, for its label.
    """

    name: str
    splits: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"test": {}})
    parser: str = "tspo_bench.tasks.parsers:own"
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
    split: str | None = None
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
        self.label = Spec(self.name, options).label

    def _declared_protocols(self) -> dict[str, dict[str, Any]]:
        """The fields of each protocol; the split's own stand over those of the task."""
        own = self.splits[self.split or ""].get("protocols", {})
        names = dict.fromkeys([*self.protocols, *own])
        return {name: {**self.protocols.get(name, {}), **own.get(name, {})} for name in names}

    def questions(self) -> Sequence[Question]:
        """Every question of the split, in annotation order. No video is touched.

        Raises:
            UserError: no annotations are found, none of them can be used, an id occurs twice, or
                subtitles are to be shown and there are none.
        """
        return self._questions

    @functools.cached_property
    def _questions(self) -> tuple[Question, ...]:
        return tuple(one for one in self._loaded if isinstance(one, Question))

    @property
    def annotation_ids(self) -> Sequence[str | None]:
        """The id of each annotation's question, in their order; None where it is left out."""
        return [one.id if isinstance(one, Question) else None for one in self._loaded]

    @property
    def skipped(self) -> Sequence[Skipped]:  # type: ignore[override]
        """The annotations that are left out, each with its place and reason."""
        return [one for one in self._loaded if isinstance(one, Skipped)]

    def video_path(self, video: str) -> Path:
        """The file of `question.video`, also with or under another of the usual video suffixes.

        Raises:
            VideoError: there is no such file under the data root, or no file can have that name.
        """
        root = self._video_root
        if root is None:
            raise VideoError(f"task {self.name!r}: video {video} has no folder; set --data-root")
        try:
            path = find_file(self._videos_in, video_names(video))
        except (OSError, ValueError) as error:  # too long a name, say
            reason = error.strerror if isinstance(error, OSError) else error
            raise VideoError(
                f"task {self.name!r}: video {_shortened(video)!r}: {reason}"
            ) from error
        if path is not None:
            return path
        looked_in = ", ".join(_names(self.video_folders))
        way_out = "set --data-root"
        if self.data_root is not None:
            way_out = "correct the name or --data-root, or leave such questions out: --only-present"
        raise VideoError(
            f"task {self.name!r}: video {video} not found under {root} "
            f"(looked in {looked_in}); {way_out}"
        )

    def subtitles_of(self, question: Question) -> Sequence[Subtitle] | None:
        """What stands in the question's subtitle file; None if there is no such file.

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
        # Several questions and cells ask about a video, one after the other.
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
        """What each annotation comes to, in their order."""
        parse = self._parse_function()
        loaded: list[Question | Skipped] = []
        places: dict[str, str] = {}
        odd: list[tuple[str, str]] = []
        for entry, default_id in self._entries():
            one = self._question(parse, entry, default_id)
            loaded.append(one)
            if isinstance(one, Skipped):
                continue
            if one.id in places:
                raise UserError(
                    f"task {self.name!r}: id {one.id!r} stands twice, at {places[one.id]} and "
                    f"{entry.where}; give every question its own id"
                )
            places[one.id] = entry.where
            text = taken_for_missing(entry.record or {}, one.options)
            if text is not None:
                odd.append((entry.where, text))
        self._tell_of_missing_texts(odd)
        if not places:
            skipped = [one for one in loaded if isinstance(one, Skipped)]
            first = f"; {skipped[0].where}: {skipped[0].reason}" if skipped else ""
            raise UserError(
                f"task {self.name!r}: none of {len(skipped)} annotations can be used{first}"
            )
        self._check_subtitles([one for one in loaded if isinstance(one, Question)])
        return tuple(loaded)

    def _tell_of_missing_texts(self, odd: Sequence[tuple[str, str]]) -> None:
        if odd:
            _log.warning(
                "task %r: options that read %r, as tables write what is missing, are taken for "
                "missing; questions: %d, the first: %s",
                self.name,
                odd[0][1],
                len(odd),
                odd[0][0],
            )

    def _check_subtitles(self, asked: Sequence[Question]) -> None:
        """Reject to show subtitles where not one question has a file of them."""
        if self.subtitles == "none":
            return
        if not any(question.subtitles for question in asked):
            raise UserError(
                f"task {self.name!r} has no subtitles: its annotations name none; leave "
                "--subtitles out"
            )
        if not any(map(self._subtitle_path, asked)):
            looked_in = ", ".join(_names(self.subtitle_folders))
            raise UserError(
                f"task {self.name!r}: no question has a subtitle file under {self._video_root} "
                f"(looked in {looked_in}); set --data-root, or leave --subtitles out"
            )

    def _question(self, parse: Parser, entry: Entry, default_id: str) -> Question | Skipped:
        if entry.record is None:
            return Skipped(entry.where, entry.problem or "empty")
        try:
            question = parse(entry.record, default_id)
            if not isinstance(question.video, str):
                raise ValueError(f"video must be a file's name, got {question.video!r}")
            groups = {
                name: _group(entry.record[name])
                for name in _names(self.groups)
                if not is_missing(entry.record[name])
            }
            groups = {**question.groups, **groups}
            return replace(question, groups=groups, record=entry.record)
        except KeyError as error:
            return Skipped(entry.where, f"no field {error}")
        except RecursionError:
            return Skipped(entry.where, "it is nested too deep")
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
            return Skipped(entry.where, _shortened(str(error)))

    def _entries(self) -> Iterator[tuple[Entry, str]]:
        """Every annotation with the id that it gets if it has none of its own."""
        sources = [(path.stem, read_entries(path)) for path in self._annotation_files]
        for stem, entries in sources or [(f"{self.split}", self._hub_entries())]:
            for entry in entries:
                yield from self._unnested(entry, f"{stem}-{entry.number}")

    def _unnested(self, entry: Entry, default_id: str) -> Iterator[tuple[Entry, str]]:
        if entry.record is None or self.nested is None or self.nested not in entry.record:
            yield entry, default_id
            return
        shared = {key: value for key, value in entry.record.items() if key != self.nested}
        for item in entries_of(entry.record[self.nested], f"{entry.where}, {self.nested}"):
            record = None if item.record is None else {**shared, **item.record}
            yield replace(item, record=record), f"{default_id}-{item.number}"

    @functools.cached_property
    def _annotation_files(self) -> list[Path]:
        if self.annotations is not None:
            return [Path(self.annotations)]
        for folder in filter(None, (self.data_root, self.beside)):
            for pattern in self._split_files:
                if found := sorted(Path(folder).glob(pattern)):
                    return found
        return []

    @property
    def _split_files(self) -> Sequence[str]:
        return _names(self.splits[self.split or ""].get("files", ()))

    def _hub_entries(self) -> Iterator[Entry]:
        folders = " or ".join(map(str, filter(None, (self.data_root, self.beside))))
        tried = f" under {folders} (tried {', '.join(self._split_files)})" if folders else ""
        hub = self.splits[self.split or ""].get("hub")
        way_out = "set --data-root to the downloaded dataset, or give --annotations FILE"
        if hub is None:
            raise UserError(f"task {self.name!r}: no annotation file{tried}; {way_out}")
        try:
            yield from load_hub(hub)
        except UserError as error:
            raise UserError(
                f"task {self.name!r}: no annotation file{tried}, and {error}; {way_out}"
            ) from error

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

    def _parse_function(self) -> Parser:
        parser: Parser = import_object(f"task {self.name!r}: parser", self.parser)
        return parser


def _group(value: Any) -> str:
    return "|".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _names(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
