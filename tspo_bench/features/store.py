"""Candidate features on disk: each video is scanned and encoded once.

One safetensors file holds one (video content, encoder id and code, rate and rule of candidates,
version of our reader and of FFmpeg). Files are written whole, so two runs may fill one store at
once: at worst both encode a video, and the last one's equal file stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
from PIL import Image

from tspo_bench.errors import VideoError
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.stored import StoredCandidates, read_candidates, write_candidates
from tspo_bench.files import CACHE_HINT, atomic_write, cache_folder, make_folder
from tspo_bench.prefetch import prefetch
from tspo_bench.profiling import side_stage
from tspo_bench.sources import sources_of
from tspo_bench.types import CandidateRule, Frames, IntArray, Pixels
from tspo_bench.video import open_video
from tspo_bench.video.base import READER_VERSION, VideoReader
from tspo_bench.video.edit_list import is_edit_list, read_edit_list
from tspo_bench.video.edit_reader import EditListReader, whole

_HINT = "give another folder for the features"
# FFmpeg's major version too: its decoders and its scaling may change between two of them.
_DECODING = f"r{READER_VERSION}-lavc{av.library_versions['libavcodec'][0]}"
BATCH = 64  # frames decoded ahead of the encoder: bounds memory for any video length


class FeatureStore:
    """The features of videos' candidate frames, kept between runs.

    Args:
        root: the folder, made if need be; None for `features` in the cache folder.

    Raises:
        UserError: the folder cannot be made or written.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = cache_folder("features") if root is None else make_folder(Path(root), _HINT)

    def candidates(
        self,
        video: Path,
        encoder: FrameEncoder,
        rate: float = 1.0,
        rule: CandidateRule = "auto",
    ) -> StoredCandidates:
        """The candidates of `video` at `rate` a second, with the encoder's features [T, d].

        They are read from the store; a video that it does not have, or whose file there is damaged,
        is scanned and encoded first, frame batch by frame batch.

        Raises:
            VideoError: the video is missing, unreadable or empty.
            UserError: the store cannot be written.
        """
        if is_edit_list(video):
            from tspo_bench.features.edit_lists import joined_candidates

            return joined_candidates(self, video, encoder, rate, rule)
        path = self.path(video, encoder, rate, rule)
        return _kept(path, lambda: _scan(video, encoder, rate, rule))

    def stored(
        self,
        video: Path,
        encoder: FrameEncoder,
        rate: float = 1.0,
        rule: CandidateRule = "auto",
    ) -> StoredCandidates | None:
        """The candidates as `candidates` gives them, if the store has them already.

        Raises:
            VideoError: the video is missing or cannot be read.
        """
        if is_edit_list(video):
            from tspo_bench.features.edit_lists import stored_candidates

            return stored_candidates(self, video, encoder, rate, rule)
        return read_candidates(self.path(video, encoder, rate, rule))

    def of_frames(
        self,
        video: Path,
        encoder: FrameEncoder,
        indices: IntArray,
        size: tuple[int, int] | None = None,
        canvas: tuple[int, int] | None = None,
    ) -> StoredCandidates:
        """The frames of `video` with these numbers [n], with the encoder's features [n, d].

        Kept as `candidates` are. `size` (width, height) is what the frames are stretched to before
        they are encoded; None keeps theirs. `canvas` (width, height) is that of an edit list, which
        they are fitted into.

        Raises:
            VideoError: the video or one of the frames cannot be read.
            UserError: the store cannot be written.
        """
        path = self._frames_path(video, encoder, indices, size, canvas)
        return _kept(path, lambda: _encode_frames(video, encoder, indices, size, canvas))

    def stored_frames(
        self, video: Path, encoder: FrameEncoder, indices: IntArray, canvas: tuple[int, int]
    ) -> StoredCandidates | None:
        """The frames as `of_frames` gives them, if the store has them already.

        Raises:
            VideoError: the video is missing or cannot be read.
        """
        return read_candidates(self._frames_path(video, encoder, indices, canvas=canvas))

    def _frames_path(
        self,
        video: Path,
        encoder: FrameEncoder,
        indices: IntArray,
        size: tuple[int, int] | None = None,
        canvas: tuple[int, int] | None = None,
    ) -> Path:
        which = hashlib.sha256(np.ascontiguousarray(indices, "<i8").tobytes()).hexdigest()[:16]
        shape = "{}x{}-".format(*size) if size else ""
        shape += "on-{}x{}-".format(*canvas) if canvas else ""
        usual = self.path(video, encoder)
        return usual.with_name(f"{usual.stem}-{len(indices)}-{which}-{shape}frames.safetensors")

    def path(
        self,
        video: Path,
        encoder: FrameEncoder,
        rate: float = 1.0,
        rule: CandidateRule = "auto",
    ) -> Path:
        """The file for the features of that video, encoder, rate and rule; it may not exist yet.

        Everything that a feature depends on is in the name, so what another version made is neither
        taken for this one's nor overwritten.
        """
        name = f"{self.video_id(video)}-{float(rate)!r}fps-{rule}-{_DECODING}.safetensors"
        folder = encoder.id
        if sources := sources_of(type(encoder)):
            folder += f"-{hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:12]}"
        return self.root / quote(folder, safe="") / name

    def video_id(self, video: Path) -> str:
        """SHA-256 of the video file's bytes: a copy or a renamed file is the same video.

        That of an edit list is of what it shows, wherever its clips are.

        The whole file is hashed once and the result remembered with the file's size, modification
        time and inode, as git does: later calls look at those alone; if one changed, the
        file is hashed again.

        Raises:
            VideoError: the file is missing or cannot be read.
        """
        if is_edit_list(video):
            return read_edit_list(video).sha256
        try:
            path = Path(video).resolve(strict=True)
            status = path.stat()
            stamp = [status.st_size, status.st_mtime_ns, status.st_ino]
            note = self.root / "videos" / f"{hashlib.sha256(str(path).encode()).hexdigest()}.json"
            known = _read_note(note)
            if known.get("stamp") == stamp:
                return str(known["sha256"])
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise VideoError(f"cannot read video {video}: {error.strerror}") from error
        make_folder(note.parent, _HINT)
        with atomic_write(note, CACHE_HINT) as temporary:
            temporary.write_text(json.dumps({"stamp": stamp, "sha256": digest}))
        return digest


