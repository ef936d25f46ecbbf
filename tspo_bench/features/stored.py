"""Candidate features as a safetensors file: written whole, checked when read."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tspo_bench.files import CACHE_HINT, atomic_write
from tspo_bench.types import Candidates

FORMAT = "1"
ARRAYS = ("features", "indices", "seconds")

_log = logging.getLogger(__name__)
Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class StoredCandidates(Candidates):
    """Candidates with features; `num_encoded` frames were decoded and encoded for this call.

    It is 0 where the store had them.
    """

    num_encoded: int = 0


def write_candidates(path: Path, candidates: StoredCandidates) -> None:
    """Write candidates with their features.

    Raises:
        UserError: the file cannot be written.
    """
    assert candidates.features is not None
    arrays: Arrays = {
        "indices": candidates.indices,
        "seconds": candidates.seconds,
        "features": candidates.features,
    }
    metadata = {
        "format": FORMAT,
        "num_frames": str(candidates.num_frames),
        "frame_rate": repr(candidates.frame_rate),
        "checksum": _checksum(arrays),
    }
    content = save(arrays, metadata)
    with atomic_write(path, CACHE_HINT) as temporary:
        temporary.write_bytes(content)


def read_candidates(path: Path) -> StoredCandidates | None:
    """The stored candidates; None if the file is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
            arrays: Arrays = {name: file.get_tensor(name) for name in ARRAYS}
        if metadata["format"] != FORMAT or metadata["checksum"] != _checksum(arrays):
            raise ValueError("its checksum or format differs")
        return StoredCandidates(
            indices=arrays["indices"].astype(np.int64),
            seconds=arrays["seconds"].astype(np.float64),
            num_frames=int(metadata["num_frames"]),
            frame_rate=float(metadata["frame_rate"]),
            features=arrays["features"].astype(np.float32),
        )
    except FileNotFoundError:
        return None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        _log.warning("feature file %s is damaged (%s); it is made again", path, error)
        return None


def _checksum(arrays: Arrays) -> str:
    """CRC-32 of the arrays' bytes: a safetensors file knows its sizes, not its content."""
    value = 0
    for name in ARRAYS:
        value = zlib.crc32(np.ascontiguousarray(arrays[name]).tobytes(), value)
    return f"{value:08x}"
