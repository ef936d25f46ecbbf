"""Zip files with manifests: what is written comes back, and nothing else is taken."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tspo_bench.errors import UserError
from tspo_bench.report.entries import archive
from tspo_bench.report.entries.archive import MANIFEST, unpack, write_archive

FILES = {"run.json": b"{}\n", "a--b--c--k8/records.jsonl": b'{"x": 1}\n' * 50}
SLUGS = st.from_regex(archive.CELL_NAME, fullmatch=True).filter(lambda name: len(name) < 60)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def manifest_of(files: Mapping[str, bytes], /, **changes: Any) -> bytes:
    listed = {name: {"sha256": hashlib.sha256(text).hexdigest()} for name, text in files.items()}
    return json.dumps({"format": 1, "tspo_bench": "9.9", "files": listed} | changes).encode()


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], **how: Any) -> Path:
    """A zip as a stranger may make it: names and contents as they are given."""
    with (
        warnings.catch_warnings(),  # of duplicate names
        zipfile.ZipFile(path, "w", **how) as made,
    ):
        warnings.simplefilter("ignore")
        for name, content in members:
            made.writestr(name, content)
    return path


def refusal(path: Path, folder: Path) -> str:
    """What is said of an archive that is refused; nothing may lie outside of the folder."""
    before = contents(folder.parent)
    with pytest.raises(UserError) as caught:
        unpack(path, folder / "inside")
    outside = {name for name in contents(folder.parent) if "/inside/" not in f"/{name}"}
    assert outside == set(before)
    return str(caught.value)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.dictionaries(SLUGS, st.binary(max_size=2000), max_size=4), name=st.text())
def test_what_is_written_comes_back(
    files: dict[str, bytes], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    named = {f"{slug}/records.jsonl": content for slug, content in files.items()}
    if len({key.casefold() for key in named}) < len(named):
        with pytest.raises(UserError, match="stands twice"):
            write_archive(folder / "e.zip", named.items(), {})
        assert not (folder / "e.zip").exists()
        return
    write_archive(folder / "e.zip", named.items(), {"name": name.encode().hex()})
    manifest = unpack(folder / "e.zip", folder / "out")
    assert manifest["name"] == name.encode().hex()
    assert contents(folder / "out") == named
    assert {key: one["bytes"] for key, one in manifest["files"].items()} == {
        key: len(content) for key, content in named.items()
    }


def test_equal_files_make_equal_archives(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_archive(tmp_path / name, FILES.items(), {"name": "x"})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_changed_byte_is_noticed_wherever_it_stands(tmp_path: Path) -> None:
    """Or it changes nothing that is read: the date of a file, say."""
    write_archive(tmp_path / "e.zip", FILES.items(), {"name": "x"})
    whole = (tmp_path / "e.zip").read_bytes()
    unpack(tmp_path / "e.zip", tmp_path / "whole")
    said = []
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x41
        (tmp_path / "c.zip").write_bytes(changed)
        out = tmp_path / f"out{place}"
        try:
            manifest = unpack(tmp_path / "c.zip", out)
        except UserError as error:
            said.append(str(error))
        else:
            assert (contents(out), manifest["name"]) == (contents(tmp_path / "whole"), "x")
    assert len(said) > 0.7 * len(whole)
    assert all("c.zip" in one for one in said)


def test_a_cut_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    write_archive(tmp_path / "e.zip", FILES.items(), {})
    whole = (tmp_path / "e.zip").read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / "c.zip").write_bytes(whole[:end])
        with pytest.raises(UserError, match=r"c\.zip"):
            unpack(tmp_path / "c.zip", tmp_path / f"out{end}")


@pytest.mark.parametrize(
    "name",
    [
        "../records.jsonl",
        "a/../../records.jsonl",
        "/tmp/records.jsonl",
        "C:\\a\\records.jsonl",
        "a\\records.jsonl",
        "..\\records.jsonl",
        "./run.json",
        "a//records.jsonl",
        "a/b/records.jsonl",
        "a/records.jsonl/",
        "a/",
        "-rf/records.jsonl",
        ".hidden/records.jsonl",
        "a/setup.py",
        "a b/records.jsonl",
        "a\n/records.jsonl",
        "\u202ea/records.jsonl",
    ],
)
def test_names_that_no_entry_has(tmp_path: Path, name: str) -> None:
    files = {"run.json": b"{}", name: b"x"}
    made = zipped(tmp_path / "e.zip", (MANIFEST, manifest_of(files)), *files.items())
    said = refusal(made, tmp_path / "out")
    assert said.isprintable()
    assert repr(name) in said


def test_a_name_with_a_zero_byte(tmp_path: Path) -> None:
    """zipfile shows such a name cut at the zero: the whole of it counts."""
    made = zipped(tmp_path / "e.zip", (MANIFEST, manifest_of({})), ("run.json_x", b"{}"))
    made.write_bytes(made.read_bytes().replace(b"run.json_x", b"run.json\0x"))
    assert r"'run.json\x00x' is no name" in refusal(made, tmp_path / "out")


def test_links_and_other_special_files(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR):
        info = zipfile.ZipInfo("a/records.jsonl")
        info.external_attr = (kind | 0o777) << 16
        files = {"a/records.jsonl": b"/etc/passwd"}
        made = zipped(tmp_path / "e.zip", (MANIFEST, manifest_of(files)), (info, b"/etc/passwd"))
        assert "'a/records.jsonl' is a link or another special file" in refusal(
            made, tmp_path / "out"
        )


def test_a_name_twice(tmp_path: Path) -> None:
    files = {"run.json": b"{}"}
    for second in ("run.json", "A/records.jsonl"):
        first = (second.lower(), b"{}")
        members = ((MANIFEST, manifest_of(files)), first, (second, b"[]"))
        said = refusal(zipped(tmp_path / "e.zip", *members), tmp_path / "out")
        assert f"{second!r} stands twice" in said


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a/records.jsonl": b"0" * (archive.SMALL_BYTES + 1)}
    members = ((MANIFEST, manifest_of(files)), *files.items())
    made = zipped(tmp_path / "e.zip", *members, compression=zipfile.ZIP_DEFLATED)
    assert "'a/records.jsonl' unpacks from" in refusal(made, tmp_path / "out")
    monkeypatch.setattr(archive, "MAX_BYTES", 2 << 20)
    files = {f"{slug}/records.jsonl": b"0" * (1 << 20) for slug in ("a", "b", "c")}
    made = zipped(tmp_path / "e.zip", (MANIFEST, manifest_of(files)), *files.items())
    said = refusal(made, tmp_path / "out")
    assert "with 'b/records.jsonl' it unpacks to more than 2 MiB" in said
    monkeypatch.setattr(archive, "MAX_FILES", 2)
    assert "holds 4 files" in refusal(made, tmp_path / "out")
    with pytest.raises(UserError, match="holds 4 files"):  # nor is one written
        write_archive(tmp_path / "own.zip", files.items(), {})
    assert not (tmp_path / "own.zip").exists()


def test_a_size_that_the_header_hides(tmp_path: Path) -> None:
    """A file that says it is small is read no further than it says."""
    files = {"run.json": b"0" * 100_000}
    made = zipped(tmp_path / "e.zip", *files.items(), (MANIFEST, manifest_of(files)))
    size = (100_000).to_bytes(4, "little")
    made.write_bytes(made.read_bytes().replace(size, (10).to_bytes(4, "little")))
    assert "'run.json'" in refusal(made, tmp_path / "out")


def test_one_long_word_is_no_bomb_of_ones_own(tmp_path: Path) -> None:
    files = {"a/records.jsonl": b"0" * (5 << 20), "run.json": b"{}"}
    write_archive(tmp_path / "e.zip", files.items(), {})
    unpack(tmp_path / "e.zip", tmp_path / "out")
    assert contents(tmp_path / "out") == files


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (None, "it has no manifest.json"),
        (b"", "'manifest.json' is damaged"),
        (b"\xff", "'manifest.json' is damaged"),
        (b"[" * 100_000, "'manifest.json' is damaged: maximum recursion"),
        (b"[]", "'manifest.json' holds no JSON object"),
        (manifest_of(FILES, format=2), "of format '2', made by tspo-bench '9.9'"),
        (manifest_of(FILES, format="1"), "of format"),
        (manifest_of(FILES, files=[1]), "'manifest.json' lists no files"),
        (manifest_of(FILES, files={"run.json": {"sha256": "x"}}), "no SHA-256 of 'run.json'"),
        (manifest_of(FILES, files={"run.json": 1}), "no SHA-256 of 'run.json'"),
        (manifest_of({"run.json": FILES["run.json"]}), "records.jsonl' is not in its manifest"),
        (manifest_of({**FILES, "b/records.jsonl": b""}), "lacks 'b/records.jsonl'"),
        (manifest_of({**FILES, "run.json": b"[]"}), "'run.json' is not what its manifest"),
    ],
)
def test_manifests(tmp_path: Path, manifest: bytes | None, said: str) -> None:
    first = [] if manifest is None else [(MANIFEST, manifest)]
    made = zipped(tmp_path / "e.zip", *first, *FILES.items())
    assert said in refusal(made, tmp_path / "out")


def test_other_ways_to_pack(tmp_path: Path) -> None:
    members = ((MANIFEST, manifest_of(FILES)), *FILES.items())
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with contextlib.suppress(RuntimeError):  # a Python without it
            made = zipped(tmp_path / "e.zip", *members, compression=method)
            assert "packed by another method" in refusal(made, tmp_path / "out")
    made = zipped(tmp_path / "e.zip", *members)
    encrypted = bytearray(made.read_bytes())
    for start in (b"PK\x03\x04", b"PK\x01\x02"):  # flags stand 6 and 8 bytes on
        place = encrypted.find(start)
        encrypted[place + (6 if start == b"PK\x03\x04" else 8)] |= 1
    made.write_bytes(encrypted)
    assert "is encrypted" in refusal(made, tmp_path / "out")


def test_no_zip_at_all(tmp_path: Path) -> None:
    (tmp_path / "e.zip").write_text("hello")
    assert "e.zip is no zip file" in refusal(tmp_path / "e.zip", tmp_path / "out")
    assert "cannot read" in refusal(tmp_path / "none.zip", tmp_path / "out")
    assert "cannot read" in refusal(tmp_path, tmp_path / "out")