def _kept(path: Path, make: Callable[[], StoredCandidates]) -> StoredCandidates:
    """The candidates in a file; made and written if they are missing or damaged."""
    stored = read_candidates(path)
    if stored is None:
        stored = make()
        make_folder(path.parent, _HINT)
        write_candidates(path, stored)
    return stored


def _scan(video: Path, encoder: FrameEncoder, rate: float, rule: CandidateRule) -> StoredCandidates:
    with open_video(video) as reader:
        return _encode(reader, reader.scan(rate, encoder.short_side, BATCH, rule), encoder)


def _encode_frames(
    video: Path,
    encoder: FrameEncoder,
    indices: IntArray,
    size: tuple[int, int] | None,
    canvas: tuple[int, int] | None,
) -> StoredCandidates:
    distinct, place = np.unique(indices, return_inverse=True)
    opened = EditListReader(video, whole(video, *canvas)) if canvas else open_video(video)
    with opened as reader:
        starts = range(0, len(distinct), BATCH)
        batches = (reader.fetch(distinct[i : i + BATCH], encoder.short_side) for i in starts)
        found = _encode(reader, batches, encoder, size)
    assert found.features is not None
    return replace(
        found, indices=indices, seconds=found.seconds[place], features=found.features[place]
    )


def _encode(
    reader: VideoReader,
    batches: Iterable[Frames],
    encoder: FrameEncoder,
    size: tuple[int, int] | None = None,
) -> StoredCandidates:
    indices, seconds, features = [], [], []
    for frames in prefetch(batches):  # decodes the next batch while this one is encoded
        pixels = stretched(frames.pixels, *size) if size else frames.pixels
        indices.append(frames.indices)
        seconds.append(frames.seconds)
        with side_stage("encode") as done:
            features.append(encoder.encode_frames(pixels))
            done.frames, done.num_bytes = len(frames), features[-1].nbytes
    if not indices:
        raise VideoError(f"video {reader.info.path} has no frames")
    return StoredCandidates(
        indices=np.concatenate(indices),
        seconds=np.concatenate(seconds),
        num_frames=reader.info.num_frames,
        frame_rate=float(reader.info.frame_rate),
        features=np.concatenate(features),
        num_encoded=sum(map(len, indices)),
    )


def _read_note(path: Path) -> dict[str, object]:
    try:
        note = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) and "sha256" in note else {}


def stretched(pixels: Pixels, width: int, height: int) -> Pixels:
    """Frames [n, height, width, 3] of those of another size, bilinear; the aspect is not kept."""
    if pixels.shape[1:3] == (height, width):
        return pixels
    size, resample = (width, height), Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(p).resize(size, resample)) for p in pixels])
