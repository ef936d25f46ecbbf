"""The zip file of an entry: written with a manifest of hashes, read only if all of it agrees.

Entries come from strangers. What is read is told by its manifest, file by file; names are of a few
known forms, so that nothing leaves the folder; sizes are bounded before anything is unpacked. The
hashes say that an entry is whole, not who made it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.files import written_whole
from tspo_bench.types import JSON

FORMAT = 1
MANIFEST = "manifest.json"
QUESTIONS_FILE = "questions.jsonl"
FRAMES_FOLDER = "frames"
MAX_FILES = 200_000
MAX_BYTES = 1 << 30  # of all files together, unpacked
MAX_RATIO = 200  # unpacked to packed, of a file of more than SMALL_BYTES
SMALL_BYTES = 1 << 20
MAX_MANIFEST_BYTES = 64 << 20

CELL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=,+-]*")
_FILE_NAME = re.compile(
    rf"manifest\.json|run\.json|questions\.jsonl|frames/[0-9a-f]{{16}}/[0-9]+\.jpg|"
    rf"{CELL_NAME.pattern}/(records|scores)\.jsonl"
)
_SHA256 = re.compile("[0-9a-f]{64}")
_CHUNK = 1 << 20
_SHOWN = 200  # characters of a stranger's text in a message
# What zipfile and json raise for bytes that make no sense. A name that is no text is a ValueError,
# and JSON that is nested too deep a RuntimeError.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)


def write_archive(
    path: Path, files: Iterable[tuple[str, bytes]], about: Mapping[str, JSON]
) -> None:
    """Write files and their manifest, in one piece; equal files make an equal archive.

    Args:
        path: the zip file.
        files: names with their contents.
        about: what else the manifest says.

    Raises:
        UserError: it cannot be written, or `unpacked` would refuse it: too many or too large files.
    """
    listed: dict[str, JSON] = {}
    with written_whole(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, content in files:
                archive.writestr(_member(name, content), content)
                listed[name] = {
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "bytes": len(content),
                }
            manifest = {"format": FORMAT, **about, "files": listed}
            text = json.dumps(manifest, indent=1, allow_nan=False).encode() + b"\n"
            archive.writestr(_member(MANIFEST, text), text)
        with tempfile.TemporaryDirectory(prefix="tspo-bench-") as folder:
            unpack(temporary, Path(folder))


def _member(name: str, content: bytes) -> zipfile.ZipInfo:
    """A file's header without date; what shrinks like a bomb (one long word) stays as it is."""
    info = zipfile.ZipInfo(name)  # dated 1980, as zipfile has it
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    packed = len(zlib.compress(content)) if len(content) > SMALL_BYTES else len(content)
    dense = len(content) > MAX_RATIO / 2 * packed
    info.compress_type = zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED
    return info


def unpack(path: Path, folder: Path) -> dict[str, Any]:
    """Unpack an archive into an empty folder, each file checked; its manifest.

    Raises:
        UserError: the file is no zip, has no manifest, is of another format, or holds a file that
            is not of an entry, is there twice, is a link, is too large or packed too well, or
            differs from the manifest's hash. The message names that file.
    """
    with _reading(path), zipfile.ZipFile(path) as archive:
        members = _members(path, archive)
        manifest = _manifest(path, archive, members)
        hashes = _hashes(path, manifest)
        for name in [*members, *hashes]:
            if name not in hashes:
                raise UserError(f"{path}: {name!r} is not in its {MANIFEST}; leave the file out")
            if name not in members:
                raise UserError(f"{path} lacks {name!r}, which its {MANIFEST} names; get it anew")
        for name, info in members.items():
            _unpack_file(path, archive, info, folder / name, hashes[name])
    return manifest


@contextlib.contextmanager
def _reading(path: Path, what: str = "") -> Iterator[None]:
    named = f"{path}: {what!r}" if what else f"{path}"
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot read {named}: {error.strerror or error}") from error
    except _BROKEN as error:
        reason = str(error)[:_SHOWN]
        kind = "is damaged" if what else "is no zip file that can be read"
        raise UserError(f"{named} {kind}: {reason}; get it anew") from error


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by name, if all of them may be unpacked."""
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise UserError(f"{path} holds {len(infos)} files; an entry has at most {MAX_FILES}")
    members: dict[str, zipfile.ZipInfo] = {}
    same_on_disk: set[str] = set()
    total = 0
    for info in infos:
        name = info.orig_filename
        if problem := _problem(info):
            raise UserError(f"{path}: {name[:_SHOWN]!r} {problem}")
        if name.casefold() in same_on_disk:
            raise UserError(f"{path}: {name!r} stands twice in it, in large or small letters")
        total += info.file_size
        if total > MAX_BYTES:
            raise UserError(
                f"{path}: with {name!r} it unpacks to more than {MAX_BYTES >> 20} MiB, "
                "the most an entry may hold"
            )
        same_on_disk.add(name.casefold())
        members[name] = info
    return members


def _problem(info: zipfile.ZipInfo) -> str | None:
    """Why a file may not be unpacked."""
    if not _FILE_NAME.fullmatch(info.orig_filename):
        return "is no name that a file of an entry has (run.json, CELL/records.jsonl, ...)"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a link or another special file; an entry holds plain ones"
    if info.flag_bits & 1:
        return "is encrypted; entries are open to everybody"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed by another method than deflate"
    if info.file_size > SMALL_BYTES and info.file_size > MAX_RATIO * info.compress_size:
        return (
            f"unpacks from {info.compress_size} to {info.file_size} bytes, more than "
            f"{MAX_RATIO} to 1"
        )
    return None


def _manifest(
    path: Path, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]
) -> dict[str, Any]:
    """The manifest, taken out of the members."""
    info = members.pop(MANIFEST, None)
    if info is None:
        raise UserError(f"{path} is no entry: it has no {MANIFEST}; make one by tspo-bench submit")
    if info.file_size > MAX_MANIFEST_BYTES:
        raise UserError(f"{path}: {MANIFEST!r} is larger than {MAX_MANIFEST_BYTES >> 20} MiB")
    with _reading(path, MANIFEST):
        content = json.loads(archive.read(info))
    if not isinstance(content, dict):
        raise UserError(f"{path}: {MANIFEST!r} holds no JSON object; get it anew")
    if content.get("format") != FORMAT:
        found, version = (str(content.get(key))[:_SHOWN] for key in ("format", "tspo_bench"))
        raise UserError(
            f"{path}: {MANIFEST!r} is of format {found!r}, made by tspo-bench {version!r}; this "
            f"tspo-bench reads format {FORMAT}: use the version that made it"
        )
    return content


def _hashes(path: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """The hash of each file, as the manifest has them."""
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise UserError(f"{path}: {MANIFEST!r} lists no files; get it anew")
    for name, listed in files.items():
        found = listed.get("sha256") if isinstance(listed, dict) else None
        if not isinstance(found, str) or not _SHA256.fullmatch(found):
            raise UserError(f"{path}: {MANIFEST!r} has no SHA-256 of {name[:_SHOWN]!r}")
    return {name: listed["sha256"] for name, listed in files.items()}


def _unpack_file(
    path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, sha256: str
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with _reading(path, info.filename), archive.open(info) as source, target.open("xb") as out:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != sha256:
        raise UserError(
            f"{path}: {info.filename!r} is not what its {MANIFEST} says: SHA-256 "
            f"{digest.hexdigest()[:12]}... in place of {sha256[:12]}...; get it anew"
        )
